"""The first draft tells what the log knows, in the words of form 1.9."""

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from meetings.errors import Text
from meetings.events import Event
from meetings.recording.minutes.blanks import confirmed, is_open
from meetings.recording.minutes.draft import Facts, Invited, Point, draft
from meetings.recording.minutes.happenings import AgendaItem, Happening, happenings
from meetings.recording.minutes.log import read_log
from meetings.recording.minutes.rules import Paragraph, Slot

START = datetime(2026, 4, 23, 2, 30, tzinfo=UTC)  # 09:30 in Đắk Lắk
HALL, VILLAGE, TOWN = "point:hall", "point:village", "point:town"
NAMES = {HALL: "Phòng họp số 1", VILLAGE: "Xã Krông Gió", TOWN: "Phường Buôn Thông", "account:1": "Ông Khách"}


class Story:
    """Tells a meeting event by event."""

    def __init__(self) -> None:
        self.events: list[Event] = []

    def tell(self, minute: float, kind: str, subject: str | None = None, **payload: Any) -> "Story":
        at, actor = START + timedelta(minutes=minute), payload.pop("actor", None)
        if subject is not None:
            payload = {"seat": {"name": NAMES[subject]}, **payload}
        self.events.append(Event("meeting:m", len(self.events) + 1, at, kind, actor, subject, payload))
        return self


def usual() -> Story:
    return (
        Story()
        .tell(-5, "participant.joined", HALL)
        .tell(-2, "participant.joined", VILLAGE)
        .tell(0, "conference.opened", name="Thư ký", actor="account:s")
        .tell(1, "agenda.started", item_id="a1", title="Báo cáo")
        .tell(10, "participant.joined", "account:1")
        .tell(20, "agenda.started", item_id="a2", title="Thảo luận")
        .tell(21, "floor.requested", VILLAGE)
        .tell(22, "floor.granted", VILLAGE)
        .tell(27, "floor.released", VILLAGE)
        .tell(30, "chat.message", VILLAGE, identity=VILLAGE, name="Xã Krông Gió", text="Xin hỗ trợ 02 máy bơm. 👍")
        .tell(32, "participant.left", VILLAGE)
        .tell(36, "participant.joined", VILLAGE)
        .tell(118, "conference.ended", reason="chair")
    )


def facts(**changes: Any) -> Facts:
    values: dict[str, Any] = {
        "starts_at": START,
        "ends_at": START + timedelta(hours=2),
        "place": "Phòng họp số 1, trụ sở UBND tỉnh",
        "chair": "Ông Nguyễn Văn Chủ Tọa, Phó Chủ tịch UBND tỉnh",
        "secretary": "Bà Lê Thị Thư Ký",
        "points": (
            Point(HALL, "Phòng họp số 1", main=True),
            Point(VILLAGE, "Xã Krông Gió"),
            Point(TOWN, "Phường Buôn Thông"),
        ),
        "invited": (
            Invited("Ông A, Giám đốc Sở X", "accepted"),
            Invited("Bà B", "declined", "đi công tác"),
            Invited("Ông C"),
        ),
        "zone": ZoneInfo("Asia/Ho_Chi_Minh"),
    }
    return Facts(**{**values, **changes})


AGENDA = {"a1": AgendaItem("Báo cáo tóm tắt", "Sở Nông nghiệp và Môi trường"), "a2": AgendaItem("Thảo luận")}


def told(story: Story) -> list[Happening]:
    return happenings(read_log(story.events), AGENDA)


def drafted(story: Story, **changes: Any) -> list[Paragraph]:
    log = read_log(story.events)
    return draft(facts(**changes), log, happenings(log, AGENDA))


def slot(paragraphs: list[Paragraph], wanted: Slot) -> Paragraph:
    [paragraph] = [p for p in paragraphs if p.slot is wanted]
    return paragraph


def test_the_labelled_lines_hold_times_place_chair_and_secretary() -> None:
    paragraphs = drafted(usual(), chair_seen=True, secretary_seen=True)
    assert slot(paragraphs, Slot.TIME).text == "09 giờ 30 phút, ngày 23 tháng 4 năm 2026."
    assert slot(paragraphs, Slot.TIME).moment_at == START
    assert slot(paragraphs, Slot.PLACE).text == (
        "Phòng họp số 1, trụ sở UBND tỉnh (điểm cầu chính) và 01 điểm cầu thành phần."
    )
    assert slot(paragraphs, Slot.CHAIR).text == "Ông Nguyễn Văn Chủ Tọa, Phó Chủ tịch UBND tỉnh."
    assert slot(paragraphs, Slot.SECRETARY).text == "Bà Lê Thị Thư Ký."
    assert slot(paragraphs, Slot.CLOSING).text == ("Cuộc họp kết thúc vào 11 giờ 28 phút, ngày 23 tháng 4 năm 2026./.")


