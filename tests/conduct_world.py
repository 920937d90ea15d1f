"""A small province for tests of the conference: rooms, people, one meeting, and browsers that stand for them."""

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import httpx2
from fastapi import FastAPI

from meetings import events
from meetings.access import Role
from meetings.conduct import attendance
from meetings.context import Context
from meetings.directory import points
from meetings.directory.models import Person, Unit, Venue
from meetings.scheduling.models import AgendaItem, Meeting, MeetingParticipant, MeetingPoint
from tests.conftest import logged_in
from tests.fakes import Browser, ManualClock
from tests.fakes_livekit import FakeRelay

MAIN, EAST, WEST, FAR = "venuemain", "venueeast", "venuewest", "venuefar"
CHAIR, LEADER = "personchair", "personleader"
MEETING = "meetingone"
ITEMS = ("itemone", "itemtwo")
NAMES = {MAIN: "Phòng họp số 1", EAST: "UBND xã Ea Kao", WEST: "UBND phường Buôn Hồ", FAR: "UBND xã Krông Ana"}
TAB = "tab-00000001"
OTHER_TAB = "tab-00000002"


@dataclass
class World:
    """`relay` is the stand-in; its webhooks are delivered by `arrive` and `depart`, as the real one would."""

    app: FastAPI
    context: Context
    clock: ManualClock
    relay: FakeRelay
    secretary: Browser
    browsers: list[Browser] = field(default_factory=list)

    async def point(self, venue_id: str) -> Browser:
        """The browser of a room, bound by the room's link."""
        async with self.context.database.transaction() as session:
            token = await points.renew_link(session, self.context.settings, venue_id, self.clock.now())
        browser = self.keep(Browser(self.app))
        opened = await browser.get(f"/p/{token}")
        assert opened.status_code == 303, opened.text
        return browser

    async def account(self, *roles: Role, person_id: str | None = None) -> Browser:
        return self.keep(await logged_in(self.app, *roles, person_id=person_id))

    async def chair(self) -> Browser:
        return await self.account(Role.CHAIR, person_id=CHAIR)

    async def guest(self, name: str = "Lê Văn Khách") -> Browser:
        browser = self.keep(Browser(self.app))
        answer = await browser.post(f"/meetings/{MEETING}/guest", data={"name": name})
        assert answer.status_code == 303, answer.text
        return browser

    def keep(self, browser: Browser) -> Browser:
        self.browsers.append(browser)
        return browser

    async def act(self, browser: Browser, path: str, **body: Any) -> httpx2.Response:
        return await browser.post(f"/api/meetings/{MEETING}/{path}", json=body)

    async def join(self, browser: Browser, tab: str = TAB, **more: Any) -> httpx2.Response:
        return await self.act(browser, "join", device_id=tab, **more)

    async def enter(self, browser: Browser, tab: str = TAB, **more: Any) -> dict[str, Any]:
        """Joins, connects to the relay, and the relay's webhook arrives. The answer of join."""
        joined = await self.join(browser, tab, **more)
        assert joined.status_code == 200, joined.text
        answer: dict[str, Any] = joined.json()
        await self.arrive(answer["token"])
        return answer

    async def arrive(self, token: str) -> None:
        info = self.relay.join(token)
        await self.hook(self.relay.webhook("participant_joined", MEETING, info))

    async def depart(self, identity: str) -> None:
        info = self.relay.rooms[MEETING].pop(identity)
        await self.hook(self.relay.webhook("participant_left", MEETING, info))

    async def hook(self, event: Any) -> None:
        body, signature = self.relay.signed(event)
        async with Browser(self.app) as browser:
            headers = {"Authorization": signature, "Content-Type": "application/webhook+json"}
            answer = await browser.request("POST", "/hooks/livekit", content=body, headers=headers, forged=True)
        assert answer.status_code == 200, answer.text

    async def snapshot(self, browser: Browser) -> dict[str, Any]:
        answer = await browser.get(f"/api/meetings/{MEETING}/snapshot")
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    async def seat(self, identity: str) -> dict[str, Any]:
        seats = (await self.snapshot(self.secretary))["seats"]
        return next(seat for seat in seats if seat["identity"] == identity)

    async def log(self) -> list[events.Event]:
        async with self.context.database.read() as session:
            return await events.read_after(session, events.meeting_chain(MEETING), 0)

    async def kinds(self) -> list[str]:
        return [event.kind for event in await self.log()]

    async def meeting_state(self) -> str:
        async with self.context.database.read() as session:
            return (await session.get_one(Meeting, MEETING)).state

    async def reconcile(self) -> None:
        await attendance.reconcile(self.context)


async def build(app: FastAPI, clock: ManualClock, relay: FakeRelay) -> World:
    """The meeting begins in 30 minutes and is planned for two hours; main, east and west are invited, far is not."""
    context: Context = app.state.context
    context.settings.livekit_url = relay.url
    secretary = await logged_in(app, Role.SECRETARY, login="thu.ky")
    assert secretary.account_id is not None
    await plant(context, clock, secretary.account_id)
    return World(app, context, clock, relay, secretary, [secretary])


async def plant(context: Context, clock: ManualClock, secretary_id: str) -> None:
    """The province's rooms and people, and the one meeting."""
    async with context.database.transaction() as session:
        session.add(Unit(id="unit", name="Tỉnh", level="province", valid_from=clock.now().date()))
        await session.flush()
        session.add_all(Venue(id=key, unit_id="unit", name=name) for key, name in NAMES.items())
        session.add(Person(id=CHAIR, full_name="Trần Văn Bình", post="Phó Chủ tịch"))
        session.add(Person(id=LEADER, full_name="Phạm Thị Lan", post="Giám đốc Sở"))
        await session.flush()
        session.add(meeting(clock, secretary_id))
        await session.flush()
        session.add_all(MeetingPoint(meeting_id=MEETING, venue_id=key, role=_role(key)) for key in (MAIN, EAST, WEST))
        session.add(MeetingParticipant(meeting_id=MEETING, person_id=LEADER, name="Phạm Thị Lan"))
        for position, key in enumerate(ITEMS, 1):
            session.add(AgendaItem(id=key, meeting_id=MEETING, position=position, title=f"Mục {position}"))


def _role(venue_id: str) -> str:
    return "main" if venue_id == MAIN else "member"


def meeting(clock: ManualClock, secretary_id: str) -> Meeting:
    starts_at = clock.now() + timedelta(minutes=30)
    return Meeting(
        id=MEETING,
        title="Giao ban tháng 4",
        kind="giao_ban",
        chair_person_id=CHAIR,
        secretary_account_id=secretary_id,
        created_by=secretary_id,
        created_at=clock.now(),
        starts_at=starts_at,
        ends_at=starts_at + timedelta(hours=2),
        time_zone="Asia/Ho_Chi_Minh",
        main_venue_id=MAIN,
        uid=f"{MEETING}@example.invalid",
        state="scheduled",
    )
