"""A form of scheduling that is refused, or posted by somebody else's page, changes nothing and leaves one line."""

from collections.abc import Sequence
from typing import Any

import pytest
from structlog.testing import capture_logs

from meetings.access import Role
from meetings.context import Context
from meetings.events import EventRow
from meetings.scheduling.answers import answer_token
from meetings.scheduling.models import AgendaItem, Letter, Meeting, MeetingParticipant, Paper
from tests.conftest import LogIn
from tests.fakes import Browser
from tests.scheduling_stage import booked, filled, furnished, invited, post_letters, rows

SECRET = "không-nên-thấy-trong-nhật-ký"
TABLES = (Meeting, MeetingParticipant, AgendaItem, Letter, Paper, EventRow)


@pytest.fixture
async def secretary(context: Context, log_in: LogIn) -> Browser:
    await furnished(context.database)
    return await log_in(Role.SECRETARY)


async def stored(context: Context) -> list[Sequence[dict[str, Any]]]:
    """Everything that scheduling keeps but drafts: what was typed into a refused form is kept as one, on purpose."""
    return [
        [{column.name: getattr(row, column.key) for column in table.__mapper__.columns} for row in found]
        for table in TABLES
        for found in [await rows(context, table)]
    ]


REFUSED = [
    ("/meetings/new", {"note": SECRET}, 422),
    ("/meetings/{id}/edit", filled(version="7", note=SECRET), 409),
    ("/meetings/{id}/edit", filled(version="1", classification="mat", note=SECRET), 422),
    ("/meetings/{id}/cancel", {"reason": "khac", "explanation": f"\u202e{SECRET}"}, 422),
    ("/meetings/{id}/papers", {"papers": SECRET}, 422),
    ("/answer/{token}", {"answer": "declined", "reason": f"{SECRET}\x00"}, 422),
    ("/answer/{token}", {"answer": SECRET}, 422),
    ("/outbox/retry", {"letter": SECRET}, 404),
    ("/meetings/{id}/papers/{id}/remove", {"x": SECRET}, 404),
]


@pytest.mark.parametrize(("path", "form", "status"), REFUSED)
async def test_a_refused_form_changes_nothing_and_is_one_line_without_what_was_typed(
    context: Context, secretary: Browser, path: str, form: dict[str, Any], status: int
) -> None:
    meeting_id = await booked(secretary, people=["p-xa1"])
    await post_letters(context)
    [one] = await invited(context)
    where = path.format(id=meeting_id, token=answer_token(context.settings, one.id))
    before = await stored(context)
    with capture_logs() as lines:
        answer = await secretary.post(where, data=form)
    assert answer.status_code == status, answer.text
    assert [line["status"] for line in lines] == [status]
    assert SECRET not in repr(lines)
    assert 'role="alert"' in answer.text or "<h1" in answer.text
    assert await stored(context) == before


@pytest.mark.parametrize("token", [None, "", "0" * 64, "x" * 5000])
@pytest.mark.parametrize(
    ("path", "form"),
    [
        ("/meetings/new", filled()),
        ("/meetings/drafts", {"title": SECRET}),
        ("/meetings/{id}/edit", filled(title=SECRET, version="1")),
        ("/meetings/{id}/cancel", {"reason": "bat_kha_khang"}),
        ("/meetings/{id}/papers", {"x": SECRET}),
        ("/answer/{token}", {"answer": "accepted"}),
        ("/outbox/retry", {"letter": "x"}),
    ],
)
async def test_a_form_of_somebody_elses_page_does_nothing(
    context: Context, secretary: Browser, path: str, form: dict[str, Any], token: str | None
) -> None:
    meeting_id = await booked(secretary, people=["p-xa1"])
    [one] = await invited(context)
    where = path.format(id=meeting_id, token=answer_token(context.settings, one.id))
    before = await stored(context)
    data = form if token is None else form | {"csrf_token": token}
    with capture_logs() as lines:
        answer = await secretary.request("POST", where, data=data, forged=True)
    assert answer.status_code == 403
    assert [line["status"] for line in lines] == [403]
    assert SECRET not in repr(lines)
    assert await stored(context) == before
