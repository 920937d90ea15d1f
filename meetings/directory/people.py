"""Owns persons: who holds which post, looked up for chairs and participants."""

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from meetings.directory.models import Person
from meetings.errors import NotFound


async def list_people(session: AsyncSession) -> list[Person]:
    """By rank, as a programme lists them, then by name."""
    return list(await session.scalars(select(Person).order_by(Person.sort_rank, Person.full_name)))


async def get_person(session: AsyncSession, person_id: str) -> Person:
    person = await session.get(Person, person_id)
    if person is None:
        raise NotFound("Không có người này trong danh bạ.")
    return person
