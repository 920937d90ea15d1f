"""Pages for whoever keeps the machine, or watches it: is it alive, ready, well; the certificate to be trusted."""

from __future__ import annotations

import io

import segno
from fastapi import APIRouter, Request
from starlette.responses import FileResponse, HTMLResponse, PlainTextResponse, Response

from meetings import doctor, migrations, tls
from meetings.access import Action, require
from meetings.errors import NotFound, Unavailable
from meetings.serve import house_address
from meetings.web import ActorDep, ContextDep

router = APIRouter()


@router.get("/healthz")
async def healthz() -> PlainTextResponse:
    """This process answers."""
    return PlainTextResponse("OK\n")


@router.get("/readyz")
async def readyz(context: ContextDep) -> PlainTextResponse:
    """And its database answers it, at the revision that this version reads and writes."""
    found, wanted = await migrations.current_revision(context.database), migrations.head_revision()
    if found != wanted:
        words = "Cơ sở dữ liệu ở phiên bản {found}, phần mềm này cần {wanted}. Chạy ./run db upgrade sau khi sao lưu."
        raise Unavailable(words, retry_after=60, found=found or "–", wanted=wanted)
    return PlainTextResponse("OK\n")


@router.get("/ca")
async def certificate_page(request: Request, context: ContextDep) -> HTMLResponse:
    """How a browser comes to trust this house: needs no account, because a new machine has none."""
    files = tls.existing(context.settings)
    own = files is not None and files.authority is not None
    house = house_address(context.settings)
    return context.pages.render(request, "operations/ca.html", own=own, house=house, code=_code(f"{house}/ca"))


@router.get("/ca.crt")
async def certificate_file(context: ContextDep) -> Response:
    """The CA's certificate, under the type that phones and browsers offer to install."""
    files = tls.existing(context.settings)
    if files is None or files.authority is None or not files.authority.exists():
        raise NotFound("Hệ thống này dùng chứng thư do đơn vị tự cấp, không có chứng thư gốc để tải.")
    return FileResponse(files.authority, media_type="application/x-x509-ca-cert", filename="hop-truc-tuyen-ca.crt")


@router.get("/health")
async def health(request: Request, context: ContextDep, actor: ActorDep) -> HTMLResponse:
    """What `meetings doctor` finds, as a page."""
    require(actor, Action.VIEW_HEALTH)
    findings = await doctor.examine(context.settings, context.clock)
    worst = doctor.worst(findings)
    return context.pages.render(request, "operations/health.html", findings=findings, worst=worst)


def _code(address: str) -> str:
    """A QR code as SVG, dark on light in both themes because cameras expect it."""
    out = io.BytesIO()
    segno.make(address, error="m").save(out, kind="svg", xmldecl=False, omitsize=True, border=2, light="#fff")
    return out.getvalue().decode()
