"""What a letter of invitation, change or cancellation says: one message with plain text, page, and calendar."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from typing import Any
from zoneinfo import ZoneInfo

from markupsafe import Markup

from meetings.config import Settings
from meetings.errors import N_

from . import ical
from .answers import answer_token
from .models import Answer, Letter, LetterKind, Mailing
from .plans import Plan

PARTSTAT = {Answer.NONE: "NEEDS-ACTION", Answer.ACCEPTED: "ACCEPTED", Answer.DECLINED: "DECLINED"}
SUBJECTS = {
    LetterKind.REQUEST: N_("Giấy mời: {title}"),
    LetterKind.UPDATE: N_("Thay đổi giấy mời: {title}"),
    LetterKind.CANCEL: N_("Hủy giấy mời: {title}"),
}
OPENINGS = {
    LetterKind.REQUEST: "{office} trân trọng kính mời {name} tới dự:",
    LetterKind.UPDATE: "{office} xin báo thay đổi của cuộc họp đã mời {name}. Nội dung mới như sau:",
    LetterKind.CANCEL: "{office} xin báo {name}: giấy mời dưới đây không còn hiệu lực.",
}
WEEKDAYS = ("Thứ Hai", "Thứ Ba", "Thứ Tư", "Thứ Năm", "Thứ Sáu", "Thứ Bảy", "Chủ Nhật")


def snapshot_of(plan: Plan, settings: Settings, kind_name: str, base_url: str) -> dict[str, Any]:
    """What the letters of one mailing say, apart from whom they go to."""
    meeting, chair, venue = plan.meeting, plan.chair, plan.main_venue
    return {
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
        "cancel_reason": meeting.cancel_reason,
        "office": settings.office_name,
        "mail_from": settings.mail_from,
        "base_url": base_url.rstrip("/"),
        "attendees": [
            {"name": one.name, "address": one.email, "partstat": PARTSTAT[Answer(one.answer)]}
            for one in plan.participants
            if one.email
        ],
    }


@dataclass(frozen=True)
class Written:
    """A letter ready to be written: the row, what its mailing says, and the settings with the secret of links."""

    letter: Letter
    mailing: Mailing
    settings: Settings

    @property
    def says(self) -> Mapping[str, Any]:
        return self.mailing.snapshot

    @property
    def answer_url(self) -> str:
        return f"{self.says['base_url']}/answer/{answer_token(self.settings, self.letter.participant_id)}"

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
    text = plain_text(written)
    message.set_content(text, cte="base64")
    message.add_alternative(page(written), subtype="html", cte="base64")
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
    says, letter = written.says, written.letter
    cancelled = letter.kind == LetterKind.CANCEL
    attendees = [ical.Attendee(one["name"], one["address"], one["partstat"]) for one in says["attendees"]]
    mine = [one for one in attendees if one.address == letter.to_address]
    invitation = ical.Invitation(
        uid=says["uid"],
        sequence=written.mailing.sequence,
        title=says["title"],
        description=plain_text(written),
        location=says["place"],
        starts_at=written.local("starts_at"),
        ends_at=written.local("ends_at"),
        time_zone=says["time_zone"],
        organizer_name=says["office"],
        organizer_address=says["mail_from"],
        attendees=(mine or [ical.Attendee(letter.to_name, letter.to_address)]) if cancelled else attendees,
        stamp=letter.queued_at,
        created=datetime.fromisoformat(says["created_at"]),
    )
    return ical.cancel(invitation) if cancelled else ical.request(invitation)


def hours(written: Written) -> str:
    starts_at, ends_at = written.local("starts_at"), written.local("ends_at")
    day = f"{WEEKDAYS[starts_at.weekday()]}, ngày {starts_at:%d/%m/%Y}"
    until = f"{ends_at:%H:%M}" if ends_at.date() == starts_at.date() else f"{ends_at:%H:%M ngày %d/%m/%Y}"
    return f"{starts_at:%H:%M} đến {until}, {day}"


def facts(written: Written) -> list[tuple[str, str]]:
    """The lines that the regime asks of an invitation."""
    says = written.says
    rows = [
        ("Chủ trì", says["chair"]),
        ("Thời gian", hours(written)),
        ("Địa điểm", says["place"]),
        ("Điểm cầu thành phần", "; ".join(says["points"])),
        ("Đầu mối liên hệ", says["contact"]),
        ("Lưu ý", says["note"]),
    ]
    if written.letter.kind == LetterKind.CANCEL:
        rows.append(("Lý do", says["cancel_reason"]))
    return [(label, value) for label, value in rows if value]


def opening(written: Written) -> str:
    sentence = OPENINGS[LetterKind(written.letter.kind)]
    return sentence.format(office=written.says["office"], name=written.letter.to_name)


def plain_text(written: Written) -> str:
    lines = [opening(written), "", written.says["title"].upper(), ""]
    lines += [f"{label}: {value}" for label, value in facts(written)]
    if written.says["agenda"]:
        lines += ["", "Chương trình:"]
        lines += [f"{n}. {_item(item)}" for n, item in enumerate(written.says["agenda"], 1)]
    if written.letter.kind != LetterKind.CANCEL:
        lines += ["", "Trả lời dự họp (không cần tài khoản):", written.answer_url]
    return "\n".join([*lines, "", f"Trân trọng,\n{written.says['office']}", ""])


def _item(item: list[Any]) -> str:
    title, presenter, minutes = item
    return f"{title}{f' – {presenter}' if presenter else ''}{f' ({minutes} phút)' if minutes else ''}"


_PAGE = Markup(
    '<!doctype html><html lang="vi"><head><meta charset="utf-8"><title>{subject}</title></head>'
    '<body style="font:16px/1.5 sans-serif;color:#10161d;max-width:40em;margin:1.5em auto;padding:0 1em">'
    '<p>{opening}</p><h1 style="font-size:1.3em;border-top:4px solid #10161d;padding-top:.6em">{title}</h1>'
    '<table style="border-collapse:collapse">{rows}</table>{agenda}{answer}'
    "<p>Trân trọng,<br>{office}</p></body></html>"
)
_ROW = Markup(
    '<tr><th style="text-align:left;vertical-align:top;padding:.2em 1em .2em 0;font-weight:400;color:#555">{}</th>'
    '<td style="padding:.2em 0;white-space:pre-line">{}</td></tr>'
)
_BUTTON = Markup(
    '<p style="margin:1.5em 0"><a href="{}" style="background:#0b4a9b;color:#fff;padding:.7em 1.2em;'
    'text-decoration:none;border-radius:3px">Trả lời dự họp</a></p>'
)


def page(written: Written) -> str:
    """For people who read their mail as pages; nothing in it is fetched from anywhere."""
    items = Markup().join(Markup("<li>{}</li>").format(_item(item)) for item in written.says["agenda"])
    asked = written.letter.kind != LetterKind.CANCEL
    return str(
        _PAGE.format(
            subject=written.letter.subject,
            opening=opening(written),
            title=written.says["title"],
            rows=Markup().join(_ROW.format(label, value) for label, value in facts(written)),
            agenda=Markup("<p>Chương trình:</p><ol>{}</ol>").format(items) if items else "",
            answer=_BUTTON.format(written.answer_url) if asked else "",
            office=written.says["office"],
        )
    )


def as_bytes(message: EmailMessage) -> bytes:
    return message.as_bytes(policy=SMTP)


__all__ = ["Written", "as_bytes", "compose", "snapshot_of"]
