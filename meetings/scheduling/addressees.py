"""Whom a letter addresses: the form of address, the language, and how this person comes into the meeting."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from meetings.directory.models import Account, Person

from .models import Answer, MeetingParticipant, ParticipantRole
from .plans import Plan

PARTSTAT = {Answer.NONE: "NEEDS-ACTION", Answer.ACCEPTED: "ACCEPTED", Answer.DECLINED: "DECLINED"}
# a name that begins with one of these is already addressed
HONORIFICS = (
    "Ông",
    "Bà",
    "Đồng chí",
    "Đ/c",
    "Anh",
    "Chị",
    "Ngài",
    "GS",
    "PGS",
    "TS",
    "ThS",
    "Luật sư",
    "Mr",
    "Ms",
    "Mrs",
    "Dr",
)


@dataclass(frozen=True)
class Addressee:
    """`joins`: with an account of one's own. `point`: the room of one's own unit, if it takes part."""

    name: str
    post: str
    unit: str
    chairs: bool
    partstat: str
    locale: str
    joins: bool
    point: str

    @property
    def formal_name(self) -> str:
        known = self.name.casefold().startswith(tuple(f"{one} ".casefold() for one in HONORIFICS))
        dotted = self.name.casefold().startswith(tuple(f"{one}.".casefold() for one in HONORIFICS))
        return self.name if known or dotted else f"Ông/Bà {self.name}"

    @property
    def address(self) -> str:
        """`Ông Nguyễn Văn A, Chủ tịch UBND xã X`; the unit only where the post does not name it."""
        named = self.unit and self.unit.rpartition(" ")[2].casefold() in self.post.casefold()
        return ", ".join(filter(None, (self.formal_name, self.post, "" if named else self.unit)))


async def addressees(
    session: AsyncSession, plan: Plan, people: Sequence[MeetingParticipant]
) -> dict[str, dict[str, object]]:
    """What a mailing keeps of each, by the participant's id."""
    person_ids = [one.person_id for one in people if one.person_id]
    units = select(Person.id, Person.unit_id).where(Person.id.in_(person_ids))
    unit_of = {row[0]: row[1] for row in await session.execute(units)}
    accounts = select(Account.person_id, Account.locale).where(Account.person_id.in_(person_ids), Account.active)
    locales = {row[0]: row[1] or "" for row in await session.execute(accounts)}
    rooms = {plan.venues[point.venue_id].unit_id: plan.venues[point.venue_id].name for point in plan.members}
    return {
        one.id: asdict(
            Addressee(
                name=one.name,
                post=one.post,
                unit=one.unit_name,
                chairs=one.role == ParticipantRole.CHAIR,
                partstat=PARTSTAT[Answer(one.answer)],
                locale=locales.get(one.person_id or "", ""),
                joins=one.person_id in locales,
                point=rooms.get(unit_of.get(one.person_id or "") or "", ""),
            )
        )
        for one in people
    }
