"""Who is seen when in the composed picture: a stage and a strip of three, from the manifest and the event log. Pure."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

STRIP = 3
SETTLE_MS = 1500  # somebody who speaks for less than this does not take the stage


@dataclass(frozen=True)
class Picture:
    """A stretch of a file with pictures; `origin_ms` is where the file's own clock begins."""

    name: str
    identity: str
    participant_name: str
    screen: bool
    starts_ms: int
    ends_ms: int
    origin_ms: int = 0

    def covers(self, t: int) -> bool:
        return self.starts_ms <= t < self.ends_ms


@dataclass(frozen=True)
class Scene:
    """A stretch of time in which the same pictures stand in place; `speaker` is named where nobody is seen."""

    start_ms: int
    end_ms: int
    stage: Picture | None
    strip: tuple[Picture, ...]
    speaker: str = ""


@dataclass(frozen=True)
class Story:
    """What decides who is seen. `speaking` and `floor` hold (time, identities) at each change."""

    duration_ms: int
    pictures: Sequence[Picture]
    speaking: Sequence[tuple[int, tuple[str, ...]]] = ()
    floor: Sequence[tuple[int, tuple[str, ...]]] = ()
    main: str = ""
    names: Mapping[str, str] = field(default_factory=dict)


def settled(speaking: Iterable[tuple[int, tuple[str, ...]]], duration_ms: int) -> list[tuple[int, str]]:
    """The one who is heard, at each change, without those who only cough; silence changes nothing."""
    changes = [(t, active[0]) for t, active in speaking if active]
    found: list[tuple[int, str]] = []
    for index, (t, identity) in enumerate(changes):
        until = changes[index + 1][0] if index + 1 < len(changes) else duration_ms
        if found and found[-1][1] == identity:
            continue
        if until - t >= SETTLE_MS or not found:
            found.append((t, identity))
    return found


def scenes(story: Story) -> list[Scene]:
    """The whole recording without gaps or overlaps, neighbours always different."""
    heard = settled(story.speaking, story.duration_ms)
    edges = {0, story.duration_ms} | {t for t, _ in heard} | {t for t, _ in story.floor}
    edges |= {t for one in story.pictures for t in (one.starts_ms, one.ends_ms)}
    times = sorted(t for t in edges if 0 <= t <= story.duration_ms)
    found: list[Scene] = []
    for start, end in itertools.pairwise(times):
        scene = _scene(story, heard, start, end)
        last = found[-1] if found else None
        if last and (last.stage, last.strip, last.speaker) == (scene.stage, scene.strip, scene.speaker):
            found[-1] = Scene(last.start_ms, end, last.stage, last.strip, last.speaker)
        else:
            found.append(scene)
    return found


def _scene(story: Story, heard: Sequence[tuple[int, str]], start: int, end: int) -> Scene:
    there = [one for one in story.pictures if one.covers(start)]
    floor = _at(story.floor, start) or ()
    speakers = [identity for t, identity in heard if t <= start][::-1]
    wanted = [*floor, *speakers, story.main]
    ranked = sorted(there, key=lambda one: (not one.screen, _rank(one.identity, wanted), one.starts_ms, one.name))
    speaker = next((identity for identity in (*floor, *speakers[:1])), "")
    return Scene(
        start,
        end,
        ranked[0] if ranked else None,
        tuple(_once(ranked[1:]))[:STRIP],
        "" if any(one.identity == speaker for one in ranked) else story.names.get(speaker, ""),
    )


def _at(changes: Iterable[tuple[int, tuple[str, ...]]], t: int) -> tuple[str, ...] | None:
    before = [value for at, value in changes if at <= t]
    return before[-1] if before else None


def _rank(identity: str, wanted: Sequence[str]) -> int:
    return wanted.index(identity) if identity in wanted else len(wanted)


def _once(pictures: Iterable[Picture]) -> list[Picture]:
    """One picture of each participant and kind: files of two segments may touch."""
    found: dict[tuple[str, bool], Picture] = {}
    for one in pictures:
        found.setdefault((one.identity, one.screen), one)
    return list(found.values())
