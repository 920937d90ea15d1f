"""One stay of a participant in a room: the signalling socket from join to its end, and what it says about tracks."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Protocol

from livekit.protocol import models, rtc
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import WebSocketException

from meetings.signaling.client_media import Subscriber
from meetings.signaling.client_receive import RtpPacket
from meetings.signaling.client_sdp import parse_candidate
from meetings.signaling.negotiation.grammar import SdpError

JOIN_TIMEOUT = 10.0
Quality = models.VideoQuality
_DISMISSALS = (models.ROOM_DELETED, models.ROOM_CLOSED, models.PARTICIPANT_REMOVED)
_SOURCES = {1: "camera", 2: "microphone", 3: "screen_share", 4: "screen_share_audio"}


@dataclass(frozen=True)
class RemoteTrack:
    """A track of somebody in the room, as last described by the server."""

    sid: str
    identity: str
    participant_name: str
    kind: str  # audio or video
    source: str
    muted: bool


@dataclass(frozen=True)
class Speaker:
    """Somebody's loudness, 0..1."""

    identity: str
    level: float
    active: bool


class ClientListener(Protocol):
    """What a participant is told. `arrival` and times are seconds of `time.monotonic`."""

    def joined(self) -> None: ...
    def left(self, reason: str) -> None: ...
    def refused(self, reason: str) -> None: ...
    def track_started(self, track: RemoteTrack, clock_rate: int) -> None: ...
    def track_changed(self, track: RemoteTrack) -> None: ...
    def track_ended(self, track_sid: str) -> None: ...
    def track_unusable(self, track: RemoteTrack, codec: str) -> None: ...
    def packet(self, track_sid: str, packet: RtpPacket) -> None: ...
    def sender_report(self, track_sid: str, ntp: float, timestamp: int, arrival: float) -> None: ...
    def speakers(self, speakers: list[Speaker]) -> None: ...
    def participants(self, names: dict[str, str]) -> None: ...


class Refused(Exception):
    """The server does not let us in, now or for good."""

    def __init__(self, reason: str, final: bool) -> None:
        super().__init__(reason)
        self.final = final


