"""Where a recording ends: at the order to stop, not when the recorder has left the room and sealed its files."""

from datetime import UTC, datetime
from pathlib import Path

from meetings.recording import manifest
from meetings.recording.messages import Assignment, Report
from meetings.recording.recorder import Recorder
from meetings.recording.tape import Tape
from tests.fakes import eventually


async def test_a_recording_ends_at_the_order_however_long_leaving_takes(tmp_path: Path) -> None:
    reports: list[Report] = []
    tape = Tape(tmp_path, "r1", "m1")
    recorder = Recorder(tape, Assignment("r1", "m1", "http://127.0.0.1:9", "token", str(tmp_path)), reports.append)
    tape.begin_segment()
    told, asked = tape.now(), datetime.now(UTC)
    await eventually(lambda: tape.now() > told + 300)
    recorder.told_to_stop(asked)
    recorder.finish()
    (stop,) = [entry.t for entry in manifest.read(tmp_path) if entry.kind == "mark" and entry["what"] == "stop"]
    assert abs(stop - told) <= 50
    assert reports[-1].t == stop
