"""The relay's edge: LiveKit's paths over HTTP and WebSocket, for browsers and for the coordinator."""

from __future__ import annotations

import asyncio
import ipaddress
import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from fastapi import FastAPI, Request, Response, WebSocket
from fastapi.responses import PlainTextResponse

from meetings.clock import Clock, SystemClock
from meetings.signaling import limits, messages
from meetings.signaling.connection import SocketConnection, converse
from meetings.signaling.door import PutOut, TooFast
from meetings.signaling.edge import CannotListen, bind, listener
from meetings.signaling.grants import Grants, InvalidToken, described, read_token
from meetings.signaling.joining import Connect, parse_connect
from meetings.signaling.keeper import NotReady
from meetings.signaling.media.process import ProcessWorker
from meetings.signaling.media.worker import WorkerConfig
from meetings.signaling.model import Reason
from meetings.signaling.origin import may_connect
from meetings.signaling.relay import Draining, Overloaded, Relay, UnknownSession
from meetings.signaling.requests import BadRequest
from meetings.signaling.room import RoomFull
from meetings.signaling.service import ROOM_SERVICE, RoomService
from meetings.signaling.turn import Turn
from meetings.signaling.twirp import JSON, TwirpError
from meetings.signaling.unserved import unserved
from meetings.signaling.webhooks import Webhooks

logger = logging.getLogger(__name__)

CORS = {"Access-Control-Allow-Origin": "*"}
BODY_SECONDS = 10.0
SINGLE_PATH = "/rtc/v1"  # of clients with one peer connection for both directions


@dataclass(frozen=True)
class RelaySettings:
    """Everything the relay is told from outside."""

    keys: Mapping[str, str]
    host: str = "127.0.0.1"
    port: int = 7880
    tls_host: str | None = None
    tls_port: int = 7443
    certfile: str | None = None
    keyfile: str | None = None
    announce: Sequence[str] = ()
    udp_port: int = 7882
    tcp_port: int | None = 7881  # media for networks without UDP; None: not at all
    webhook_urls: Sequence[str] = ()
    twirp_allow: Sequence[str] = ()  # networks beside loopback that may call the server API
    turn: Turn | None = None
    loudest: int = 0  # voices of a room that are passed on; 0: all
    origins: Sequence[str] = ()  # empty: any; a token is needed all the same


def create_app(relay: Relay, settings: RelaySettings) -> FastAPI:  # noqa: C901 - one route after another
    """The relay's application; the same one serves both listeners."""
    app = FastAPI(title="relay", docs_url=None, redoc_url=None, openapi_url=None)
    service = RoomService(relay)
    allowed = [ipaddress.ip_network(one, strict=False) for one in settings.twirp_allow]

    @app.api_route("/", methods=["GET", "HEAD"])
    async def alive() -> Response:
        return PlainTextResponse("OK", headers=CORS)

    @app.exception_handler(404)
    async def not_found(request: Request, error: Exception) -> Response:
        # Browsers must be able to read it: clients decide by it what to try next.
        return PlainTextResponse("404 page not found", 404, headers=CORS)

    @app.get("/rtc/validate")
    @app.get("/rtc/v1/validate")
    async def validate(request: Request) -> Response:
        packed = request.url.path.startswith(SINGLE_PATH)
        try:
            grants, _ = _asked(request.query_params, request.headers, settings.keys, packed=packed)
            _ = relay.ready  # a browser learns nothing of a refused upgrade, and asks here
            relay.require_place(grants.room)
        except tuple(_UNFIT) as error:
            return PlainTextResponse(str(error), _UNFIT[type(error)], headers=CORS)
        except tuple(_REFUSALS) as error:
            status, text = _REFUSALS[type(error)]
            return PlainTextResponse(text, status, headers=CORS)
        return PlainTextResponse("success", headers=CORS)

    @app.get("/metrics")
    async def metrics(request: Request) -> Response:
        if not _may_call(request.client.host if request.client else "", allowed):
            return PlainTextResponse("404 page not found", 404)
        return PlainTextResponse(relay.metrics(), media_type="text/plain; version=0.0.4")

    @app.post("/twirp/livekit.{name}/{method}")
    async def twirp(name: str, method: str, request: Request) -> Response:
        if not _may_call(request.client.host if request.client else "", allowed):
            return PlainTextResponse("404 page not found", 404)
        return await _twirp(service, name, method, request, settings.keys)

    @app.websocket("/rtc")
    async def rtc(socket: WebSocket) -> None:
        await _serve_client(relay, settings, socket)

    @app.websocket(SINGLE_PATH)
    async def rtc_v1(socket: WebSocket) -> None:
        await _serve_client(relay, settings, socket, packed=True)

    @app.websocket("/{path:path}")
    async def elsewhere(socket: WebSocket) -> None:
        await _deny(socket, 404, "404 page not found")

    return app


