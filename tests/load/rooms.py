"""Rooms on servers of any make, joined by light peers: LiveKit's signalling (ours too) and Janus's videoroom."""

from __future__ import annotations

import asyncio
import contextlib
import json
import secrets
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Protocol
from urllib.parse import urlencode

import jwt
from livekit.protocol import models, rtc
from websockets.asyncio.client import ClientConnection, connect
from websockets.typing import Subprotocol

from meetings.signaling.media.dtls import Certificate
from tests.load import sdp
from tests.load.rtclient import RtClient
from tests.load.sdp import Incoming, Sent
from tests.reference.servers import Server

_PATIENCE_SECONDS = 30.0
_PING_SECONDS = 5.0


class Room(Protocol):
    """One room of a server."""

    async def publish(self, name: str, tracks: list[Sent]) -> RtClient:
        """A connected peer that may send these tracks."""

    async def subscribe(self, name: str, publishers: list[str], tracks: int) -> tuple[RtClient, list[Incoming]]:
        """A connected peer that gets every track of these publishers: `tracks` of them in all."""


def room_on(server: Server) -> Any:
    """An open room, as a context manager."""
    return janus_room(server) if server.name == "janus" else livekit_room(server)


class _Peer:
    """One transport in the making: whichever of description and candidate comes first."""

    def __init__(self, certificate: Certificate, address: str) -> None:
        self.client = RtClient(certificate, nominate=True)
        self._remote: sdp.Remote | None = None
        self._address: tuple[str, int] | None = None
        self._task: asyncio.Task[None] | None = None
        self.client.password = sdp.PASSWORD
        self.client.open(address)
        self.local = sdp.Local(certificate.fingerprint(), (address, self.client.port))

    def described(self, remote: sdp.Remote) -> None:
        if self._remote is None:
            self._remote = remote
            self._address = self._address or remote.address
            self._begin()

    def reachable(self, address: tuple[str, int] | None) -> None:
        self._address = self._address or address
        self._begin()

    def _begin(self) -> None:
        if self._task is None and self._remote is not None and self._address is not None:
            remote = self._remote
            self.client.aim(self._address, remote.ufrag, remote.password, remote.fingerprint)
            self._task = asyncio.create_task(self.client.connect(_PATIENCE_SECONDS))

    async def connected(self) -> RtClient:
        await self.client.connected.wait()
        assert self._task is not None
        await self._task
        return self.client

    async def close(self) -> None:
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError, TimeoutError):
                await self._task
        self.client.close()


# ------------------------------------------------------------------------------------------- LiveKit


@asynccontextmanager
async def livekit_room(server: Server) -> AsyncIterator[Room]:
    """A room by LiveKit's protocol, with a transport for each direction."""
    room = _LiveKitRoom(server)
    try:
        yield room
    finally:
        await room.close()


class _LiveKitRoom:
    def __init__(self, server: Server) -> None:
        self._server = server
        self._name = "compare-" + secrets.token_hex(4)
        self._certificate = Certificate()
        self._sessions: dict[str, _LiveKitSession] = {}

    async def publish(self, name: str, tracks: list[Sent]) -> RtClient:
        session = await self._session(name)
        await session.publish(tracks)
        return await session.publisher.connected()

    async def subscribe(self, name: str, publishers: list[str], tracks: int) -> tuple[RtClient, list[Incoming]]:
        session = await self._session(name)
        while len(session.incoming) < tracks:
            await session.offered.wait()
            session.offered.clear()
        return await session.subscriber.connected(), session.incoming

    async def _session(self, name: str) -> _LiveKitSession:
        if name not in self._sessions:
            session = _LiveKitSession(self._certificate, self._server.address)
            await session.join(self._server.socket_url, self._token(name))
            self._sessions[name] = session
        return self._sessions[name]

    def _token(self, identity: str) -> str:
        now = int(time.time())
        grants = {"roomJoin": True, "room": self._name, "canPublish": True, "canSubscribe": True}
        claims = {"iss": self._server.key, "sub": identity, "nbf": now - 5, "exp": now + 600, "video": grants}
        return jwt.encode(claims, self._server.secret, algorithm="HS256")

    async def close(self) -> None:
        await asyncio.gather(*(session.close() for session in self._sessions.values()))


