"""One subscriber of one track: its own SSRC and numbers, continued over every switch of layer, pause and resumption."""

from __future__ import annotations

import secrets
import time
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

from meetings.signaling.media import rtcp, vp8
from meetings.signaling.media.forward import Entry, Plan, Sender, abs_send_time, make_plan
from meetings.signaling.media.lanes import ALL_TEMPORAL, Lane
from meetings.signaling.media.resend import Answers
from meetings.signaling.media.schema import Consume
from meetings.signaling.media.timeline import continue_timestamp

if TYPE_CHECKING:
    from meetings.signaling.media.producer import Producer
    from meetings.signaling.media.transport import Transport

# NACKs reach back a second or so; with switches every half second this is more than enough.
_EPOCHS = 8


@dataclass
class Epoch:
    """A stretch of the subscriber's numbers that came from one layer under one plan.

    It begins at `start` (numbers do not wrap here) and ends where the next one begins.
    """

    start: int
    layer: Lane
    generation: int
    plan: Plan
    packets_before: int
    octets_before: int

    def covers(self, sequence: int) -> bool:
        """Whether the layer's packet with this number falls into it and not before it."""
        return sequence + self.plan.sequence_offset >= self.start


class Consumer:
    """Forwarding of a producer to a transport. `current` is what it gets, `target` what it waits for or gets."""

    def __init__(self, command: Consume, producer: Producer, transport: Transport) -> None:
        sequence = transport.subscriber.next_sequence(command.ssrc)
        rtx_sequence = transport.subscriber.next_sequence(command.rtx_ssrc)
        self.id = command.consumer_id
        self.ssrc = command.ssrc
        self.rtx_ssrc = command.rtx_ssrc
        self.producer = producer
        self.transport = transport
        self.max_spatial = command.max_spatial
        self.paused = command.paused
        self.max_temporal = ALL_TEMPORAL  # the highest temporal layer wanted; `producer.select` puts it into effect
        self.red = command.codec.red_payload_type is not None
        self.opus_payload_type = command.codec.payload_type
        self.limit = 99  # what the way to this subscriber carries; -1: not even the least. See allocation.py
        self.priority = command.priority
        self.prominent = command.prominent
        self.paced = False  # its packets wait in the subscriber's pacer
        self.starved = False  # the peer was told that it gets nothing for want of room
        self.target: Lane | None = None
        self.packets = 0
        self.octets = 0
        self.next_sequence = secrets.randbits(15) if sequence is None else sequence
        self._command = command
        self._epochs: deque[Epoch] = deque(maxlen=_EPOCHS)
        self._current: Epoch | None = None
        self._last: tuple[int, float] | None = None  # outgoing timestamp of the newest packet, and when
        self._picture: tuple[vp8.Picture, vp8.Offsets] | None = None
        self.rtx_sequence = secrets.randbits(15) if rtx_sequence is None else rtx_sequence
        self._last_report: tuple[int, float] | None = None
        self.answers = Answers()
        self._sent_to = self.next_sequence - 1  # the highest number that a paced packet has gone out under

    @property
    def numbered(self) -> bool:
        """Whether its packets carry transport-wide numbers. One resent as it was cannot: it would need a new one."""
        return self._command.extensions.transport_cc > 0 and self._rtx_type is not None and not self.unthinned

    @property
    def importance(self) -> int:
        """0 comes first: what the peer put first, shows large, who speaks, what is shared, then the rest."""
        quiet, camera = not self.producer.speaking, not self._command.screen
        return self.priority << 3 | (not self.prominent) << 2 | quiet << 1 | camera

    @property
    def screen(self) -> bool:
        """A shared screen: readable before it is smooth."""
        return self._command.screen

    @property
    def unthinned(self) -> bool:
        """A recorder's: sent whole, at once, whatever is reported."""
        return self._command.unthinned

    def pace(self, paced: bool) -> None:
        """From the next packet on its packets wait in the pacer, or no longer."""
        if paced == self.paced:
            return
        self.paced = paced
        self._sent_to = max(self._sent_to, self._newest_sequence())
        if self._current is not None:
            self._current.layer.repace(self, self._current.plan)

    def note_sent(self, entry: Entry, plan: Plan) -> None:
        """A paced packet has left."""
        self._sent_to = max(self._sent_to, entry.sequence + plan.sequence_offset)

    def cut(self, now: float) -> None:
        """Nothing that waits in the pacer will be sent: begin again with a keyframe, under the numbers not used."""
        self.detach()
        self.next_sequence = self._sent_to + 1
        self.target = None
        self.producer.select(self, now)

    @property
    def current(self) -> Lane | None:
        """The layer that is being forwarded."""
        return self._current.layer if self._current is not None else None

    @property
    def wanted(self) -> int:
        """The highest layer to choose; -1 when nothing is to be forwarded."""
        return -1 if self.paused or not self.transport.connected else min(self.max_spatial, self.limit)

    @property
    def sent_octets(self) -> int:
        """Payload bytes forwarded so far."""
        epoch = self._current
        return self.octets + (epoch.layer.octets - epoch.octets_before if epoch is not None else 0)

    def attach(self, layer: Lane, entry: Entry, now: float) -> Plan:
        """Begin with this packet of the layer: its numbers go on where the last ones ended."""
        self.detach()
        offsets = self._continued_picture(layer, entry)
        plan = self._plan(
            sequence_offset=self.next_sequence - entry.sequence,
            timestamp_offset=self._continued_timestamp(layer, entry, now),
            offsets=offsets,
        )
        epoch = Epoch(self.next_sequence, layer, layer.generation, plan, layer.packets, layer.octets)
        self._current = epoch
        self._epochs.append(epoch)
        layer.attach(self, plan)
        return plan

    def detach(self) -> None:
        """Stop forwarding; remember where to go on."""
        epoch, self._current = self._current, None
        if epoch is None:
            return
        layer, plan = epoch.layer, epoch.plan
        layer.detach(self)
        self.packets += layer.packets - epoch.packets_before
        self.octets += layer.octets - epoch.octets_before
        if layer.last is None:
            return
        self.next_sequence = max(self.next_sequence, layer.last.sequence + plan.sequence_offset + 1)
        self._last = (layer.last.timestamp + plan.timestamp_offset & 0xFFFFFFFF, layer.last_at)
        if layer.last.picture is not None:
            self._picture = (layer.last.picture, plan.offsets or vp8.UNCHANGED)

    def covers(self, entry: Entry) -> bool:
        """Whether a late packet of the current layer belongs to what this subscriber was given."""
        return self._current is not None and self._current.covers(entry.sequence)

    def readdress(self) -> None:
        """The subscriber's address changed."""
        epoch = self._current
        if epoch is not None and self.transport.selected is not None:
            epoch.plan = epoch.plan._replace(address=self.transport.selected)
            epoch.layer.replan(self, epoch.plan)

    def resend(self, sender: Sender, lost: tuple[int, ...], now: float) -> None:
        """Answer a NACK with what is still kept."""
        for sequence in lost:
            found = self._find(sequence)
            if found is None or (self.paced and self._waits(*found)):
                continue
            if not self.answers.allow(sequence, len(found[0].payload), self.sent_octets, now):
                continue
            if self.paced:
                self.transport.subscriber.way.put_again(self, *found, now)
            else:
                self._send_again(sender, *found, now)

    def latest(self, count: int) -> list[tuple[Consumer, Entry, Plan]]:
        """Its newest packets, to be sent once more as a probe."""
        epoch = self._current
        if epoch is None or epoch.layer.last is None:
            return []
        newest = min(epoch.layer.last.sequence, self._sent_to - epoch.plan.sequence_offset)
        entries = [epoch.layer.ring.get(sequence) for sequence in range(newest - count + 1, newest + 1)]
        return [(self, entry, epoch.plan) for entry in entries if entry is not None and epoch.covers(entry.sequence)]

    def send_again(self, sender: Sender, entry: Entry, plan: Plan) -> None:
        """One of them, now."""
        self._send_again(sender, entry, plan, time.monotonic())

    def sender_report(self, now: float) -> rtcp.SenderReport | None:
        """What to tell the subscriber about time: the publisher's clock, on our numbers. None until it told us."""
        epoch = self._current
        if epoch is None or epoch.layer.stream is None or epoch.layer.stream.sender_report is None:
            return None
        stream, layer = epoch.layer.stream, epoch.layer
        report, age = epoch.layer.stream.sender_report, now - stream.sender_report_at
        ntp = report.ntp + int(age * (1 << 32)) & 0xFFFFFFFFFFFFFFFF
        self._last_report = (ntp >> 16 & 0xFFFFFFFF, now)
        return rtcp.SenderReport(
            self.ssrc,
            ntp,
            report.timestamp + int(age * stream.clock_rate) + epoch.plan.timestamp_offset & 0xFFFFFFFF,
            self.packets + layer.packets - epoch.packets_before & 0xFFFFFFFF,
            self.sent_octets & 0xFFFFFFFF,
        )

    def round_trip(self, report: rtcp.Report, now: float) -> float | None:
        """Seconds to the subscriber and back, when its report answers our last one."""
        if self._last_report is None or report.last_sr != self._last_report[0]:
            return None
        self.answers.round_trip = max(0.0, now - self._last_report[1] - report.delay_since_sr / 65536)
        return self.answers.round_trip

    def _find(self, wrapped: int) -> tuple[Entry, Plan] | None:
        """The packet that went out, or should have, under this number."""
        newest = self._newest_sequence()
        sequence = newest - (newest - wrapped & 0xFFFF)
        epoch = next((epoch for epoch in reversed(self._epochs) if sequence >= epoch.start), None)
        if epoch is None or epoch.generation != epoch.layer.generation:
            return None
        entry = epoch.layer.ring.get(sequence - epoch.plan.sequence_offset)
        return (entry, epoch.plan) if entry is not None else None

    def _waits(self, entry: Entry, plan: Plan) -> bool:
        """Whether it has not been sent yet."""
        return entry.sequence + plan.sequence_offset > self._sent_to

    def _newest_sequence(self) -> int:
        epoch = self._current
        if epoch is None or epoch.layer.last is None:
            return self.next_sequence - 1
        return epoch.layer.last.sequence + epoch.plan.sequence_offset

    def _send_again(self, sender: Sender, entry: Entry, plan: Plan, now: float) -> None:
        if self.transport.selected is not None:
            plan = plan._replace(address=self.transport.selected)
        if self._rtx_type is not None:
            sender.retransmission(entry, plan, self.rtx_ssrc, self._rtx_type, self.rtx_sequence, abs_send_time(now))
            self.rtx_sequence += 1
        else:
            sender.fan_out(entry, [plan])

    @property
    def _rtx_type(self) -> int | None:
        return self._command.codec.rtx_payload_type if self.rtx_ssrc else None

    def _plan(self, *, sequence_offset: int, timestamp_offset: int, offsets: vp8.Offsets) -> Plan:
        transport, command = self.transport, self._command
        assert transport.outbound is not None
        assert transport.selected is not None
        return make_plan(
            payload_type=command.codec.red_payload_type or command.codec.payload_type,
            ssrc=self.ssrc,
            mid=command.mid.encode(),
            mid_id=command.extensions.mid,
            # A packet that is resent as it was cannot tell a new time of sending: then it tells none.
            send_time_id=command.extensions.abs_send_time if self._rtx_type is not None else 0,
            transport_cc_id=command.extensions.transport_cc,
            history=transport.subscriber.history if self.numbered else None,
            sequence_offset=sequence_offset,
            timestamp_offset=timestamp_offset,
            outbound=transport.outbound,
            address=transport.selected,
            offsets=offsets,
            dependency_id=command.extensions.dependency,
        )

    def _continued_picture(self, layer: Lane, entry: Entry) -> vp8.Offsets:
        if self._picture is None or entry.picture is None:
            return vp8.UNCHANGED
        if self._goes_on(layer) and self._epochs[-1].layer.layer is not layer.layer:
            return self._picture[1]  # another part of the same stream counts the same pictures
        offsets = vp8.continued(*self._picture, entry.picture)
        if not entry.picture.keyframe and self._goes_on(layer):  # what temporal layers count does not jump there
            return self._picture[1]._replace(picture_id=offsets.picture_id)
        return offsets

    def _goes_on(self, layer: Lane) -> bool:
        """Whether the last stretch came of the same stream, perhaps in another lane."""
        before = self._epochs[-1] if self._epochs else None
        if before is None or before.generation != before.layer.generation:
            return False
        return before.layer.layer.whole is layer.layer.whole

    def _continued_timestamp(self, layer: Lane, entry: Entry, now: float) -> int:
        before = self._epochs[-1] if self._epochs else None
        if before is None or self._last is None:
            return 0
        if self._goes_on(layer):
            return before.plan.timestamp_offset
        last, last_at = self._last
        rate = self.producer.clock_rate
        timestamp = continue_timestamp(
            entry.timestamp,
            layer.stream,
            before.layer.stream if before.generation == before.layer.generation else None,
            before.plan.timestamp_offset,
            last,
            now - last_at,
            rate,
        )
        return timestamp - entry.timestamp & 0xFFFFFFFF
