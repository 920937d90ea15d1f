"""The sealed files of recordings, and whether a document still has the recording it was filed with."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from meetings.config import Settings
from meetings.errors import Text, text
from meetings.recording import manifest, service
from meetings.recording.models import Recording
from meetings.recording.review.integrity import Checked, Sealed, Verdict
from meetings.register.models import Document


async def sealed_files(session: AsyncSession, settings: Settings, recordings: Iterable[Recording]) -> list[Sealed]:
    """Every file of these recordings with the hash it was sealed with: tracks, manifest, composed picture."""
    found: list[Sealed] = []
    for recording in recordings:
        folder = service.directory_of(settings, recording)
        for file in await service.files_of(session, recording.id):
            found.append(Sealed(file.name, folder / file.name, file.sha256))
        if recording.manifest_sha256:
            found.append(Sealed(manifest.NAME, folder / manifest.NAME, recording.manifest_sha256))
        if recording.composed_sha256:
            found.append(Sealed(service.COMPOSED_NAME, folder / service.COMPOSED_NAME, recording.composed_sha256))
    return found


def told(checked: Checked) -> Text:
    """A sentence that names the file."""
    if checked.verdict is Verdict.MISSING:
        return text("Mất tệp ghi: {file}", file=checked.name)
    return text("Tệp ghi đã bị thay đổi: {file}", file=checked.name)


async def binding_faults(session: AsyncSession) -> list[Text]:
    """Every document that was filed with another recording than the one that lies here."""
    faults: list[Text] = []
    bound = await session.scalars(select(Document).where(Document.manifest_sha256.is_not(None)))
    for document in list(bound):
        if (fault := await binding_fault(session, document)) is not None:
            faults.append(fault)
    return faults


async def binding_fault(session: AsyncSession, document: Document) -> Text | None:
    """What is wrong when a document was filed with another recording than the one that lies here, or nothing.

    A recording made after filing does not matter: the document binds those that had ended by then."""
    if document.manifest_sha256 is None or document.meeting_id is None:
        return None
    ended = [one.manifest_sha256 for one in await service.recordings_of(session, document.meeting_id)]
    hashes = [sha256 for sha256 in ended if sha256]
    if document.manifest_sha256 in {service.hash_of(hashes[:count]) for count in range(1, len(hashes) + 1)}:
        return None
    return text("Bản ghi không khớp với mã băm đã ghi trong văn bản {symbol}.", symbol=document.symbol)