def test_who_the_log_does_not_show_in_the_chair_is_only_said_to_be_planned() -> None:
    chair = slot(drafted(usual()), Slot.CHAIR).text
    assert chair == "[… theo kế hoạch: Ông Nguyễn Văn Chủ Tọa, Phó Chủ tịch UBND tỉnh]."
    assert is_open(chair)
    assert confirmed(chair) == "Ông Nguyễn Văn Chủ Tọa, Phó Chủ tịch UBND tỉnh."


def test_attendance_names_who_was_there_who_came_late_or_left_and_who_was_away() -> None:
    story = usual().tell(119, "participant.joined", TOWN)
    story.events.insert(5, Event("m", 99, START + timedelta(minutes=60), "participant.left", None, HALL, {}))
    assert slot(drafted(story), Slot.ATTENDANCE).text.split("\n") == [
        "Có mặt 02/03 điểm cầu:",
        "- Phòng họp số 1 (điểm cầu chính), rời họp lúc 10 giờ 30 phút;",
        "- Xã Krông Gió.",
        "Vắng (không kết nối): Phường Buôn Thông.",
        "Đại biểu dự họp: [… theo thư trả lời: Ông A, Giám đốc Sở X].",
        "Báo vắng: Bà B (lý do: đi công tác).",
        "Cùng dự trên hệ thống: Ông Khách.",
    ]
    late = usual()
    late.events.insert(-1, Event("m", 99, START + timedelta(minutes=20), "participant.joined", None, TOWN, {}))
    assert "- Phường Buôn Thông, vào họp lúc 09 giờ 50 phút." in slot(drafted(late), Slot.ATTENDANCE).text


def test_who_only_tested_the_line_before_the_meeting_was_not_there() -> None:
    story = Story().tell(-40, "participant.joined", TOWN).tell(-30, "participant.left", TOWN)
    story = story.tell(-5, "participant.joined", HALL).tell(0, "conference.opened").tell(90, "conference.ended")
    paragraphs = drafted(story)
    assert "Vắng (không kết nối): Xã Krông Gió; Phường Buôn Thông." in slot(paragraphs, Slot.ATTENDANCE).text
    assert slot(paragraphs, Slot.PLACE).text == "Phòng họp số 1, trụ sở UBND tỉnh."
    assert told(story)[0].summary.params == {"count": 1}
    assert [h.kind for h in told(story)] == ["conference.opened"]


def test_everybody_leaving_with_the_end_is_no_absence() -> None:
    story = Story().tell(-5, "participant.joined", HALL).tell(0, "conference.opened")
    story = story.tell(90, "participant.left", HALL).tell(90, "conference.ended", reason="chair")
    assert [h.kind for h in told(story)] == ["conference.opened"]
    assert "rời họp" not in slot(drafted(story), Slot.ATTENDANCE).text


def test_a_hundred_points_are_told_in_one_line() -> None:
    points = tuple(Point(f"point:{n}", f"Xã {n}") for n in range(100))
    story = Story().tell(0, "conference.opened")
    for point in points:
        NAMES[point.identity] = point.name
        story.tell(0, "participant.joined", point.identity)
    text = slot(drafted(story, points=points, invited=()), Slot.ATTENDANCE).text
    assert text.startswith("Có mặt 100/100 điểm cầu: Xã 0; Xã 1; ")
    assert "\n" not in text


def test_content_follows_agenda_floor_and_chat_with_their_moments() -> None:
    content = [p for p in drafted(usual()) if p.slot is Slot.CONTENT]
    assert [(p.heading, p.text) for p in content] == [
        ("", "Cuộc họp bắt đầu."),
        ("1. Báo cáo", "[… theo chương trình: Sở Nông nghiệp và Môi trường trình bày]."),
        ("2. Thảo luận", ""),
        ("", "Đại diện Xã Krông Gió được mời phát biểu: […]"),
        ("", "Xã Krông Gió nêu ý kiến qua hộp thoại: “Xin hỗ trợ 02 máy bơm. ”."),
    ]
    assert [p.moment_at for p in content] == [START + timedelta(minutes=m) for m in (0, 1, 20, 22, 30)]


