"""Minutes go from draft to register by their acts and no other way."""

from itertools import product

import pytest

from meetings.errors import Conflict, Invalid
from meetings.recording.minutes.blanks import confirmed, is_open, marked
from meetings.recording.minutes.checks import checks, require_complete, require_filled
from meetings.recording.minutes.rules import (
    Act,
    Content,
    Paragraph,
    Record,
    Slot,
    State,
    arranged,
    next_state,
    require_record,
)

ALLOWED = {
    (State.DRAFT, Act.SAVE): State.DRAFT,
    (State.RETURNED, Act.SAVE): State.RETURNED,
    (State.DRAFT, Act.SUBMIT): State.SUBMITTED,
    (State.RETURNED, Act.SUBMIT): State.SUBMITTED,
    (State.SUBMITTED, Act.RETURN): State.RETURNED,
    (State.APPROVED, Act.RETURN): State.RETURNED,
    (State.SUBMITTED, Act.APPROVE): State.APPROVED,
    (State.APPROVED, Act.FILE): State.FILED,
}


@pytest.mark.parametrize(("state", "act"), list(product(State, Act)))
def test_every_act_in_every_state(state: State, act: Act) -> None:
    if (state, act) in ALLOWED:
        assert next_state(state, act) is ALLOWED[state, act]
    else:
        with pytest.raises(Conflict):
            next_state(state, act)


def complete() -> list[Paragraph]:
    filled = [Paragraph(slot, "Đủ.") for slot in Slot if slot is not Slot.CLOSING]
    return [*filled, Paragraph(Slot.CLOSING, "Hết./.")]


def content(paragraphs: list[Paragraph], title: str = "Họp", chair: str = "Ông Tọa") -> Content:
    return Content(title, "Bà Ký", chair, tuple(paragraphs))


def without(slot: Slot) -> list[Paragraph]:
    return [Paragraph(p.slot, "" if p.slot is slot else p.text) for p in complete()]


def test_complete_minutes_may_be_submitted() -> None:
    require_complete(content(complete()))
    require_filled(content(complete()))
    assert all(check.ok for check in checks(content(complete())))


@pytest.mark.parametrize("slot", list(Slot))
def test_minutes_that_lack_a_line_of_the_form_are_refused(slot: Slot) -> None:
    with pytest.raises(Invalid):
        require_complete(content(without(slot)))


@pytest.mark.parametrize(
    ("title", "text"), [("Họp 👍", "Đủ."), ("Họp", "Tốt 👍")], ids=["sign in the title", "sign in a paragraph"]
)
def test_a_character_that_cannot_be_printed_is_named(title: str, text: str) -> None:
    with pytest.raises(Invalid) as refusal:
        require_complete(content([*complete(), Paragraph(Slot.CONTENT, text)], title))
    assert "👍" in str(refusal.value.text)


def test_a_closing_without_the_official_mark_is_refused() -> None:
    with pytest.raises(Invalid) as refusal:
        require_complete(content([*without(Slot.CLOSING)[:-1], Paragraph(Slot.CLOSING, "Hết.")]))
    assert "./." in str(refusal.value.text)


@pytest.mark.parametrize(
    "text",
    [
        "Đại diện xã A được mời phát biểu: […]",
        "[… theo chương trình: Sở Y tế trình bày].",
        "Sở Y tế trình bày: …",
        "Sở Y tế trình bày: ...",
        "Số liệu: ........ tấn",
        "Chủ tọa …… kết luận",
        "…",
        "[...] và các điểm cầu",
    ],
)
def test_a_blank_stops_submission_approval_and_filing_and_its_place_is_named(text: str) -> None:
    minutes = content([*complete(), Paragraph(Slot.CONTENT, text, "3. Ý kiến")])
    for refuse in (require_complete, require_filled):
        with pytest.raises((Invalid, Conflict)) as refusal:
            refuse(minutes)
        assert "“3. Ý kiến”" in str(refusal.value.text)


