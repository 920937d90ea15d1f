"""Owns the permanent links of rooms: who may open one, and which browser speaks for which venue."""

import base64
import hashlib
import hmac
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from meetings.access import Actor, Role
from meetings.config import Settings
from meetings.directory.house_log import note
from meetings.directory.models import PointLink, Venue
from meetings.errors import Conflict, NotFound
from meetings.ids import new_token, token_hash


@dataclass(frozen=True)
class OpenedLink:
    venue_id: str
    venue_name: str
    device: str  # for the browser's cookie


def link_token(settings: Settings, venue_id: str, generation: int) -> str:
    """The same words each time, so that a card can be printed again; unknown without the house's secret."""
    message = f"point:{venue_id}:{generation}".encode()
    digest = hmac.new(settings.link_secret.encode(), message, hashlib.sha256).digest()
    return base64.urlsafe_b64encode(digest[:24]).decode()


async def renew_link(session: AsyncSession, settings: Settings, venue_id: str, now: datetime) -> str:
    """Makes a venue's link, or a new one in place of the old, which opens nothing from now on. Returns its token."""
    link = await session.get(PointLink, venue_id, with_for_update=True)
    if link is None:
        link = PointLink(venue_id=venue_id, generation=0)
        session.add(link)
    link.generation += 1
    token = link_token(settings, venue_id, link.generation)
    link.token_hash, link.renewed_at = token_hash(token), now
    link.device_hash = link.bound_at = link.opened_at = None
    link.browser = ""
    await session.flush()
    return token


async def unbind(session: AsyncSession, venue_id: str) -> None:
    """Lets the next browser that opens the link be the venue's."""
    mine = update(PointLink).where(PointLink.venue_id == venue_id)
    await session.execute(mine.values(device_hash=None, bound_at=None, browser=""))


async def open_link(
    session: AsyncSession, token: str, device: str | None, now: datetime, *, browser: str = ""
) -> OpenedLink:
    """Binds the venue to this browser, or knows it again. `device` is what its cookie says, if it has one."""
    query = select(PointLink, Venue).join(Venue).where(PointLink.token_hash == token_hash(token), Venue.active)
    row = (await session.execute(query.with_for_update(of=PointLink))).first()
    if row is None:
        raise NotFound(
            "Đường liên kết của điểm cầu không còn hiệu lực. Đề nghị gọi cán bộ kỹ thuật để được cấp lại.",
            code="link_unknown",
        )
    link, venue = row
    device = device or new_token()
    if link.device_hash is None:
        link.device_hash, link.bound_at, link.browser = token_hash(device), now, browser[:200]
        await session.flush()
        await note(session, "point.bound", venue.id, now, None)
    elif link.device_hash != token_hash(device):
        raise Conflict(
            "Đường liên kết của “{venue}” đang gắn với một máy khác. Nếu đây là máy mới của phòng họp, "
            "đề nghị gọi cán bộ kỹ thuật để gỡ máy cũ rồi mở lại.",
            code="bound_elsewhere",
            venue=venue.name,
        )
    link.opened_at = now
    await session.flush()
    return OpenedLink(venue.id, venue.name, device)


async def actor_of_point(session: AsyncSession, device: str) -> Actor | None:
    """The venue for which this browser speaks. One that holds several speaks for the one it opened last."""
    query = (
        select(Venue)
        .join(PointLink)
        .where(PointLink.device_hash == token_hash(device), Venue.active)
        .order_by(PointLink.opened_at.desc())
        .limit(1)
    )
    venue = await session.scalar(query)
    if venue is None:
        return None
    return Actor(account_id=None, name=venue.name, roles=frozenset({Role.POINT}), venue_id=venue.id)
