"""The outgoing register as rows of plain text, for the screen, the printed book and spreadsheets."""

from __future__ import annotations

import csv
import io
from collections.abc import AsyncIterable, AsyncIterator, Sequence
from datetime import date

from meetings.register.models import Document, RegisterColumn

_BOM = "\ufeff"  # without it a spreadsheet reads Vietnamese in the wrong code page
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def short_date(day: date | None) -> str:
    return f"{day.day:02}/{day.month:02}/{day.year}" if day else ""


def subject(document: Document) -> str:
    """Type and title as one phrase: "Biên bản họp giao ban", but "Biên bản UBND tỉnh làm việc với …"."""
    title = document.title
    lower = title[:1].lower() + title[1:] if title[:1].isupper() and not title[1:2].isupper() else title
    return f"{document.type_name} {lower}"


def cell(document: Document, field: str) -> str:
    """What a column of the register shows of a document."""
    match field:
        case "issued_on" | "sent_on":
            return short_date(getattr(document, field))
        case "title":
            return subject(document)
        case "recipients":
            return "; ".join(line.strip(" ;") for line in document.recipients.splitlines() if line.strip(" ;"))
        case "symbol" | "signer" | "keeper" | "signed_receipt" | "note" | "copies":
            return str(getattr(document, field))
        case _:
            return ""  # a column that the office added and fills in by hand


async def csv_lines(columns: Sequence[RegisterColumn], documents: AsyncIterable[Document]) -> AsyncIterator[str]:
    """The book as CSV, a line at a time; a cell that a spreadsheet would run as a formula is made text."""
    yield _BOM + _csv_line([column.title for column in columns])
    async for document in documents:
        yield _csv_line([_harmless(cell(document, column.field)) for column in columns])


def _harmless(value: str) -> str:
    return f"'{value}" if value.startswith(_FORMULA) else value


def _csv_line(values: Sequence[str]) -> str:
    line = io.StringIO()
    csv.writer(line).writerow(values)
    return line.getvalue()
