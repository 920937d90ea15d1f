"""Checks of a point's line before a meeting: a private room at the relay for a minute, and the verdict that is kept."""

from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import delete, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from meetings.access import Actor
from meetings.conduct.models import LineCheck
from meetings.conduct.rules.lines import Measured, judge
from meetings.directory.models import Venue
from meetings.errors import Conflict, Forbidden, NotFound, TooMany

LASTS = timedelta(seconds=60)  # no check takes longer; then it is given up
AT_ONCE = 6  # in the whole house: each moves about a megabit a second each way past the meetings that run
A_MINUTE = 3  # by one point
KEPT = 20  # of one point


async def begin(session: AsyncSession, actor: Actor, now: datetime) -> LineCheck:
    """A new check for this point or account. Raises TooMany while there are enough of them."""
    subject = _subject(actor)
    recent = LineCheck.started_at > now - LASTS
    mine = await session.scalar(select(func.count()).where(recent, LineCheck.subject == subject)) or 0
    running = await session.scalar(select(func.count()).where(recent, LineCheck.finished_at.is_(None))) or 0
    if mine >= A_MINUTE or running >= AT_ONCE:
        seconds = int(LASTS.total_seconds())
        raise TooMany("Đang có nhiều lần thử cùng lúc. Đề nghị thử lại sau một phút.", retry_after=seconds)
    check = LineCheck(subject=subject, venue_id=actor.venue_id, name=actor.name, started_at=now)
    session.add(check)
    await session.flush()
    await _tidy(session, subject)
    return check


async def finish(
    session: AsyncSession, actor: Actor, check_id: str, line: Measured, browser: str, now: datetime
) -> LineCheck:
    """Keep what was measured, once, for whoever began it."""
    check = await session.get(LineCheck, check_id, with_for_update=True)
    if check is None or check.subject != _subject(actor):
        raise NotFound("Không có lần thử đường truyền này.")
    if check.finished_at is not None or now - check.started_at > 2 * LASTS:
        raise Conflict("Lần thử đường truyền này đã kết thúc. Đề nghị thử lại.")
    verdicts = judge(line)
    check.finished_at, check.level, check.browser = now, verdicts["all"], browser[:200]
    check.measured, check.verdicts = asdict(line), {name: str(level) for name, level in verdicts.items()}
    await session.flush()
    return check


async def latest(session: AsyncSession) -> list[tuple[LineCheck, str]]:
    """Each point's and account's last finished check, with the room's name; the newest first."""
    last = (
        select(LineCheck.subject, func.max(LineCheck.finished_at).label("at"))
        .where(LineCheck.finished_at.is_not(None))
        .group_by(LineCheck.subject)
        .subquery()
    )
    query = (
        select(LineCheck, Venue.name)
        .join(last, (last.c.subject == LineCheck.subject) & (last.c.at == LineCheck.finished_at))
        .outerjoin(Venue, Venue.id == LineCheck.venue_id)
        .order_by(LineCheck.finished_at.desc())
        .limit(500)
    )
    return [(check, venue or check.name) for check, venue in (await session.execute(query)).all()]


def answer(check: LineCheck) -> dict[str, Any]:
    """What the page is told."""
    return {"level": check.level, "verdicts": check.verdicts}


def _subject(actor: Actor) -> str:
    if actor.venue_id is not None:
        return f"point:{actor.venue_id}"
    if actor.account_id is not None:
        return f"account:{actor.account_id}"
    raise Forbidden("Chỉ máy của điểm cầu và người có tài khoản thử được đường truyền.")


async def _tidy(session: AsyncSession, subject: str) -> None:
    old = select(LineCheck.id).where(LineCheck.subject == subject).order_by(LineCheck.started_at.desc()).offset(KEPT)
    ids = list((await session.scalars(old)).all())
    if ids:
        await session.execute(delete(LineCheck).where(LineCheck.id.in_(ids)))
