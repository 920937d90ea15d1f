"""The relay's control process: all rooms, the media worker behind them, and the passing of time."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta

from meetings.clock import Clock
from meetings.signaling import messages
from meetings.signaling.door import TOKEN_TTL, Door
from meetings.signaling.effects import Happened, Happening
from meetings.signaling.figures import Figures, Seat, gauge, of_processes, of_seats
from meetings.signaling.grants import Grants, write_token
from meetings.signaling.ids import new_sid
from meetings.signaling.joining import Connect
from meetings.signaling.keeper import WorkerKeeper
from meetings.signaling.live import LiveRoom
from meetings.signaling.media import schema, upkeep
from meetings.signaling.media.process import WorkerLink
from meetings.signaling.members import Connection
from meetings.signaling.model import ParticipantSid, Reason, RoomFacts, RoomSettings, RoomSid, State, wished
from meetings.signaling.news import News
from meetings.signaling.room import Room
from meetings.signaling.session import Session
from meetings.signaling.turn import IceServer, Turn

logger = logging.getLogger(__name__)

TOKEN_REFRESH_SECONDS = 300.0
TICK_SECONDS = 1.0
# How long a seat is kept for a client whose signalling or media is lost, and for one that never gets connected.
RETURN_SECONDS = 15.0
CONNECT_SECONDS = 60.0


class Overloaded(Exception):
    """What is here takes all the worker's time: rooms that are open go on, no other is opened."""


class Draining(Exception):
    """The relay is about to stop: rooms that are open go on, no other is opened."""


class UnknownSession(Exception):
    """A client wants to go on with a session that is not here any more."""


OnHappened = Callable[[RoomFacts, Happened], None]


def _nobody(room: RoomFacts, what: Happened) -> None:
    """Without webhooks nobody outside is told."""


