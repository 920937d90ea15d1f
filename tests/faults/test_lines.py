"""A point behind a bad line keeps its sound, and its picture as far as the line carries one."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.faults.lines.cells import BY_NAME, CELLS, Cell
from tests.faults.lines.measuring import Result, measure, possible

pytestmark = [pytest.mark.fault, pytest.mark.timeout(300)]

# Least share of sound either way, least pictures a second to the point, and from it. A shared machine takes its own
# share, so these lie well below docs/bad-lines.md; losing redundancy, resending or thinning falls below them.
QUICK = {"tenth": (0.93, 3.0, 1.0), "commune": (0.93, 2.0, 0.5), "thin": (0.85, 0.3, 2.0)}


@pytest.fixture(scope="module", autouse=True)
def networks() -> None:
    if reason := possible():
        pytest.skip(f"no bad lines here: {reason}")


@pytest.fixture(scope="module")
def results() -> dict[str, Result]:
    """All three at once: most of their time is waiting."""
    with ThreadPoolExecutor(len(QUICK)) as pool:
        measured = pool.map(lambda name: measure(BY_NAME[name], "relay", warm=8, seconds=12), QUICK)
        return dict(zip(QUICK, measured, strict=True))


@pytest.mark.parametrize("name", QUICK)
def test_sound_is_kept_on_a_bad_line(results: dict[str, Result], name: str) -> None:
    sound, _, _ = QUICK[name]
    assert results[name].down.sound >= sound
    assert results[name].up.sound >= sound


@pytest.mark.parametrize("name", QUICK)
def test_the_picture_goes_on_as_far_as_the_line_carries_it(results: dict[str, Result], name: str) -> None:
    _, down, up = QUICK[name]
    assert results[name].down.pictures >= down
    assert results[name].up.pictures >= up


@pytest.mark.long
@pytest.mark.parametrize("cell", CELLS, ids=lambda cell: cell.name)
def test_every_cell_keeps_most_of_its_sound(cell: Cell) -> None:
    result = measure(cell, "relay")
    least = 0.6 if cell.name == "worst" else 0.85
    assert result.down.sound >= least
    assert result.up.sound >= least
    assert result.down.pictures > 0
