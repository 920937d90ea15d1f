"""Carries packets between two network namespaces: `python -m tests.faults.lines.forwarder NEAR FAR CELL [SEED]`.

Each namespace gets a TUN device. What is read from one is written to the other after the cell's delay, if it is not
lost; a queue of a third of a second stands before the narrow place, as in a router. Order is kept: lines delay, they
seldom overtake. Prints "ready", and at its end, as JSON, how late it was itself.
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
import struct
import subprocess
import sys
import time
from dataclasses import dataclass, field

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
    _free_at: float = 0.0
    _last: float = 0.0
    _swing: tuple[float, float, float, float] = (0.0, 0.0, 0.0, 0.0)  # from when and what, to when and what

    def due(self, now: float, size: int) -> float | None:
        """When a packet read now is to be written; None: never."""
        begin = max(now, self._free_at)
        if begin - now > _QUEUE_SECONDS:
            self.dropped += 1
            return None
        self._free_at = begin + (size * 8 / self.cell.rate if self.cell.rate else 0.0)
        if self.random.random() < self.cell.loss:
            self.dropped += 1
            return None
        self._last = max(self._last, self._free_at + self.cell.delay + self._jitter(now))
        return self._last

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
    while not stopped:
        pause = max(0.0, waiting[0][0] - time.monotonic()) if waiting else 0.5
        for device, _ in poll.poll(min(pause, 0.5)):
            direction = directions[device]
            for packet in _read(device):
                due = direction.due(now := time.monotonic(), len(packet))
                if due is not None:
                    heapq.heappush(waiting, (max(due, now), next(order), packet, direction))
        while waiting and waiting[0][0] <= (now := time.monotonic()):
            due, _, packet, direction = heapq.heappop(waiting)
            direction.late.append(now - due)
            _write(direction.to, packet)


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
