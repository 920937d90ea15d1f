"""The edge: headers, forms of other sites, sizes, errors for people and for programs, built files."""

import asyncio
import json
import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from fastapi import FastAPI, Request, WebSocket
from starlette.responses import PlainTextResponse
from starlette.types import Message, Receive, Scope, Send

from meetings import migrations
from meetings.access import Role
from meetings.app import create_app
from meetings.config import MIB, Settings
from meetings.database import Database
from meetings.errors import Conflict, Invalid, TooMany
from meetings.guards import BodyLimit
from meetings.web import ContextDep
from tests.conftest import LogIn
from tests.fakes import Browser, ManualClock
from tools.build_front import put_in_place


@pytest.fixture
def app(app: FastAPI) -> FastAPI:
    """The application with some routes that behave badly, each in its own way."""

    @app.post("/try/echo")
    async def echo(request: Request) -> PlainTextResponse:
        return PlainTextResponse(str(len(await request.body())))

    @app.post("/try/upload")
    async def upload(request: Request) -> PlainTextResponse:
        async with request.form() as form:
            return PlainTextResponse(",".join(sorted(form)))

    @app.post("/api/try/number")
    async def number(value: int) -> dict[str, int]:
        return {"value": value}

    @app.get("/try/bug")
    @app.get("/api/try/bug")
    async def bug() -> None:
        raise ZeroDivisionError("mật khẩu là abc")

    @app.get("/try/busy")
    @app.get("/api/try/busy")
    async def busy() -> None:
        raise TooMany("Vui lòng chờ {seconds} giây.", retry_after=1.2, seconds=2)

    @app.get("/api/try/faults")
    async def faults() -> None:
        raise Invalid.many([Invalid("Một", field="a"), Conflict("Hai {n}", field="b", n=2)])

    @app.get("/try/away")
    async def away(context: ContextDep) -> None:
        database = Database("postgresql+psycopg://postgres@127.0.0.1:1/none?connect_timeout=2")
        async with database.read() as session:
            await session.connection()

    return app


POLICY = (
    "default-src 'self'",
    "connect-src 'self' wss://hop.example.invalid:7443 https://hop.example.invalid:7443 ",
    "object-src 'none'",
    "frame-ancestors 'none'",
)


@pytest.mark.parametrize("path", ["/login", "/no-such-page", "/static/none.css", "/healthz", "/try/bug"])
async def test_every_answer_tells_the_browser_what_it_must_not_do(client: Browser, path: str) -> None:
    headers = (await client.get(path)).headers
    assert all(part in headers["content-security-policy"] for part in POLICY)
    assert "unsafe" not in headers["content-security-policy"]
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"


async def test_a_hostile_host_adds_nothing_to_the_policy(client: Browser) -> None:
    answer = await client.get("/login", headers={"Host": "a'; script-src *"})
    assert "script-src" not in answer.headers["content-security-policy"]


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"X-CSRF-Token": "0" * 64},
        {"X-CSRF-Token": b"\xc3\xbc"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Origin": "https://evil.example"},
        {"Origin": "https://hop.example.invalid.evil.example"},
    ],
)
async def test_a_form_of_another_site_changes_nothing(log_in: LogIn, headers: dict[str, str | bytes]) -> None:
    browser = await log_in(Role.SECRETARY)
    token = await browser.token()
    if "X-CSRF-Token" not in headers and headers:
        headers = headers | {"X-CSRF-Token": token}  # even with the right token
    answer = await browser.request("POST", "/logout", headers=headers, forged=True)
    assert answer.status_code == 403
    assert "không được gửi từ trang của hệ thống" in answer.text
    assert (await browser.get("/account")).status_code == 200, "still logged in"


async def test_the_token_of_one_browser_is_worth_nothing_in_another(log_in: LogIn, client: Browser) -> None:
    browser = await log_in(Role.SECRETARY)
    await browser.token()
    answer = await browser.request("POST", "/logout", headers={"X-CSRF-Token": await client.token()}, forged=True)
    assert answer.status_code == 403


