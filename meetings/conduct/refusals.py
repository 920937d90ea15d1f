"""The sentences with which a conference refuses, each with the code that the room page knows it by."""

from datetime import datetime

from meetings.errors import Conflict, Forbidden, TooMany


class TooEarly(Conflict):
    default_code = "too_early"

    def __init__(self, opens_at: datetime) -> None:
        """`opens_at` in the meeting's own zone."""
        super().__init__("Phòng họp mở từ {hour} ngày {day}.", hour=f"{opens_at:%H:%M}", day=f"{opens_at:%d/%m/%Y}")


class Ended(Conflict):
    default_code = "ended"

    def __init__(self) -> None:
        super().__init__("Cuộc họp đã kết thúc.")


class NotHeld(Conflict):
    default_code = "ended"

    def __init__(self) -> None:
        super().__init__("Cuộc họp này đã hủy hoặc chưa được đặt lịch chính thức.")


class OpenedElsewhere(Conflict):
    default_code = "opened_elsewhere"

    def __init__(self) -> None:
        super().__init__("Phòng họp đang mở ở một trình duyệt khác. Bấm nút để chuyển về máy này.")


class Locked(Forbidden):
    default_code = "locked"

    def __init__(self) -> None:
        super().__init__("Phòng họp đã khóa. Đề nghị liên hệ thư ký cuộc họp để được mời vào.")


class Removed(Forbidden):
    default_code = "removed"

    def __init__(self) -> None:
        super().__init__("Điểm cầu đã được mời ra khỏi phòng họp. Muốn vào lại, đề nghị liên hệ thư ký cuộc họp.")


class Refused(Forbidden):
    default_code = "refused"

    def __init__(self) -> None:
        super().__init__("Chủ trì cuộc họp chưa đồng ý cho vào phòng họp. Đề nghị liên hệ thư ký cuộc họp.")


class StillWaiting(Forbidden):
    default_code = "waiting"

    def __init__(self) -> None:
        super().__init__("Đang chờ chủ trì hoặc thư ký mời vào phòng họp.")


class WaitingListFull(TooMany):
    def __init__(self) -> None:
        super().__init__("Danh sách chờ đã đầy. Vui lòng thử lại sau ít phút.", retry_after=60)


class ChatTooFast(TooMany):
    def __init__(self, retry_after: int) -> None:
        super().__init__(
            "Gửi tin quá nhanh. Vui lòng đợi {seconds} giây.", retry_after=retry_after, seconds=retry_after
        )


class NotInRoom(Conflict):
    def __init__(self, name: str) -> None:
        super().__init__("“{name}” chưa có mặt trong phòng họp.", name=name)


class CannotRemove(Conflict):
    def __init__(self, name: str) -> None:
        super().__init__("Không thể mời “{name}” ra: đây là chủ trì hoặc thư ký của cuộc họp.", name=name)
