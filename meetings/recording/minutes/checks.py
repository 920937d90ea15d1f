"""What minutes must have before they are submitted, approved and filed, and what is worth another look; pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from meetings.errors import Conflict, Invalid, Text, text
from meetings.recording.minutes.blanks import first_words, is_open, trails_off
from meetings.recording.minutes.rules import LABELS, Content, Paragraph, Slot
from meetings.register.texts import unprintable

PLACES_TOLD = 4


@dataclass(frozen=True)
class Check:
    """One line of the list before submitting. A check that `stops` must be met; the others are advice."""

    ok: bool
    sentence: Text
    stops: bool = True


def checks(content: Content) -> list[Check]:
    """What form 1.9 wants of the minutes, each with whether it is met; then advice, where there is any."""
    return [
        _lines(content),
        _told(content),
        _closing(content),
        _signs(content),
        _filled(content),
        *_dots(content),
        *_bare(content),
    ]


def _lines(content: Content) -> Check:
    empty = [LABELS[p.slot] for p in content.paragraphs if p.slot is not Slot.CONTENT and not p.text]
    if empty:
        return Check(False, text("Mục “{label}” còn trống", label=text(empty[0])))
    return Check(True, text("Đủ các mục bắt buộc và câu kết thúc"))


def _told(content: Content) -> Check:
    if any(p.text or p.heading for p in _content(content)):
        return Check(True, text("Có nội dung diễn biến"))
    return Check(False, text("Mục “Nội dung” chưa có đoạn nào"))


def _closing(content: Content) -> Check:
    closing = next((p.text for p in content.paragraphs if p.slot is Slot.CLOSING), "")
    if closing.endswith("./."):
        return Check(True, text("Câu kết thúc có dấu ./."))
    return Check(False, text("Câu kết thúc phải có dấu ./. ở cuối"))


def _signs(content: Content) -> Check:
    words = content.title + content.secretary + content.chair
    signs = unprintable(words + "".join(p.text + p.heading for p in content.paragraphs))
    if not signs:
        return Check(True, text("Mọi ký tự đều in được"))
    return Check(False, text("Có ký tự không in được, xin thay bằng chữ: {signs}", signs=" ".join(signs[:10])))


def _filled(content: Content) -> Check:
    if places := open_places(content):
        return Check(False, text("Còn chỗ chưa điền hoặc chưa xác nhận: {places}", places=_listed(places)))
    return Check(True, text("Không còn chỗ chưa điền"))


def _dots(content: Content) -> list[Check]:
    count = sum(trails_off(p.text) for p in content.paragraphs)
    words = text("{count} đoạn có dấu “…”; xin xem có phải chỗ chưa điền", count=count)
    return [Check(False, words, stops=False)] if count else []


def _bare(content: Content) -> list[Check]:
    """Headings under which nothing is told before the next one."""
    told = _content(content)
    following = [*told, Paragraph(Slot.CONTENT, "", "end")][1:]
    return [
        Check(False, text("Mục “{heading}” chưa ghi diễn biến nào", heading=p.heading), stops=False)
        for p, after in zip(told, following, strict=True)
        if p.heading and not p.text and after.heading
    ]


def _content(content: Content) -> list[Paragraph]:
    return [p for p in content.paragraphs if p.slot is Slot.CONTENT]


def open_places(content: Content) -> list[Text]:
    """The names of the places with something left to fill in, in their order."""
    places = [text("tên cuộc họp")] if is_open(content.title) else []
    places += [_named(p) for p in content.paragraphs if is_open(p.text) or is_open(p.heading)]
    signers = is_open(content.secretary) or is_open(content.chair)
    return [*places, *([text("tên người ký")] if signers else [])]


def _named(paragraph: Paragraph) -> Text:
    if paragraph.slot is not Slot.CONTENT:
        return text("mục “{label}”", label=text(LABELS[paragraph.slot]))
    return text("đoạn “{words}”", words=first_words([paragraph.heading, paragraph.text]))


def _listed(places: Sequence[Text]) -> Text:
    told = places[:PLACES_TOLD]
    words = told[0]
    for place in told[1:]:
        words = text("{before}, {place}", before=words, place=place)
    more = len(places) - len(told)
    return text("{before} và {count} chỗ khác", before=words, count=more) if more else words


def require_complete(content: Content) -> None:
    """Refuse to submit what cannot become a document of form 1.9."""
    unmet = [check.sentence for check in checks(content) if check.stops and not check.ok]
    faults = [Invalid("Chưa trình được biên bản. {what}.", what=sentence) for sentence in unmet]
    if faults:
        raise Invalid.many(faults)


def require_filled(content: Content) -> None:
    """Nothing with a blank is approved or filed, whatever let it through before."""
    if places := open_places(content):
        raise Conflict(
            "Biên bản còn chỗ chưa điền hoặc chưa xác nhận: {places}. Xin trả lại để người soạn điền.",
            code="unfilled",
            places=_listed(places),
        )
