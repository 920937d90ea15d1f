"""An event in plain words. Never what was said or written: of a chat message only that there was one; pure."""

from __future__ import annotations

import re
from collections.abc import Mapping

from meetings.access import ROLE_NAMES, Role
from meetings.errors import N_, Text, text
from meetings.events import Event, Problem
from meetings.register.settings import TABLES

SENTENCES: Mapping[str, str] = {
    "account.created": N_("Tạo tài khoản {login}, vai trò: {roles}"),
    "account.changed": N_("Sửa tài khoản {login}, vai trò: {roles}"),
    "account.password_set": N_("Đặt mật khẩu của tài khoản {login}"),
    "person.created": N_("Thêm vào danh bạ: {full_name}"),
    "person.changed": N_("Sửa trong danh bạ: {full_name}"),
    "unit.created": N_("Thêm đơn vị {name}"),
    "unit.succeeded": N_("Đơn vị được thay bằng {name}"),
    "venue.created": N_("Thêm phòng họp {name}"),
    "venue.changed": N_("Sửa phòng họp {name}"),
    "point.bound": N_("Một máy nhận đường dẫn của {subject}"),
    "point.unbound": N_("Gỡ máy khỏi {subject}"),
    "point.link_renewed": N_("Cấp đường dẫn mới cho {subject}"),
    "register.setting_changed": N_("Đổi thiết lập sổ văn bản: {table}, {name}"),
    "register.setting_restored": N_("Lấy lại mặc định của sổ văn bản: {table}, {name}"),
    "meeting.booked": N_("Đặt lịch họp: {title}"),
    "meeting.updated": N_("Sửa kế hoạch họp: {title}"),
    "meeting.cancelled": N_("Hủy họp: {title}"),
    "invitation.handed": N_("Máy chủ thư đã nhận thư gửi {name}"),
    "invitation.kept": N_("Thư gửi {name} chưa gửi đi, nằm ở Thư đi"),
    "invitation.failed": N_("Thư gửi {name} không gửi được"),
    "invitation.answered": N_("{name} trả lời giấy mời"),
    "paper.added": N_("Thêm tài liệu {filename}"),
    "paper.removed": N_("Bỏ tài liệu {filename}"),
    "conference.opened": N_("Bắt đầu họp"),
    "conference.ended": N_("Kết thúc họp"),
    "participant.joined": N_("{name} vào phòng họp"),
    "participant.left": N_("{name} rời phòng họp"),
    "seat.waiting": N_("{name} chờ được vào phòng"),
    "seat.admitted": N_("Cho {name} vào phòng"),
    "seat.refused": N_("Không cho {name} vào phòng"),
    "seat.removed": N_("Đưa {name} ra khỏi phòng"),
    "seat.revoked": N_("{name} mất quyền vào phòng vì đường dẫn hoặc tài khoản đã đổi"),
    "seat.taken": N_("{name} chuyển sang trình duyệt khác"),
    "room.locked": N_("Khóa phòng họp"),
    "room.unlocked": N_("Mở khóa phòng họp"),
    "mute.set": N_("Tắt tiếng {name}"),
    "mute.released": N_("Bỏ tắt tiếng {name}"),
    "floor.requested": N_("{name} xin phát biểu"),
    "floor.withdrawn": N_("{name} thôi xin phát biểu"),
    "floor.granted": N_("Mời {name} phát biểu"),
    "floor.released": N_("{name} phát biểu xong"),
    "floor.revoked": N_("Dừng phát biểu của {name}"),
    "chat.message": N_("{name} nhắn trong hộp thoại"),
    "announcement": N_("{name} ra thông báo cho cả phòng"),
    "agenda.started": N_("Bắt đầu nội dung “{title}”"),
    "agenda.ended": N_("Xong nội dung “{title}”"),
    "recording.requested": N_("{name} yêu cầu ghi hình"),
    "recording.started": N_("Bắt đầu ghi hình"),
    "recording.notice": N_("Cả phòng được báo là đang ghi hình"),
    "recording.gap": N_("Bản ghi có một quãng trống"),
    "recording.unrecorded": N_("Không ghi được hình của {name}: mã hóa {codec}"),
    "recording.stop_requested": N_("Yêu cầu dừng ghi hình"),
    "recording.stopped": N_("Dừng ghi hình, khép bản ghi"),
    "recording.failed": N_("Ghi hình hỏng"),
    "recording.composed": N_("Dựng xong bản ghi đầy đủ"),
    "recording.viewed": N_("{by} nghe, xem hoặc tải bản ghi"),
    "minutes.drafted": N_("Lập bản thảo biên bản từ diễn biến"),
    "minutes.submitted": N_("Trình duyệt biên bản"),
    "minutes.returned": N_("Trả lại biên bản để sửa"),
    "minutes.approved": N_("Đã duyệt biên bản"),
    "document.filed": N_("Lưu văn bản số {symbol} vào sổ"),
    "document.dispatched": N_("Ghi vào sổ ngày chuyển, ký nhận, ghi chú"),
    "payload.erased": N_("Xóa nội dung của sự kiện số {seq}"),
}
OF_THE_MEETING = frozenset({"title", "filename"})  # what only somebody may read who may read the meeting
_BRACES = re.compile(r"\{(\w+)\}")


def name_of_kind(kind: str) -> Text:
    """A kind of event for a list to choose from."""
    return Text(SENTENCES[kind], dict.fromkeys(_BRACES.findall(SENTENCES[kind]), "…"))


def told(event: Event, subject: str, *, may_read: bool) -> Text:
    """The sentence of an event; one that is not known yet is called by its own name."""
    msgid = SENTENCES.get(event.kind)
    if msgid is None:
        return text("Sự kiện khác: {kind}", kind=event.kind)
    return Text(msgid, {name: _value(event, name, subject, may_read) for name in _BRACES.findall(msgid)})


def _value(event: Event, name: str, subject: str, may_read: bool) -> object:
    if name == "subject":
        return subject or "–"
    if name in OF_THE_MEETING and not may_read:
        return "…"
    value = event.payload.get(name)
    if name == "table" and value in TABLES:
        return text(TABLES[str(value)].title)
    if name == "roles" and isinstance(value, list):
        return _roles(value)
    return str(value) if value not in (None, "") else "–"


def _roles(names: list[object]) -> object:
    known = [text(ROLE_NAMES[Role(str(name))]) for name in names if str(name) in {str(role) for role in Role}]
    if not known:
        return "–"
    words = known[0]
    for role in known[1:]:
        words = text("{before}, {place}", before=words, place=role)
    return words


_FAULTS: Mapping[str, str] = {
    "it does not follow the event before it": N_("không nối tiếp sự kiện trước nó"),
    "it was changed": N_("đã bị sửa"),
    "its payload was changed": N_("nội dung đã bị sửa"),
    "its payload is missing": N_("nội dung đã mất"),
    "the head does not name the last event": N_("không phải là sự kiện cuối mà nhật ký đã ghi nhận"),
}


def fault(problem: Problem) -> Text:
    """What is wrong at one place of a chain."""
    what = text(_FAULTS[problem.what]) if problem.what in _FAULTS else text("sự kiện ngay trước nó bị thiếu")
    return text("Sự kiện số {seq}: {what}.", seq=problem.seq, what=what)
