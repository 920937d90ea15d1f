"""Who is seen when in the composed picture."""

from __future__ import annotations

import itertools
import random

from meetings.recording.scenes import STRIP, Picture, Scene, Story, scenes, settled

MAIN = Picture("main.webm", "point:main", "Phòng họp số 1", False, 0, 60_000)
EAST = Picture("east.webm", "point:east", "Ea Kao", False, 0, 60_000)
WEST = Picture("west.webm", "point:west", "Buôn Hồ", False, 10_000, 40_000)
SCREEN = Picture("screen.webm", "point:east", "Ea Kao", True, 20_000, 30_000)


def story(*pictures: Picture, **more: object) -> Story:
    return Story(60_000, pictures, main="point:main", **more)  # type: ignore[arg-type]  # fields by name


def on_stage(found: list[Scene], t: int) -> str:
    scene = next(one for one in found if one.start_ms <= t < one.end_ms)
    return scene.stage.name if scene.stage else ""


def test_the_main_point_has_the_stage_when_nobody_speaks() -> None:
    [scene] = scenes(story(EAST, MAIN))
    assert (scene.stage, scene.strip) == (MAIN, (EAST,))


def test_whoever_speaks_takes_the_stage_and_keeps_it_until_somebody_else_speaks() -> None:
    found = scenes(story(MAIN, EAST, speaking=[(5000, ("point:east",)), (20_000, ()), (40_000, ("point:main",))]))
    assert [on_stage(found, t) for t in (1000, 6000, 30_000, 50_000)] == [
        "main.webm",
        "east.webm",
        "east.webm",
        "main.webm",
    ]


def test_a_cough_does_not_take_the_stage() -> None:
    speaking = [(1000, ("point:main",)), (5000, ("point:east",)), (5500, ("point:main",))]
    assert settled(speaking, 60_000) == [(1000, "point:main")]


def test_the_floor_goes_before_the_loudest() -> None:
    found = scenes(story(MAIN, EAST, speaking=[(0, ("point:main",))], floor=[(10_000, ("point:east",)), (20_000, ())]))
    assert [on_stage(found, t) for t in (5000, 15_000, 25_000)] == ["main.webm", "east.webm", "main.webm"]


def test_a_shared_screen_takes_the_stage_and_its_speaker_stands_in_the_strip() -> None:
    found = scenes(story(MAIN, EAST, SCREEN, speaking=[(0, ("point:east",))]))
    scene = next(one for one in found if one.stage == SCREEN)
    assert (scene.start_ms, scene.end_ms) == (20_000, 30_000)
    assert scene.strip == (EAST, MAIN)


def test_somebody_who_is_only_heard_is_named() -> None:
    [scene] = scenes(story(MAIN, speaking=[(0, ("guest:1",))], names={"guest:1": "Lê Văn Khách"}))
    assert (scene.stage, scene.speaker) == (MAIN, "Lê Văn Khách")


def test_a_recording_without_pictures_still_has_its_scenes() -> None:
    found = scenes(story(speaking=[(0, ("guest:1",)), (30_000, ("guest:2",))], names={"guest:1": "A", "guest:2": "B"}))
    assert [(one.stage, one.speaker) for one in found] == [(None, "A"), (None, "B")]


def test_whatever_happens_scenes_cover_the_whole_without_overlap() -> None:
    choose = random.Random(9)
    for _ in range(50):
        pictures = [
            Picture(f"{n}", f"point:{n % 5}", f"{n}", n == 7, start, start + choose.randrange(1, 30_000))
            for n in range(choose.randrange(9))
            for start in [choose.randrange(60_000)]
        ]
        speaking = [(choose.randrange(60_000), (f"point:{choose.randrange(6)}",)) for _ in range(8)]
        found = scenes(story(*pictures, speaking=sorted(speaking)))
        assert found[0].start_ms == 0
        assert found[-1].end_ms == 60_000
        for before, after in itertools.pairwise(found):
            assert before.end_ms == after.start_ms
            assert (before.stage, before.strip, before.speaker) != (after.stage, after.strip, after.speaker)
        assert all(one.stage not in one.strip and len(one.strip) <= STRIP for one in found)
        assert all(p.covers(one.start_ms) for one in found for p in (one.stage, *one.strip) if p)
