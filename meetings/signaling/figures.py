"""What the relay tells about itself: figures for Prometheus, in its text format, and whether it is overloaded."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from meetings.signaling.media import schema
from meetings.signaling.model import ParticipantSid
from meetings.signaling.quality import Quality, Rating

# Below it the worker has held pictures back more than once for want of time.
_ENOUGH = 0.7
# It refuses rooms only if that is its own doing, and lasts: one room more does not slow down a machine that others keep
# busy, and many who join at once take its time for a moment only.
_ITS_OWN = 0.7  # of a core
_LASTING = 5  # reports of 3 s
_NAMES = {Quality.LOST: 0, Quality.POOR: 1, Quality.GOOD: 2, Quality.EXCELLENT: 3}
Labels = tuple[tuple[str, str], ...]


@dataclass
class Figures:
    """The newest of every kind. Counters go on over the end of a worker."""

    worker: schema.WorkerFigures | None = None
    ways: dict[ParticipantSid, schema.ConsumerStats] = field(default_factory=dict)
    worker_restarts: int = 0
    refused_rooms: int = 0
    _packets_in: int = 0
    _packets_out: int = 0
    _bytes_out: int = 0
    _unsent: int = 0
    _overloaded_for: int = 0  # reports, one after another

    @property
    def overloaded(self) -> bool:
        """Whether what is already here is more than the worker has time for."""
        return self._overloaded_for >= _LASTING

    def reported(self, worker: schema.WorkerFigures) -> None:
        """How the media worker is now."""
        self.worker = worker
        over = worker.share < _ENOUGH and worker.cpu > _ITS_OWN
        self._overloaded_for = self._overloaded_for + 1 if over else 0

    def forget(self, sid: ParticipantSid) -> None:
        """The participant has left."""
        self.ways.pop(sid, None)

    def worker_ended(self) -> None:
        """The next one counts from zero."""
        self.worker_restarts += 1
        if (worker := self.worker) is not None:
            self._packets_in += worker.packets_in
            self._packets_out += worker.packets_out
            self._bytes_out += worker.bytes_out
            self._unsent += worker.unsent
        self.worker = None
        self._overloaded_for = 0
        self.ways.clear()

    def of_worker(self) -> Iterator[Metric]:
        """The media worker's own."""
        worker = self.worker or schema.WorkerFigures(0.0, 0.0, 1.0, 0, 0, 0, 0, 0, 0, 0)
        yield counter("packets_received_total", "Media packets received", self._packets_in + worker.packets_in)
        yield counter("packets_sent_total", "Media packets sent", self._packets_out + worker.packets_out)
        yield counter("bytes_sent_total", "Bytes of media packets sent", self._bytes_out + worker.bytes_out)
        yield counter("packets_unsent_total", "Packets the kernel had no room for", self._unsent + worker.unsent)
        yield counter("worker_restarts_total", "Media workers that ended and were replaced", self.worker_restarts)
        yield counter("rooms_refused_total", "Rooms not opened because of overload", self.refused_rooms)
        yield gauge("worker_up", "Whether the media worker has reported", self.worker is not None)
        yield gauge("worker_cpu", "Share of one core the media worker uses", worker.cpu)
        yield gauge("worker_lag_seconds", "Longest that a timer came late", worker.lag_ms / 1000)
        yield gauge("worker_picture_share", "Share of the wanted pictures there is time for; 1: all", worker.share)
        yield gauge("transports", "Peer connections", worker.transports)
        yield gauge("producers", "Tracks received", worker.producers)
        yield gauge("consumers", "Tracks sent", worker.consumers)


@dataclass(frozen=True)
class Metric:
    """One name with its values by labels."""

    name: str
    kind: str
    help: str
    values: tuple[tuple[Labels, float], ...]

    def text(self) -> str:
        head = f"# HELP {self.name} {self.help}.\n# TYPE {self.name} {self.kind}\n"
        return head + "".join(f"{self.name}{_labels(labels)} {float(value):g}\n" for labels, value in self.values)


def counter(name: str, text: str, value: float) -> Metric:
    return Metric(f"meetings_relay_{name}", "counter", text, (((), value),))


def gauge(name: str, text: str, value: float) -> Metric:
    return Metric(f"meetings_relay_{name}", "gauge", text, (((), value),))


@dataclass(frozen=True)
class Seat:
    """One participant, as far as figures are concerned."""

    room: str
    sid: ParticipantSid
    identity: str
    rating: Rating


def of_seats(seats: Iterable[Seat], ways: dict[ParticipantSid, schema.ConsumerStats]) -> Iterator[Metric]:
    """By room and participant."""
    here = [((("room", one.room), ("participant", one.identity)), one) for one in seats]
    heard = [(labels, ways[one.sid]) for labels, one in here if one.sid in ways]
    rows = {
        "participant_quality": (
            "Connection quality: 0 lost, 1 poor, 2 good, 3 excellent",
            [(labels, float(_NAMES[one.rating.quality])) for labels, one in here],
        ),
        "participant_score": (
            "Mean opinion score of the connection, 1 to 5",
            [(labels, one.rating.score) for labels, one in here],
        ),
        "participant_loss": (
            "Share of packets to the participant that were lost",
            [(labels, way.loss) for labels, way in heard],
        ),
        "participant_round_trip_seconds": (
            "To the participant and back",
            [(labels, way.rtt_ms / 1000) for labels, way in heard],
        ),
        "participant_estimate_bits": (
            "Bits a second of pictures its way carries; 0: not known",
            [(labels, way.estimate) for labels, way in heard],
        ),
        "participant_paused_pictures": (
            "Pictures held back for want of room",
            [(labels, float(way.starved)) for labels, way in heard],
        ),
    }
    for name, (text, values) in rows.items():
        yield Metric(f"meetings_relay_{name}", "gauge", text, tuple(values))


def of_processes(processes: dict[str, schema.Upkeep]) -> Iterator[Metric]:
    """What each process holds on to: what only grows, leaks."""
    rows = {
        "tasks": ("Tasks of the event loop", [one.tasks for one in processes.values()]),
        "descriptors": ("Open files and sockets", [one.descriptors for one in processes.values()]),
        "memory_bytes": ("Bytes in memory", [one.memory for one in processes.values()]),
    }
    labels = [(("process", name),) for name in processes]
    for name, (text, values) in rows.items():
        yield Metric(f"meetings_relay_{name}", "gauge", text, tuple(zip(labels, map(float, values), strict=True)))


def _labels(labels: Labels) -> str:
    return "{" + ",".join(f'{name}="{_escaped(value)}"' for name, value in labels) + "}" if labels else ""


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
