"""Places that a person must still fill in: what only the plan says, and dots of any kind; pure.

A draft states what the log shows. What it knows from elsewhere stands in brackets with its source,
`[… theo kế hoạch: Ông A]`, and becomes text when the writer confirms it; `[…]` must be written.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

BLANK = "[…]"
PLAN, AGENDA, ANSWERS = "kế hoạch", "chương trình", "thư trả lời"
CLOSED_BY_ITSELF = "giờ hệ thống tự đóng"

_MARKED = re.compile(r"\[…\s*theo [^:\[\]]+: ([^\[\]]*)\]")
_QUOTED = re.compile(r"“[^”]*”")
_OPEN = re.compile(r"\[\s*(?:…|\.{3,})|\.{4,}|…{2,}|(?:^|:)[ \t]*(?:…|\.{3})[ \t]*\.?[ \t]*$", re.MULTILINE)


def marked(source: str, words: str) -> str:
    """Words that the log does not show, with where they come from."""
    return f"[… theo {source}: {words.replace('[', '(').replace(']', ')')}]" if words else BLANK


def is_open(text: str) -> bool:
    """Whether something is left to fill in. Words that somebody is quoted with are theirs, dots and all."""
    return bool(_OPEN.search(_QUOTED.sub("“”", text)))


def confirmable(text: str) -> bool:
    return bool(_MARKED.search(text))


def confirmed(text: str) -> str:
    """The text with everything that was marked taken for true."""
    return _MARKED.sub(lambda found: found[1], text)


def trails_off(text: str) -> bool:
    """An ellipsis that may be a way of writing or a place forgotten: worth a look."""
    return not is_open(text) and "…" in _QUOTED.sub("“”", text)


def first_words(texts: Sequence[str], limit: int = 40) -> str:
    """How a paragraph without a name is called: by its beginning."""
    words = " ".join(next((text for text in texts if text.strip()), "").split())
    return words if len(words) <= limit else f"{words[: limit - 1].rstrip()}…"
