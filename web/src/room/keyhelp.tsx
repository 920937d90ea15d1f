// Owns the list of keys that ? opens.
import { t } from "../words.ts";

export function KeyHelp() {
  const keys: [string, string][] = [
    ["M", t("Bật, tắt micrô")],
    ["V", t("Bật, tắt hình")],
    ["H", t("Xin phát biểu, thôi xin")],
    ["C", t("Mở trao đổi")],
    ["S", t("Chiếu màn hình")],
    ["← →", t("Sang nút bên cạnh")],
    ["Esc", t("Đóng")],
  ];
  return (
    <dialog class="dlg" id="keys" aria-labelledby="keys-title">
      <h2 id="keys-title">{t("Phím tắt")}</h2>
      <dl class="keys">
        {keys.map(([key, what]) => (
          <>
            <dt><kbd>{key}</kbd></dt>
            <dd>{what}</dd>
          </>
        ))}
      </dl>
      <form method="dialog" class="acts"><button class="btn">{t("Đóng")}</button></form>
    </dialog>
  );
}
