"""Sets two versions of minutes side by side where they differ, for whoever must choose; pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

from meetings.recording.minutes.rules import Content, Paragraph


@dataclass(frozen=True)
class Difference:
    """Paragraphs that stand against each other; either side may be empty."""

    mine: tuple[str, ...]
    theirs: tuple[str, ...]


def differences(mine: Content, theirs: Content) -> list[Difference]:
    """Where the two differ, in the order of the document."""
    left, right = _lines(mine), _lines(theirs)
    matcher = SequenceMatcher(a=left, b=right, autojunk=False)
    return [
        Difference(tuple(left[a:b]), tuple(right[c:d])) for kind, a, b, c, d in matcher.get_opcodes() if kind != "equal"
    ]


def _lines(content: Content) -> list[str]:
    return [content.title, content.secretary, content.chair, *_paragraph_lines(content.paragraphs)]


def _paragraph_lines(paragraphs: Sequence[Paragraph]) -> list[str]:
    return ["\n".join(part for part in (p.heading, p.text) if part) for p in paragraphs]
