// Owns the console's frame: top bar, agenda, air and wall, what needs a hand.
import { Icon } from "../icon.tsx";
import { Chat } from "../room/panels.tsx";
import type { Session } from "../session.ts";
import { elapsed, hourOf } from "../state/clock.ts";
import { wallOf } from "../state/wall.ts";
import { t } from "../words.ts";
import { AgendaColumn } from "./agenda.tsx";
import { Air } from "./air.tsx";
import { chatOpen } from "./chosen.ts";
import { ConsoleKeys } from "./keyhelp.tsx";
import { Right } from "./right.tsx";
import { Wall } from "./wall.tsx";

export function Console({ session }: { session: Session }) {
  return (
    <main class={`con ${chatOpen.value ? "with-chat" : ""}`} data-state={session.phase.value} data-conference={session.snapshot.value?.conference.state ?? ""}>
      <Top session={session} />
      {session.snapshot.value ? (
        <>
          {chatOpen.value ? <ChatColumn session={session} /> : <AgendaColumn session={session} />}
          <div class="con-mid">
            <Air session={session} />
            <Wall session={session} />
          </div>
          <Right session={session} />
        </>
      ) : (
        <p class="con-wait">{t("Đang mở bàn điều hành…")}</p>
      )}
      <ConsoleKeys />
      <output class="con-said" aria-live="polite">
        {session.notices.shown.value && <span class={`flash ${session.notices.shown.value.tone === "live" ? "flash-live" : ""}`}>{session.notices.shown.value.text}</span>}
      </output>
    </main>
  );
}

function Top({ session }: { session: Session }) {
  const snapshot = session.snapshot.value;
  return (
    <header class="con-top">
      <a class="house" href={session.page.meeting_id ? `/meetings/${session.page.meeting_id}` : "/"} aria-label={t("Về trang cuộc họp")}><Icon name="back" /></a>
      <h1 class="two" title={snapshot?.meeting.title}>{snapshot?.meeting.title ?? t("Bàn điều hành")}</h1>
      {snapshot && <Present session={session} />}
      {!session.logUp.value && <span class="state state-live"><Icon name="link-off" />{t("Máy chủ đang nối lại")}</span>}
      {snapshot && <Recording session={session} />}
      <time class="clock">{hourOf(session.now.value, session.page.time_zone)}</time>
      <button class="btn btn-s" type="button" data-act="chat" aria-pressed={chatOpen.value} onClick={() => (chatOpen.value = !chatOpen.value)}>
        <Icon name="chat" />{t("Trao đổi")}{session.unread.value > 0 && <b class="num">{session.unread.value}</b>}
      </button>
      <button class="btn btn-s hide" type="button" onClick={() => document.querySelector<HTMLDialogElement>("dialog#keys")?.showModal()}>{t("Phím tắt")} <kbd>?</kbd></button>
    </header>
  );
}

function Present({ session }: { session: Session }) {
  const snapshot = session.snapshot.value;
  if (!snapshot) return null;
  const points = wallOf(snapshot).filter((place) => place.role === "main" || place.role === "member");
  const here = points.filter((place) => ["floor", "hand", "here", "held"].includes(place.standing)).length;
  const lost = points.filter((place) => place.standing === "lost").length;
  if (snapshot.conference.state === "ended") {
    const came = points.filter((place) => place.standing !== "absent").length;
    return <span class="two-l hide first" data-came={came}><b class="state state-ink"><Icon name="done" />{t("Đã kết thúc")}</b>{t("{came}/{all} điểm cầu đã dự", { came, all: points.length })}</span>;
  }
  return (
    <span class="two-l hide first" data-present={here}>
      <b class="state state-fine"><Icon name="well" />{t("{here}/{all} điểm cầu", { here, all: points.length })}</b>
      {lost ? t("{n} mất kết nối", { n: lost }) : t("không điểm nào mất kết nối")}
    </span>
  );
}

function Recording({ session }: { session: Session }) {
  const snapshot = session.snapshot.value;
  if (!snapshot) return null;
  const { state, since, note } = snapshot.recording;
  const may = snapshot.can.includes("record") && snapshot.conference.state !== "ended";
  const start = () => void session.act((api) => api.startRecording());
  const stop = () => void session.act((api) => api.stopRecording());
  switch (state) {
    case "recording":
      return (
        <span class="acts" data-recording="recording">
          <span class="rec small">{t("Đang ghi hình")} <span class="num">{elapsed(session.now.value - Date.parse(since ?? ""))}</span></span>
          {may && <button class="btn btn-s" type="button" data-act="record" data-on="true" onClick={stop}><Icon name="stop" />{t("Dừng ghi")}</button>}
        </span>
      );
    case "requested":
      return <span class="state state-ink" data-recording="requested"><Icon name="record" />{t("Đang mở máy ghi…")}</span>;
    case "stopping":
      return <span class="state state-ink" data-recording="stopping"><Icon name="record" />{t("Đang dừng ghi…")}</span>;
    default:
      return (
        <span class="acts" data-recording={state}>
          {state === "failed" && <span class="state state-live" title={note ?? ""}><Icon name="alarm" />{t("Ghi hình bị lỗi")}</span>}
          {may && <button class="btn btn-s btn-live" type="button" data-act="record" data-on="false" onClick={start}><Icon name="record" />{t("Ghi hình")}</button>}
        </span>
      );
  }
}

/** In the agenda's place: whoever chats still sees who asks for the floor. */
function ChatColumn({ session }: { session: Session }) {
  return (
    <aside class="side con-chat" data-panel="chat" aria-label={t("Trao đổi")}>
      <header class="side-head">
        <h2>{t("Trao đổi")}</h2>
        <button class="btn btn-ic" type="button" data-act="close-panel" aria-label={t("Đóng")} onClick={() => (chatOpen.value = false)}><Icon name="close" /></button>
      </header>
      <Chat session={session} />
    </aside>
  );
}
