"""The names that the shipped rules give are known in English too, though they stand in data."""

from pathlib import Path

from meetings.scheduling.rules.regulation import regulation_in
from tests.unit.foundation import sentences


def test_every_shipped_name_has_its_english(tmp_path: Path) -> None:
    regulation, known = regulation_in(tmp_path), sentences.catalogue()
    named = [*regulation.kinds, *regulation.regimes, *regulation.classifications]
    assert len(named) > 10
    assert [one.name for one in named if one.name not in known] == []
