"""The words of a letter, as plain text and as a page: Vietnamese, and English below for who reads English.

A Vietnamese office writes Vietnamese letters: an account set to English gets the English part too, never instead.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from markupsafe import Markup

from meetings.errors import N_
from meetings.i18n import Translations
from meetings.pages import WEEKDAYS

from .addressees import Addressee
from .models import LetterKind

MOST_POINTS = 12  # more are counted, not named
OPENINGS = {
    LetterKind.REQUEST: N_("{office} trân trọng kính mời {name} tới dự cuộc họp:"),
    LetterKind.UPDATE: N_("{office} xin thông báo thay đổi của cuộc họp đã mời {name}. Nội dung mới như sau:"),
    LetterKind.CANCEL: N_("{office} xin thông báo: giấy mời {name} dự cuộc họp dưới đây không còn hiệu lực."),
}
CHAIR_OPENINGS = {
    LetterKind.REQUEST: N_("{office} trân trọng báo cáo {name} lịch chủ trì cuộc họp:"),
    LetterKind.UPDATE: N_("{office} xin báo cáo thay đổi của cuộc họp do {name} chủ trì. Nội dung mới như sau:"),
    LetterKind.CANCEL: N_("{office} xin báo cáo: {name} không còn lịch chủ trì cuộc họp dưới đây."),
}
CALLED_OFF = N_("{office} xin thông báo với {name}: cuộc họp dưới đây đã hủy.")


@dataclass(frozen=True)
class Words:
    """One language of one letter. `says`: what the mailing keeps of the meeting."""

    locale: str
    translations: Translations
    kind: LetterKind
    to: Addressee
    says: Mapping[str, Any]
    answer_url: str

    def _(self, msgid: str, **params: object) -> str:
        return self.translations.gettext(self.locale, msgid, **params)

    def _n(self, msgid: str, n: int) -> str:
        return self.translations.ngettext(self.locale, msgid, n)

    def local(self, key: str) -> datetime:
        return datetime.fromisoformat(self.says[key]).astimezone(ZoneInfo(self.says["time_zone"]))

    @property
    def off(self) -> bool:
        return self.kind == LetterKind.CANCEL

    def salutation(self) -> str:
        return self._("Kính gửi: {name}", name=self.to.address)

    def opening(self) -> str:
        sentence = (CHAIR_OPENINGS if self.to.chairs else OPENINGS)[self.kind]
        if self.off and self.says["cancel_reason"]:
            sentence = CALLED_OFF
        return self._(sentence, office=self.says["office"], name=self.to.formal_name)

    def hours(self) -> str:
        starts_at, ends_at = self.local("starts_at"), self.local("ends_at")
        until = f"{ends_at:%H:%M}" if ends_at.date() == starts_at.date() else f"{ends_at:%H:%M %d/%m/%Y}"
        return self._(
            "{start} đến {end}, {weekday}, ngày {day}",
            start=f"{starts_at:%H:%M}",
            end=until,
            weekday=WEEKDAYS[self.locale][starts_at.weekday()],
            day=f"{starts_at:%d/%m/%Y}",
        )

    def facts(self) -> list[tuple[str, str]]:
        """The lines that the regime asks of an invitation, and how this person comes in."""
        says = self.says
        rows = [
            (self._("Chủ trì"), says["chair"]),
            (self._("Thời gian"), self.hours()),
            (self._("Địa điểm"), says["place"]),
            (self._("Điểm cầu thành phần"), self._points()),
            *([] if self.off else self._way_in()),
            (self._("Đầu mối liên hệ"), says["contact"]),
            (self._("Hỗ trợ kỹ thuật"), says["helpline"]),
            (self._("Lưu ý"), says["note"]),
            (self._("Lý do"), says["cancel_reason"] if self.off else ""),
        ]
        return [(label, value) for label, value in rows if value]

    def _points(self) -> str:
        names = self.says["points"]
        return "; ".join(names) if len(names) <= MOST_POINTS else self._n("{n} điểm cầu", len(names))

    def _way_in(self) -> list[tuple[str, str]]:
        """A room of one's own unit is opened on the room's machine; an account joins from any machine of the house."""
        point = self.to.point and self._("{point}, mở sẵn trên máy của phòng họp", point=self.to.point)
        return [(self._("Điểm cầu của đơn vị"), point), (self._("Vào họp bằng tài khoản"), self.join_url)]

    @property
    def join_url(self) -> str:
        return f"{self.says['base_url']}/meetings/{self.says['meeting_id']}/room" if self.to.joins else ""

    @property
    def asks(self) -> bool:
        """Who chairs has agreed to the hour before it was booked."""
        return not self.off and not self.to.chairs

    def item(self, item: list[Any]) -> str:
        title, presenter, minutes = item
        length = self._n("{n} phút", minutes) if minutes else ""
        return f"{title}{f' – {presenter}' if presenter else ''}{f' ({length})' if length else ''}"

    def plain(self) -> str:
        lines = [self.salutation(), "", self.opening(), "", self.says["title"].upper(), ""]
        lines += [f"{label}: {value}" for label, value in self.facts()]
        if self.says["agenda"]:
            lines += ["", self._("Chương trình:")]
            lines += [f"{n}. {self.item(item)}" for n, item in enumerate(self.says["agenda"], 1)]
        if self.asks:
            lines += ["", self._(ASKING), self.answer_url]
        return "\n".join([*lines, "", self._("Trân trọng,"), self.says["office"], ""])

    def page(self) -> Markup:
        items = Markup().join(Markup("<li>{}</li>").format(self.item(item)) for item in self.says["agenda"])
        return _PART.format(
            locale=self.locale,
            salutation=self.salutation(),
            opening=self.opening(),
            title=self.says["title"],
            rows=Markup().join(_ROW.format(label, _linked(value)) for label, value in self.facts()),
            agenda=Markup("<p>{}</p><ol>{}</ol>").format(self._("Chương trình:"), items) if items else "",
            answer=_BUTTON.format(self._(ASKING), self.answer_url, self._("Trả lời dự họp")) if self.asks else "",
            closing=self._("Trân trọng,"),
            office=self.says["office"],
        )


ASKING = N_(
    "Đề nghị trả lời dự họp tại đường liên kết riêng dưới đây; không cần tài khoản, không chuyển cho người khác. "
    "Nút trả lời của chương trình lịch không tới được hệ thống."
)
_PART = Markup(
    '<div lang="{locale}"><p>{salutation}</p><p>{opening}</p>'
    '<h1 style="font-size:1.3em;border-top:4px solid #10161d;padding-top:.6em">{title}</h1>'
    '<table style="border-collapse:collapse">{rows}</table>{agenda}{answer}<p>{closing}<br>{office}</p></div>'
)
_ROW = Markup(
    '<tr><th style="text-align:left;vertical-align:top;padding:.2em 1em .2em 0;font-weight:400;color:#555">{}</th>'
    '<td style="padding:.2em 0;white-space:pre-line">{}</td></tr>'
)
_BUTTON = Markup(
    '<p style="margin:1.5em 0 .6em">{}</p><p style="margin:.6em 0 1.5em"><a href="{}" style="background:#0b4a9b;'
    'color:#fff;padding:.7em 1.2em;text-decoration:none;border-radius:3px">{}</a></p>'
)
_PAGE = Markup(
    '<!doctype html><html lang="vi"><head><meta charset="utf-8"><title>{subject}</title></head>'
    '<body style="font:16px/1.5 sans-serif;color:#10161d;max-width:40em;margin:1.5em auto;padding:0 1em">{parts}'
    "</body></html>"
)


def _linked(value: str) -> str:
    return Markup('<a href="{0}">{0}</a>').format(value) if value.startswith(("http://", "https://")) else value


def plain_text(parts: list[Words]) -> str:
    return "\n\n* * *\n\n".join(part.plain() for part in parts)


def page(parts: list[Words], subject: str) -> str:
    """For people who read their mail as pages; nothing in it is fetched from anywhere."""
    return str(_PAGE.format(subject=subject, parts=Markup("<hr>").join(part.page() for part in parts)))
