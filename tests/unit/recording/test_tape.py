"""A recording's directory through several lives: the clock goes on, orphans come back, the disk's end is survived."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from meetings.recording import manifest, takeover
from meetings.recording.formats import TrackFormat
from meetings.recording.tape import Tape, recorded_files
from meetings.signaling.client import RemoteTrack
from tests.unit.recording.samples import opus_packets, probe

TRACK = RemoteTrack("TR_1", "point:east", "Ea Kao", "audio", "microphone", False)
PACKETS = opus_packets(100)
AUDIO = TrackFormat("audio")


def begun(directory: Path) -> Tape:
    tape = Tape(directory, "r1", "m1")
    tape.begin_segment()
    return tape


def fill(tape: Tape, starts_ms: int, count: int = 100) -> None:
    opened = tape.open(TRACK, starts_ms, AUDIO)
    for index in range(count):
        opened.writer.write(PACKETS[index], index * 20, keyframe=True, duration_ms=20)
    tape.flush()


def die(tape: Tape) -> None:
    """As after kill -9: no file is sealed, the lock is free."""
    for opened in tape._files.values():
        opened.writer.abandon()
    tape._release()


def test_an_orphan_is_mended_bound_and_counted(tmp_path: Path) -> None:
    first = begun(tmp_path)
    fill(first, 500)
    die(first)
    second = begun(tmp_path)
    assert second.media_until is None
    second.mend_orphans()
    assert second.media_until == 2500
    fill(second, 4000, 50)
    second.abandon()
    second.end()
    assert [(one.segment, one.starts_ms, one.duration_ms) for one in recorded_files(tmp_path)] == [
        (1, 500, 2000),
        (2, 4000, 1000),
    ]
    assert [probe(path).packets for path in sorted(tmp_path.glob("*.webm"))] == [100, 50]
    assert manifest.problems(tmp_path) == []


def test_a_file_that_never_got_a_frame_is_not_kept(tmp_path: Path) -> None:
    first = begun(tmp_path)
    first.open(TRACK, 500, AUDIO).writer.flush()
    die(first)
    second = begun(tmp_path)
    second.mend_orphans()
    second.end()
    assert list(tmp_path.glob("*.webm")) == []
    assert manifest.problems(tmp_path) == []


def test_the_clock_of_a_second_life_goes_on_from_the_first(tmp_path: Path) -> None:
    first = begun(tmp_path)
    time.sleep(0.05)
    before = first.now()
    die(first)
    second = begun(tmp_path)
    assert before <= second.now() < before + 2000
    assert second.origin_wall == first.origin_wall
    assert second.segment == 2
    second.end()


def test_the_clock_goes_by_the_wall_after_the_machine_was_started_anew(tmp_path: Path) -> None:
    first = begun(tmp_path)
    die(first)
    path = tmp_path / manifest.NAME
    path.write_bytes(path.read_bytes().replace(b'"boot":"', b'"boot":"another-'))
    second = begun(tmp_path)
    assert 0 <= second.now() < 5000
    second.end()


def test_room_is_kept_for_the_end_and_given_back(tmp_path: Path) -> None:
    tape = begun(tmp_path)
    assert (tmp_path / "ballast").stat().st_size == 512 * 1024
    tape.end()
    assert sorted(path.name for path in tmp_path.iterdir()) == [manifest.NAME]


HOLDER = """
import signal, sys, time
from pathlib import Path
from meetings.recording.tape import Tape
signal.signal(signal.SIGTERM, lambda *_: sys.exit(0) if sys.argv[2] == "polite" else None)
tape = Tape(Path(sys.argv[1]), "r1", "m1")
print("ready", flush=True)
while True:
    time.sleep(0.1)
"""


def _taken_from(directory: Path, manner: str) -> float:
    holder = subprocess.Popen([sys.executable, "-c", HOLDER, str(directory), manner], stdout=subprocess.PIPE)
    assert holder.stdout is not None
    assert holder.stdout.readline() == b"ready\n"
    started = time.monotonic()
    begun(directory).end()
    assert holder.wait(5) == (0 if manner == "polite" else -signal.SIGKILL)
    holder.stdout.close()
    return time.monotonic() - started


def test_a_life_without_a_host_hands_over_when_asked(tmp_path: Path) -> None:
    assert _taken_from(tmp_path, "polite") < 2
    assert manifest.problems(tmp_path) == []


def test_one_that_does_not_listen_is_made_to(tmp_path: Path) -> None:
    assert _taken_from(tmp_path, "deaf") >= 2
    assert not (tmp_path / "lock").exists()


def test_one_that_was_killed_but_still_waits_for_the_disk_is_not_waited_for(tmp_path: Path) -> None:
    """A process with SIGKILL pending never writes again; here it is one that has ended and was not yet buried."""
    lock = takeover.take(tmp_path)
    ended = subprocess.Popen([sys.executable, "-c", ""])
    os.waitid(os.P_PID, ended.pid, os.WEXITED | os.WNOWAIT)
    lock.truncate(0)
    lock.write(str(ended.pid))
    lock.flush()
    started = time.monotonic()
    second = takeover.take(tmp_path)
    assert time.monotonic() - started < 1
    assert (tmp_path / "lock").read_text() == str(os.getpid())
    assert takeover.is_doomed(ended.pid)
    assert not takeover.is_doomed(os.getpid())
    ended.wait()
    lock.close()
    second.close()


def test_a_file_is_sealed_beside_the_recording_and_its_failure_is_told(tmp_path: Path) -> None:
    tape = begun(tmp_path)
    opened = tape.open(TRACK, 0, AUDIO)
    opened.writer.write(PACKETS[0], 0, keyframe=True, duration_ms=20)
    opened.writer.abandon()  # as if its descriptor had gone bad
    tape.close(opened)
    with pytest.raises(ValueError, match="closed file"):
        tape.leave()
    die(tape)