class _LiveKitSession:
    """One participant's signalling."""

    def __init__(self, certificate: Certificate, address: str) -> None:
        self.publisher, self.subscriber = _Peer(certificate, address), _Peer(certificate, address)
        self.incoming: list[Incoming] = []
        self.offered = asyncio.Event()
        self._published: asyncio.Queue[None] = asyncio.Queue()
        self._tasks: list[asyncio.Task[None]] = []

    async def join(self, url: str, token: str) -> None:
        query = urlencode({"access_token": token, "auto_subscribe": 1, "protocol": 15, "sdk": "go", "version": "2.0.0"})
        self._socket = await connect(
            f"{url}/rtc?{query}", proxy=None, compression=None, max_size=1 << 24, close_timeout=1
        )
        first = rtc.SignalResponse.FromString(await self._socket.recv(decode=False))
        assert first.WhichOneof("message") == "join", first
        self._tasks = [asyncio.create_task(self._read()), asyncio.create_task(self._ping())]

    async def publish(self, tracks: list[Sent]) -> None:
        for track in tracks:
            video = track.kind == "video"
            layers = [models.VideoLayer(quality=models.HIGH, width=1280, height=720, bitrate=2_000_000)]
            request = rtc.AddTrackRequest(
                cid=track.name,
                name=track.name,
                type=models.VIDEO if video else models.AUDIO,
                source=models.CAMERA if video else models.MICROPHONE,
                width=1280 if video else 0,
                height=720 if video else 0,
                layers=layers if video else [],
            )
            await self._send(add_track=request)
        for _ in tracks:
            await asyncio.wait_for(self._published.get(), _PATIENCE_SECONDS)
        offer = sdp.offer(tracks, self.publisher.local, 1)
        await self._send(offer=rtc.SessionDescription(type="offer", sdp=offer, id=1))

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.publisher.close()
        await self.subscriber.close()
        await self._socket.close()

    async def _send(self, **message: Any) -> None:
        await self._socket.send(rtc.SignalRequest(**message).SerializeToString())

    async def _ping(self) -> None:
        while True:
            await asyncio.sleep(_PING_SECONDS)
            await self._send(ping=int(time.time() * 1000))

    async def _read(self) -> None:
        async for data in self._socket:
            assert isinstance(data, bytes)
            await self._take(rtc.SignalResponse.FromString(data))

    async def _take(self, message: Any) -> None:
        match message.WhichOneof("message"):
            case "track_published":
                self._published.put_nowait(None)
            case "answer":
                self.publisher.described(sdp.remote(message.answer.sdp))
            case "offer":
                text, self.incoming = sdp.answer(message.offer.sdp, self.subscriber.local, message.offer.id or 1)
                answer = rtc.SessionDescription(type="answer", sdp=text, id=message.offer.id)
                await self._send(answer=answer)
                self.subscriber.described(sdp.remote(message.offer.sdp))
                self.offered.set()
            case "trickle":
                init = json.loads(message.trickle.candidateInit)
                to = self.publisher if message.trickle.target == rtc.SignalTarget.PUBLISHER else self.subscriber
                to.reachable(sdp.candidate(str(init.get("candidate", ""))))
            case "leave":
                raise ConnectionError(f"the server ended the session: {message.leave}")


# --------------------------------------------------------------------------------------------- Janus


@asynccontextmanager
async def janus_room(server: Server) -> AsyncIterator[Room]:
    """A room of the videoroom plugin; all peers are handles of one session."""
    async with connect(
        server.socket_url,
        subprotocols=[Subprotocol("janus-protocol")],
        proxy=None,
        compression=None,
        max_size=1 << 24,
        close_timeout=1,
    ) as socket:
        room = _JanusRoom(socket, server.address)
        try:
            await room.open()
            yield room
        finally:
            await room.close()


