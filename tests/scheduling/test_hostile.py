"""Whatever is sent, on both databases: a sentence for the sender and never a fault of ours."""

from collections.abc import AsyncIterator
from urllib.parse import unquote

import pytest
from fastapi import FastAPI

from meetings.access import Role
from meetings.context import Context
from meetings.errors import NotFound
from meetings.recording.minutes.service import find_minutes, hold_minutes
from meetings.scheduling.models import BookingDraft, Meeting
from tests.conftest import logged_in
from tests.fakes import Browser
from tests.scheduling_stage import booked, filled, furnished, post_letters, rows

NASTY = (
    "\x00",
    "\ud800".encode("utf-8", "surrogatepass").decode("latin-1"),
    "'; DROP TABLE meetings; --",
    "A" * 9000,
    "%s{0}",
)


@pytest.fixture
async def secretary(any_app: FastAPI) -> AsyncIterator[Browser]:
    await furnished(any_app.state.context.database)
    async with await logged_in(any_app, Role.SECRETARY) as browser:
        yield browser


async def test_every_page_opens_on_both_databases(any_app: FastAPI, secretary: Browser) -> None:
    context: Context = any_app.state.context
    meeting_id = await booked(secretary)
    await post_letters(context)
    await secretary.post(
        f"/meetings/{meeting_id}/papers", files=[("papers", ("a.pdf", b"%PDF-1.7", "application/pdf"))]
    )
    changed = await secretary.post(f"/meetings/{meeting_id}/edit", data=filled(start="15:00", version="1"))
    assert changed.status_code == 303
    await secretary.post("/meetings/drafts", data=filled(title="Bản nháp"))
    await post_letters(context)
    for path in ("/", "/week?week=2026-W18&view=room&leader=pct", "/meetings/new", "/outbox?state=kept"):
        assert (await secretary.get(path)).status_code == 200, path
    for part in ("", "/edit", "/copy", "/cancel", "/invitation"):
        assert (await secretary.get(f"/meetings/{meeting_id}{part}")).status_code == 200, part


@pytest.mark.parametrize("nasty", NASTY)
async def test_nasty_words_anywhere_are_refused_in_words(any_app: FastAPI, secretary: Browser, nasty: str) -> None:
    context: Context = any_app.state.context
    meeting_id = await booked(secretary)
    for name in (
        "title",
        "kind",
        "chair_person_id",
        "date",
        "start",
        "length",
        "main_venue_id",
        "points",
        "people",
        "guests",
    ):
        answer = await secretary.post("/meetings/new", data=filled(**{name: nasty}))
        assert answer.status_code in (409, 422), name
    for form in ({"draft_id": nasty}, {"draft_version": nasty}, {"copied_from_id": nasty}, {"act": nasty}):
        assert (await secretary.post("/meetings/new", data=filled(**form))).status_code == 409  # the hour is taken
    assert (await secretary.post(f"/meetings/{meeting_id}/edit", data=filled(version=nasty))).status_code == 409
    assert (await secretary.post("/meetings/drafts", data=filled(title=nasty, note=nasty))).status_code == 200
    assert (await secretary.post("/meetings/drafts/drop", data={"draft_id": nasty})).status_code == 303
    assert (await secretary.post("/outbox/retry", data={"letter": nasty})).status_code == 404
    for key in ("week", "view", "leader", "venue", "point"):
        assert (await secretary.get("/week", params={key: nasty})).status_code == 200, key
    for path, keys in (("/outbox", ("state", "meeting")), ("/meetings/new", ("draft",))):
        for key in keys:
            assert (await secretary.get(path, params={key: nasty})).status_code in (200, 404), key
    assert [meeting.id for meeting in await rows(context, Meeting)] == [meeting_id]


@pytest.mark.parametrize("meeting_id", ["%00", "%ED%A0%80", "A" * 2000, "..%2f..%2fetc"])
async def test_an_id_that_is_none_is_not_found(any_app: FastAPI, secretary: Browser, meeting_id: str) -> None:
    real = await booked(secretary)
    for part in ("", "/edit", "/copy", "/cancel", "/invitation"):
        assert (await secretary.get(f"/meetings/{meeting_id}{part}")).status_code == 404, part
    assert (await secretary.get(f"/meetings/{real}/papers/{meeting_id}")).status_code == 404


@pytest.mark.parametrize("given", ["%00", "A" * 2000])
async def test_an_id_of_no_document_recording_or_minutes_is_not_found(any_app: FastAPI, given: str) -> None:
    async with await logged_in(any_app, Role.OFFICE_LEADER) as leader:
        for path in (f"/documents/{given}", f"/documents/{given}/pdf", f"/recordings/{given}/files/x.webm"):
            assert (await leader.get(path)).status_code == 404, path
        for path in (f"/api/recordings/{given}", f"/meetings/{given}/minutes", f"/meetings/{given}/review"):
            assert (await leader.get(path)).status_code == 404, path
    async with any_app.state.context.database.read() as session:
        assert await find_minutes(session, unquote(given)) is None
        with pytest.raises(NotFound):
            await hold_minutes(session, unquote(given))


async def test_drafts_that_nobody_finishes_do_not_pile_up(any_app: FastAPI, secretary: Browser) -> None:
    for n in range(25):
        await secretary.post("/meetings/drafts", data=filled(title=f"Bản {n}"))
    drafts = await rows(any_app.state.context, BookingDraft, "id")
    assert len(drafts) == 20
    assert drafts[-1].fields["title"] == "Bản 24"
