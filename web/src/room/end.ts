// Owns why a meeting ended, as a sentence: the log keeps a code and its numbers, each reader reads it in their language.
import type { EndParams, EndReason } from "../api/shapes.ts";
import { t } from "../words.ts";

export function endWords(reason: EndReason | null, params: EndParams | null): string {
  switch (reason) {
    case "chair":
      return t("Chủ trì đã kết thúc cuộc họp. Xin cảm ơn.");
    case "secretary":
      return t("Thư ký đã kết thúc cuộc họp. Xin cảm ơn.");
    case "operator":
      return t("Cán bộ kỹ thuật đã kết thúc cuộc họp. Xin cảm ơn.");
    case "empty":
      return t("Hệ thống tự kết thúc vì không còn ai trong phòng họp quá {minutes} phút.", { minutes: params?.minutes ?? 15 });
    case "overtime":
      return t("Hệ thống tự kết thúc vì đã quá giờ kết thúc dự kiến {hours} giờ. Còn cần họp, đề nghị thư ký đặt cuộc họp mới.", { hours: params?.hours ?? 2 });
    case "cancelled":
      return t("Cuộc họp đã được hủy.");
    case null:
      return t("Xin cảm ơn các đại biểu.");
  }
}
