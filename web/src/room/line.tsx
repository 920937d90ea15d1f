// Owns the check of this room's line before a meeting: one button, a minute at most, and what to do about the result.
import { signal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { Refused } from "../api/client.ts";
import { type Judged, type Level, type MeasuredLine, openLine, tellLine, type Verdict } from "../api/line.ts";
import type { Kind } from "../api/shapes.ts";
import { Icon } from "../icon.tsx";
import { RelayBusy } from "../media/busy.ts";
import { measureLine, type Way } from "../media/line.ts";
import { readPageData } from "../page_data.ts";
import { t } from "../words.ts";

type Standing =
  | { is: "idle" }
  | { is: "running"; way: Way | null }
  | { is: "done"; line: MeasuredLine; verdict: Verdict }
  | { is: "busy" }
  | { is: "failed"; why: string };
const AGAIN_MS = 10_000; // a relay that was busy
const standing = signal<Standing>({ is: "idle" });

async function run(as: Kind): Promise<void> {
  standing.value = { is: "running", way: null };
  try {
    const opened = await openLine(as);
    const line = await measureLine(opened, (way) => (standing.value = { is: "running", way }));
    standing.value = { is: "done", line, verdict: await tellLine(as, opened.id, line) };
  } catch (fault) {
    if (fault instanceof RelayBusy) {
      standing.value = { is: "busy" };
      return;
    }
    const why = fault instanceof Refused ? fault.message : t("Chưa thử được. Kiểm tra dây mạng rồi thử lại.");
    standing.value = { is: "failed", why };
  }
}

/** Not for guests: a try is kept under the name of a room or an account. */
export function LineTest() {
  const dialog = useRef<HTMLDialogElement>(null);
  const as = readPageData().caller.kind;
  const busy = standing.value.is === "busy";
  useEffect(() => {
    if (!busy) return undefined;
    const timer = setTimeout(() => dialog.current?.open && void run(as), AGAIN_MS);
    return () => clearTimeout(timer);
  }, [busy]);
  if (as === "guest") return null;
  const start = () => {
    dialog.current?.showModal();
    if (standing.value.is !== "running") void run(as);
  };
  return (
    <>
      <button class="btn" type="button" data-act="test-line" onClick={start}>{t("Thử đường truyền")}</button>
      <dialog ref={dialog} class="dlg line-test" aria-labelledby="line-title" data-line={standing.value.is}>
        <h2 id="line-title">{t("Thử đường truyền")}</h2>
        <Result />
        <div class="acts">
          {standing.value.is !== "running" && <button class="btn" type="button" data-act="again-line" onClick={() => void run(as)}>{t("Thử lại")}</button>}
          <button class="btn btn-act" type="button" data-act="close-line" onClick={() => dialog.current?.close()}>{t("Đóng")}</button>
        </div>
      </dialog>
    </>
  );
}

function Result() {
  const now = standing.value;
  switch (now.is) {
    case "idle":
      return null;
    case "running":
      return <p aria-live="polite">{now.way ? t("Đang thử {way}. Cả lần thử mất chừng nửa phút.", { way: now.way.toUpperCase() }) : t("Đang chuẩn bị…")}</p>;
    case "busy":
      return <p role="alert">{t("Máy chủ họp đang bận, chưa thử được. Đường truyền của đơn vị không có lỗi. Để nguyên trang này, máy tự thử lại sau {n} giây.", { n: AGAIN_MS / 1000 })}</p>;
    case "failed":
      return <p role="alert">{now.why}</p>;
    case "done":
      return (
        <div aria-live="polite" data-level={now.verdict.level}>
          <p><b>{overall(now.verdict.level)}</b></p>
          <ul class="line-rows">{rows(now.line, now.verdict).map((row) => <Row key={row.name} {...row} />)}</ul>
        </div>
      );
  }
}

function overall(level: Level): string {
  switch (level) {
    case "fine":
      return t("Đường truyền tốt, sẵn sàng dự họp.");
    case "fair":
      return t("Dự họp được. Nên làm theo lời khuyên bên dưới.");
    case "bad":
      return t("Đường truyền chưa dùng được cho cuộc họp. Làm theo lời khuyên bên dưới, hoặc gọi kỹ thuật tỉnh.");
  }
}

interface Line {
  name: Judged;
  level: Level;
  title: string;
  advice: string;
}

function rows(line: MeasuredLine, verdict: Verdict): Line[] {
  const figures: Record<Exclude<Judged, "all">, string> = {
    way: wayOf(line),
    up: t("Gửi lên {n} kbit/s", { n: line.up_kbps ?? 0 }),
    down: t("Nhận về {n} kbit/s", { n: line.down_kbps ?? 0 }),
    loss: t("Mất gói {n} %", { n: String(line.loss_percent ?? 0).replace(".", ",") }),
    delay: t("Độ trễ {n} ms", { n: line.delay_ms ?? 0 }),
  };
  const names = Object.keys(figures) as (keyof typeof figures)[];
  return names.flatMap((name) => {
    const level = verdict.verdicts[name];
    return level ? [{ name, level, title: figures[name], advice: level === "fine" ? "" : advice(name) }] : [];
  });
}

function wayOf(line: MeasuredLine): string {
  if (line.udp) return t("Đi thẳng bằng UDP");
  if (line.tcp) return t("Đi bằng TCP: mạng chặn UDP");
  if (line.turn) return t("Đi vòng qua TURN: mạng chặn UDP và TCP");
  return t("Không đường nào tới được máy chủ");
}

function advice(name: Exclude<Judged, "all">): string {
  switch (name) {
    case "way":
      return t("Đề nghị bộ phận mạng cho phép UDP tới máy chủ họp.");
    case "up":
    case "down":
      return t("Tạm dừng tải tệp, xem phim, sao lưu ở các máy cùng mạng.");
    case "loss":
      return t("Cắm dây mạng thay cho Wi-Fi, hoặc thay dây.");
    case "delay":
      return t("Tắt các máy khác đang dùng mạng nếu được; báo nhà mạng nếu kéo dài.");
  }
}

function Row({ name, level, title, advice: what }: Line) {
  return (
    <li class={`line-row ${level}`} data-row={name} data-verdict={level}>
      <Icon name={level === "fine" ? "done" : level === "fair" ? "info" : "alarm"} />
      <div><b>{title}</b>{what && <p>{what}</p>}</div>
    </li>
  );
}
