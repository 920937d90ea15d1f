"""What the processes say is kept in files of a bounded size, whole lines, whatever becomes of terminal and disk."""

from __future__ import annotations

import asyncio
import io
import sys
from pathlib import Path

from meetings.journal import Journal
from meetings.processes import Child, Supervisor
from tests.fakes import eventually


class Broken(io.StringIO):
    """A terminal that was closed."""

    def write(self, text: str) -> int:
        raise OSError(5, "Input/output error")


def journal(folder: Path, terminal: io.StringIO | None = None, *, most: int = 4096, files: int = 3) -> Journal:
    return Journal(folder / "logs" / "meetings.log", most_bytes=most, files=files, terminal=terminal or io.StringIO())


def test_the_files_stay_within_their_size_and_number_and_the_newest_line_is_in_the_first(tmp_path: Path) -> None:
    terminal = io.StringIO()
    one = journal(tmp_path, terminal, most=1000, files=3)
    for number in range(200):
        one.write(f"line {number} {'x' * 40}\n")
    kept = sorted(path.name for path in (tmp_path / "logs").iterdir())
    assert kept == ["meetings.log", "meetings.log.1", "meetings.log.2"]
    assert all(path.stat().st_size <= 1000 for path in (tmp_path / "logs").iterdir())
    lines = "".join((tmp_path / "logs" / name).read_text() for name in reversed(kept)).splitlines()
    assert [int(line.split()[1]) for line in lines] == list(range(200 - len(lines), 200)), "in order, none missing"
    assert terminal.getvalue().count("\n") == 200


def test_neither_a_closed_terminal_nor_a_folder_that_is_gone_stops_who_writes(tmp_path: Path) -> None:
    one = journal(tmp_path, Broken())
    one.write("still here\n")
    assert (tmp_path / "logs" / "meetings.log").read_text() == "still here\n"
    (tmp_path / "logs" / "meetings.log").unlink()
    (tmp_path / "logs").rmdir()
    one.write("nowhere\n")


async def test_the_lines_of_two_children_do_not_mix_and_their_last_words_are_kept(tmp_path: Path) -> None:
    program = (
        "import sys, time\n"
        "for n in range(300):\n"
        "    sys.stderr.write(sys.argv[1]); sys.stderr.flush(); sys.stderr.write(sys.argv[1] * 20 + chr(10))\n"
        "sys.stderr.write('last ' + sys.argv[1]); sys.stderr.flush(); time.sleep(60)"
    )
    children = [Child(letter, [sys.executable, "-c", program, letter]) for letter in "ab"]
    stop, path = asyncio.Event(), tmp_path / "logs" / "meetings.log"
    running = asyncio.create_task(Supervisor(children, journal(tmp_path, most=10**6)).run(stop))
    await eventually(lambda: path.exists() and path.read_text().count("\n") >= 600, what="600 lines")
    stop.set()
    await asyncio.wait_for(running, 60)
    lines = path.read_text().splitlines()
    assert sorted(lines[-2:]) == ["last a", "last b"]
    assert set(lines[:-2]) == {"a" * 21, "b" * 21}