@dataclass
class Relay:
    """Owns rooms and worker. Everything is called on one event loop; only starting and stopping wait."""

    keys: dict[str, str]
    worker: WorkerLink
    clock: Clock
    on_happened: OnHappened = _nobody
    room_settings: RoomSettings = field(default_factory=RoomSettings)
    turn: Turn | None = None
    draining: bool = False

    def __post_init__(self) -> None:
        self.rooms: dict[str, LiveRoom] = {}
        self._sessions: dict[ParticipantSid, Session] = {}
        self._seats: dict[ParticipantSid, LiveRoom] = {}
        self._started_ms = int(self.clock.now().timestamp() * 1000)
        self._started_at = self.clock.monotonic()
        self._refreshed_at = self._started_at
        self.door = Door(self.clock)
        self.figures = Figures()
        news = News(self.rooms, self._seats, self.figures, self.clock)
        self.keeper = WorkerKeeper(self.worker, news.heard, self._worker_lost)

    # ------------------------------------------------------------------------------------------ lifecycle

    async def start(self) -> None:
        """Start the media worker; raises WorkerError with a sentence for the operator."""
        await self.keeper.start()

    @property
    def drained(self) -> bool:
        """Whether it may stop without anybody noticing."""
        return self.draining and not any(room.members for room in self.rooms.values())

    async def close(self) -> None:
        """Tell every client to come back, then end the worker."""
        self._close_rooms(Reason.SERVER_SHUTDOWN)
        await self.keeper.close()

    def _worker_lost(self) -> None:
        """All media is lost with the worker: everybody is sent to connect anew, to a new one."""
        self.figures.worker_ended()
        self._close_rooms(Reason.SERVER_SHUTDOWN)

    def _close_rooms(self, reason: Reason) -> None:
        """Rooms themselves stay, with their metadata: their participants are about to return."""
        for room in self.rooms.values():
            room.apply(room.rules.close(reason, self.now_ms()))

    # --------------------------------------------------------------------------- surroundings of every room

    @property
    def ready(self) -> schema.Ready:
        return self.keeper.ready

    def now_ms(self) -> int:
        """Milliseconds since 1970 that never jump, whatever is done to the wall clock."""
        return self._started_ms + int((self.clock.monotonic() - self._started_at) * 1000)

    def command(self, command: schema.Command) -> None:
        self.keeper.send(command)

    def token_for(self, grants: Grants) -> str:
        """A fresh token; never one that ends before the one its holder came with."""
        now = self.clock.now()
        ttl = max(TOKEN_TTL, timedelta(seconds=grants.expires_at - now.timestamp()))
        return write_token(grants, secret=self.keys[grants.api_key], now=now, ttl=ttl)

    def ice_servers(self, sid: ParticipantSid) -> list[IceServer]:
        """By which TURN servers a client may come, with credentials of its own."""
        return [] if self.turn is None else [self.turn.ice_server(sid, self.clock.now())]

    def happened(self, room: RoomFacts, what: Happened) -> None:
        self.on_happened(room, what)

    def metrics(self) -> str:
        """For Prometheus."""
        rooms = self.rooms.values()
        seats = [Seat(room.rules.name, *one) for room in rooms for one in room.audience.seats()]
        metrics = [gauge("rooms", "Rooms that are open", len(rooms)), gauge("participants", "In all rooms", len(seats))]
        metrics += [*self.figures.of_worker(), *of_seats(seats, self.figures.ways)]
        metrics.append(gauge("media_tcp", "Whether media is taken over TCP, too", self.keeper.takes_tcp))
        worker = self.figures.worker.upkeep if self.figures.worker else schema.Upkeep()
        metrics += of_processes({"control": upkeep.measure(), "worker": worker})
        return "".join(metric.text() for metric in metrics)

    # ----------------------------------------------------------------------------------- rooms and sessions

    def open_room(self, name: str, settings: RoomSettings | None = None, metadata: str = "") -> LiveRoom:
        """The room of this name, made if it is not there. Raises Draining, Overloaded."""
        if (room := self.rooms.get(name)) is not None:
            return room
        try:
            self.require_place(name)
        except Overloaded:
            self.figures.refused_rooms += 1
            raise
        sid = RoomSid(new_sid("RM"))
        settings = settings or self.room_settings
        rules = Room(sid, name, now_ms=self.now_ms(), settings=settings, metadata=metadata)
        room = self.rooms[name] = LiveRoom(rules, self)
        self.happened(rules.facts(), Happened(Happening.ROOM_STARTED))
        return room

    def require_place(self, name: str) -> None:
        """Whether this room is open or may be opened now. Raises Draining, Overloaded."""
        if name in self.rooms:
            return
        if self.draining:
            raise Draining
        if self.figures.overloaded:
            raise Overloaded

    def end_room(self, name: str, reason: Reason) -> None:
        """Dismiss everybody and forget the room. Raises KeyError."""
        room = self.rooms[name]
        room.apply(room.rules.close(reason, self.now_ms()))
        del self.rooms[name]
        self.happened(room.rules.facts(), Happened(Happening.ROOM_FINISHED))

    def join(self, grants: Grants, connect: Connect, connection: Connection) -> Session:
        """A client's new connection. Raises what `server.py` has an HTTP status for."""
        _ = self.ready
        if connect.resumes is not None:
            session = self._resume(grants, connect, connect.resumes, connection)
        else:
            session = self._enter(grants, connect, connection)
        for request in connect.requests:
            session.carry_out(request)
        return session

    def _enter(self, grants: Grants, connect: Connect, connection: Connection) -> Session:
        self.door.knock(grants)
        wish = grants.room_wishes
        room = self.open_room(grants.room, wished(self.room_settings, wish), wish.metadata)
        sid = ParticipantSid(new_sid("PA"))
        room.enter(sid, grants, connect, connection)
        logger.info("participant joined", extra={"room": grants.room, "participant": sid, "sdk": connect.client.sdk})
        return self._session(room, sid, connection)

    def _resume(self, grants: Grants, connect: Connect, sid: ParticipantSid, connection: Connection) -> Session:
        room = self.rooms.get(grants.room)
        participant = room.rules.roster.get(sid) if room else None
        if room is None or participant is None or participant.identity != grants.identity:
            raise UnknownSession
        if participant.client.single != connect.client.single:
            raise UnknownSession  # its transports are of the other kind
        room.resume(sid, connection)
        return self._session(room, sid, connection)

    def _session(self, room: LiveRoom, sid: ParticipantSid, connection: Connection) -> Session:
        session = self._sessions[sid] = Session(room, sid, connection, self.clock)
        self._seats[sid] = room
        return session

    # ------------------------------------------------------------------------------------------------ time

    async def run(self, stop: asyncio.Event, drain: asyncio.Event | None = None) -> None:
        """Let time pass until stopped, or until the last room is empty after `drain` was set."""
        while not stop.is_set():
            self.tick()
            self.draining = self.draining or (drain is not None and drain.is_set())
            if self.drained:
                logger.info("the last room is empty: stopping")
                stop.set()
            try:
                await asyncio.wait_for(stop.wait(), TICK_SECONDS)
            except TimeoutError:
                continue

    def tick(self) -> None:
        """What is due now: the worker's heartbeat, silent clients, seats kept long enough, empty rooms, tokens."""
        now = self.clock.monotonic()
        self.keeper.beat()
        for sid, session in list(self._sessions.items()):
            self._check_session(sid, session)
        for sid, room in list(self._seats.items()):
            self._check_seat(sid, room, now)
        for name in [name for name, room in self.rooms.items() if room.rules.expired(self.now_ms())]:
            self.end_room(name, Reason.ROOM_CLOSED)
        for room in self.rooms.values():
            room.look_after()
        if now - self._refreshed_at >= TOKEN_REFRESH_SECONDS:
            self._refreshed_at = now
            for room in self.rooms.values():
                room.refresh_tokens()

    def _check_session(self, sid: ParticipantSid, session: Session) -> None:
        if session.ended:
            del self._sessions[sid]
        elif session.silent_for > messages.PING_TIMEOUT_SECONDS * 2:
            session.lost()

    def _check_seat(self, sid: ParticipantSid, room: LiveRoom, now: float) -> None:
        member, participant = room.member(sid), room.rules.roster.get(sid)
        if member is None or participant is None:
            del self._seats[sid]
            self.figures.forget(sid)
            return
        never_connected = participant.state is State.JOINED and (
            self.now_ms() - participant.joined_at_ms > CONNECT_SECONDS * 1000
        )
        given_up = member.silent_since is not None and now - member.silent_since > RETURN_SECONDS
        if never_connected or given_up:
            room.leave(sid, Reason.CONNECTION_TIMEOUT, said=True)
