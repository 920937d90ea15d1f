"""The end of a recording: told from its manifest, the same every time; orders from before it are out of date."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from meetings.recording import ending, manifest, messages
from meetings.recording.formats import TrackFormat
from meetings.recording.messages import Assignment, Begin, Report
from meetings.recording.recorder import Recorder
from meetings.recording.tape import Tape
from meetings.signaling.client import RemoteTrack
from tests.unit.recording.samples import opus_packets

TRACK = RemoteTrack("TR_1", "point:east", "Ea Kao", "audio", "microphone", False)


def assigned(directory: Path, *, stop: bool = False) -> Assignment:
    return Assignment("r1", "m1", "http://127.0.0.1:9", "token", str(directory), stop=stop)


def recording(directory: Path) -> tuple[Recorder, list[Report]]:
    tape, reports = Tape(directory, "r1", "m1"), list[Report]()
    tape.begin_segment()
    opened = tape.open(TRACK, 100, TrackFormat("audio"))
    for index, packet in enumerate(opus_packets(50)):
        opened.writer.write(packet, index * 20, keyframe=True, duration_ms=20)
    tape.close(opened)
    return Recorder(tape, assigned(directory), reports.append), reports


def everything(directory: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in directory.iterdir()}


@pytest.mark.parametrize("way", ["stopped", "full"])
def test_an_end_told_again_is_the_same_and_leaves_the_directory_as_it_was(tmp_path: Path, way: str) -> None:
    recorder, reports = recording(tmp_path)
    recorder.finish() if way == "stopped" else recorder.finish_full("no space left")
    [first] = reports
    assert (first.kind, len(first.files), first.manifest_sha256) == (way, 1, manifest.digest(tmp_path))
    before = everything(tmp_path)
    with pytest.raises(manifest.Ended):
        Tape(tmp_path, "r1", "m1")
    again = ending.told(tmp_path, "r1")
    assert (again.kind, again.t, again.files) == (way, first.t, first.files)
    assert again.manifest_sha256 == first.manifest_sha256
    assert everything(tmp_path) == before


@pytest.mark.parametrize("stop", [True, False])
def test_a_process_that_is_given_an_ended_recording_reports_it_as_it_is(tmp_path: Path, stop: bool) -> None:
    recorder, [*_] = recording(tmp_path)
    recorder.finish()
    before = everything(tmp_path)
    order = messages.encode(Begin(assigned(tmp_path, stop=stop))) + b"\n"
    life = subprocess.run([sys.executable, "-m", "meetings.recording.worker"], input=order, capture_output=True)
    assert life.returncode == 0, life.stderr.decode()
    assert messages.report_decoder.decode(life.stdout) == ending.told(tmp_path, "r1")
    assert everything(tmp_path) == before


def test_a_disk_that_refuses_after_the_last_line_changes_nothing_any_more(tmp_path: Path) -> None:
    recorder, reports = recording(tmp_path)
    recorder.finish()
    before = everything(tmp_path)
    recorder.finish_full("the disk did not confirm")
    assert [(one.kind, one.manifest_sha256) for one in reports] == [
        ("stopped", manifest.digest(tmp_path)),
        ("full", manifest.digest(tmp_path)),
    ]
    assert everything(tmp_path) == before


def test_a_directory_that_cannot_be_written_still_tells_what_earlier_lives_sealed(tmp_path: Path) -> None:
    recorder, _ = recording(tmp_path)
    recorder.pause()
    told = ending.refused(tmp_path, "r1", "read-only file system")
    assert (told.kind, told.reason, len(told.files)) == ("full", "read-only file system", 1)
    assert ending.refused(tmp_path / "nothing", "r1", "x").files == ()


def test_orders_from_before_the_end_was_told_are_out_of_date() -> None:
    told = ending.Told()
    assert told.outdated(told.asking()) == set()
    early = told.asking()
    told.waits("r1")
    assert told.outdated(early) == {"r1"}
    waiting = told.asking()
    told.taken("r1")
    assert told.outdated(waiting) == {"r1"}
    assert told.outdated(told.asking()) == set()
