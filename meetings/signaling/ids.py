"""Names the relay gives: ids of participants, tracks, rooms and events, in the form that clients of LiveKit expect, and
those under which the media worker knows what belongs to them.
"""

from __future__ import annotations

import secrets
import string

from meetings.signaling.media import schema
from meetings.signaling.model import ParticipantSid, TrackSid

_CHARACTERS = string.ascii_letters + string.digits


def new_sid(prefix: str) -> str:
    """`PA_…`, `TR_…`, `RM_…`, `EV_…`: 12 random letters and digits, 71 bits."""
    return f"{prefix}_{''.join(secrets.choice(_CHARACTERS) for _ in range(12))}"


def publisher_transport(sid: ParticipantSid) -> schema.TransportId:
    return schema.TransportId(f"{sid}.pub")


def subscriber_transport(sid: ParticipantSid) -> schema.TransportId:
    return schema.TransportId(f"{sid}.sub")


def owner(transport: schema.TransportId) -> ParticipantSid:
    """Whose transport it is."""
    return ParticipantSid(transport.rpartition(".")[0])


def backup_of(track_sid: TrackSid) -> TrackSid:
    """The second codec of a track, which clients never hear of by this name."""
    return TrackSid(f"{track_sid}.2")


def producer_of(track_sid: TrackSid) -> schema.ProducerId:
    return schema.ProducerId(track_sid)


def consumer_of(sid: ParticipantSid, track_sid: TrackSid) -> schema.ConsumerId:
    return schema.ConsumerId(f"{sid}<{track_sid}")


def consumed(consumer: schema.ConsumerId) -> tuple[ParticipantSid, TrackSid]:
    """Who gets which track."""
    sid, _, track_sid = consumer.partition("<")
    return ParticipantSid(sid), TrackSid(track_sid)
