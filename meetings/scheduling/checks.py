"""What stands against a booking, all of it at once: the law, the directory, and what is taken already."""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from meetings.directory.models import Person, Venue
from meetings.errors import Invalid, MeetingsError

from . import calendar
from .office import Office
from .rules.booking import Known
from .rules.clashes import Wish
from .rules.deadlines import Occasion, check_invitation, deadlines_of
from .rules.secrecy import check_open


def law_faults(office: Office, known: Known, invited: datetime | None = None) -> list[MeetingsError]:
    """What the law says before anybody is asked: nothing secret, nothing late without its reason.

    `invited`: when the letters of this very hour went out; a change of other things does not make them late.
    """
    zone, regulation = office.settings.zone, office.regulation
    faults: list[MeetingsError] = []
    day = (known.span.starts_at if known.span else office.now).astimezone(zone).date()
    try:
        check_open(regulation, known.classification or regulation.secrecy.open[0], known.spoken, day)
    except Invalid as fault:
        faults.append(fault)
    if known.span and known.regime and known.kind:
        occasion = Occasion(known.regime, known.kind, known.periodic, known.span.starts_at)
        sent_on = (invited or office.now).astimezone(zone).date()
        try:
            check_invitation(deadlines_of(occasion, regulation, zone), sent_on, known.late_reason)
        except Invalid as fault:
            faults.append(fault)
    return faults


async def house_faults(
    session: AsyncSession, office: Office, known: Known, meeting_id: str | None = None
) -> list[MeetingsError]:
    """Who is not there, and what is taken at that hour. What was not read cannot be in the way."""
    faults: list[MeetingsError] = [*await missing(session, known)]
    if known.span:
        wish = Wish(
            known.span, known.chair_person_id or "", known.main_venue_id or "", known.venue_ids, meeting_id=meeting_id
        )
        faults += await calendar.in_the_way(session, wish, office.settings.zone)
    return faults


async def missing(session: AsyncSession, known: Known) -> list[Invalid]:
    """A fault at each field that names somebody or some room that is not there."""
    person_ids = {*known.people, *filter(None, [known.chair_person_id])}
    persons = set(await session.scalars(select(Person.id).where(Person.id.in_(person_ids))))
    venues = set(await session.scalars(select(Venue.id).where(Venue.id.in_(known.venue_ids), Venue.active)))
    wanted = (
        ("chair_person_id", {known.chair_person_id} - {None}, persons),
        ("main_venue_id", {known.main_venue_id} - {None}, venues),
        ("points", set(known.members), venues),
        ("people", set(known.people), persons),
    )
    return [_unknown(field) for field, ids, there in wanted if not ids <= there]


def _unknown(field: str) -> Invalid:
    return Invalid(
        "Có người hoặc phòng vừa chọn không còn trong danh mục. Vui lòng chọn lại.", field=field, code="unknown"
    )
