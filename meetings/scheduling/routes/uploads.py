"""Where scheduling takes files, and who may send them there."""

import re
from collections.abc import Mapping

from meetings.access import Action, Actor, require
from meetings.context import Context
from meetings.guards import Upload

from .desk import held


async def _may_book(context: Context, actor: Actor, named: Mapping[str, str]) -> None:
    require(actor, Action.BOOK_MEETING)


async def _may_edit(context: Context, actor: Actor, named: Mapping[str, str]) -> None:
    async with context.database.read() as session:
        await held(session, actor, named["meeting_id"], Action.EDIT_MEETING)


UPLOADS = (
    Upload(re.compile(r"/meetings/new"), _may_book),
    Upload(re.compile(r"/meetings/(?P<meeting_id>[0-9a-z]{16})/(?:edit|papers)"), _may_edit),
)
