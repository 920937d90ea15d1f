"""Who gets what of a line that does not carry everything."""

from __future__ import annotations

from meetings.signaling.media.allocator import Allocator, Step, Wish

SMALL, MIDDLE, LARGE = Step(0, 3, 150_000), Step(1, 3, 500_000), Step(2, 3, 1_700_000)
CAMERA = (SMALL, MIDDLE, LARGE)
SCREEN = (Step(0, 0, 400_000), Step(0, 1, 700_000), Step(0, 3, 1_200_000))


def spatial(decided: dict[str, Step | None]) -> dict[str, int]:
    return {key: -1 if step is None else step.spatial for key, step in decided.items()}


def test_everything_is_granted_when_it_fits() -> None:
    allocator = Allocator[str]()
    decided = allocator.decide(5_000_000, [Wish("a", 0, CAMERA), Wish("b", 1, CAMERA)], 0)
    assert spatial(decided) == {"a": 2, "b": 2}
    assert allocator.next_step == 0
    assert allocator.wanted == 3_400_000


def test_everybodys_smallest_picture_comes_before_anybodys_better_one() -> None:
    wishes = [Wish("stage", 0, CAMERA), *(Wish(f"tile {n}", 1, CAMERA[:1]) for n in range(4))]
    decided = Allocator[str]().decide(1_200_000, wishes, 0)
    assert spatial(decided) == {"stage": 1, "tile 0": 0, "tile 1": 0, "tile 2": 0, "tile 3": 0}


def test_what_comes_first_gets_better_first_whatever_the_order_of_asking() -> None:
    decided = Allocator[str]().decide(2_000_000, [Wish("tile", 3, CAMERA), Wish("stage", 0, CAMERA)], 0)
    assert spatial(decided) == {"stage": 2, "tile": 0}


def test_equals_are_treated_alike() -> None:
    decided = Allocator[str]().decide(2_000_000, [Wish(name, 1, CAMERA) for name in "abc"], 0)
    assert spatial(decided) == {"a": 1, "b": 1, "c": 1}


def test_a_shared_screen_is_readable_before_it_is_smooth() -> None:
    decided = Allocator[str]().decide(900_000, [Wish("screen", 0, SCREEN), Wish("camera", 1, CAMERA)], 0)
    assert decided == {"screen": SCREEN[1], "camera": SMALL}


def test_a_picture_is_taken_away_only_after_a_while_and_the_least_important_first() -> None:
    allocator = Allocator[str]()
    wishes = [Wish("stage", 0, CAMERA), Wish("tile", 1, CAMERA)]
    allocator.decide(400_000, wishes, 0)
    assert spatial(allocator.decide(200_000, wishes, 1)) == {"stage": 0, "tile": 0}
    assert spatial(allocator.decide(200_000, wishes, 2.5)) == {"stage": 0, "tile": 0}
    assert spatial(allocator.decide(200_000, wishes, 3.1)) == {"stage": 0, "tile": -1}
    assert spatial(allocator.decide(310_000, wishes, 4)) == {"stage": 0, "tile": -1}
    assert allocator.next_step == 300_000
    assert spatial(allocator.decide(400_000, wishes, 5)) == {"stage": 0, "tile": 0}


def test_a_budget_that_swings_does_not_make_the_picture_swing() -> None:
    allocator = Allocator[str]()
    wishes = [Wish("stage", 0, CAMERA)]
    seen = {
        spatial(allocator.decide(budget, wishes, now))["stage"]
        for now, budget in enumerate([600_000, 520_000, 480_000, 560_000, 1_800_000, 1_900_000])
    }
    assert seen == {1}
    assert spatial(allocator.decide(2_000_000, wishes, 9)) == {"stage": 2}
    assert spatial(allocator.decide(1_650_000, wishes, 10)) == {"stage": 2}


def test_what_is_not_published_now_costs_nothing() -> None:
    assert Allocator[str]().decide(100_000, [Wish("a", 0, ()), Wish("b", 1, ())], 0) == {"a": None, "b": None}