class Session:
    """From one join to its end: reads the socket, keeps what the server says about the room."""

    def __init__(self, listener: ClientListener, clock: Callable[[], float]) -> None:
        self.was_connected = False
        self.dismissed = False
        self._listener = listener
        self._lost: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self.media = Subscriber(listener, self._transport_lost, clock)
        self._outbox: asyncio.Queue[Any] = asyncio.Queue(256)
        self._tracks: dict[str, RemoteTrack] = {}
        self._identities: dict[str, str] = {}
        self._names: dict[str, str] = {}
        self._started: set[str] = set()
        self._unusable: dict[str, str] = {}
        self._early: list[str] = []

    async def live(self, socket: ClientConnection, stop: asyncio.Event) -> str:
        """Serve the socket until it ends, the transport is lost or `stop` is set; gives the reason."""
        async with asyncio.timeout(JOIN_TIMEOUT):
            first = rtc.SignalResponse.FromString(_binary(await socket.recv()))
        self._join(first)
        tasks = [
            asyncio.create_task(self._read(socket)),
            asyncio.create_task(self._write(socket)),
            asyncio.create_task(self._ping(first.join.ping_interval or 5)),
            asyncio.create_task(_stopped(stop)),
        ]
        try:
            done, _ = await asyncio.wait([*tasks, self._lost], return_when=asyncio.FIRST_COMPLETED)
            if stop.is_set():
                await self._say_goodbye(socket)
            return str(next(iter(done)).result())
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def close(self) -> None:
        """Free the transport."""
        await self.media.close()

    def want_quality(self, track_sid: str, quality: Quality) -> None:
        """Tell the server which layer we want of a track."""
        self._send(track_setting=rtc.UpdateTrackSettings(track_sids=[track_sid], quality=quality))

    # ---------------------------------------------------------------------------------------- signalling

    def _join(self, first: Any) -> None:
        kind = first.WhichOneof("message")
        if kind != "join":
            raise Refused(f"the server answered with {kind}", final=False)
        self.was_connected = True
        self._listener.joined()
        self._update([first.join.participant, *first.join.other_participants])

    async def _read(self, socket: ClientConnection) -> str:
        async for data in socket:
            ended = self._dispatch(rtc.SignalResponse.FromString(_binary(data)))
            if ended:
                return ended
        return "the server closed the connection"

    async def _write(self, socket: ClientConnection) -> str:
        while True:
            await socket.send((await self._outbox.get()).SerializeToString())

    async def _ping(self, interval: int) -> str:
        while True:
            await asyncio.sleep(interval)
            self._send(ping=int(time.time() * 1000))

    async def _say_goodbye(self, socket: ClientConnection) -> None:
        leave = rtc.LeaveRequest(reason=models.CLIENT_INITIATED, action=rtc.LeaveRequest.DISCONNECT)
        with contextlib.suppress(WebSocketException, OSError):
            await socket.send(rtc.SignalRequest(leave=leave).SerializeToString())

    def _send(self, **message: Any) -> None:
        with contextlib.suppress(asyncio.QueueFull):  # the socket has stalled: its end is near, and we join anew
            self._outbox.put_nowait(rtc.SignalRequest(**message))

    def _dispatch(self, message: Any) -> str | None:
        match message.WhichOneof("message"):
            case "offer":
                self._answer(message.offer)
            case "trickle":
                self._trickle(message.trickle)
            case "update":
                self._update(message.update.participants)
            case "speakers_changed":
                self._speakers(message.speakers_changed.speakers)
            case "leave":
                if message.leave.reason == models.DUPLICATE_IDENTITY:  # coming back would throw the other one out
                    raise Refused("somebody else has joined under this identity", final=True)
                self.dismissed = message.leave.reason in _DISMISSALS
                return f"the server ended the session ({models.DisconnectReason.Name(message.leave.reason)})"
        return None

    def _answer(self, offer: Any) -> None:
        try:
            answer = self.media.offer(offer.sdp, dict(offer.mid_to_track_id))
        except SdpError as error:
            self._transport_lost(f"an offer could not be read: {error}")
            return
        self._send(answer=rtc.SessionDescription(type="answer", sdp=answer, id=offer.id))
        self._announce_tracks()

    def _trickle(self, trickle: Any) -> None:
        if trickle.target != rtc.SignalTarget.SUBSCRIBER:
            return
        with contextlib.suppress(ValueError):
            candidate = parse_candidate(str(json.loads(trickle.candidateInit).get("candidate", "")))
            if candidate is not None:
                self.media.add_candidate(candidate)

    def _speakers(self, speakers: Any) -> None:
        known = [(self._identities.get(one.sid), one) for one in speakers]
        self._listener.speakers([Speaker(identity, one.level, one.active) for identity, one in known if identity])

    def _transport_lost(self, reason: str) -> None:
        if not self._lost.done():
            self._lost.set_result(reason)

    # --------------------------------------------------------------------------------------------- tracks

    def _update(self, participants: Any) -> None:
        for one in participants:
            if one.state == models.ParticipantInfo.DISCONNECTED:
                self._names.pop(one.identity, None)
                self._identities.pop(one.sid, None)
                described: dict[str, RemoteTrack] = {}
            else:
                self._identities[one.sid] = one.identity
                self._names[one.identity] = one.name
                described = {track.sid: _describe(one, track) for track in one.tracks}
            self._replace_tracks(one.identity, described)
        self._listener.participants(dict(self._names))
        self._announce_tracks()

    def _replace_tracks(self, identity: str, described: dict[str, RemoteTrack]) -> None:
        for gone in [sid for sid, old in self._tracks.items() if old.identity == identity and sid not in described]:
            del self._tracks[gone]
        for sid, track in described.items():
            if self._tracks.get(sid) != track and sid in self._started:
                self._listener.track_changed(track)
        self._tracks.update(described)

    def _announce_tracks(self) -> None:
        """A track starts when it is both described and offered, whichever comes first, and ends with either."""
        offered = self.media.tracks()
        for sid in [sid for sid in self._started if sid not in offered or sid not in self._tracks]:
            self._started.discard(sid)
            self._listener.track_ended(sid)
        for sid, incoming in offered.items():
            if sid in self._tracks and sid not in self._started:
                self._started.add(sid)
                track = replace(self._tracks[sid], kind=incoming.kind)
                self._listener.track_started(track, incoming.clock_rate)
        self.media.allowed = self._started
        self._announce_unusable()

    def _announce_unusable(self) -> None:
        unusable = {sid: codec for sid, codec in self.media.unusable.items() if sid in self._tracks}
        for sid, codec in unusable.items():
            if self._unusable.get(sid) != codec:
                self._listener.track_unusable(self._tracks[sid], codec)
        self._unusable = unusable


def _describe(participant: Any, track: Any) -> RemoteTrack:
    kind = "audio" if track.type == models.TrackType.AUDIO else "video"
    source = _SOURCES.get(track.source, "unknown")
    return RemoteTrack(track.sid, participant.identity, participant.name, kind, source, track.muted)


def _binary(data: str | bytes) -> bytes:
    if isinstance(data, str):
        raise Refused("the server speaks text", final=True)
    return data


async def _stopped(stop: asyncio.Event) -> str:
    await stop.wait()
    return "stopped"
