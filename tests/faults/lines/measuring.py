"""One cell of one server: builds the two networks, runs both ends, and takes everything down again."""

from __future__ import annotations

import json
import os
import secrets
import select
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.faults.lines.cells import Cell
from tests.faults.lines.near import token

ROOT = Path(__file__).resolve().parents[3]
WARM_SECONDS, SECONDS = 10.0, 15.0
_PATIENCE = 150.0
_TRIES = 3


@dataclass(frozen=True)
class Heard:
    """What one end got from the other."""

    joined: float
    sound: float
    pictures: float
    freeze: float
    played: bool


@dataclass(frozen=True)
class Result:
    """`down`: what the point behind the bad line gets; `up`: what others get from it. `late_ms`: our own p99."""

    cell: Cell
    server: str
    down: Heard
    up: Heard
    late_ms: float


def possible() -> str:
    """Why it cannot be done here; empty: it can."""
    if os.geteuid() != 0:
        return "network namespaces take root"
    if not Path("/dev/net/tun").exists():
        return "there is no /dev/net/tun"
    done = subprocess.run(["ip", "netns", "list"], capture_output=True)
    return "" if done.returncode == 0 else "`ip netns` does not work here"


def measure(cell: Cell, server: str, *, warm: float = WARM_SECONDS, seconds: float = SECONDS) -> Result:
    """Raises AssertionError with what an end said when one of them fails.

    A stock client's player does not start now and then, with any server: all packets come and are decrypted, and not
    one sample is taken of them (about one end in 70). Then nothing was measured, and it is done anew.
    """
    for _ in range(_TRIES):
        result = _measure(cell, server, warm, seconds)
        if result.down.played and result.up.played:
            return result
        print(f"{cell.name}: a client took no sample of the packets it had; measured anew", flush=True)
    raise AssertionError(f"no client's player ran in {_TRIES} measurements")


def joins(cell: Cell, server: str, times: int) -> list[float]:
    """Seconds that each of so many joins of a point behind the line took; 40: it gave up."""
    tag = secrets.token_hex(3)
    near, far, room = f"line-{tag}-near", f"line-{tag}-far", f"line-{tag}"
    with ExitStack() as stack:
        for name in (near, far):
            stack.enter_context(_namespace(name))
        line = stack.enter_context(_running([], "forwarder", near, far, cell.name, str(secrets.randbelow(1_000_000))))
        _line_of(line, "ready")
        here = stack.enter_context(_running(["ip", "netns", "exec", near], "near", server, room, "0", "0"))
        url = _line_of(here, "at ").removeprefix("at ")
        words = ("point", url, token("far", room), "joins", str(times))
        there = stack.enter_context(_running(["ip", "netns", "exec", far], *words))
        taken: list[float] = json.loads(_line_of(there, "{", 41.0 * times))["joined"]
        _say(here, "done")
        here.wait(30)
    return taken


def _measure(cell: Cell, server: str, warm: float, seconds: float) -> Result:
    tag = secrets.token_hex(3)
    near, far, room = f"line-{tag}-near", f"line-{tag}-far", f"line-{tag}"
    with ExitStack() as stack:
        for name in (near, far):
            stack.enter_context(_namespace(name))
        line = stack.enter_context(_running([], "forwarder", near, far, cell.name))
        _line_of(line, "ready")
        times = (str(warm), str(seconds))
        here = stack.enter_context(_running(["ip", "netns", "exec", near], "near", server, room, *times))
        url = _line_of(here, "at ").removeprefix("at ")
        there = stack.enter_context(_running(["ip", "netns", "exec", far], "point", url, token("far", room), *times))
        down, up = (Heard(**json.loads(_line_of(one, "{"))) for one in (there, here))
        for one in (there, here):
            _say(one, "done")
            one.wait(30)
        line.terminate()
        late = json.loads(_line_of(line, "{"))
    return Result(cell, server, down, up, late["late_p99_ms"])


@contextmanager
def _namespace(name: str) -> Iterator[None]:
    subprocess.run(["ip", "netns", "add", name], check=True)
    try:
        yield
    finally:
        subprocess.run(["ip", "netns", "delete", name], check=False)


@contextmanager
def _running(prefix: Sequence[str], module: str, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    command = [*prefix, sys.executable, "-m", f"tests.faults.lines.{module}", *arguments]
    process = subprocess.Popen(
        command, cwd=ROOT, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    try:
        yield process
    finally:
        if process.poll() is None:
            process.terminate()
            try:
                process.wait(15)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                pipe.close()


def _say(process: subprocess.Popen[str], word: str) -> None:
    assert process.stdin is not None
    process.stdin.write(f"{word}\n")
    process.stdin.flush()


def _module(process: subprocess.Popen[str]) -> str:
    """Without its arguments: one is a token."""
    assert isinstance(process.args, list)
    return str(next(one for one in process.args if str(one).startswith("tests.")))


def _line_of(process: subprocess.Popen[str], start: str, patience: float = _PATIENCE) -> str:
    """The next line that begins so."""
    assert process.stdout is not None
    deadline = time.monotonic() + patience
    while time.monotonic() < deadline:
        if not select.select([process.stdout], [], [], 1.0)[0]:
            continue
        line = process.stdout.readline()
        assert line, f"{_module(process)} ended with {process.wait(10)} before it said {start!r}"
        if line.startswith(start):
            return line.strip()
    raise AssertionError(f"{_module(process)} did not say {start!r} within {patience:.0f} s")