@pytest.mark.parametrize("origin", ["https://hop.example.invalid", "null"])
async def test_a_form_of_ours_is_taken_with_its_token_in_a_field(log_in: LogIn, origin: str) -> None:
    """`Referrer-Policy: no-referrer` makes browsers send `Origin: null` with our own forms."""
    browser = await log_in(Role.SECRETARY)
    field = {"csrf_token": await browser.token()}
    answer = await browser.request("POST", "/logout", data=field, headers={"Origin": origin}, forged=True)
    assert answer.status_code == 303


async def parts(count: int, size: int) -> AsyncIterator[bytes]:
    for _ in range(count):
        yield b"x" * size


async def test_a_body_of_the_right_size_arrives_whole(client: Browser) -> None:
    assert (await client.post("/try/echo", content=b"x" * MIB)).text == str(MIB)
    assert (await client.post("/try/echo", content=parts(10, 1000))).text == "10000"


async def test_a_body_that_says_it_is_too_large_is_not_read(client: Browser) -> None:
    answer = await client.post("/try/echo", content=b"x" * (MIB + 1))
    assert answer.status_code == 413
    assert "vượt quá 1 MB" in answer.text


async def test_a_body_that_grows_too_large_is_cut_off(client: Browser) -> None:
    answer = await client.post("/try/echo", content=parts(1100, 1000), headers={"Accept": "application/json"})
    assert answer.status_code == 413
    assert answer.json()["error"]["code"] == "too_large"


async def test_a_body_that_lies_about_its_size_is_cut_off(client: Browser) -> None:
    answer = await client.post("/try/echo", content=parts(1100, 1000), headers={"Content-Length": "10"})
    assert answer.status_code == 413


@pytest.mark.parametrize("length", ["-1", "1e9", "x", "9" * 40])
async def test_a_size_that_is_no_number_is_refused(client: Browser, length: str) -> None:
    assert (await client.post("/try/echo", headers={"Content-Length": length})).status_code == 413


async def test_who_sends_a_body_drop_by_drop_is_hung_up_on(settings: Settings) -> None:
    heard: list[str] = []

    async def read_all(scope: Scope, receive: Receive, send: Send) -> None:
        heard.extend([(await receive())["type"] for _ in range(2)])

    drops = iter([{"type": "http.request", "body": b"x", "more_body": True}])

    async def drip() -> Message:
        for message in drops:
            return message
        await asyncio.Event().wait()
        raise AssertionError("unreachable")

    async def send(message: Message) -> None:
        raise AssertionError("nobody is there to hear it")

    guard = BodyLimit(read_all, settings, seconds=0.05)
    await asyncio.wait_for(guard({"type": "http", "method": "POST", "path": "/", "headers": []}, drip, send), 30)
    assert heard == ["http.request", "http.disconnect"]


FILE = b"x" * (2 * MIB)


async def test_an_upload_may_be_larger_than_a_form(log_in: LogIn) -> None:
    secretary = await log_in(Role.SECRETARY)
    answer = await secretary.post("/meetings/new", files={"papers": ("a.pdf", FILE)})
    assert answer.status_code == 422, "read, and refused for what it lacks"
    answer = await secretary.post("/meetings/new", files={"papers": ("a.pdf", FILE * 60)})
    assert answer.status_code == 413


async def test_a_list_of_units_may_be_no_larger_than_lists_are(log_in: LogIn) -> None:
    answer = await (await log_in(Role.ADMIN)).post("/units/import", files={"file": ("a.csv", FILE * 5)})
    assert answer.status_code == 413


class Body:
    """A body that notes how much of it was read."""

    def __init__(self, parts: int) -> None:
        self.read = 0
        self._parts = parts

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for _ in range(self._parts):
            self.read += 1
            yield b"x" * 65_536


@pytest.mark.parametrize(
    ("role", "path", "status"),
    [
        (None, "/meetings/new", 403),
        (None, "/units/import", 403),
        (None, "/meetings/0123456789abcdef/papers", 403),
        (Role.LEADER, "/meetings/new", 403),
        (Role.CLERK, "/units/import", 403),
        (Role.SECRETARY, "/meetings/0123456789abcdef/papers", 404),
        (Role.SECRETARY, "/meetings/0123456789abcdef/edit", 404),
    ],
)
async def test_of_an_upload_by_who_may_not_send_it_nothing_is_read(
    client: Browser, log_in: LogIn, role: Role | None, path: str, status: int
) -> None:
    browser = client if role is None else await log_in(role)
    await browser.token()
    body, headers = Body(100), {"Content-Type": "multipart/form-data; boundary=b", "Accept": "application/json"}
    answer = await browser.post(path, content=body, headers=headers)
    assert (answer.status_code, body.read) == (status, 0), answer.text


