"""A room while it runs: its rules, its members' connections and transports, and the carrying out of effects."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from typing import assert_never

from meetings.signaling import data, messages
from meetings.signaling.audience import Audience
from meetings.signaling.calls import Calls
from meetings.signaling.dual import DualPeer
from meetings.signaling.effects import (
    CodecWanted,
    Dismissed,
    Effect,
    Happened,
    ParticipantChanged,
    Refusal,
    RequestAnswered,
    RoomChanged,
    Subscribed,
    SubscriptionAllowed,
    SubscriptionFailed,
    TokenStale,
    TrackAccepted,
    TrackMuted,
    TrackStopped,
    Unsubscribed,
)
from meetings.signaling.grants import Grants, renewed
from meetings.signaling.joining import Connect
from meetings.signaling.members import Connection, Member, Members, Surroundings
from meetings.signaling.model import (
    Participant,
    ParticipantSid,
    Reason,
    State,
    TrackSid,
)
from meetings.signaling.negotiation import Sections
from meetings.signaling.peer import Description, Peer
from meetings.signaling.requests import Synchronize, View
from meetings.signaling.room import Room
from meetings.signaling.single import SinglePeer

logger = logging.getLogger(__name__)

AWAY_MS = 45_000  # the longest that a client hears nothing before its seat is given up
TELLS_OK = 15  # from this protocol on a request that was carried out is answered, too
FLOOR_ATTRIBUTE = "floor"  # "true": this participant's voice is passed on however many louder ones there are


class LiveRoom:
    """Everything goes through here on one event loop, so that rules and transports never see half a change."""

    def __init__(self, rules: Room, surroundings: Surroundings) -> None:
        self.rules = rules
        self._around = surroundings
        self._members = Members()
        self.audience = Audience(rules.roster, self._members, surroundings)
        self._seen = data.Seen()
        self.calls = Calls()

    def member(self, sid: ParticipantSid) -> Member | None:
        return self._members.get(sid)

    @property
    def members(self) -> tuple[ParticipantSid, ...]:
        return tuple(self._members)

    def enter(self, sid: ParticipantSid, grants: Grants, connect: Connect, connection: Connection) -> None:
        """Let a participant in and greet it: the join message, then everything that follows. Raises RoomFull."""
        effects = self.rules.join(sid, grants, connect.client, self._around.now_ms())
        participant = self.rules.roster.get(sid)
        assert participant is not None
        peer = self._new_peer(participant)
        peer.has_floor(_has_floor(participant))
        self._members[sid] = Member(grants, peer, connection)
        others, servers = self.rules.roster.shown_to(sid), self._around.ice_servers(sid)
        connection.send(messages.join(self.rules.facts(), participant, others, servers))
        self._refresh_token(sid)
        self.audience.greet(sid)
        self.apply(effects)
        self._offer_to(sid)

    def _new_peer(self, participant: Participant) -> Peer:
        kind = SinglePeer if participant.client.single else DualPeer
        unthinned = participant.permission.recorder
        around = self._around
        return kind(participant.sid, around.ready, around.command, room=self.rules.name, unthinned=unthinned)

    def resume(self, sid: ParticipantSid, connection: Connection) -> None:
        """A client goes on over a new connection: it is told the present state, and ICE is restarted."""
        member = self._members[sid]
        if member.connection is not None:
            member.connection.close()
        member.connection = connection
        participant = self.rules.roster.get(sid)
        assert participant is not None
        connection.send(messages.reconnect(self._around.ice_servers(sid), self._seen.last(sid)))
        if gone := self.rules.missed_departures(self._around.now_ms() - AWAY_MS):
            connection.send(messages.participants(gone))
        connection.send(messages.participants([participant, *self.rules.roster.shown_to(sid)]))
        connection.send(messages.room(self.rules.facts()))
        self._refresh_token(sid)
        member.peer.resumed()
        self._offer_to(sid)

    def leave(self, sid: ParticipantSid, reason: Reason, *, said: bool = False) -> None:
        """A participant goes. `said`: its client is told why."""
        self.apply(self.rules.leave(sid, reason, self._around.now_ms(), said=said))

    def apply(self, effects: Iterable[Effect]) -> None:
        """Carry out effects in order; offers that become due go out once, at the end."""
        offers: dict[ParticipantSid, None] = {}
        for effect in effects:
            self._carry_out(effect, offers)
        for sid in offers:
            self._offer_to(sid)

    def _carry_out(self, effect: Effect, offers: dict[ParticipantSid, None]) -> None:  # noqa: C901 - one case each
        match effect:
            case ParticipantChanged(to, participant):
                self._members.tell(to, messages.participants([participant]))
                if (member := self._members.get(participant.sid)) is not None:
                    member.peer.has_floor(_has_floor(participant))
            case RoomChanged(to):
                self._members.tell(to, messages.room(self.rules.facts()))
            case TrackAccepted(to, track, cid):
                self._members.tell([to], messages.track_published(track, cid))
            case CodecWanted(publisher, track):
                self.audience.watch(publisher, track)
            case RequestAnswered():
                self._answer(effect)
            case TrackMuted(publisher, track_sid, muted, told):
                self._mute(publisher, track_sid, muted, told)
            case TrackStopped(publisher, track_sid, told):
                self._stop_receiving(publisher, track_sid, told)
            case Subscribed():
                offers[effect.subscriber] = None
                self._subscribe(effect)
            case Unsubscribed(subscriber, track_sid):
                offers[subscriber] = None
                if (member := self._members.get(subscriber)) is not None:
                    member.peer.stop_sending(track_sid)
            case SubscriptionAllowed(to, publisher, track_sid, allowed):
                self._members.tell([to], messages.subscription_allowed(publisher, track_sid, allowed))
            case SubscriptionFailed(to, track_sid, why):
                self._members.tell([to], messages.subscription_failed(track_sid, why))
            case TokenStale(to):
                self._refresh_token(to)
            case Dismissed(sid, reason, said):
                self._dismiss(sid, reason, said)
            case Happened():
                if effect.participant is not None and effect.participant.state is State.DISCONNECTED:
                    self.calls.gone(effect.participant.identity)
                self._around.happened(self.rules.facts(), effect)
            case _:
                assert_never(effect)

    # ------------------------------------------------------------------------------ carrying out, by effect

    def _answer(self, answered: RequestAnswered) -> None:
        """Older clients take every answer for a refusal."""
        participant = self.rules.roster.get(answered.to)
        if participant is not None and (answered.outcome is not Refusal.OK or participant.client.protocol >= TELLS_OK):
            self._members.tell([answered.to], messages.request_answered(answered))

    def _mute(self, publisher: ParticipantSid, track_sid: TrackSid, muted: bool, told: bool) -> None:
        if (member := self._members.get(publisher)) is not None:
            member.peer.mute(track_sid, muted)
            if told:
                member.send(messages.muted(track_sid, muted))

    def _stop_receiving(self, publisher: ParticipantSid, track_sid: TrackSid, told: bool) -> None:
        self.audience.ended(track_sid)
        if (member := self._members.get(publisher)) is not None:
            member.peer.stop_receiving(track_sid)
            if told:
                member.send(messages.track_unpublished(track_sid))

    def _subscribe(self, effect: Subscribed) -> None:
        if (member := self._members.get(effect.subscriber)) is not None:
            member.peer.consume(effect.publisher.sid, effect.track)
            self.audience.watch(effect.publisher.sid, effect.publisher.track(effect.track.known_as) or effect.track)
        if effect.first:
            self._members.tell([effect.publisher.sid], messages.track_subscribed(effect.track.known_as))

    def _dismiss(self, sid: ParticipantSid, reason: Reason, said: bool) -> None:
        member = self._members.pop(sid, None)
        self.audience.forget(sid)
        self._seen.forget(sid)
        if member is None:
            return
        if said:
            member.send(messages.leave(reason))
        if member.connection is not None:
            member.connection.close()
        member.peer.close()
        logger.info("participant left", extra={"room": self.rules.name, "participant": sid, "reason": reason.value})

    def _refresh_token(self, sid: ParticipantSid) -> None:
        member, participant = self._members.get(sid), self.rules.roster.get(sid)
        if member is not None and participant is not None:
            member.grants = renewed(member.grants, participant)
            member.send(messages.refresh_token(self._around.token_for(member.grants)))

    def refresh_tokens(self) -> None:
        """Tokens are short: everybody gets a new one well before the old one ends."""
        for sid in self._members:
            self._refresh_token(sid)

    def _offer_to(self, sid: ParticipantSid) -> None:
        """What its client is to negotiate now, if anything."""
        if (member := self._members.get(sid)) is None:
            return
        if refusals := member.peer.refusals():
            self.apply(self.rules.cannot_receive(sid, refusals))
        match member.peer.due():
            case Description() as offer:
                member.send(messages.offer(offer))
            case Sections() as more:
                member.send(messages.sections_wanted(more))

    # ----------------------------------------------------------------------------------- what clients negotiate

    def offered(self, sid: ParticipantSid, number: int, text: str) -> None:
        """A publisher's offer: what it stopped is unpublished, what it started goes live. Raises SdpError."""
        member = self._members[sid]
        gone = member.peer.offer(text)
        for track_sid in gone:
            self.apply(self.rules.publishing.end(sid, track_sid))
        effects = self._bind(sid)
        participant = self.rules.roster.get(sid)
        assert participant is not None
        member.send(messages.answer(member.peer.answer(number, participant.tracks)))
        self.apply(effects)
        self._offer_to(sid)

    def answered(self, sid: ParticipantSid, number: int, text: str) -> None:
        """A subscriber's answer. Raises SdpError."""
        self._members[sid].peer.answered(number, text)
        self._offer_to(sid)

    def added(self, sid: ParticipantSid, effects: list[Effect]) -> None:
        """After add_track: its section may have been offered before."""
        self.apply(effects)
        self.apply(self._bind(sid))

    def _bind(self, sid: ParticipantSid) -> list[Effect]:
        member, participant = self._members[sid], self.rules.roster.get(sid)
        effects: list[Effect] = []
        for one in member.peer.bind(participant.tracks if participant else ()):
            effects += self.rules.publishing.negotiated(sid, one.track_sid, one.mid, one.mime_type)
        return effects

    # ------------------------------------------------------------------------------------- what clients ask for

    def choose(self, sid: ParticipantSid, tracks: Iterable[TrackSid], wanted: bool) -> None:
        """A client, or the server for it, asks for tracks or for no more of them."""
        self.apply(self.rules.choose(sid, tracks, wanted, self._around.now_ms()))

    def synchronize(self, sid: ParticipantSid, state: Synchronize) -> None:
        """A client that goes on says what it takes for the present state; if it is too far from it, it comes anew."""
        if not self.rules.publishing.all_known(sid, state.published):
            self.leave(sid, Reason.STATE_MISMATCH, said=True)
            return
        for track_sid in state.disabled:
            self.audience.view(sid, View((track_sid,), disabled=True, quality=2, width=0, height=0))
        self.choose(sid, state.chosen.tracks, state.chosen.wanted)

    def look_after(self) -> None:
        """Every second: what was waited for in vain is given up, and layers that nobody has watched for a while."""
        self.apply(self.rules.overdue(self._around.now_ms()))
        self.audience.look_after()

    def forward(self, packet: data.Packet, sender: ParticipantSid | None = None) -> None:
        """Hand a data message to whom it is for, once."""
        rules = self.rules
        if not self._seen.is_new(packet, sender):
            return
        if sender is not None and packet.answers and self.calls.take(packet, rules.roster.identity(sender)):
            return
        to = (
            rules.roster.addressees(packet.destinations)
            if sender is None
            else rules.receivers(sender, packet.destinations)
        )
        for sid in to:
            if (member := self._members.get(sid)) is not None:
                member.peer.send_data(packet.label, packet.payload)


def _has_floor(participant: Participant) -> bool:
    """Its attributes say so; only the server, or a client that may change its own, writes them."""
    return participant.attributes.get(FLOOR_ATTRIBUTE) == "true"
