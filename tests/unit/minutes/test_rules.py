"""Minutes go from draft to register by their acts and no other way."""

from itertools import product

import pytest

from meetings.errors import Conflict, Invalid
from meetings.recording.minutes.rules import (
    Act,
    Paragraph,
    Record,
    Slot,
    State,
    arranged,
    checks,
    next_state,
    require_complete,
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


def without(slot: Slot) -> list[Paragraph]:
    return [Paragraph(p.slot, "" if p.slot is slot else p.text) for p in complete()]


def test_complete_minutes_may_be_submitted() -> None:
    require_complete("Họp", complete())
    assert all(check.ok for check in checks("Họp", complete()))


@pytest.mark.parametrize("slot", list(Slot))
def test_minutes_that_lack_a_line_of_the_form_are_refused(slot: Slot) -> None:
    with pytest.raises(Invalid):
        require_complete("Họp", without(slot))


@pytest.mark.parametrize(
    ("title", "text"), [("Họp 👍", "Đủ."), ("Họp", "Tốt 👍")], ids=["sign in the title", "sign in a paragraph"]
)
def test_a_character_that_cannot_be_printed_is_named(title: str, text: str) -> None:
    with pytest.raises(Invalid) as refusal:
        require_complete(title, [*complete(), Paragraph(Slot.CONTENT, text)])
    assert "👍" in str(refusal.value.text)


def test_a_closing_without_the_official_mark_is_refused() -> None:
    with pytest.raises(Invalid) as refusal:
        require_complete("Họp", [*without(Slot.CLOSING)[:-1], Paragraph(Slot.CLOSING, "Hết.")])
    assert "./." in str(refusal.value.text)


def test_a_gap_left_to_fill_is_told_and_does_not_stop() -> None:
    paragraphs = [*complete(), Paragraph(Slot.CONTENT, "Xã A phát biểu: …")]
    require_complete("Họp", paragraphs)
    [gap] = [check for check in checks("Họp", paragraphs) if not check.ok]
    assert not gap.stops


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
