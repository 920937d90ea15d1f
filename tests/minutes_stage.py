"""A meeting that has been held: its log and, when asked, a recording on disk. Minutes and review start from it."""

from __future__ import annotations

import hashlib
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from html import unescape
from pathlib import Path
from typing import Any

import httpx2
from fastapi import FastAPI

from meetings import events
from meetings.access import Role
from meetings.context import Context
from meetings.directory.models import Person, Unit, Venue
from meetings.recording import manifest, service
from meetings.recording.minutes.blanks import BLANK, confirmed
from meetings.recording.models import Recording, RecordingFile
from meetings.scheduling.models import AgendaItem, Meeting, MeetingParticipant, MeetingPoint
from tests.conftest import logged_in
from tests.fakes import Browser, ManualClock

MEETING = "meetingheld"
CHAIR, SECRETARY = "personchair", "personsecretary"
HALL, EAST, WEST = "venuehall", "venueeast", "venuewest"
NAMES = {HALL: "Phòng họp số 1", EAST: "UBND xã Krông Gió", WEST: "UBND phường Buôn Thông"}
PAGE = f"/meetings/{MEETING}/minutes"


@dataclass
class Stage:
    """The meeting began at `start`; the clock stands after its end."""

    app: FastAPI
    context: Context
    clock: ManualClock
    start: datetime
    secretary: Browser
    browsers: list[Browser] = field(default_factory=list)

    async def account(self, *roles: Role, person_id: str | None = None) -> Browser:
        browser = await logged_in(self.app, *roles, person_id=person_id)
        self.browsers.append(browser)
        return browser

    async def chair(self) -> Browser:
        return await self.account(Role.CHAIR, person_id=CHAIR)

    async def clerk(self) -> Browser:
        return await self.account(Role.CLERK)

    async def tell(self, minute: float, kind: str, venue: str | None = None, **payload: Any) -> None:
        at, actor = self.start + timedelta(minutes=minute), payload.pop("actor", None)
        if venue is not None:
            payload = {"seat": {"name": NAMES[venue]}, "name": NAMES[venue], **payload}
        async with self.context.database.transaction() as session:
            subject = f"point:{venue}" if venue else None
            chain = events.meeting_chain(MEETING)
            await events.append(
                session, chain=chain, kind=kind, at=at, actor_id=actor, subject_id=subject, payload=payload
            )

    async def hold(self) -> None:
        """The meeting as it went: two of three points, two agenda items, one speaker, one word in the chat."""
        await self.tell(-3, "participant.joined", HALL)
        await self.tell(-1, "participant.joined", EAST)
        await self.tell(0, "conference.opened", actor=f"account:{self.secretary.account_id}", name="Thư ký")
        await self.tell(1, "agenda.started", item_id="itemone", title="Báo cáo")
        await self.tell(20, "agenda.started", item_id="itemtwo", title="Thảo luận")
        await self.tell(22, "floor.granted", EAST)
        await self.tell(27, "floor.released", EAST)
        await self.tell(30, "chat.message", None, identity=f"point:{EAST}", name=NAMES[EAST], text="Xin hỗ trợ máy bơm")
        await self.tell(90, "conference.ended", reason="chair")
        async with self.context.database.transaction() as session:
            (await session.get_one(Meeting, MEETING)).state = "ended"

    async def record(self, state: str = "stopped", files: int = 2) -> Path:
        """A recording from the opening on, its files sealed as the recorder seals them; gives their folder."""
        async with self.context.database.transaction() as session:
            recording = Recording(
                meeting_id=MEETING,
                desired="stopped" if state == "stopped" else "running",
                state=state,
                requested_at=self.start,
                started_at=self.start,
                stopped_at=self.start + timedelta(minutes=90),
                duration_ms=90 * 60_000,
            )
            session.add(recording)
            await session.flush()
            folder = service.directory_of(self.context.settings, recording)
            folder.mkdir(parents=True)
            if state == "stopped":
                sealed = [_sealed(recording, folder, number) for number in range(files)]
                session.add_all(sealed)
                recording.manifest_sha256 = _manifest(folder, sealed)
        return folder

    async def post(self, browser: Browser, path: str, **fields: Any) -> httpx2.Response:
        return await browser.post(f"/meetings/{MEETING}/{path}", data=fields)

    async def draft(self) -> None:
        answer = await self.post(self.secretary, "minutes/draft")
        assert answer.status_code == 303, answer.text

    async def approved(self) -> None:
        """Held, drafted, submitted and approved."""
        await self.hold()
        await self.draft()
        form = await Editor.filled(self.secretary)
        answer = await form.send("submit", not_recorded_because="Chủ tọa không cho ghi")
        assert answer.status_code == 303, answer.text
        answer = await self.post(await self.chair(), "minutes/approve", version=str(form.version))
        assert answer.status_code == 303, answer.text

    async def log(self, kind: str) -> list[events.Event]:
        async with self.context.database.read() as session:
            found = await events.read_after(session, events.meeting_chain(MEETING), 0)
        return [event for event in found if event.kind == kind]


def _write(path: Path, content: bytes) -> str:
    path.write_bytes(content)
    return hashlib.sha256(content).hexdigest()


def _manifest(folder: Path, files: list[RecordingFile]) -> str:
    lines = manifest.Manifest(folder)
    for file in files:
        lines.append("close", file.duration_ms, file=file.name, sha256=file.sha256)
    lines.close()
    return manifest.digest(folder)


