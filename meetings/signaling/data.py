"""Data packets between participants: who sent them is stamped by us, whom they are for is what the sender says."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from google.protobuf.message import DecodeError
from livekit.protocol import models

from meetings.signaling import limits
from meetings.signaling.model import Participant, ParticipantSid

RELIABLE = "_reliable"
LOSSY = "_lossy"
TRACK = "_data_track"
# label, ordered, retransmissions (None: until it arrives); opened by us on the subscriber's transport
CHANNELS: list[tuple[str, bool, int | None]] = [(RELIABLE, True, None), (LOSSY, False, 0), (TRACK, False, 0)]

NOT_PASSED_ON = (None, "speaker", "metrics")  # nothing at all, what only servers say, what only servers are told
BY_AGENTS_ONLY = "transcription"


@dataclass(frozen=True)
class Packet:
    """One message on its way: for everybody, or for the identities or sids named.

    `sequence` counts a sender's reliable messages from 1, `nonce` names a message that may come by two ways, `answers`
    the call to which it is a reply.
    """

    label: str
    payload: bytes
    destinations: tuple[str, ...]
    sequence: int = 0
    nonce: bytes = b""
    answers: str = ""


class Seen:
    """What has passed through one room: what comes again after a resume, or by another way, is dropped."""

    def __init__(self) -> None:
        self._last: dict[ParticipantSid, int] = {}
        self._nonces: deque[bytes] = deque(maxlen=limits.NONCES)

    def is_new(self, packet: Packet, sender: ParticipantSid | None) -> bool:
        """Reliable messages arrive in order, so that a number not above the last is one that was here."""
        if sender is not None and packet.label == RELIABLE and packet.sequence:
            if packet.sequence <= self.last(sender):
                return False
            self._last[sender] = packet.sequence
        if packet.nonce:
            if packet.nonce in self._nonces:
                return False
            self._nonces.append(packet.nonce)
        return True

    def last(self, sender: ParticipantSid) -> int:
        """The number of its last reliable message that has arrived: a client that goes on sends what comes after."""
        return self._last.get(sender, 0)

    def forget(self, sender: ParticipantSid) -> None:
        self._last.pop(sender, None)


class Early:
    """Reliable messages for a joiner whose channel is not open yet: the newest ones, up to a size, without a hole."""

    def __init__(self) -> None:
        self._waiting: deque[bytes] = deque()
        self._size = 0

    def add(self, payload: bytes) -> None:
        self._waiting.append(payload)
        self._size += len(payload)
        while self._size > limits.EARLY_DATA or len(self._waiting) > limits.EARLY_MESSAGES:
            self._size -= len(self._waiting.popleft())

    def take(self) -> list[bytes]:
        """All of them, once."""
        waiting = list(self._waiting)
        self._waiting.clear()
        self._size = 0
        return waiting


def stamped(label: str, payload: bytes, sender: Participant) -> Packet | None:
    """The message as others get it; None if it is none, or of a kind that this sender may not send."""
    if label not in (RELIABLE, LOSSY) or len(payload) > limits.DATA_PACKET:
        return None
    try:
        packet = models.DataPacket.FromString(payload)
    except DecodeError:
        return None
    kind = packet.WhichOneof("value")
    if kind in NOT_PASSED_ON or (kind == BY_AGENTS_ONLY and not sender.speaks_for_others):
        return None
    destinations = _destinations(packet)
    packet.kind = models.DataPacket.RELIABLE if label == RELIABLE else models.DataPacket.LOSSY
    _sign(packet, sender)
    answers = packet.rpc_ack.request_id or packet.rpc_response.request_id
    return Packet(label, packet.SerializeToString(), destinations, packet.sequence, packet.user.nonce, answers)


def _destinations(packet: models.DataPacket) -> tuple[str, ...]:
    """Older clients name the destinations inside the user packet; each kind of client finds them where it looks."""
    if not packet.HasField("user"):
        return tuple(packet.destination_identities)
    user = packet.user
    if packet.destination_identities:
        user.destination_identities[:] = packet.destination_identities
    else:
        packet.destination_identities[:] = user.destination_identities
    return (*packet.destination_identities, *user.destination_sids)


def _sign(packet: models.DataPacket, sender: Participant) -> None:
    """A hidden sender stays unnamed. What an agent says for another keeps the other's name."""
    hidden = sender.permission.hidden
    sid, identity = ("", "") if hidden else (sender.sid, sender.identity)
    packet.participant_sid = sid
    if packet.HasField("user"):
        packet.user.participant_sid, packet.user.participant_identity = sid, identity
    another = packet.participant_identity not in ("", sender.identity)
    if another and sender.speaks_for_others:
        if packet.HasField("chat_message"):
            packet.chat_message.generated = True
            return
        if packet.HasField("stream_header") and packet.stream_header.HasField("text_header"):
            packet.stream_header.text_header.generated = True
            return
    packet.participant_identity = identity


def from_server(
    payload: bytes, *, reliable: bool, topic: str | None, identities: list[str], sids: list[str], nonce: bytes = b""
) -> Packet:
    """A message that the server API sends; it has no sender."""
    user = models.UserPacket(payload=payload, destination_identities=identities, destination_sids=sids, nonce=nonce)
    if topic is not None:
        user.topic = topic
    kind = models.DataPacket.RELIABLE if reliable else models.DataPacket.LOSSY
    packet = models.DataPacket(kind=kind, user=user, destination_identities=identities)
    label = RELIABLE if reliable else LOSSY
    return Packet(label, packet.SerializeToString(), (*identities, *sids), nonce=nonce)