async def test_of_an_upload_from_another_site_nothing_is_read(log_in: LogIn) -> None:
    browser = await log_in(Role.SECRETARY)
    headers = {"Content-Type": "multipart/form-data; boundary=b", "Origin": "https://evil.example"}
    body = Body(100)
    answer = await browser.request("POST", "/meetings/new", content=body, headers=headers, forged=True)
    assert (answer.status_code, body.read) == (403, 0)


@pytest.mark.parametrize("path", ["/hooks/livekit", "/login", "/answer/x", "/api/try/number", "/try/upload", "/none"])
async def test_what_takes_no_files_takes_no_large_body_by_calling_it_an_upload(client: Browser, path: str) -> None:
    headers = {"Content-Type": "multipart/form-data; boundary=b"}
    answer = await client.post(path, content=b"x" * (2 * MIB), headers=headers)
    assert answer.status_code == 413


@pytest.mark.parametrize(
    "body", [b"", b"--b", b"\x00" * 100, b"--b\r\nContent-Disposition: nonsense\r\n\r\nx\r\n--b--"]
)
async def test_a_garbled_upload_is_refused_with_a_sentence(client: Browser, body: bytes) -> None:
    answer = await client.post("/try/upload", content=body, headers={"Content-Type": "multipart/form-data; boundary=b"})
    assert answer.status_code in (200, 400, 422)
    assert "Traceback" not in answer.text


async def test_people_get_a_page_and_programs_get_json(client: Browser) -> None:
    page = await client.get("/no-such-page", headers={"Accept": "text/html"})
    assert (page.status_code, "Không tìm thấy trang này" in page.text) == (404, True)
    for answer in (
        await client.get("/api/no-such-thing"),
        await client.get("/no-such-page", headers={"Accept": "application/json"}),
    ):
        assert answer.status_code == 404
        assert answer.json()["error"]["code"] == "not_found"


async def test_errors_speak_the_reader_s_language(client: Browser) -> None:
    client.cookies.set("locale", "en", domain="hop.example.invalid")
    answer = await client.get("/api/no-such-thing")
    assert answer.json()["error"]["message"].startswith(("There is no such page", "Không tìm thấy"))


async def test_a_bug_is_one_sentence_to_the_user_and_a_story_in_the_log(
    client: Browser, caplog: pytest.LogCaptureFixture
) -> None:
    answer = await client.get("/api/try/bug")
    assert (answer.status_code, answer.json()["error"]["code"]) == (500, "bug")
    page = await client.get("/try/bug")
    assert page.status_code == 500
    assert "gặp lỗi ngoài dự kiến" in page.text
    assert "mật khẩu" not in answer.text + page.text


async def test_somebody_who_must_wait_is_told_how_long(client: Browser) -> None:
    answer = await client.get("/api/try/busy")
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "2")
    assert answer.json() == {"error": {"code": "too_many", "message": "Vui lòng chờ 2 giây.", "field": None}}
    assert (await client.get("/try/busy")).headers["retry-after"] == "2"


async def test_while_the_database_is_away_people_are_asked_to_come_back(client: Browser) -> None:
    answer = await client.get("/try/away")
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")


async def test_all_faults_of_a_form_are_told_to_a_program(client: Browser) -> None:
    error = (await client.get("/api/try/faults")).json()["error"]
    assert (error["field"], [fault["message"] for fault in error["faults"]]) == ("a", ["Một", "Hai 2"])


@pytest.mark.parametrize("value", ["", "x", "1.5", "null"])
async def test_a_value_of_the_wrong_type_is_named(client: Browser, value: str) -> None:
    answer = await client.post(f"/api/try/number?value={value}")
    assert (answer.status_code, answer.json()["error"]["field"]) == (422, "value")


