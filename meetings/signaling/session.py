"""One client's signalling session over one connection: decode, count, dispatch. What is asked, the room carries out."""

from __future__ import annotations

import logging
from typing import assert_never

from livekit.protocol import rtc

from meetings.clock import Clock
from meetings.signaling import limits, messages
from meetings.signaling.ids import new_sid
from meetings.signaling.live import LiveRoom
from meetings.signaling.members import Connection
from meetings.signaling.model import ParticipantSid, Reason, TrackRequest, TrackSid
from meetings.signaling.negotiation import SdpError, TooManySections
from meetings.signaling.requests import (
    AddTrack,
    Admit,
    Answer,
    BadRequest,
    Choose,
    ComeAnew,
    Describe,
    DescribePicture,
    DescribeSound,
    Ignored,
    Leave,
    Mute,
    Offer,
    Ping,
    Request,
    Synchronize,
    Unsupported,
    View,
    parse_request,
)
from meetings.signaling.room import Profile

logger = logging.getLogger(__name__)


class Session:
    """Takes the frames of one connection. After `ended`, the connection is to be closed by its owner."""

    def __init__(self, room: LiveRoom, sid: ParticipantSid, connection: Connection, clock: Clock) -> None:
        self.sid = sid
        self.ended = False
        self._room = room
        self._connection = connection
        self._clock = clock
        self._heard_at = clock.monotonic()
        self._allowance = float(limits.MESSAGE_BURST)

    def receive(self, frame: bytes | str) -> None:
        """One frame from the client. A flood or nonsense ends the session."""
        if self.ended or not self._is_member():
            return
        if not self._within_allowance(1 + len(frame) // limits.MESSAGE_UNIT):
            self._refuse("too many messages")
            return
        try:
            request = parse_request(frame)
            if len(frame) > limits.MESSAGE and not isinstance(request, Answer | Offer | Describe):
                raise BadRequest("a message is too large")
        except BadRequest as error:
            self._refuse(str(error))
        else:
            self.carry_out(request)

    def carry_out(self, request: Request) -> None:
        """One request, from a frame or from the connection's first words."""
        if self.ended or not self._is_member():
            return
        try:
            self._dispatch(request)
        except TooManySections:
            self.ended = True
            self._room.leave(self.sid, Reason.STATE_MISMATCH, said=True)  # it connects anew, with few sections
        except (BadRequest, SdpError) as error:
            self._refuse(str(error))

    def lost(self) -> None:
        """The connection is gone. Unless the client said so or has come back, its seat is kept for a while."""
        self.ended = True
        member = self._room.member(self.sid)
        if member is not None and member.connection is self._connection:
            member.connection = None
            member.silent_since = self._clock.monotonic()

    @property
    def silent_for(self) -> float:
        """Seconds since the client was last heard."""
        return self._clock.monotonic() - self._heard_at

    def _is_member(self) -> bool:
        member = self._room.member(self.sid)
        return member is not None and member.connection is self._connection

    def _within_allowance(self, cost: int) -> bool:
        """A token bucket: bursts are normal while connecting, a steady flood is not. A long message counts as many."""
        now = self._clock.monotonic()
        regained = (now - self._heard_at) * limits.MESSAGES_PER_SECOND
        self._allowance = min(limits.MESSAGE_BURST, self._allowance + regained) - cost
        self._heard_at = now
        return self._allowance >= 0

    def _refuse(self, why: str) -> None:
        logger.warning("session ended: %s", why, extra={"participant": self.sid, "room": self._room.rules.name})
        self.ended = True
        self._room.leave(self.sid, Reason.SIGNAL_CLOSE, said=True)

    def _dispatch(self, request: Request) -> None:  # noqa: C901 - one line a case
        room, sid = self._room, self.sid
        match request:
            case Offer(number, sdp):
                room.offered(sid, number, sdp)
            case Answer(number, sdp):
                room.answered(sid, number, sdp)
            case AddTrack(track):
                self._add_track(track)
            case Mute(track_sid, muted):
                room.apply(room.rules.publishing.set_muted(sid, track_sid, muted))
            case Unsupported(cid):
                room.apply(room.rules.publishing.unsupported(sid, cid))
            case DescribeSound(track_sid, features):
                room.apply(room.rules.publishing.sounds(sid, track_sid, features))
            case DescribePicture(track_sid, width, height):
                room.apply(room.rules.publishing.measures(sid, track_sid, width, height))
            case Choose(tracks, wanted):
                room.choose(sid, tracks, wanted)
            case Synchronize():
                room.synchronize(sid, request)
            case View():
                room.audience.view(sid, request)
            case Describe():
                self._describe(request)
            case Admit(everybody, guests):
                room.apply(room.rules.admit(sid, everybody, guests))
            case Leave():
                self.ended = True
                room.leave(sid, Reason.CLIENT_INITIATED)
            case ComeAnew():
                self.ended = True
                room.leave(sid, Reason.STATE_MISMATCH, said=True)
            case Ping():
                self._pong(request)
            case Ignored(kind):
                logger.debug("ignored %s", kind, extra={"participant": sid})
            case _:
                assert_never(request)

    def _add_track(self, track: TrackRequest) -> None:
        self._room.added(self.sid, self._room.rules.publishing.announce(self.sid, track, TrackSid(new_sid("TR"))))

    def _describe(self, request: Describe) -> None:
        profile = Profile(request.name, request.metadata, request.attributes)
        self._room.apply(self._room.rules.update_own(self.sid, profile, request.request_id))

    def _pong(self, ping: Ping) -> None:
        now = int(self._clock.now().timestamp() * 1000)
        self._connection.send(_pong(ping, now))


def _pong(ping: Ping, now_ms: int) -> rtc.SignalResponse:
    return messages.pong_response(ping.timestamp, now_ms) if ping.numbered else messages.pong(now_ms)
