"""Sending letters: by the mail server, or into the outbox folder while none is set."""

import asyncio
from email.message import EmailMessage

import aiosmtplib
import structlog
from sqlalchemy.ext.asyncio import AsyncSession

from meetings import events
from meetings.config import Settings
from meetings.context import Context
from meetings.i18n import Translations
from meetings.jobs import GiveUp, Handler, JobContext

from .letters import Written, as_bytes, compose
from .mailing import JOB, MAIL_ATTEMPTS, next_letter, put_to_post
from .models import Letter, LetterState, Mailing, Meeting
from .outbox import Outbox

log = structlog.get_logger(__name__)
SMTP_SECONDS = 30


def handlers(context: Context) -> dict[str, Handler]:
    async def send(job: JobContext) -> None:
        await send_letter(job, context.settings, context.translations)

    return {JOB: send}


async def send_letter(job: JobContext, settings: Settings, translations: Translations) -> None:
    """Sends one letter, notes it, and puts the next one of this participant to the post.

    A letter may go twice when the machine dies between sending and noting; its Message-ID stays the same.
    """
    async with job.database.read() as session:
        letter = await session.get_one(Letter, str(job.payload["letter_id"]))
        mailing = await session.get_one(Mailing, letter.mailing_id)
    if letter.state != LetterState.QUEUED:
        return
    message = compose(Written(letter, mailing, settings, translations))
    try:
        state = await deliver(message, letter, settings)
    except (aiosmtplib.SMTPException, OSError) as error:
        if not _final(error, job.attempt):
            await _note_error(job, letter.id, _said(error))
            raise
        await _finish(job, letter.id, LetterState.FAILED, _said(error))
        raise GiveUp(_said(error)) from error
    await _finish(job, letter.id, state)


async def deliver(message: EmailMessage, letter: Letter, settings: Settings) -> LetterState:
    if settings.smtp_host is None:
        await asyncio.to_thread(Outbox(settings.outbox_dir).keep, f"{letter.id}.eml", as_bytes(message))
        return LetterState.KEPT
    password = settings.smtp_password
    await aiosmtplib.send(
        message,
        sender=settings.mail_from,
        recipients=[letter.to_address],
        hostname=settings.smtp_host,
        port=settings.smtp_port,
        username=settings.smtp_username,
        password=password.get_secret_value() if password else None,
        use_tls=settings.smtp_tls == "tls",
        start_tls=settings.smtp_tls == "starttls",
        timeout=SMTP_SECONDS,
    )
    return LetterState.HANDED


def _final(error: Exception, attempt: int) -> bool:
    """A server that says no for good (5xx) is not asked again."""
    if isinstance(error, aiosmtplib.SMTPRecipientsRefused):
        codes = [one.code for one in error.recipients]
    else:
        codes = [error.code] if isinstance(error, aiosmtplib.SMTPResponseException) else []
    refused = bool(codes) and all(500 <= code < 600 for code in codes)
    authentication = isinstance(error, aiosmtplib.SMTPAuthenticationError)  # somebody will mend the settings
    return (refused and not authentication) or attempt >= MAIL_ATTEMPTS


def _said(error: Exception) -> str:
    """The server's own reply, as people can hand it on: "550 no such person"."""
    if isinstance(error, aiosmtplib.SMTPRecipientsRefused) and error.recipients:
        error = error.recipients[0]
    if isinstance(error, aiosmtplib.SMTPResponseException):
        return f"{error.code} {error.message}"
    return str(error) or type(error).__name__


async def _note_error(job: JobContext, letter_id: str, words: str) -> None:
    async with job.database.transaction() as session:
        letter = await session.get_one(Letter, letter_id)
        letter.error = words[:500]


async def _finish(job: JobContext, letter_id: str, state: LetterState, error: str = "") -> None:
    now = job.clock.now()
    async with job.database.transaction() as session:
        first = await session.get_one(Letter, letter_id)
        # the meeting's row before the letters: whoever books or cancels holds it while queueing letters
        await session.get_one(Meeting, first.meeting_id, with_for_update=True)
        letter = await session.get_one(Letter, letter_id, populate_existing=True)
        if letter.state != LetterState.QUEUED:
            return
        letter.state, letter.done_at, letter.error = state, now, error[:500]
        await session.flush()
        waiting = await next_letter(session, letter)
        if waiting is not None:
            await put_to_post(session, waiting)
        await _log(session, letter, job)


async def _log(session: AsyncSession, letter: Letter, job: JobContext) -> None:
    log.info("mail.done", letter_id=letter.id, meeting_id=letter.meeting_id, state=letter.state)
    await events.append(
        session,
        chain=events.meeting_chain(letter.meeting_id),
        kind=f"invitation.{letter.state}",
        at=job.clock.now(),
        subject_id=letter.participant_id,
        payload={"letter": letter.kind, "name": letter.to_name, "error": letter.error},
    )
