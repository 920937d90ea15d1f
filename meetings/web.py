"""Owns the HTTP edge: what routes depend on, and how a refusal becomes an answer."""

import math
from typing import Annotated, Any

import structlog
from fastapi import Depends, FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import HTTPConnection, Request
from starlette.responses import JSONResponse, RedirectResponse, Response

from meetings.access import ANONYMOUS, Actor
from meetings.config import Settings
from meetings.context import Context
from meetings.errors import Forbidden, Invalid, MeetingsError, NotFound, Text, TooLarge, Unavailable
from meetings.pages import actor_of, locale_of

log = structlog.get_logger(__name__)


def context_of(connection: HTTPConnection) -> Context:
    context: Context = connection.app.state.context
    return context


def _actor(request: Request) -> Actor:
    return actor_of(request)


def _point(request: Request) -> Actor:
    point: Actor = getattr(request.state, "point_actor", ANONYMOUS)
    return point


ContextDep = Annotated[Context, Depends(context_of)]
ActorDep = Annotated[Actor, Depends(_actor)]
PointDep = Annotated[Actor, Depends(_point)]
"""The room device this browser is bound to, also while somebody is logged in on it; ANONYMOUS otherwise."""


def wants_json(request: Request) -> bool:
    if request.url.path.startswith(("/api/", "/internal/", "/hooks/")):
        return True
    accept = request.headers.get("accept", "")
    return "application/json" in accept and "text/html" not in accept


def error_response(request: Request, error: MeetingsError) -> Response:
    """The product's refusal as JSON for programs, as a page for people; to the log-in page where that helps."""
    context = context_of(request)
    log.info("request.refused", status=error.status, code=error.code, path=request.url.path, method=request.method)
    if wants_json(request):
        return _json(context, request, error)
    if error.code == "login_required" and request.method == "GET":
        return RedirectResponse(f"/login?next={request.url.path}", status_code=303)
    response = context.pages.render(request, "error.html", status=error.status, error=error)
    return _retrying(response, error)


def _json(context: Context, request: Request, error: MeetingsError) -> Response:
    locale = locale_of(request, context.settings)

    def told(fault: MeetingsError) -> dict[str, Any]:
        return {"code": fault.code, "message": context.pages.say(locale, fault), "field": fault.field}

    body: dict[str, Any] = {"error": told(error)}
    if len(error.faults) > 1:
        body["error"]["faults"] = [told(fault) for fault in error.faults]
    return _retrying(JSONResponse(body, status_code=error.status, headers={"Cache-Control": "no-store"}), error)


def _retrying(response: Response, error: MeetingsError) -> Response:
    if error.retry_after is not None:
        response.headers["Retry-After"] = str(max(1, math.ceil(error.retry_after)))
    return response


def note_refusal(request: Request, error: MeetingsError) -> None:
    """One line for a form that comes back with its faults; what was typed is nobody's business."""
    fields = [fault.field for fault in error.faults]
    log.info("form.refused", path=request.url.path, status=error.status, code=error.code, fields=fields)


def install_error_handlers(app: FastAPI) -> None:
    app.add_exception_handler(MeetingsError, _refused)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(RequestValidationError, _unreadable)


async def _refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, MeetingsError)
    return error_response(request, error)


async def _http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    response = error_response(request, _as_refusal(error))
    response.status_code = error.status_code
    response.headers.update(error.headers or {})
    return response


def _as_refusal(error: HTTPException) -> MeetingsError:
    match error.status_code:
        case 404:
            return NotFound("Không tìm thấy trang này. Đề nghị kiểm tra lại địa chỉ hoặc quay về trang Hôm nay.")
        case 405:
            return Invalid("Trang này không nhận yêu cầu theo cách vừa gửi.", code="method_not_allowed")
        case 413:
            return TooLarge("Dữ liệu gửi lên quá lớn.")
        case 401 | 403:
            return Forbidden("Yêu cầu này không được chấp nhận.")
        case status if status >= 500:
            return Unavailable("Máy chủ tạm thời chưa phục vụ được. Vui lòng thử lại sau ít phút.")
        case _:
            return Invalid("Không đọc được dữ liệu gửi lên. Đề nghị tải lại trang rồi thử lại.", code="unreadable")


async def _unreadable(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    places = [str(fault["loc"][-1]) for fault in error.errors() if fault.get("loc")]
    words = "Dữ liệu gửi lên thiếu hoặc không đúng kiểu. Đề nghị kiểm tra lại rồi gửi lại."
    return error_response(request, Invalid(words, field=places[0] if places else None))


class Bug(MeetingsError):
    default_code = "bug"


def bug_response(request: Request, error: Exception) -> Response:
    """A fault of ours: the whole story goes to the log, one sentence to the user."""
    log.error("request.bug", path=request.url.path, method=request.method, exc_info=error)
    return error_response(request, Bug("Hệ thống gặp lỗi ngoài dự kiến. Sự việc đã được ghi lại; vui lòng thử lại."))


def house_of(request: Request, settings: Settings) -> str:
    """The address under which people reach the house: the configured one, else the one this page was asked by."""
    if settings.public_url:
        return settings.public_url.rstrip("/")
    return f"{request.url.scheme}://{request.url.netloc}"


def sentence(context: Context, request: Request, words: Text | MeetingsError) -> str:
    return context.pages.say(locale_of(request, context.settings), words)
