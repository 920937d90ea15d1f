"""Carries packets between two network namespaces: `python -m tests.faults.lines.forwarder NEAR FAR CELL [SEED]`.

Each namespace gets a TUN device. What is read from one is written to the other after the cell's delay, if it is not
lost; a queue of a third of a second stands before the narrow place, as in a router. Order is kept: lines delay, they
seldom overtake. Prints "ready", and at its end, as JSON, how late it was itself.

With LINES_TRACE (a folder) it writes there each second what passed, was lost, and did not fit into the queue, by the
payload types of RTP.
"""

from __future__ import annotations

import ctypes
import fcntl
import heapq
import itertools
import json
import os
import random
import select
import signal
import socket
import struct
import subprocess
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import TextIO

from tests.faults.lines.cells import BY_NAME, Cell

NEAR, FAR = "10.77.0.1", "10.77.0.2"  # exist in the two namespaces only
_TUNSETIFF, _IFF_TUN, _IFF_NO_PI = 0x400454CA, 0x0001, 0x1000
_CLONE_NEWNET = 0x40000000
_MTU = 1400
_QUEUE_SECONDS = 0.33
_LIBC = ctypes.CDLL(None, use_errno=True)


@dataclass
class Direction:
    """One way of the line."""

    cell: Cell
    random: random.Random
    to: int
    late: list[float] = field(default_factory=list)
    dropped: int = 0
    seen: Counter[str] = field(default_factory=Counter)  # since the last line of the trace
    waited: float = 0.0  # the longest in the queue since then
    _free_at: float = 0.0
    _last: float = 0.0
    _swing: tuple[float, float, float, float] = (0.0, 0.0, 0.0, 0.0)  # from when and what, to when and what

    def due(self, now: float, packet: bytes) -> float | None:
        """When a packet read now is to be written; None: never."""
        begin = max(now, self._free_at)
        self.waited = max(self.waited, begin - now)
        if begin - now > _QUEUE_SECONDS:
            self._drop(packet, "full")
            return None
        self._free_at = begin + (len(packet) * 8 / self.cell.rate if self.cell.rate else 0.0)
        if self.random.random() < self.cell.loss:
            self._drop(packet, "lost")
            return None
        self.seen[f"{_kind(packet)}"] += 1
        self._last = max(self._last, self._free_at + self.cell.delay + self._jitter(now))
        return self._last

    def _drop(self, packet: bytes, why: str) -> None:
        self.dropped += 1
        self.seen[f"{_kind(packet)} {why}"] += 1

    def described(self) -> str:
        """A line of the trace: since the last one."""
        seen, waited = " ".join(f"{name}: {count}" for name, count in sorted(self.seen.items())), self.waited
        self.seen, self.waited = Counter(), 0.0
        return f"queue {waited * 1000:.0f} ms | {seen}"

    def _jitter(self, now: float) -> float:
        """Swings between nothing and twice the mean, a new turn every tenth of a second or so."""
        if not self.cell.jitter:
            return 0.0
        begin, before, end, after = self._swing
        if now >= end:
            begin, before = now, after
            end, after = now + self.random.uniform(0.05, 0.15), self.random.uniform(0, 2 * self.cell.jitter)
            self._swing = (begin, before, end, after)
        return before + (after - before) * (now - begin) / (end - begin)


def open_tun(namespace: str, name: str, address: str, peer: str) -> int:
    """Enter the namespace, make the device there, and keep it: it works from everywhere."""
    with open(f"/run/netns/{namespace}") as where:
        if _LIBC.setns(where.fileno(), _CLONE_NEWNET):
            raise OSError(ctypes.get_errno(), f"cannot enter {namespace}")
    device = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(device, _TUNSETIFF, struct.pack("16sH", name.encode(), _IFF_TUN | _IFF_NO_PI))
    for words in (
        "link set lo up",
        f"addr add {address} peer {peer} dev {name}",
        f"link set {name} mtu {_MTU} txqueuelen 1000 up",
    ):
        subprocess.run(["ip", *words.split()], check=True)
    return device


def run(directions: dict[int, Direction]) -> None:
    """Until SIGTERM."""
    stopped: list[int] = []
    signal.signal(signal.SIGTERM, lambda number, frame: stopped.append(number))
    poll, order = select.epoll(), itertools.count()
    waiting: list[tuple[float, int, bytes, Direction]] = []  # a heap
    for device in directions:
        poll.register(device, select.EPOLLIN)
    trace, traced_at = _trace(), time.monotonic()
    while not stopped:
        pause = max(0.0, waiting[0][0] - time.monotonic()) if waiting else 0.5
        for device, _ in poll.poll(min(pause, 0.5)):
            direction = directions[device]
            for packet in _read(device):
                due = direction.due(now := time.monotonic(), packet)
                if due is not None:
                    heapq.heappush(waiting, (max(due, now), next(order), packet, direction))
        while waiting and waiting[0][0] <= (now := time.monotonic()):
            due, _, packet, direction = heapq.heappop(waiting)
            direction.late.append(now - due)
            _write(direction.to, packet)

        if trace is not None and time.monotonic() - traced_at >= 1.0:
            traced_at = time.monotonic()
            for name, direction in zip(("near to far", "far to near"), directions.values(), strict=True):
                print(f"{traced_at:.1f} {name} {direction.described()}", file=trace)


def _kind(packet: bytes) -> str:
    """The payload type of RTP over UDP, or what else it is."""
    if len(packet) < 40 or packet[0] >> 4 != 4 or packet[9] != socket.IPPROTO_UDP:
        return "tcp"
    if not 0x80 <= packet[28] < 0xC0:
        return "other"
    return "rtcp" if 192 <= packet[29] < 224 else f"rtp{packet[29] & 0x7F}"


def _trace() -> TextIO | None:
    folder = os.environ.get("LINES_TRACE")
    return (Path(folder) / "line.log").open("w", buffering=1) if folder else None


def _read(device: int) -> list[bytes]:
    packets: list[bytes] = []
    while len(packets) < 64:
        try:
            packets.append(os.read(device, 2048))
        except BlockingIOError:
            break
    return packets


def _write(device: int, packet: bytes) -> None:
    try:
        os.write(device, packet)
    except OSError:  # the other side is being taken down
        return


def main(near: str, far: str, cell: str, seed: str = "7") -> None:
    one = open_tun(near, "tun0", NEAR, FAR)
    other = open_tun(far, "tun0", FAR, NEAR)
    chosen = BY_NAME[cell]
    there = Direction(chosen, random.Random(int(seed)), other)
    back = Direction(chosen, random.Random(int(seed) + 1), one)
    print("ready", flush=True)
    run({one: there, other: back})
    late = sorted(there.late + back.late) or [0.0]
    figures = {"late_p50_ms": late[len(late) // 2] * 1000, "late_p99_ms": late[len(late) * 99 // 100] * 1000}
    print(json.dumps({**figures, "packets": len(late), "dropped": there.dropped + back.dropped}), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
