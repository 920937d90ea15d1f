"""A letter of invitation, change or cancellation as a message: plain text, page, calendar, and the calendar as a file.

Calendar programs want the calendar as an alternative of the text with its method on the part (RFC 6047, 2.4: Gmail,
Outlook), and once more as an attachment for those who open it by hand.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from typing import Any
from zoneinfo import ZoneInfo

from meetings.config import Settings
from meetings.errors import N_
from meetings.i18n import Translations

from . import ical
from .addressees import Addressee
from .answers import answer_token
from .letter_words import Words, page, plain_text
from .models import Letter, LetterKind, Mailing
from .plans import Plan

SUBJECTS = {
    LetterKind.REQUEST: N_("Giấy mời: {title}"),
    LetterKind.UPDATE: N_("Thay đổi giấy mời: {title}"),
    LetterKind.CANCEL: N_("Hủy giấy mời: {title}"),
}
CHAIR_SUBJECTS = {
    LetterKind.REQUEST: N_("Lịch chủ trì họp: {title}"),
    LetterKind.UPDATE: N_("Thay đổi lịch chủ trì họp: {title}"),
    LetterKind.CANCEL: N_("Hủy lịch chủ trì họp: {title}"),
}


def snapshot_of(plan: Plan, settings: Settings, kind_name: str, base_url: str) -> dict[str, Any]:
    """What all letters of one mailing say; whom they address is added by `addressees`."""
    meeting, chair, venue = plan.meeting, plan.chair, plan.main_venue
    return {
        "meeting_id": meeting.id,
        "uid": meeting.uid,
        "title": meeting.title,
        "kind": kind_name,
        "starts_at": meeting.starts_at.isoformat(),
        "ends_at": meeting.ends_at.isoformat(),
        "time_zone": meeting.time_zone,
        "created_at": meeting.created_at.isoformat(),
        "chair": ", ".join(filter(None, (f"{chair.honorific} {chair.full_name}".strip(), chair.post))),
        "place": ", ".join(filter(None, (venue.name, venue.location))),
        "points": [plan.venues[point.venue_id].name for point in plan.members],
        "agenda": [[item.title, item.presenter, item.minutes] for item in plan.agenda],
        "note": meeting.note,
        "contact": meeting.contact,
        "helpline": settings.helpline,
        "cancel_reason": meeting.cancel_reason,
        "office": settings.office_name,
        "mail_from": settings.mail_from,
        "base_url": base_url.rstrip("/"),
    }


@dataclass(frozen=True)
class Written:
    """A letter ready to be written: the row, what its mailing says, the secret of links, and the languages."""

    letter: Letter
    mailing: Mailing
    settings: Settings
    translations: Translations

    @property
    def says(self) -> Mapping[str, Any]:
        return self.mailing.snapshot

    @property
    def to(self) -> Addressee:
        return Addressee(**self.says["addressees"][self.letter.participant_id])

    @property
    def answer_url(self) -> str:
        return f"{self.says['base_url']}/answer/{answer_token(self.settings, self.letter.participant_id)}"

    @property
    def parts(self) -> list[Words]:
        locales = ("vi", "en") if self.to.locale == "en" else ("vi",)
        kind = LetterKind(self.letter.kind)
        return [Words(one, self.translations, kind, self.to, self.says, self.answer_url) for one in locales]

    def local(self, key: str) -> datetime:
        return datetime.fromisoformat(self.says[key]).astimezone(ZoneInfo(self.says["time_zone"]))


def compose(written: Written) -> EmailMessage:
    """The same bytes each time it is asked, so that a letter sent twice is known as one."""
    letter, says = written.letter, written.says
    content = _calendar(written)
    method = "CANCEL" if letter.kind == LetterKind.CANCEL else "REQUEST"
    domain = says["mail_from"].rpartition("@")[2]
    message = EmailMessage(policy=SMTP)
    message["Message-ID"] = f"<{letter.id}@{domain}>"
    message["Date"] = letter.queued_at
    message["From"] = Address(says["office"], addr_spec=says["mail_from"])
    message["To"] = Address(letter.to_name, addr_spec=letter.to_address)
    message["Subject"] = letter.subject
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(plain_text(written.parts), cte="base64")
    message.add_alternative(page(written.parts, letter.subject), subtype="html", cte="base64")
    message.add_alternative(content, maintype="text", subtype="calendar", cte="base64", params={"method": method})
    _name_charset(message, method)
    message.add_attachment(content, maintype="application", subtype="ics", filename="invite.ics")
    boundaries = iter(f"=_{letter.id}_{n}" for n in range(9))
    for part in message.walk():
        if part.is_multipart():
            part.set_boundary(next(boundaries))
    return message


def _name_charset(message: EmailMessage, method: str) -> None:
    """Calendar programs want method and charset on the part itself (RFC 6047, 2.4)."""
    for part in message.walk():
        if part.get_content_type() == "text/calendar":
            part.replace_header("Content-Type", f'text/calendar; method={method}; charset="utf-8"')


def _calendar(written: Written) -> bytes:
    says, letter, to = written.says, written.letter, written.to
    invitation = ical.Invitation(
        uid=says["uid"],
        sequence=written.mailing.sequence,
        title=says["title"],
        description=plain_text(written.parts),
        location=says["place"],
        starts_at=written.local("starts_at"),
        ends_at=written.local("ends_at"),
        time_zone=says["time_zone"],
        organizer_name=says["office"],
        organizer_address=says["mail_from"],
        attendee=ical.Attendee(to.name, letter.to_address, to.partstat, chairs=to.chairs),
        stamp=letter.queued_at,
        created=datetime.fromisoformat(says["created_at"]),
        url=written.parts[0].join_url,
    )
    return ical.cancel(invitation) if letter.kind == LetterKind.CANCEL else ical.request(invitation)


def as_bytes(message: EmailMessage) -> bytes:
    return message.as_bytes(policy=SMTP)


__all__ = ["Written", "as_bytes", "compose", "snapshot_of"]
