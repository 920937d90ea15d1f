"""The receiving side of one peer: its consumers by SSRC, what it reports about what it gets, and what follows."""

from __future__ import annotations

from collections.abc import Callable

from meetings.signaling.media import red, rtcp
from meetings.signaling.media.consumer import Consumer
from meetings.signaling.media.forward import Entry, Plan, Sender
from meetings.signaling.media.schema import ConsumerStats, Event, TransportId
from meetings.signaling.media.way import Way

# Sender reports that go into one datagram.
_REPORTS_AT_ONCE = 38


class Subscriber:
    """All consumers that send to one transport."""

    def __init__(self, sender: Sender, emit: Callable[[Event], None]) -> None:
        self.consumers: list[Consumer] = []
        self.way = Way(sender, self.consumers, emit)
        self.history = self.way.history
        self._by_ssrc: dict[int, Consumer] = {}
        self._covered: dict[int, red.Covered] = {}
        self._next_sequences: dict[int, int] = {}
        self._sender = sender
        self._sent_octets = 0
        self._heard = False
        self._loss = 0.0
        self._jitter_ms = 0.0
        self._rtt_ms = 0.0

    def uses(self, ssrc: int) -> bool:
        """Whether a consumer sends under this SSRC now."""
        return ssrc in self._by_ssrc

    def next_sequence(self, ssrc: int) -> int | None:
        """Where an SSRC that was used before has to go on."""
        return self._next_sequences.get(ssrc)

    def add(self, consumer: Consumer) -> None:
        """It sends to this transport from now on."""
        self.consumers.append(consumer)
        self._by_ssrc[consumer.ssrc] = consumer
        self.way.added(consumer)

    def remove(self, consumer: Consumer) -> None:
        """It is closed. Its numbers are kept: under the same SSRC none may ever be used twice."""
        self.consumers.remove(consumer)
        self.way.removed(consumer)
        del self._by_ssrc[consumer.ssrc]
        self._covered.pop(consumer.ssrc, None)
        self._next_sequences[consumer.ssrc] = consumer.next_sequence
        if consumer.rtx_ssrc:
            self._next_sequences[consumer.rtx_ssrc] = consumer.rtx_sequence

    def reselect(self, now: float) -> None:
        """Choose every consumer's layer again: the peer came, went, or its way changed."""
        for consumer in self.consumers:
            consumer.producer.select(consumer, now)

    def readdress(self) -> None:
        """The peer's address changed."""
        for consumer in self.consumers:
            consumer.readdress()

    def pace(self, consumer: Consumer, entry: Entry, plan: Plan, now: float) -> None:
        """A packet for a thin line."""
        self.way.put(consumer, entry, plan, now)

    def take(self, packet: rtcp.Packet, now: float) -> None:
        """One RTCP packet of the peer, as far as it is about what it gets."""
        match packet:
            case rtcp.Twcc():
                self.way.feedback(packet, now)
            case rtcp.SenderReport() | rtcp.ReceiverReport():
                self._reported(packet.reports, now)
            case rtcp.Nack():
                consumer = self._by_ssrc.get(packet.media_ssrc)
                if consumer is not None:
                    consumer.resend(self._sender, self._worth_sending(consumer, packet.lost, now), now)
            case rtcp.KeyframeRequest():
                consumer = self._by_ssrc.get(packet.media_ssrc)
                if consumer is not None and consumer.current is not None:
                    consumer.producer.request_keyframe(consumer.current.layer, now)
            case rtcp.Remb():
                self.way.downlink.remb = packet.bitrate
            case _:
                pass

    def _worth_sending(self, consumer: Consumer, lost: tuple[int, ...], now: float) -> tuple[int, ...]:
        """Without sound that redundancy has brought by now."""
        last = consumer.current.last if consumer.red and consumer.current is not None else None
        if last is None:
            return lost
        covered = self._covered.setdefault(consumer.ssrc, red.Covered())
        return covered.uncovered(lost, red.distance(last.payload), now)

    def _reported(self, reports: tuple[rtcp.Report, ...], now: float) -> None:
        losses = []
        for report in reports:
            consumer = self._by_ssrc.get(report.ssrc)
            if consumer is not None:
                self._note(consumer, report, now)
                if consumer.producer.kind == "video":
                    losses.append(report.fraction_lost / 256)
        if losses:
            self.way.reported(max(losses), now)

    def _note(self, consumer: Consumer, report: rtcp.Report, now: float) -> None:
        self._heard = True
        self._loss = max(self._loss, report.fraction_lost / 256)
        self._jitter_ms = max(self._jitter_ms, report.jitter * 1000 / consumer.producer.clock_rate)
        rtt = consumer.round_trip(report, now)
        if rtt is not None:
            self._rtt_ms = rtt * 1000

    def report(self, now: float) -> list[bytes]:
        """Every second: sender reports for the peer, a datagram's worth each."""
        octets = sum(consumer.sent_octets for consumer in self.consumers)
        self.way.downlink.sent = max(0, octets - self._sent_octets) * 8
        self._sent_octets = octets
        reports = [consumer.sender_report(now) for consumer in self.consumers]
        packets = [rtcp.sender_report(report) for report in reports if report is not None]
        return [b"".join(packets[at : at + _REPORTS_AT_ONCE]) for at in range(0, len(packets), _REPORTS_AT_ONCE)]

    def take_statistics(self, transport_id: TransportId) -> ConsumerStats | None:
        """What the peer reported since the last call."""
        if not self._heard:
            return None
        way = self.way
        statistics = ConsumerStats(
            transport_id, self._loss, self._jitter_ms, self._rtt_ms, way.estimate, way.granted, way.starved
        )
        self._heard, self._loss, self._jitter_ms = False, 0.0, 0.0
        return statistics