def test_a_presenter_whom_only_the_plan_names_is_never_said_to_have_presented() -> None:
    """The point of the presenter was not connected; nobody but a person can say who presented."""
    away = {"a1": AgendaItem("Báo cáo", "Phường Buôn Thông")}
    log = read_log(usual().events)
    [presented] = [p for p in draft(facts(), log, happenings(log, away)) if "trình bày" in p.text]
    assert presented.text == "[… theo chương trình: Phường Buôn Thông trình bày]."
    assert is_open(presented.text)


def test_a_room_that_the_clock_opened_and_that_closed_by_itself_is_told_as_such() -> None:
    story = Story().tell(0, "participant.joined", HALL).tell(0, "conference.opened", name=None)
    paragraphs = drafted(story.tell(118, "conference.ended", reason="empty"))
    assert "Hệ thống mở phòng họp theo giờ đã định." in [p.text for p in paragraphs]
    closing = slot(paragraphs, Slot.CLOSING).text
    assert closing == (
        "Cuộc họp kết thúc vào [… theo giờ hệ thống tự đóng: 11 giờ 28 phút, ngày 23 tháng 4 năm 2026]./."
    )


def test_a_lost_link_is_listed_but_not_drafted() -> None:
    [lost] = [h for h in told(usual()) if not h.by_default]
    words = "{name} không có mặt trong phòng họp {minutes} phút"
    assert lost.summary == Text(words, {"name": "Xã Krông Gió", "minutes": "04"})


def test_a_link_lost_for_seconds_is_not_listed() -> None:
    story = Story().tell(0, "conference.opened").tell(0, "participant.joined", HALL).tell(5, "participant.left", HALL)
    assert [h.kind for h in told(story.tell(5.5, "participant.joined", HALL))] == ["conference.opened"]


def test_a_floor_that_was_never_given_back_ends_with_the_meeting() -> None:
    story = Story().tell(0, "conference.opened").tell(10, "floor.granted", HALL).tell(40, "conference.ended")
    [turn] = read_log(story.events).turns
    assert turn.ended_at == START + timedelta(minutes=40)


def test_a_speaker_who_loses_the_link_no_longer_has_the_floor() -> None:
    story = Story().tell(10, "floor.granted", HALL).tell(12, "participant.left", HALL)
    [turn] = read_log(story.events).turns
    assert turn.ended_at == START + timedelta(minutes=12)


def test_of_a_meeting_that_was_never_opened_here_everything_waits_to_be_confirmed() -> None:
    paragraphs = drafted(Story().tell(-5, "participant.joined", HALL))
    assert slot(paragraphs, Slot.TIME).text == "[… theo kế hoạch: 09 giờ 30 phút, ngày 23 tháng 4 năm 2026]."
    assert slot(paragraphs, Slot.TIME).moment_at is None
    assert slot(paragraphs, Slot.ATTENDANCE).text.startswith("Các điểm cầu: [… theo kế hoạch: Phòng họp số 1; Xã")
    assert "[… theo kế hoạch: 11 giờ 30 phút" in slot(paragraphs, Slot.CLOSING).text
    assert all(is_open(p.text) for p in paragraphs)


def test_a_meeting_ended_out_of_its_waiting_room_was_not_held_here() -> None:
    """Whoever ends a meeting that never began opens and ends it with one press."""
    story = Story().tell(-5, "participant.joined", HALL).tell(3, "conference.opened", name="Thư ký", actor="account:s")
    paragraphs = drafted(story.tell(3, "conference.ended", reason="secretary"))
    assert "Cuộc họp bắt đầu." not in [p.text for p in paragraphs]
    assert slot(paragraphs, Slot.TIME).text.startswith("[… theo kế hoạch:")
    assert "Có mặt" not in slot(paragraphs, Slot.ATTENDANCE).text


def test_unknown_kinds_and_empty_payloads_are_passed_over() -> None:
    story = (
        Story()
        .tell(0, "vote.opened")
        .tell(1, "chat.message")
        .tell(2, "announcement", text=" ")
        .tell(3, "floor.released")
    )
    assert told(story) == []
