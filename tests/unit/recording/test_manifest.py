"""The manifest: a chain of lines that survives a crash and betrays every change."""

from __future__ import annotations

import hashlib
import json
import random
import subprocess
import sys
from pathlib import Path

import pytest

from meetings.recording import manifest


def written(directory: Path) -> Path:
    log = manifest.Manifest(directory)
    log.append("begin", 0, recording="r1", meeting="m1")
    (directory / "a.webm").write_bytes(b"sound" * 100)
    log.append("close", 5000, file="a.webm", sha256=manifest.file_hash(directory / "a.webm"))
    log.append("gap", 6000, reason="Ghi lại bị ngắt")
    log.close()
    return directory / manifest.NAME


def test_what_was_appended_is_read_back_and_sound(tmp_path: Path) -> None:
    written(tmp_path)
    entries = manifest.read(tmp_path)
    assert [(e.seq, e.t, e.kind) for e in entries] == [(1, 0, "begin"), (2, 5000, "close"), (3, 6000, "gap")]
    assert entries[2]["reason"] == "Ghi lại bị ngắt"
    assert manifest.problems(tmp_path) == []


def test_a_second_life_goes_on_in_the_same_chain(tmp_path: Path) -> None:
    written(tmp_path)
    again = manifest.Manifest(tmp_path)
    assert not again.is_new
    again.append("segment", 7000, number=2)
    again.close()
    assert [e.seq for e in manifest.read(tmp_path)] == [1, 2, 3, 4]
    assert manifest.problems(tmp_path) == []


def test_a_line_cut_by_a_crash_is_dropped_and_the_drop_is_noted(tmp_path: Path) -> None:
    path = written(tmp_path)
    path.write_bytes(path.read_bytes()[:-20])
    assert len(manifest.read(tmp_path)) == 2
    manifest.Manifest(tmp_path).close()
    assert [e.kind for e in manifest.read(tmp_path)] == ["begin", "close", "torn"]
    assert manifest.problems(tmp_path) == []


def test_any_flipped_byte_of_the_chain_is_found(tmp_path: Path) -> None:
    path = written(tmp_path)
    whole = path.read_bytes()
    last_line = whole.rstrip(b"\n").rfind(b"\n") + 1
    before = manifest.digest(tmp_path)
    choose = random.Random(11)
    for _ in range(100):
        at = choose.randrange(last_line)  # the last line is bound by the manifest's own hash
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 1 << choose.randrange(7)]) + whole[at + 1 :])
        assert manifest.problems(tmp_path), at
        assert manifest.digest(tmp_path) != before


@pytest.mark.parametrize("spoil", ["flip", "remove"])
def test_a_changed_or_missing_file_is_named(tmp_path: Path, spoil: str) -> None:
    written(tmp_path)
    file = tmp_path / "a.webm"
    file.write_bytes(b"S" + file.read_bytes()[1:]) if spoil == "flip" else file.unlink()
    [problem] = manifest.problems(tmp_path)
    assert problem.startswith("a.webm:")


def test_nothing_follows_the_end(tmp_path: Path) -> None:
    log = manifest.Manifest(tmp_path)
    log.append("begin", 0)
    log.append("end", 10)
    sealed = manifest.digest(tmp_path)
    with pytest.raises(manifest.Ended):
        log.append("participant", 11)
    log.close()
    with pytest.raises(manifest.Ended):
        manifest.Manifest(tmp_path)
    assert manifest.digest(tmp_path) == sealed


def test_an_end_cut_by_a_crash_is_no_end(tmp_path: Path) -> None:
    log = manifest.Manifest(tmp_path)
    log.append("begin", 0)
    log.append("end", 10)
    log.close()
    path = tmp_path / manifest.NAME
    path.write_bytes(path.read_bytes()[:-3])
    again = manifest.Manifest(tmp_path)
    again.append("end", 20)
    again.close()
    assert [e.kind for e in manifest.read(tmp_path)] == ["begin", "torn", "end"]
    assert manifest.problems(tmp_path) == []


def test_a_line_for_which_there_was_no_room_leaves_nothing_behind(tmp_path: Path) -> None:
    script = """
import resource, signal, sys
from pathlib import Path
from meetings.recording import manifest
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
log = manifest.Manifest(Path(sys.argv[1]))
log.append("begin", 0)
most = log.path.stat().st_size + 20
resource.setrlimit(resource.RLIMIT_FSIZE, (most, resource.RLIM_INFINITY))
try:
    log.append("gap", 1, reason="x" * 100)
except OSError:
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    log.append("end", 2)
"""
    subprocess.run([sys.executable, "-c", script, str(tmp_path)], check=True)
    assert [e.kind for e in manifest.read(tmp_path)] == ["begin", "end"]
    assert manifest.problems(tmp_path) == []


def test_a_manifest_that_ended_twice_is_still_read(tmp_path: Path) -> None:
    """As recorders wrote them that opened an ended recording again."""
    previous, lines = manifest.START_HASH, []
    for number, kind in enumerate(("begin", "end", "mark", "end"), start=1):
        line = json.dumps({"seq": number, "t": number, "kind": kind, "prev": previous})
        previous = hashlib.sha256(line.encode()).hexdigest()
        lines.append(line + "\n")
    (tmp_path / manifest.NAME).write_text("".join(lines))
    assert [e.kind for e in manifest.read(tmp_path)] == ["begin", "end", "mark", "end"]
    assert manifest.problems(tmp_path) == []
