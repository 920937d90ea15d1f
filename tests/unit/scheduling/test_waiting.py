"""What waits for somebody: sources are asked, nothing is told twice, the most urgent comes first."""

from collections.abc import Sequence
from datetime import date
from pathlib import Path

from sqlalchemy.ext.asyncio import AsyncSession

from meetings.access import Actor, Role
from meetings.config import Settings
from meetings.errors import Text
from meetings.scheduling.office import Office
from meetings.scheduling.waiting import Wait, gather
from tests.fakes import ManualClock


def wait(href: str, by: date | None = None, *, late: bool = False, what: str = "Việc") -> Wait:
    return Wait(Text(what, {}), "Họp giao ban", Text("Chờ", {}), href, Text("Mở", {}), by, late)


class OneFeature:
    """A feature that knows of some things, and remembers for whom it was asked."""

    def __init__(self, *waits: Wait) -> None:
        self.waits, self.asked = waits, list[Actor]()

    async def __call__(self, session: AsyncSession, office: Office) -> Sequence[Wait]:
        self.asked.append(office.actor)
        return self.waits


def office(tmp_path: Path) -> Office:
    actor = Actor("a1", "Thư ký", frozenset({Role.SECRETARY}))
    return Office(Settings(data_dir=tmp_path), actor, ManualClock().now(), "https://hop.example.invalid")


async def test_every_source_is_asked_for_this_actor_and_the_most_urgent_comes_first(tmp_path: Path) -> None:
    later, late = wait("/b", date(2026, 5, 2)), wait("/c", date(2026, 4, 20), late=True)
    minutes, tasks = OneFeature(later), OneFeature(late, wait("/e", late=True))
    desk = office(tmp_path)
    found = await gather(AsyncSession(), desk, [wait("/d"), wait("/a", date(2026, 4, 30))], [minutes, tasks])
    assert [one.href for one in found] == ["/e", "/c", "/a", "/b", "/d"]
    assert minutes.asked == tasks.asked == [desk.actor]


async def test_what_a_source_tells_of_a_page_replaces_what_scheduling_would_say(tmp_path: Path) -> None:
    told = wait("/meetings/1/minutes", what="Duyệt biên bản")
    own = wait("/meetings/1/minutes", what="Hoàn thiện biên bản")
    assert await gather(AsyncSession(), office(tmp_path), [own], [OneFeature(told)]) == [told]
