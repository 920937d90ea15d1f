"""The process that composes one file out of a recording: part by part, so that it can go on where it was stopped.

`python -m meetings.recording.compose ORDER.json` prints its progress, 0..1, one number a line. The order, the parts
and the result lie beside the recording's files; the parts are removed when the result is whole.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import sys
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from meetings.recording import codecs, manifest
from meetings.recording.canvas import GREY, HEAD, LABEL_HEIGHT, STAGE, STRIP, WHOLE, Box, Canvas, Drawn, Pen, fitted
from meetings.recording.messages import RecordedFile
from meetings.recording.scenes import Picture, Scene, Story, scenes
from meetings.recording.tape import recorded_files

PART_MS = 60_000
SLICE_MS = 20_000
NICE = 10
JOIN_SHARE = 0.1  # of the whole work, for the progress shown
PARTS, LOCK = "parts", "compose.lock"


class ComposeOrder(msgspec.Struct, frozen=True):
    """What the coordinator knows and the manifest does not."""

    directory: str
    target: str
    title: str
    origin: str
    time_zone: str
    fonts: str
    main: str = ""
    floor: tuple[tuple[int, tuple[str, ...]], ...] = ()
    chapters: tuple[tuple[int, str], ...] = ()


def story_of(order: ComposeOrder) -> Story:
    """Everything that decides who is seen."""
    directory = Path(order.directory)
    entries = manifest.read(directory)
    files = recorded_files(directory)
    ends = [entry.t for entry in entries if entry.kind == "mark" and entry["what"] == "stop"]
    duration = ends[-1] if ends else max((one.starts_ms + one.duration_ms for one in files), default=0)
    return Story(
        duration_ms=duration,
        pictures=[shown for one in files if one.kind != "audio" for shown in _pictures(one, _hidden(entries, one))],
        speaking=[(entry.t, tuple(entry["active"])) for entry in entries if entry.kind == "speakers"],
        floor=order.floor,
        main=order.main,
        names={one.identity: one.participant_name for one in files},
    )


def _hidden(entries: list[manifest.Entry], file: RecordedFile) -> list[tuple[int, int]]:
    """When the camera or screen of a file was switched off: (from, to)."""
    track = next(entry["track"] for entry in entries if entry.kind == "open" and entry["file"] == file.name)
    found: list[tuple[int, int]] = []
    off: int | None = None
    for entry in entries:
        if entry.kind != "mute" or entry["track"] != track:
            continue
        if entry["muted"] and off is None:
            off = entry.t
        elif not entry["muted"] and off is not None:
            found.append((off, entry.t))
            off = None
    return [*found, (off, file.starts_ms + file.duration_ms)] if off is not None else found


def _pictures(file: RecordedFile, hidden: list[tuple[int, int]]) -> Iterator[Picture]:
    """The stretches in which a file has something to show."""
    start, end = file.starts_ms, file.starts_ms + file.duration_ms
    for off, on in [*hidden, (end, end)]:
        if min(off, end) > start:
            yield Picture(
                file.name,
                file.identity,
                file.participant_name,
                file.kind == "screen",
                start,
                min(off, end),
                origin_ms=file.starts_ms,
            )
        start = max(start, on)


@dataclass
class _Shown:
    """What stands in a box now, so that it is put there only when it changes."""

    scene: Scene | None = None
    frame: Any = None


class Painter:
    """Paints the canvas for moments in order."""

    def __init__(self, order: ComposeOrder, story: Story) -> None:
        self.canvas = Canvas()
        self._order = order
        self._pen = Pen(Path(order.fonts))
        self._scenes = scenes(story)
        self._sources: dict[str, codecs.PictureSource] = {}
        self._shown: dict[Box, _Shown] = {}
        self._labels: dict[tuple[str, int], Drawn] = {}
        self._scene: Scene | None = None
        self._clock = ""
        self._origin = datetime.fromisoformat(order.origin).astimezone(ZoneInfo(order.time_zone))

    def paint(self, t: int) -> None:
        """The picture of a moment of the recording's clock."""
        scene = next((one for one in self._scenes if one.start_ms <= t < one.end_ms), None)
        if scene != self._scene or self._scene is None:
            self._change(scene)
        self._head(t)
        if scene is None or scene.stage is None:
            return
        self._tile(scene.stage, STAGE, t)
        for picture, box in zip(scene.strip, STRIP, strict=False):
            self._tile(picture, box, t)

    def close(self) -> None:
        """Close the files."""
        for source in self._sources.values():
            source.close()

    def _change(self, scene: Scene | None) -> None:
        self._scene = scene
        self._shown.clear()
        self.canvas.fill(WHOLE, GREY)
        self._clock = ""
        used = {one.name for one in (scene.stage, *scene.strip) if one} if scene else set()
        for name in self._sources.keys() - used:
            self._sources.pop(name).close()
        if scene is not None and scene.stage is None:
            self.canvas.put_centred(self._pen.card(scene.speaker or self._order.title, STAGE), STAGE)

    def _head(self, t: int) -> None:
        clock = (self._origin + timedelta(milliseconds=t)).strftime("%H:%M:%S  %d/%m/%Y")
        if clock != self._clock:
            self._clock = clock
            self.canvas.put(self._pen.head(self._order.title, clock), HEAD.x, HEAD.y)

    def _tile(self, picture: Picture, box: Box, t: int) -> None:
        frame = self._source(picture.name).at(t - picture.origin_ms)
        shown = self._shown.setdefault(box, _Shown())
        if frame is None or frame is shown.frame:
            return
        shown.frame = frame
        width, height = fitted(frame.width, frame.height, box)
        self.canvas.put_centred(codecs.scaled(frame, width, height), box)
        label = self._label(picture.participant_name or picture.identity, box.width)
        self.canvas.put(label, box.x, box.y + box.height - LABEL_HEIGHT)
        if box is STAGE and self._scene is not None and self._scene.speaker:
            heard = self._label(f"♪ {self._scene.speaker}", box.width // 2)
            self.canvas.put(heard, box.x + box.width - heard.width, box.y)

    def _source(self, name: str) -> codecs.PictureSource:
        if name not in self._sources:
            self._sources[name] = codecs.PictureSource(Path(self._order.directory) / name)
        return self._sources[name]

    def _label(self, words: str, most: int) -> Drawn:
        if (words, most) not in self._labels:
            self._labels[words, most] = self._pen.label(words, most)
        return self._labels[words, most]


def parts_of(duration_ms: int) -> list[tuple[int, int]]:
    """The stretches that are composed one at a time."""
    starts = range(0, max(duration_ms, 1000), PART_MS)
    return [(start, min(start + PART_MS, max(duration_ms, 1000))) for start in starts]


def _compose_part(painter: Painter, order: ComposeOrder, start: int, end: int, path: Path) -> None:
    end += -end % 50  # whole pictures and whole blocks of sound
    draft = path.with_suffix(".draft")
    writer = codecs.PartWriter(draft)
    for number in range((end - start) * codecs.FPS // 1000):
        painter.paint(start + number * 1000 // codecs.FPS)
        writer.show(painter.canvas.planes)
    writer.sound(_mix(order, start, end))
    writer.close()
    draft.rename(path)


def _mix(order: ComposeOrder, start: int, end: int) -> Iterator[Any]:
    """The mixed sound of a stretch, a slice at a time: twenty open microphones of a minute would fill the memory."""
    for at in range(start, end, SLICE_MS):
        until = min(at + SLICE_MS, end)
        tracks = list(_sounds(order, at, until))
        yield from codecs.mixed(tracks, (until - at) * codecs.RATE // 1000)


def _sounds(order: ComposeOrder, start: int, end: int) -> Iterator[bytearray]:
    directory = Path(order.directory)
    for one in recorded_files(directory):
        if one.kind == "audio" and one.starts_ms < end and one.starts_ms + one.duration_ms > start:
            sound = codecs.sound_of(directory / one.name, one.starts_ms, start, end)
            if sound is not None:
                yield sound


def compose(order: ComposeOrder) -> Generator[float]:
    """Do the work, giving the progress; what is already there is not done again."""
    story = story_of(order)
    stretches = parts_of(story.duration_ms)
    folder = Path(order.directory) / PARTS
    folder.mkdir(exist_ok=True)
    painter = Painter(order, story)
    parts = []
    for number, (start, end) in enumerate(stretches):
        path = folder / f"{number:04d}.mkv"
        if not path.exists():
            _compose_part(painter, order, start, end, path)
        parts.append((path, start))
        yield (number + 1) / len(stretches) * (1 - JOIN_SHARE)
    painter.close()
    target = Path(order.directory) / order.target
    draft = target.with_suffix(".draft")
    codecs.join(parts, draft, order.title, _chapter_marks(order, story.duration_ms), lambda _: None)
    with draft.open("rb") as file:
        os.fsync(file.fileno())
    draft.rename(target)
    shutil.rmtree(folder)
    yield 1.0


def _chapter_marks(order: ComposeOrder, duration_ms: int) -> list[tuple[int, int, str]]:
    starts = [at for at, _ in order.chapters]
    ends = [*starts[1:], duration_ms][: len(starts)]
    return [(at, max(at + 1, end), title) for (at, title), end in zip(order.chapters, ends, strict=True)]


def main() -> None:
    """Run as a process of low priority."""
    os.nice(NICE)
    order = msgspec.json.decode(Path(sys.argv[1]).read_bytes(), type=ComposeOrder)
    with (Path(order.directory) / LOCK).open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # one that outlived its coordinator may still be at work
        if not (Path(order.directory) / order.target).exists():
            for fraction in compose(order):
                sys.stdout.write(f"{fraction:.4f}\n")
                sys.stdout.flush()


if __name__ == "__main__":
    main()
