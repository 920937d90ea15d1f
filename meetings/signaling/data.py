"""Data packets between participants: who sent them is stamped by us, whom they are for is what the sender says."""

from __future__ import annotations

from dataclasses import dataclass

from google.protobuf.message import DecodeError
from livekit.protocol import models

from meetings.signaling import limits
from meetings.signaling.model import Participant

RELIABLE = "_reliable"
LOSSY = "_lossy"
TRACK = "_data_track"
# label, ordered, retransmissions (None: until it arrives); opened by us on the subscriber's transport
CHANNELS: list[tuple[str, bool, int | None]] = [(RELIABLE, True, None), (LOSSY, False, 0), (TRACK, False, 0)]


@dataclass(frozen=True)
class Packet:
    """One message on its way: for everybody, or for the identities or sids named."""

    label: str
    payload: bytes
    destinations: tuple[str, ...]


def stamped(label: str, payload: bytes, sender: Participant) -> Packet | None:
    """The message as others get it; None if it is none, or of a kind that only the server may send."""
    if label not in (RELIABLE, LOSSY) or len(payload) > limits.DATA_PACKET:
        return None
    try:
        packet = models.DataPacket.FromString(payload)
    except DecodeError:
        return None
    if packet.WhichOneof("value") in (None, "speaker"):
        return None
    destinations = (*packet.destination_identities, *_user_destinations(packet))
    packet.participant_sid = sender.sid
    packet.participant_identity = sender.identity
    packet.kind = models.DataPacket.RELIABLE if label == RELIABLE else models.DataPacket.LOSSY
    if packet.HasField("user"):
        packet.user.participant_sid = sender.sid
        packet.user.participant_identity = sender.identity
    return Packet(label, packet.SerializeToString(), destinations)


def _user_destinations(packet: models.DataPacket) -> tuple[str, ...]:
    """Older clients name the destinations inside the user packet."""
    if not packet.HasField("user"):
        return ()
    return (*packet.user.destination_identities, *packet.user.destination_sids)


def from_server(payload: bytes, *, reliable: bool, topic: str | None, destinations: tuple[str, ...]) -> Packet:
    """A message that the server API sends; it has no sender."""
    user = models.UserPacket(payload=payload)
    if topic is not None:
        user.topic = topic
    kind = models.DataPacket.RELIABLE if reliable else models.DataPacket.LOSSY
    packet = models.DataPacket(kind=kind, user=user)
    return Packet(RELIABLE if reliable else LOSSY, packet.SerializeToString(), destinations)