# ------------------------------------------------------------------------------------------------- clients


def _join_grants(query: Mapping[str, str], headers: Mapping[str, str], keys: Mapping[str, str]) -> Grants:
    """Who wants to join. Raises InvalidToken."""
    scheme, _, bearer = headers.get("authorization", "").partition(" ")
    token = bearer if scheme.lower() == "bearer" else query.get("access_token", "")
    grants = read_token(token, keys)
    if not grants.room_join:
        raise InvalidToken("the token does not permit joining a room")
    return grants


def _asked(
    query: Mapping[str, str], headers: Mapping[str, str], keys: Mapping[str, str], *, packed: bool
) -> tuple[Grants, Connect]:
    """Who asks for what. `packed`: on this path it has to be in a join_request. Raises one of _UNFIT."""
    grants = _join_grants(query, headers, keys)
    if packed and not query.get("join_request"):
        raise BadRequest("join_request is needed")
    connect = parse_connect(query)
    return described(grants, connect.metadata, connect.attributes), connect


_UNFIT: dict[type[Exception], int] = {InvalidToken: 401, BadRequest: 400}

_REFUSALS: dict[type[Exception], tuple[int, str]] = {
    NotReady: (503, "the media worker is being started; try again"),
    Draining: (503, "this relay opens no more rooms; it is about to stop"),
    Overloaded: (503, "this relay has no time for another room; those that are open go on"),
    TooFast: (429, "too many attempts to join; try again in a few seconds"),
    PutOut: (401, "the token was given before its holder was removed"),
    RoomFull: (403, "the room has reached its participant limit"),
}


async def _deny(socket: WebSocket, status: int, text: str) -> None:
    await socket.send_denial_response(PlainTextResponse(text, status, headers=CORS))


async def _serve_client(relay: Relay, settings: RelaySettings, socket: WebSocket, *, packed: bool = False) -> None:
    """Everything that can be refused is refused before the upgrade, as an HTTP status that clients understand."""
    origin = socket.headers.get("origin")
    if not may_connect(origin, socket.headers.get("host", ""), settings.origins):
        await _deny(socket, 403, "this origin is not allowed")
        return
    try:
        grants, connect = _asked(socket.query_params, socket.headers, settings.keys, packed=packed)
    except tuple(_UNFIT) as error:
        await _deny(socket, _UNFIT[type(error)], str(error))
        return
    connection = SocketConnection(socket)
    try:
        session = relay.join(grants, connect, connection)
    except tuple(_REFUSALS) as error:
        await _deny(socket, *_REFUSALS[type(error)])
    except UnknownSession:
        await _turn_back(socket)
    else:
        await converse(socket, session, connection)


async def _turn_back(socket: WebSocket) -> None:
    """A session that is not here any more: the client is told to connect anew."""
    await socket.accept()
    await socket.send_bytes(messages.leave(Reason.STATE_MISMATCH).SerializeToString())
    await socket.close()


# ----------------------------------------------------------------------------------------------- server API


def _may_call(address: str, allowed: Sequence[ipaddress.IPv4Network | ipaddress.IPv6Network]) -> bool:
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return False
    return ip.is_loopback or any(ip in network for network in allowed)


