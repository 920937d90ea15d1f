"""Checks recordings against what was logged: the manifest's hash, its chain, every file, the composed one."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from meetings.config import Settings
from meetings.errors import Text, text
from meetings.recording import manifest, service
from meetings.recording.models import Recording


async def verify_recordings(session: AsyncSession, settings: Settings) -> list[Text]:
    """One sentence for each thing that is not as it was sealed. Reads every byte: blocking, for a command."""
    found: list[Text] = []
    for recording in await session.scalars(select(Recording).order_by(Recording.id)):
        found += findings(settings, recording)
    return found


def findings(settings: Settings, recording: Recording) -> list[Text]:
    """What is wrong with one recording."""
    if recording.manifest_sha256 is None:
        return []
    directory = service.directory_of(settings, recording)
    if not (directory / manifest.NAME).is_file():
        return [text("Bản ghi {id}: thiếu bảng kê.", id=recording.id)]
    what = manifest.problems(directory)
    found = [text("Bản ghi {id}: {what}.", id=recording.id, what=one) for one in what]
    if manifest.digest(directory) != recording.manifest_sha256:
        found.append(text("Bản ghi {id}: bảng kê đã bị thay đổi sau khi khép lại.", id=recording.id))
    composed = directory / service.COMPOSED_NAME
    if recording.composed_sha256 is None:
        return found
    if not composed.is_file() or manifest.file_hash(composed) != recording.composed_sha256:
        found.append(text("Bản ghi {id}: tệp tổng hợp đã mất hoặc bị thay đổi.", id=recording.id))
    return found