@pytest.mark.parametrize("method", ["DELETE", "PATCH", "TRACE"])
async def test_a_method_that_is_not_there_is_refused(client: Browser, method: str) -> None:
    assert (await client.request(method, "/login")).status_code == 405


async def test_health_answers_without_the_database_and_readiness_with_the_revision_it_needs(
    settings: Settings, clock: ManualClock
) -> None:
    app = create_app(settings, clock)  # its database has no tables yet
    async with Browser(app) as browser:
        assert (await browser.get("/healthz")).status_code == 200
        assert (await browser.get("/readyz")).status_code == 503
        await app.state.context.database.create_all()
        assert (await browser.get("/readyz")).status_code == 503, "tables of no known revision"
        async with app.state.context.database.engine.begin() as connection:
            await connection.run_sync(migrations.stamp)
        assert (await browser.get("/readyz")).status_code == 200
    await app.state.context.database.dispose()


async def test_built_files_are_kept_by_browsers_for_ever(settings: Settings, clock: ManualClock) -> None:
    static = settings.data_dir / "static"
    static.mkdir()
    (static / "app-3f2a.css").write_text("body{}")
    (static / "plain.txt").write_text("x")
    (static / "manifest.json").write_text(json.dumps({"app.css": "app-3f2a.css"}))
    app = create_app(settings.model_copy(update={"static_dir": static}), clock)
    async with Browser(app) as browser:
        assert 'href="/static/app-3f2a.css"' in (await browser.get("/login")).text
        hashed, plain = await browser.get("/static/app-3f2a.css"), await browser.get("/static/plain.txt")
        assert (await browser.get("/static/../meetings.db")).status_code == 404
        assert (await browser.get("/static/%2e%2e/meetings.db")).status_code == 404
    assert hashed.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert plain.headers["cache-control"] == "no-cache"
    await app.state.context.database.dispose()


async def test_a_front_end_built_anew_is_served_without_a_restart_and_the_old_one_still_answers(
    settings: Settings, clock: ManualClock, tmp_path: Path
) -> None:
    static = tmp_path / "static"

    def build(name: str) -> None:
        draft = tmp_path / "static.new"
        draft.mkdir()
        (draft / name).write_text("body{}")
        (draft / "manifest.json").write_text(json.dumps({"app.css": name}))
        put_in_place(draft, static)

    build("app-1111.css")
    app = create_app(settings.model_copy(update={"static_dir": static}), clock)
    async with Browser(app) as browser:
        assert "app-1111.css" in (await browser.get("/login")).text
        build("app-2222.css")
        page = (await browser.get("/login")).text
        assert "app-2222.css" in page
        assert "app-1111.css" not in page
        for name in ("app-1111.css", "app-2222.css"):  # a page that was open may still ask for the first
            answer = await browser.get(f"/static/{name}")
            assert (answer.status_code, "immutable" in answer.headers["cache-control"]) == (200, True)
        os.utime(static / "app-1111.css", (1, 1))
        build("app-3333.css")
        assert (await browser.get("/static/app-1111.css")).status_code == 404, "not kept for ever"
        assert (await browser.get("/static/app-2222.css")).status_code == 200
    await app.state.context.database.dispose()


async def test_two_applications_live_in_one_process(settings: Settings, clock: ManualClock, app: FastAPI) -> None:
    other = create_app(settings.model_copy(update={"office_name": "Văn phòng thứ hai"}), clock)
    async with Browser(app) as first, Browser(other) as second:
        assert "Văn phòng thứ hai" not in (await first.get("/login")).text
        assert "Văn phòng thứ hai" in (await second.get("/login")).text
    await other.state.context.database.dispose()


async def test_a_socket_is_not_stopped_by_what_guards_forms(app: FastAPI) -> None:
    from starlette.testclient import TestClient

    @app.websocket("/try/socket")
    async def socket(websocket: WebSocket) -> None:
        await websocket.accept()
        await websocket.send_text("hello")

    with TestClient(app, base_url="https://hop.example.invalid").websocket_connect("/try/socket") as connection:
        assert connection.receive_text() == "hello"