async def _twirp(service: RoomService, name: str, method: str, request: Request, keys: Mapping[str, str]) -> Response:
    content_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    try:
        grants = _api_grants(request, keys)
        body = await _body(request)
        if name != ROOM_SERVICE:
            raise unserved(name, method)
        return Response(await service.answer(method, content_type, body, grants), media_type=content_type)
    except TwirpError as error:
        refusal = json.dumps({"code": error.code, "msg": str(error)})
        return Response(refusal, error.status, media_type=JSON)


def _api_grants(request: Request, keys: Mapping[str, str]) -> Grants:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer":
        raise TwirpError("unauthenticated", "an access token is needed")
    try:
        return read_token(token, keys)
    except InvalidToken as error:
        raise TwirpError("unauthenticated", str(error)) from error


async def _body(request: Request) -> bytes:
    """The body, counted while it arrives."""
    parts: list[bytes] = []
    size = 0
    try:
        async with asyncio.timeout(BODY_SECONDS):
            async for part in request.stream():
                size += len(part)
                if size > limits.TWIRP_BODY:
                    raise TwirpError("resource_exhausted", "the body is too large")
                parts.append(part)
    except TimeoutError:
        raise TwirpError("malformed", "the body did not arrive in time") from None
    return b"".join(parts)


# -------------------------------------------------------------------------------------------------- running


@dataclass
class _Sockets:
    plain: Any
    tls: Any = None
    opened: list[Any] = field(default_factory=list)


def _open_sockets(settings: RelaySettings) -> _Sockets:
    """Both listening sockets, or none. Raises CannotListen."""
    plain = bind(settings.host, settings.port)
    if settings.tls_host is None:
        return _Sockets(plain, opened=[plain])
    try:
        tls = bind(settings.tls_host, settings.tls_port)
    except CannotListen:
        plain.close()
        raise
    return _Sockets(plain, tls, [plain, tls])


def _where(settings: RelaySettings, relay: Relay) -> str:
    """For the operator's first look: where signalling and media are reached."""
    signalling = [f"ws://{settings.host}:{settings.port}"]
    if settings.tls_host is not None:
        signalling.append(f"wss://{settings.tls_host}:{settings.tls_port}")
    media = [f"{address}:{port}/udp" for address, port in relay.ready.candidates]
    media += [f"{address}:{port}/tcp" for address, port in relay.ready.tcp_candidates]
    return f"signalling at {' and '.join(signalling)}, media at {', '.join(media)}"


async def serve_relay(
    settings: RelaySettings, stop: asyncio.Event, *, drain: asyncio.Event | None = None, clock: Clock | None = None
) -> None:
    """Run the relay until stopped; after `drain`, until the last room is empty.

    Raises CannotListen or WorkerError with a sentence for the operator.
    """
    clock = clock or SystemClock()
    sockets = _open_sockets(settings)
    worker = ProcessWorker(
        WorkerConfig(
            udp_port=settings.udp_port,
            tcp_port=settings.tcp_port,
            announce=list(settings.announce),
            loudest=settings.loudest,
        )
    )
    key, secret = next(iter(settings.keys.items()))
    webhooks = Webhooks(list(settings.webhook_urls), key=key, secret=secret, clock=clock)
    relay = Relay(dict(settings.keys), worker, clock, webhooks.happened, turn=settings.turn)
    app = create_app(relay, settings)
    try:
        servers = [(listener(app), sockets.plain)]
        if sockets.tls is not None:
            servers.append((listener(app, certfile=settings.certfile, keyfile=settings.keyfile), sockets.tls))
        await relay.start()
        logger.info("%s", _where(settings, relay))
        async with asyncio.TaskGroup() as group:
            for server, sock in servers:
                group.create_task(server.serve(sockets=[sock]))
            group.create_task(relay.run(stop, drain))
            await stop.wait()
            await relay.close()
            for server, _ in servers:
                server.should_exit = True
    finally:
        await relay.close()
        await webhooks.close()
        for sock in sockets.opened:
            sock.close()
