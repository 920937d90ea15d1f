"""Search without diacritics: folds Vietnamese text, reads queries, and finds the words to mark in the original.

SQLite's FTS5 and NFD both leave đ alone, so folding happens here and gives the same answer on every database.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

_WORD = re.compile(r"[^\W_]+")


def fold(text: str) -> str:
    """The text in lower case without diacritics: "Điện Biên" becomes "dien bien"."""
    decomposed = unicodedata.normalize("NFD", text.casefold())
    return "".join("d" if c == "đ" else c for c in decomposed if not unicodedata.combining(c))


def folded_words(text: str) -> list[str]:
    return _WORD.findall(fold(text))


def searchable(*parts: str) -> str:
    """What is stored beside a document: folded words with single spaces, one before each word, so that a
    search for " ho chua" begins at the beginning of a word."""
    words = [word for part in parts for word in folded_words(part)]
    return f" {' '.join(words)} "


@dataclass(frozen=True)
class Query:
    """The folded words somebody typed; the last may be the beginning of a word."""

    words: tuple[str, ...]

    @classmethod
    def read(cls, typed: str) -> Query:
        return cls(tuple(folded_words(typed))[:12])

    def __bool__(self) -> bool:
        return bool(self.words)

    @property
    def phrase(self) -> str:
        """A LIKE pattern for the words in this order. Folded words hold no % and no _, so nothing to escape."""
        return f"% {' '.join(self.words)}%"

    @property
    def scattered(self) -> list[str]:
        """LIKE patterns for the words in any order."""
        whole = [f"% {word} %" for word in self.words[:-1]]
        return [*whole, f"% {self.words[-1]}%"] if self.words else []


@dataclass(frozen=True)
class Piece:
    text: str
    hit: bool


def mark(text: str, query: Query, *, in_order: bool = True) -> list[Piece]:
    """The text cut into pieces, those that the query found marked as hits; joined they give the text again.

    Composed first, since a detached diacritic would end a word."""
    text = unicodedata.normalize("NFC", text)
    tokens = [(m.start(), m.end(), fold(m.group())) for m in _WORD.finditer(text)]
    hits = _phrase_spans(tokens, query.words) if in_order else _word_spans(tokens, query.words)
    pieces: list[Piece] = []
    at = 0
    for start, end in hits:
        if start > at:
            pieces.append(Piece(text[at:start], hit=False))
        pieces.append(Piece(text[start:end], hit=True))
        at = end
    if at < len(text):
        pieces.append(Piece(text[at:], hit=False))
    return pieces


def _phrase_spans(tokens: list[tuple[int, int, str]], words: tuple[str, ...]) -> list[tuple[int, int]]:
    spans: list[tuple[int, int]] = []
    index = 0
    while words and index + len(words) <= len(tokens):
        window = [word for _, _, word in tokens[index : index + len(words)]]
        if window[:-1] == list(words[:-1]) and window[-1].startswith(words[-1]):
            spans.append((tokens[index][0], tokens[index + len(words) - 1][1]))
            index += len(words)
        else:
            index += 1
    return spans


def _word_spans(tokens: list[tuple[int, int, str]], words: tuple[str, ...]) -> list[tuple[int, int]]:
    if not words:
        return []
    return [(start, end) for start, end, word in tokens if word in words[:-1] or word.startswith(words[-1])]