def _sealed(recording: Recording, folder: Path, number: int) -> RecordingFile:
    content = b"webm" + bytes([number]) * 1000
    name = f"s1-{number}.webm"
    return RecordingFile(
        recording_id=recording.id,
        name=name,
        identity=f"point:{HALL}",
        participant_name=NAMES[HALL],
        kind="audio" if number else "video",
        segment=1,
        starts_ms=0,
        duration_ms=90 * 60_000,
        size=len(content),
        sha256=_write(folder / name, content),
        media_type="video/webm",
    )


class Editor:
    """The editor's form as the page gave it: change `rows`, then `send` it with one of its buttons."""

    def __init__(self, browser: Browser, page: str) -> None:
        self._browser = browser
        self.version = int(_one(r'name="version" value="(\d+)"', page))
        form = page[page.index('id="minutes"') : page.index("<template")]
        slots = re.findall(r'name="slot" value="(\w+)"', form)
        moments = re.findall(r'name="moment" value="([^"]*)"', form)
        headings = [unescape(value) for value in re.findall(r'name="heading" value="([^"]*)"', form)]
        texts = [unescape(value) for value in re.findall(r'name="text"[^>]*>([^<]*)</textarea>', form)]
        self.rows = [list(row) for row in zip(slots, moments, headings, texts, strict=True)]
        self.title = unescape(_one(r'name="title"[^>]*>([^<]*)</textarea>', form))
        self.secretary = unescape(_one(r'name="secretary" value="([^"]*)"', form))
        self.chair = unescape(_one(r'name="chair" value="([^"]*)"', form))

    @classmethod
    async def of(cls, browser: Browser) -> Editor:
        page = await browser.get(PAGE)
        assert page.status_code == 200, page.text
        return cls(browser, page.text)

    @classmethod
    async def filled(cls, browser: Browser) -> Editor:
        """The editor after its writer has confirmed what the plan says, written what was left open, and saved."""
        editor = await cls.of(browser)
        for row in editor.rows:
            row[3] = confirmed(row[3]).replace(BLANK, "đã nêu ý kiến.")
        answer = await editor.send()
        assert answer.status_code == 303, answer.text
        return await cls.of(browser)

    def fields(self, do: str = "save", **more: str) -> dict[str, Any]:
        slots, moments, headings, texts = (list(column) for column in zip(*self.rows, strict=True))
        return {
            "version": str(self.version),
            "do": do,
            "title": self.title,
            "secretary": self.secretary,
            "chair": self.chair,
            "slot": slots,
            "moment": moments,
            "heading": headings,
            "text": texts,
            **more,
        }

    async def send(self, do: str = "save", **more: str) -> httpx2.Response:
        return await self._browser.post(PAGE, data=self.fields(do, **more))

    def texts(self) -> list[str]:
        return [row[3] for row in self.rows]


def _one(pattern: str, text: str) -> str:
    found = re.search(pattern, text)
    assert found, pattern
    return found[1]


@asynccontextmanager
async def staged(app: FastAPI, clock: ManualClock) -> AsyncIterator[Stage]:
    """The meeting, and at the end its browsers closed."""
    made = await _build(app, clock)
    yield made
    for browser in made.browsers:
        await browser.aclose()


async def _build(app: FastAPI, clock: ManualClock) -> Stage:
    """A meeting that began two hours ago; main point and two members were invited."""
    context: Context = app.state.context
    start = clock.now() - timedelta(hours=2)
    async with context.database.transaction() as session:
        session.add(Unit(id="unit", name="Tỉnh", level="province", valid_from=start.date()))
        await session.flush()
        session.add_all(Venue(id=key, unit_id="unit", name=name) for key, name in NAMES.items())
        session.add(Person(id=CHAIR, full_name="Nguyễn Văn Chủ Tọa", post="Phó Chủ tịch UBND tỉnh", honorific="ông"))
        session.add(Person(id=SECRETARY, full_name="Lê Thị Thư Ký", post="chuyên viên Văn phòng", honorific="bà"))
    secretary = await logged_in(app, Role.SECRETARY, person_id=SECRETARY)
    async with context.database.transaction() as session:
        session.add(
            Meeting(
                id=MEETING,
                title="Triển khai công tác phòng, chống thiên tai",
                kind="giao_ban",
                chair_person_id=CHAIR,
                secretary_account_id=secretary.account_id,
                created_by=secretary.account_id,
                created_at=start,
                starts_at=start,
                ends_at=start + timedelta(minutes=90),
                time_zone="Asia/Ho_Chi_Minh",
                main_venue_id=HALL,
                uid=f"{MEETING}@example.invalid",
                state="scheduled",
            )
        )
        await session.flush()
        for position, key in enumerate(NAMES):
            role = "main" if key == HALL else "member"
            session.add(MeetingPoint(meeting_id=MEETING, venue_id=key, role=role, position=position))
        session.add(MeetingParticipant(meeting_id=MEETING, name="Phạm Thị Lan", post="Giám đốc Sở", answer="accepted"))
        items = {"itemone": ("Báo cáo", "Sở Nông nghiệp"), "itemtwo": ("Thảo luận", "")}
        for position, (key, (title, presenter)) in enumerate(items.items(), 1):
            session.add(AgendaItem(id=key, meeting_id=MEETING, position=position, title=title, presenter=presenter))
    return Stage(app, context, clock, start, secretary, [secretary])
