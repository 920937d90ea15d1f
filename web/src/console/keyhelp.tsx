// Owns the console's list of keys.
import { t } from "../words.ts";

export function ConsoleKeys() {
  const keys: [string, string][] = [
    ["N", t("Sang mục tiếp theo của chương trình")],
    ["M", t("Bật, tắt micrô của mình")],
    ["C", t("Mở trao đổi")],
    ["/", t("Tìm điểm cầu")],
    ["Esc", t("Đóng")],
  ];
  return (
    <dialog class="dlg" id="keys" aria-labelledby="keys-title">
      <h2 id="keys-title">{t("Phím tắt")}</h2>
      <dl class="keys">{keys.map(([key, what]) => <><dt><kbd>{key}</kbd></dt><dd>{what}</dd></>)}</dl>
      <form method="dialog" class="acts"><button class="btn">{t("Đóng")}</button></form>
    </dialog>
  );
}