@pytest.mark.parametrize(
    ("text", "dots"),
    [("Lúa, ngô, cà phê… đều giảm.", True), ("Ông A nói: “Chúng tôi…”.", False), ("Kinh phí [xem phụ lục].", False)],
)
def test_a_way_of_writing_is_no_blank_but_an_ellipsis_is_worth_a_look(text: str, dots: bool) -> None:
    minutes = content([*complete(), Paragraph(Slot.CONTENT, text)])
    require_complete(minutes)
    require_filled(minutes)
    advice = [check for check in checks(minutes) if not check.ok]
    assert len(advice) == dots
    assert not any(check.stops for check in advice)


def test_a_heading_under_which_nothing_is_told_is_pointed_out() -> None:
    headed = [Paragraph(Slot.CONTENT, "", "1. Báo cáo"), Paragraph(Slot.CONTENT, "Nội dung.", "2. Thảo luận")]
    [advice] = [check for check in checks(content([*complete(), *headed])) if not check.ok]
    assert "1. Báo cáo" in str(advice.sentence)
    assert not advice.stops


def test_title_and_signers_are_filled_too_and_many_places_are_counted() -> None:
    with pytest.raises(Conflict) as refusal:
        require_filled(content([*complete(), *[Paragraph(Slot.CONTENT, "[…]")] * 5], "…", "…"))
    assert str(refusal.value.text).count("đoạn") == 3
    assert "tên cuộc họp" in str(refusal.value.text)
    assert "và 3 chỗ khác" in str(refusal.value.text)


def test_confirming_takes_every_marked_thing_for_true_and_leaves_what_must_be_written() -> None:
    words = f"{marked('kế hoạch', 'Ông A [quyền]')} và {marked('kế hoạch', 'Bà B')}: […]"
    assert confirmed(words) == "Ông A (quyền) và Bà B: […]"
    assert is_open(confirmed(words))


def test_paragraphs_are_put_in_the_order_of_the_form_and_missing_lines_added() -> None:
    mixed = [Paragraph(Slot.CONTENT, "hai"), Paragraph(Slot.TIME, "lúc"), Paragraph(Slot.CONTENT, "ba")]
    put = arranged(mixed)
    assert [p.slot for p in put] == [
        Slot.TIME,
        Slot.PLACE,
        Slot.ATTENDANCE,
        Slot.CHAIR,
        Slot.SECRETARY,
        Slot.CONTENT,
        Slot.CONTENT,
        Slot.CLOSING,
    ]
    assert [p.text for p in put if p.slot is Slot.CONTENT] == ["hai", "ba"]


@pytest.mark.parametrize(
    ("paragraphs", "field"),
    [
        ([Paragraph(Slot.CONTENT, "x" * 20_001)], "text-0"),
        ([Paragraph(Slot.CONTENT, "được"), Paragraph(Slot.CONTENT, "a\u202eb")], "text-1"),
        ([Paragraph(Slot.CONTENT, "a", heading="y" * 301)], "heading-0"),
        ([Paragraph(Slot.CONTENT, "a\x00")], "text-0"),
        ([Paragraph(Slot.TIME, "a"), Paragraph(Slot.TIME, "b")], None),
        ([Paragraph(Slot.CONTENT, "a")] * 301, None),
    ],
    ids=["too long", "turned direction", "long heading", "control character", "line twice", "too many"],
)
def test_paragraphs_that_cannot_be_kept_are_refused(paragraphs: list[Paragraph], field: str | None) -> None:
    with pytest.raises(Invalid) as refusal:
        arranged(paragraphs)
    assert refusal.value.field == field


def test_every_fault_of_the_form_is_told_at_once() -> None:
    with pytest.raises(Invalid) as refusal:
        arranged([Paragraph(Slot.CONTENT, "a\x00"), Paragraph(Slot.CONTENT, "b\u202e")])
    assert [fault.field for fault in refusal.value.faults] == ["text-0", "text-1"]


@pytest.mark.parametrize(
    ("record", "because", "refused"),
    [
        (Record(stopped=1), "", False),
        (Record(), "Chủ tọa không cho ghi", False),
        (Record(), "", True),
        (Record(running=1, stopped=1), "", True),
        (Record(running=1), "không ghi", True),
    ],
)
def test_minutes_are_filed_with_a_stopped_recording_or_the_reason_why_not(
    record: Record, because: str, refused: bool
) -> None:
    if refused:
        with pytest.raises((Conflict, Invalid)):
            require_record(record, because)
    else:
        require_record(record, because)
