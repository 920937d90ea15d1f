"""Children are restarted, stopped in time, and never outlive who started them."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from meetings.processes import Child, Supervisor


async def eventually(what: str, holds: Callable[[], bool], within: float = 30.0) -> None:
    deadline = time.monotonic() + within
    while not holds():
        assert time.monotonic() < deadline, f"still not: {what}"
        await asyncio.sleep(0.02)


def sleeper(name: str = "sleeper") -> Child:
    return Child(name, [sys.executable, "-c", "import time; time.sleep(60)"])


async def test_a_killed_child_comes_back() -> None:
    supervisor, stop = Supervisor([sleeper()]), asyncio.Event()
    running = asyncio.create_task(supervisor.run(stop))
    await eventually("started", lambda: supervisor.pid("sleeper") is not None)
    first = supervisor.pid("sleeper")
    assert first is not None
    os.kill(first, signal.SIGKILL)
    await eventually("back under another id", lambda: supervisor.pid("sleeper") not in (None, first))
    stop.set()
    await asyncio.wait_for(running, 30)
    assert supervisor.pid("sleeper") is None


async def test_a_standby_takes_over_at_once_and_the_next_one_is_made_ready(tmp_path: Path) -> None:
    """Loading takes a while here; whoever takes over has done it before it was needed."""
    program = (
        "import os, sys, time; from meetings.processes import wait_for_turn\n"
        "ready = 'loaded' if os.environ.get('MEETINGS_STANDBY') else 'started'\n"
        "open(sys.argv[1] + f'/{ready}.{os.getpid()}', 'x').close(); wait_for_turn()\n"
        "open(sys.argv[1] + f'/working.{os.getpid()}', 'x').close(); time.sleep(60)"
    )
    child = Child("c", [sys.executable, "-c", program, str(tmp_path)], standby=True)
    supervisor, stop = Supervisor([child]), asyncio.Event()
    supervisor.standby_after = 0.0
    running = asyncio.create_task(supervisor.run(stop))

    def there(kind: str) -> set[str]:
        return {path.name.removeprefix(f"{kind}.") for path in tmp_path.glob(f"{kind}.*")}

    await eventually("a standby", lambda: len(there("working")) == len(there("loaded")) == 1)
    (first,), (standby,) = there("working"), there("loaded")
    assert supervisor.pid("c") == int(first), "the one that waits is not the one that works"
    os.kill(int(first), signal.SIGKILL)
    await eventually("the standby works", lambda: there("working") == {first, standby})
    assert supervisor.pid("c") == int(standby)
    await eventually("another standby", lambda: len(there("loaded")) == 2)
    (other,) = there("loaded") - {standby}
    os.kill(int(other), signal.SIGKILL)
    await eventually("it is gone", lambda: not alive(int(other)))
    os.kill(int(standby), signal.SIGKILL)
    await eventually("one started anew", lambda: len(there("working")) == 3)
    assert there("started") == there("working") - {standby}, "a dead standby takes nobody's place"
    await eventually("a third standby", lambda: len(there("loaded")) == 3)
    stop.set()
    await asyncio.wait_for(running, 30)
    assert not [pid for pid in there("loaded") | there("working") if alive(int(pid))], "nobody is left behind"


async def test_a_child_that_ignores_sigterm_is_killed() -> None:
    program = (
        "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True); time.sleep(60)"
    )
    supervisor, stop = Supervisor([Child("deaf", [sys.executable, "-c", program])]), asyncio.Event()
    supervisor.grace = 0.3
    running = asyncio.create_task(supervisor.run(stop))
    await eventually("started", lambda: supervisor.pid("deaf") is not None)
    stop.set()
    await asyncio.wait_for(running, 30)


async def test_a_child_dies_with_a_parent_that_is_killed(tmp_path: Path) -> None:
    child = (
        "import os, pathlib, time; from meetings.processes import die_with_parent; die_with_parent();"
        f"pathlib.Path({str(tmp_path / 'pid')!r}).write_text(str(os.getpid())); time.sleep(60)"
    )
    parent = (
        "import asyncio, sys; from meetings.processes import Child, Supervisor;"
        f"asyncio.run(Supervisor([Child('c', [sys.executable, '-c', {child!r}])]).run(asyncio.Event()))"
    )
    process = subprocess.Popen([sys.executable, "-c", parent])
    note = tmp_path / "pid"
    await eventually("the child wrote its id", lambda: note.exists() and bool(note.read_text()))
    process.kill()
    process.wait()
    await eventually("the child is gone", lambda: not alive(int(note.read_text())))


def alive(pid: int) -> bool:
    stat = Path(f"/proc/{pid}/stat")
    return stat.exists() and stat.read_text().rsplit(")", 1)[1].split()[0] != "Z"
