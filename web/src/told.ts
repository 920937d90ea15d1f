// Owns what the log's events mean for the person at this machine: which wish changes, which sentence is said.
import type { RoomEvent } from "./api/shapes.ts";
import { speakOfRecording } from "./media/notice.ts";
import type { Notices } from "./notices.ts";
import type { Wishes } from "./wishes.ts";
import { inUse, t } from "./words.ts";

/** About this seat. */
export function tellOwn(event: RoomEvent, wishes: Wishes, notices: Notices): void {
  switch (event.kind) {
    case "floor.granted":
      wishes.setMicrophone(true);
      break;
    case "floor.revoked":
    case "floor.released":
      wishes.setMicrophone(false);
      break;
    case "mute.set":
      wishes.setMicrophone(false);
      notices.tell(
        event.payload.hold
          ? t("Chủ trì đã tắt micrô của phòng mình. Muốn nói, bấm “Xin phát biểu”.")
          : t("Chủ trì đã tắt micrô của phòng mình."),
      );
      break;
    case "mute.released":
      notices.tell(t("Phòng mình được bật micrô trở lại khi cần nói."));
      break;
    case "floor.withdrawn":
      if (event.actor !== event.subject) notices.tell(t("Chủ trì đã hạ tay của phòng mình."));
      break;
  }
}

/** Shown to everybody who follows; spoken at this volume: 0 on a second machine of the same hall, and where nobody is in. */
export function tellOfRecording(notices: Notices, volume: number): void {
  notices.tell(t("Cuộc họp này đang được ghi hình, ghi âm."), "live");
  if (volume > 0) void speakOfRecording(inUse(), volume);
}

/** To who conducts: they can ask for another camera program while there is time. */
export function tellUnrecorded(event: RoomEvent, notices: Notices): void {
  const { name, codec } = event.payload;
  notices.tell(t("Không ghi được hình của {name}: mã hóa {codec}. Tiếng vẫn được ghi.", { name: name ?? "–", codec: codec ?? "?" }), "live");
}
