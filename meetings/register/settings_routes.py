"""The page where the office sets what the Decree leaves to it, and sees what was shipped."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form, Request
from starlette.responses import RedirectResponse, Response

from meetings.access import Action, require
from meetings.context import Context
from meetings.errors import Conflict, Invalid, NotFound
from meetings.register import reference, settings
from meetings.web import ActorDep, ContextDep

router = APIRouter()

FIELDS = ("name", "title", "years", "types", "number_format")


@router.get("/register/settings")
async def settings_page(request: Request, context: ContextDep, actor: ActorDep) -> Response:
    require(actor, Action.MANAGE_REGISTER)
    return await _show(request, context)


async def _show(
    request: Request,
    context: Context,
    *,
    error: Invalid | Conflict | None = None,
    at: tuple[str, str] = ("", ""),
    typed: dict[str, str] | None = None,
) -> Response:
    """The form that was refused is open, with what was typed into it."""
    async with context.database.read() as session:
        tables = [(table, await settings.lines_of(session, table)) for table in settings.TABLES.values()]
    return context.pages.render(
        request,
        "register/settings.html",
        status=error.status if error else 200,
        tables=tables,
        error=error,
        at=at,
        typed=typed or {},
    )


@router.post("/register/settings")
async def write_setting(
    request: Request,
    context: ContextDep,
    actor: ActorDep,
    table: Annotated[str, Form()],
    key: Annotated[str, Form()],
    do: Annotated[str, Form()] = "save",
) -> Response:
    require(actor, Action.MANAGE_REGISTER)
    if table not in settings.TABLES:
        raise NotFound("Không có thiết lập này.")
    form = await request.form()
    typed = {name: value for name in FIELDS if isinstance(value := form.get(name), str)}
    now, chosen = context.clock.now(), settings.TABLES[table]
    try:
        async with context.database.transaction() as session:
            await reference.load(session, context.settings.office_symbol)
            if do == "restore":
                await settings.restore(session, chosen, key, actor, now)
            else:
                await settings.change(session, chosen, key, typed, actor, now)
    except (Invalid, Conflict) as error:
        return await _show(request, context, error=error, at=(table, key), typed=typed)
    return RedirectResponse(f"/register/settings#{table}", status_code=303)
