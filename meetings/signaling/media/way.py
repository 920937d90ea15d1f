"""The way to one subscriber: what it carries by its feedback, what is sent therefore, how fast, and what is tried.

With transport-wide feedback there is an estimate, and the allocator spends it; without it the receiver's own estimate
and its loss limit the layer, for all pictures alike. A way is *thin* while not everything wanted fits or has just been
found not to: then pictures go through the pacer. Elsewhere every packet is sent as it comes. A recorder's is neither.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import NamedTuple

from meetings.signaling.media import rtcp
from meetings.signaling.media.allocation import Allocation, known, wants
from meetings.signaling.media.bandwidth import Bandwidth
from meetings.signaling.media.consumer import Consumer
from meetings.signaling.media.copies import CopyQueue
from meetings.signaling.media.estimate import Downlink
from meetings.signaling.media.forward import Entry, Plan, Sender
from meetings.signaling.media.history import new_history, outcomes
from meetings.signaling.media.pacer import OVERHEAD, Pacer
from meetings.signaling.media.probing import Prober
from meetings.signaling.media.schema import Event

_SPEND_SECONDS = 0.25
_SAMPLE_SECONDS = 0.19
_CALM_SPEND_SECONDS = 1.0
_THIN_SECONDS = 10.0
_PACE = 1.5  # times what the way carries: a queue on our side must shrink
_CAUTIOUS_PACE = 1.05  # ... while there is one on the way, too
_LEAST_PACE = 100_000.0
_BACKLOG_SECONDS = 0.3  # of a picture that was just found too large: not worth sending
_PROBE_PACKET_BITS = 9_000
_TRIAL = 1.5  # times what is believed, for the second in which copies are tried
# With nothing of ours on the way there is no feedback: only sending shows what passes.
_PATIENT_TRIES = (4.0, 8.0, 16.0, 32.0)


class _Waiting(NamedTuple):
    consumer: Consumer
    entry: Entry
    plan: Plan
    again: bool = False


class Way:
    """Belongs to a `Subscriber`, whose list of consumers it reads."""

    def __init__(self, sender: Sender, consumers: list[Consumer], emit: Callable[[Event], None]) -> None:
        self.history = new_history()
        self.downlink = Downlink()
        self.bandwidth: Bandwidth | None = None  # None: no packet carries a number
        self.share = 1.0  # of what is wanted, that this machine has time for
        self.allocation = Allocation(emit)
        self._sender = sender
        self._consumers = consumers
        self._prober = Prober()
        self._pacer: Pacer[_Waiting] = Pacer(self._send)
        self._probes: Pacer[_Waiting] = Pacer(self._send_again)
        self._copies: CopyQueue[_Waiting] = CopyQueue(self._send_copy)
        self._probe_first = 0
        self._told = 0  # the last number that feedback was heard about
        self._told_at = 0.0
        self._spent_at = float("-inf")
        self._tries = 0

    @property
    def unthinned(self) -> bool:
        """Whether everything is sent whatever becomes of it."""
        return any(consumer.unthinned for consumer in self._consumers)

    @property
    def estimate(self) -> float:
        """Bit/s for pictures; 0: it is not known."""
        return self.bandwidth.estimate if self.bandwidth is not None else 0.0

    @property
    def granted(self) -> float:
        """Which share of the pictures wanted is sent, by bits."""
        allocator = self.allocation.allocator
        sent = sum(step.rate for step in allocator.chosen.values() if step is not None)
        return min(1.0, sent / allocator.wanted) if allocator.wanted and self.bandwidth is not None else 1.0

    @property
    def starved(self) -> int:
        """Pictures held back altogether."""
        return sum(consumer.starved for consumer in self._consumers)

    def added(self, consumer: Consumer) -> None:
        """A consumer more. Until it is known what it takes it is sent as if it fitted, but paced."""
        if consumer.numbered and self.bandwidth is None and not self.unthinned:
            self.bandwidth = Bandwidth(0.0)
        if self.bandwidth is None:
            consumer.limit = 99 if consumer.unthinned else self.downlink.limit
        elif consumer.producer.kind == "video":
            consumer.limit = 0 if self.allocation.allocator.chosen and not self.allocation.granted else 99
            consumer.pace(True)
        self._spent_at = float("-inf")

    def removed(self, consumer: Consumer) -> None:
        """A consumer less."""
        self._take_out(consumer)
        self._probes.drop(lambda one: one.consumer is consumer)
        self._copies.drop(lambda one: one.consumer is consumer)
        self._spent_at = float("-inf")

    def described(self, now: float) -> str:
        """For a trace."""
        if (bandwidth := self.bandwidth) is None:
            return "no numbers"
        allocator = self.allocation.allocator
        return (
            f"{bandwidth.described(now)} wanted {allocator.wanted / 1000:.0f}k next {allocator.next_step / 1000:.0f}k "
            f"{'thin' if self._thin(now) else 'free'} paced {self._pacer.waiting_bits / 1000:.0f}k "
            f"copied {self._copies.sent}"
        )

    # ------------------------------------------------------------------------------------------ what is heard

    def feedback(self, packet: rtcp.Twcc, now: float) -> None:
        """Which of our packets came, and when."""
        bandwidth = self.bandwidth
        if bandwidth is None:
            return
        told = outcomes(self.history, packet.base, packet.count, packet.received, self._told)
        if not told:
            return
        self._told, self._told_at = told[-1].number, now
        bandwidth.feedback(told, now)
        result = self._prober.result(told)
        if result is not None:
            self._prober.judged(bandwidth.probed(*result), now)
            self._spend(now)
        elif now - self._spent_at > _SPEND_SECONDS and (self._thin(now) or bandwidth.reduced_at > self._spent_at):
            self._spend(now)

    def unneeded(self, now: float) -> bool:
        """Whether feedback that comes now may be left unread: of a way that carries everything a sample will do."""
        bandwidth = self.bandwidth
        if bandwidth is None or now - self._told_at > _SAMPLE_SECONDS:
            return bandwidth is None
        return bandwidth.calm and not self._thin(now)

    def reported(self, loss: float, now: float) -> None:
        """Without numbers: the loss of a receiver report on pictures."""
        if self.bandwidth is None and not self.unthinned:
            self.downlink.reported(loss, now)
            self._spend(now)

    # ------------------------------------------------------------------------------------------ what is sent

    def put(self, consumer: Consumer, entry: Entry, plan: Plan, now: float) -> None:
        """A paced packet. When there is no room the least important picture that waits begins again later."""
        waiting = _Waiting(consumer, entry, plan)
        if not self._pacer.put(waiting, len(entry.payload), now):
            self._make_room(now)

    def put_again(self, consumer: Consumer, entry: Entry, plan: Plan, now: float) -> None:
        """A packet the peer asked for again, before all that is new; lost again when there is no room."""
        self._pacer.put(_Waiting(consumer, entry, plan, again=True), len(entry.payload), now, urgent=True)

    def _make_room(self, now: float) -> None:
        """The least important first, until half is free."""
        for victim in sorted((one for one in self._consumers if one.paced), key=lambda one: -one.importance):
            if self._take_out(victim):
                victim.cut(now)
            if self._pacer.roomy:
                return

    def _take_out(self, consumer: Consumer) -> bool:
        return bool(self._pacer.drop(lambda one: one.consumer is consumer))

    def drain(self, now: float) -> None:
        """Every few milliseconds, while something waits."""
        if self._pacer:
            self._pacer.drain(now)
        if self._probes:
            self._probes.drain(now)
            if not self._probes:
                self._prober.sent(self._probe_first, self.history.newest[0], now)
        if self._copies:
            trying = self.bandwidth is not None and self.bandwidth.copies.trying
            self._copies.drain((_TRIAL if trying else 1.0) * self.estimate, _leads, now)

    @property
    def busy(self) -> bool:
        """Whether `drain` has anything to do. Asked of every subscriber every few milliseconds."""
        return self._pacer.waiting_bits > 0 or self._probes.waiting_bits > 0 or bool(self._copies)

    def _send(self, one: _Waiting) -> None:
        consumer, entry, plan, again = one
        if again:
            self._send_again(one)
            return
        consumer.note_sent(entry, plan)
        if (address := consumer.transport.selected) is not None and consumer.transport.connected:
            self._sender.fan_out(entry, [plan if plan.address == address else plan._replace(address=address)])
            if self.bandwidth is not None and (count := self.bandwidth.copies.count):
                self._copies.put(one, 8 * (len(entry.payload) + OVERHEAD), count, time.monotonic())

    def _send_again(self, one: _Waiting) -> None:
        if one.consumer.transport.connected:
            one.consumer.send_again(self._sender, one.entry, one.plan)

    def _send_copy(self, one: _Waiting) -> None:
        if self.bandwidth is not None:
            self.bandwidth.copies.sent()
        self._send_again(one)

    # ------------------------------------------------------------------------------------------ what is decided

    def tick(self, now: float) -> None:
        """Every 100 ms: what follows without being told anything."""
        if self.bandwidth is None:
            if self.share < 1.0 and now - self._spent_at > _CALM_SPEND_SECONDS:
                self._spend(now)
            return
        thin = self._thin(now)
        if now - self._spent_at > (_SPEND_SECONDS if thin else _CALM_SPEND_SECONDS):
            self._spend(now)
        if thin:
            self._try_more(self.bandwidth, now)

    def _thin(self, now: float) -> bool:
        bandwidth = self.bandwidth
        if bandwidth is None or self.unthinned:
            return False
        return not self.allocation.granted or now - bandwidth.reduced_at < _THIN_SECONDS

    def _spend(self, now: float) -> None:
        self._spent_at = now
        pictures = [consumer for consumer in self._consumers if consumer.producer.kind == "video"]
        bandwidth = self.bandwidth
        if self.unthinned:
            self.allocation.free(pictures, 99, now)
        elif bandwidth is None:
            self.allocation.free(pictures, self._limit(), now)
        else:
            round_trip = max((one.answers.round_trip for one in self._consumers), default=0.0)
            room = bandwidth.estimate / (1 + bandwidth.copies.part(round_trip))
            budget = min(room, self._afforded(pictures))
            for consumer in self.allocation.spend(budget, pictures, now):
                self._forget_backlog(consumer, now)
            self._pace(bandwidth, pictures, now)

    def _limit(self) -> int:
        """Without an estimate: the layer that both the way and this machine bear."""
        return min(self.downlink.limit, 99 if self.share >= 1.0 else 1 if self.share > 0.5 else 0)

    def _afforded(self, pictures: list[Consumer]) -> float:
        if self.share >= 1.0:
            return float("inf")
        wanted = sum(
            max(layer.rate for layer in one.producer.layers.values()) for one in pictures if wants(one) and known(one)
        )
        return self.share * wanted

    def _pace(self, bandwidth: Bandwidth, pictures: list[Consumer], now: float) -> None:
        thin = self._thin(now) or bandwidth.copies.count > 0
        self._pacer.rate = max((_CAUTIOUS_PACE if bandwidth.congested else _PACE) * bandwidth.estimate, _LEAST_PACE)
        if not thin and self._pacer:
            self._pacer.flush()
        for consumer in pictures:
            consumer.pace(thin and consumer.numbered)

    def _forget_backlog(self, consumer: Consumer, now: float) -> None:
        """It is to get a smaller picture: what waits of the larger one only delays that."""
        if self._pacer.waiting_bits > _BACKLOG_SECONDS * self._pacer.rate and self._take_out(consumer):
            consumer.cut(now)

    def _try_more(self, bandwidth: Bandwidth, now: float) -> None:
        """A probe, or, when nothing at all is sent, the least picture on trial."""
        allocator = self.allocation.allocator
        if self._probes or self.share < 1.0 or self.allocation.granted:
            return
        if not any(allocator.chosen.values()):
            self._try_again(bandwidth, allocator.next_step, now)
            return
        wanted = min(allocator.wanted, 2 * allocator.next_step) * 1.2
        wanted *= 1 + bandwidth.copies.count
        self._prober.slow = bandwidth.swinging
        count = self._prober.due(wanted, bandwidth.estimate, bandwidth.reduced_at, now, _PROBE_PACKET_BITS)
        if count and not bandwidth.congested:
            self._probe(count, now)

    def _try_again(self, bandwidth: Bandwidth, least: float, now: float) -> None:
        wait = _PATIENT_TRIES[min(self._tries, len(_PATIENT_TRIES) - 1)]
        if now - max(self._told_at, bandwidth.reduced_at) > wait:
            self._tries += 1
            self._told_at = now
            bandwidth.estimate = max(bandwidth.estimate, 1.3 * least)

    def _probe(self, count: int, now: float) -> None:
        again = [one for consumer in self._consumers if consumer.numbered for one in consumer.latest(count)]
        if len(again) < 2:
            return
        self._tries = 0
        self._probe_first = self.history.newest[0] + 1
        self._probes.rate = self._prober.rate
        if self._prober.slow and self.bandwidth is not None:  # pictures are most of what is sent meanwhile
            self._probes.rate = max(self._prober.rate - self.bandwidth.arriving, 0.3 * self._prober.rate)
            count = max(2, round(count * self._probes.rate / self._prober.rate))
        for index in range(count):
            consumer, entry, plan = again[index % len(again)]
            self._probes.put(_Waiting(consumer, entry, plan, again=True), len(entry.payload), now)
        if not self._probes:
            self._prober.sent(self._probe_first, self.history.newest[0], now)


def _leads(one: _Waiting) -> bool:
    """Whether others cannot be shown without this packet."""
    picture = one.entry.picture
    return picture is None or picture.temporal == 0
