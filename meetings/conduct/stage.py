"""Where requests meet conferences: who asks (of the cookies one browser may hold), and one act as one transaction."""

import inspect
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Annotated, Literal

from fastapi import Depends, Query, Request
from sqlalchemy.ext.asyncio import AsyncSession

from meetings.access import ANONYMOUS, Actor
from meetings.conduct.callers import Caller, guest_actor, identify
from meetings.conduct.enforcement import carry_out
from meetings.conduct.scene import Scene, open_scene
from meetings.context import Context
from meetings.scheduling import service as scheduling
from meetings.scheduling.models import Meeting
from meetings.web import ActorDep, ContextDep, PointDep

GUEST_COOKIE = "meetings_guest"

Deed = Callable[[Scene, Caller], Awaitable[object] | object]


async def guest_of(request: Request, context: Context, meeting_id: str) -> Actor | None:
    token = request.cookies.get(GUEST_COOKIE)
    if not token:
        return None
    async with context.database.read() as session:
        return await guest_actor(session, token, meeting_id, context.clock.now())


async def who(
    request: Request,
    context: ContextDep,
    actor: ActorDep,
    point: PointDep,
    seat_of: Annotated[Literal["point", "account", "guest"] | None, Query(alias="as")] = None,
) -> Actor:
    """The page says as whom it asks; else account, point, guest, in this order."""
    meeting_id = request.path_params.get("meeting_id") or request.query_params.get("meeting", "")
    account = actor if actor.account_id is not None else None
    if seat_of in ("account", None) and account is not None:
        return account
    if seat_of in ("point", None) and point.venue_id is not None:
        return point
    if seat_of in ("guest", None):
        return await guest_of(request, context, meeting_id) or ANONYMOUS
    return ANONYMOUS


WhoDep = Annotated[Actor, Depends(who)]


@dataclass(frozen=True, slots=True)
class Stage:
    """One meeting and the one who acts in it."""

    context: Context
    actor: Actor
    meeting_id: str

    async def look(self, session: AsyncSession) -> tuple[Meeting, Caller]:
        meeting = await scheduling.get_meeting(session, self.meeting_id)
        return meeting, await identify(session, self.actor, meeting)

    async def act(self, deed: Deed) -> dict[str, int]:
        """The act and its log are committed together; then the relay is told. If it is away, that changes nothing."""
        async with self.context.database.transaction() as session:
            meeting, caller = await self.look(session)
            scene = await open_scene(session, meeting, self.context.clock.now())
            result = deed(scene, caller)
            if inspect.isawaitable(result):
                await result
            seq = await scene.write()
        await carry_out(self.context, self.meeting_id, scene.orders)
        return {"seq": seq}


def stage(context: ContextDep, actor: WhoDep, meeting_id: str) -> Stage:
    return Stage(context, actor, meeting_id)


StageDep = Annotated[Stage, Depends(stage)]