class _JanusRoom:
    def __init__(self, socket: ClientConnection, address: str) -> None:
        self._socket = socket
        self._address = address
        self._certificate = Certificate()
        self._waiting: dict[str, asyncio.Queue[Any]] = {}
        self._peers: list[_Peer] = []
        self._feeds: dict[str, int] = {}
        self._tasks: list[asyncio.Task[None]] = []
        self._session = self._control = 0

    async def open(self) -> None:
        self._tasks = [asyncio.create_task(self._read()), asyncio.create_task(self._keep_alive())]
        self._session = (await self._ask(janus="create"))["data"]["id"]
        self._control = await self._handle()
        body = {"request": "create", "room": 1, "publishers": 100, "bitrate": 0, "notify_joining": False}
        await self._ask(janus="message", handle_id=self._control, body=body)

    async def publish(self, name: str, tracks: list[Sent]) -> RtClient:
        peer, handle = self._peer(), await self._handle()
        joined = await self._ask_event(handle, {"request": "join", "ptype": "publisher", "room": 1, "display": name})
        self._feeds[name] = joined["plugindata"]["data"]["id"]
        text = sdp.offer(tracks, peer.local, 1)
        answered = await self._ask_event(handle, {"request": "publish"}, {"type": "offer", "sdp": text})
        peer.described(sdp.remote(answered["jsep"]["sdp"]))
        return await peer.connected()

    async def subscribe(self, name: str, publishers: list[str], tracks: int) -> tuple[RtClient, list[Incoming]]:
        peer, handle = self._peer(), await self._handle()
        feeds = [{"feed": self._feeds[one]} for one in publishers]
        body = {"request": "join", "ptype": "subscriber", "room": 1, "streams": feeds}
        offered = await self._ask_event(handle, body)
        text, incoming = sdp.answer(offered["jsep"]["sdp"], peer.local, 1)
        assert len(incoming) == tracks, offered["jsep"]["sdp"]
        await self._ask_event(handle, {"request": "start"}, {"type": "answer", "sdp": text})
        peer.described(sdp.remote(offered["jsep"]["sdp"]))
        return await peer.connected(), incoming

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for peer in self._peers:
            await peer.close()

    def _peer(self) -> _Peer:
        self._peers.append(_Peer(self._certificate, self._address))
        return self._peers[-1]

    async def _handle(self) -> int:
        answer = await self._ask(janus="attach", plugin="janus.plugin.videoroom")
        return int(answer["data"]["id"])

    async def _ask(self, **message: Any) -> Any:
        answers = await self._transact(message)
        return await asyncio.wait_for(answers.get(), _PATIENCE_SECONDS)

    async def _ask_event(self, handle: int, body: Any, jsep: Any = None) -> Any:
        """A plugin's answer comes after an `ack`."""
        message = {"janus": "message", "handle_id": handle, "body": body, **({"jsep": jsep} if jsep else {})}
        answers = await self._transact(message)
        while True:
            answer = await asyncio.wait_for(answers.get(), _PATIENCE_SECONDS)
            if answer["janus"] != "ack":
                assert "error" not in answer["plugindata"]["data"], answer
                return answer

    async def _transact(self, message: dict[str, Any]) -> asyncio.Queue[Any]:
        transaction = secrets.token_hex(6)
        answers = self._waiting[transaction] = asyncio.Queue[Any]()
        session = {"session_id": self._session} if self._session else {}
        await self._socket.send(json.dumps({**message, **session, "transaction": transaction}))
        return answers

    async def _read(self) -> None:
        async for data in self._socket:
            message = json.loads(data)
            waiting = self._waiting.get(message.get("transaction", ""))
            if waiting is not None:
                waiting.put_nowait(message)

    async def _keep_alive(self) -> None:
        while True:
            await asyncio.sleep(_PING_SECONDS)
            await self._transact({"janus": "keepalive"})
