// Owns what opens beside the stage: chat, agenda, who is here, and the rest (sound, layout, help).
import { useEffect, useRef } from "preact/hooks";
import { Icon } from "../icon.tsx";
import type { AgendaItem, Seat } from "../api/shapes.ts";
import { chime } from "../media/chime.ts";
import type { Session } from "../session.ts";
import { hourOf } from "../state/clock.ts";
import { t } from "../words.ts";
import { DeviceChoices } from "./choices.tsx";
import { Helpline } from "./parts.tsx";
import { grid, type Panel, panel, viewOf } from "./view.ts";

export function SidePanel({ session }: { session: Session }) {
  const which = panel.value;
  useEffect(() => {
    const close = (event: KeyboardEvent) => event.key === "Escape" && (panel.value = null);
    document.addEventListener("keydown", close);
    return () => document.removeEventListener("keydown", close);
  }, []);
  if (!which) return null;
  return (
    <aside class="side" data-panel={which} aria-label={titleOf(which)}>
      <header class="side-head">
        {(which === "agenda" || which === "people") && (
          <button class="btn btn-ic" type="button" aria-label={t("Quay lại")} onClick={() => (panel.value = "more")}><Icon name="back" /></button>
        )}
        <h2>{titleOf(which)}</h2>
        <button class="btn btn-ic" type="button" data-act="close-panel" aria-label={t("Đóng")} onClick={() => (panel.value = null)}><Icon name="close" /></button>
      </header>
      {which === "chat" ? <Chat session={session} /> : which === "agenda" ? <Agenda session={session} /> : which === "people" ? <People session={session} /> : <More session={session} />}
    </aside>
  );
}

function titleOf(which: Panel): string {
  switch (which) {
    case "chat":
      return t("Trao đổi");
    case "agenda":
      return t("Chương trình họp");
    case "people":
      return t("Ai đang dự");
    case "more":
      return t("Thêm");
  }
}

export function Chat({ session }: { session: Session }) {
  const list = useRef<HTMLOListElement>(null);
  const lines = session.snapshot.value?.chat ?? [];
  const mine = session.identity.value;
  useEffect(() => {
    session.read();
    list.current?.scrollTo({ top: list.current.scrollHeight });
  }, [lines.length]);
  return (
    <>
      {lines.length === 0 && <p class="side-empty">{t("Chưa có ai viết. Tin ở đây cả hội nghị đều thấy và được lưu cùng cuộc họp.")}</p>}
      <ol class="chat" ref={list} data-chat tabindex={0} aria-live="polite">
        {lines.map((line) => (
          <li key={line.seq} class={line.identity === mine ? "mine" : ""}>
            <p class="chat-who"><b>{line.name}</b> <time>{hourOf(line.at, session.page.time_zone)}</time></p>
            <p class="chat-text">{line.text}</p>
          </li>
        ))}
      </ol>
      <ChatForm session={session} />
    </>
  );
}

function ChatForm({ session }: { session: Session }) {
  const field = useRef<HTMLTextAreaElement>(null);
  const send = async (event: Event) => {
    event.preventDefault();
    const text = field.current?.value.trim() ?? "";
    if (!text || !field.current) return;
    if (await session.act((api) => api.chat(text))) field.current.value = "";
  };
  return (
    <form class="chat-form" onSubmit={(event) => void send(event)}>
      <label class="sr" for="chat-text">{t("Viết cho cả hội nghị")}</label>
      <textarea
        id="chat-text" ref={field} rows={2} maxlength={1000} placeholder={t("Viết cho cả hội nghị")}
        onKeyDown={(event) => event.key === "Enter" && !event.shiftKey && void send(event)}
      />
      <button class="btn btn-act" data-act="send-chat">{t("Gửi")}</button>
    </form>
  );
}

function Agenda({ session }: { session: Session }) {
  const items = session.snapshot.value?.agenda ?? [];
  if (items.length === 0) return <p class="side-empty">{t("Cuộc họp này chưa có chương trình.")}</p>;
  return (
    <ol class="side-list" data-agenda>
      {items.map((item) => (
        <li key={item.item_id} class={item.state} data-item={item.item_id} aria-current={item.state === "running" ? "step" : undefined}>
          <span class="num">{item.position}</span>
          <div><b>{item.title}</b><small>{agendaWords(item, session.page.time_zone)}</small></div>
        </li>
      ))}
    </ol>
  );
}

export function agendaWords(item: AgendaItem, zone: string, over = false): string {
  const who = item.presenter ? `${item.presenter} · ` : "";
  if (item.state === "done" && item.ended_at) return `${who}${t("xong lúc {hour}", { hour: hourOf(item.ended_at, zone) })}`;
  if (item.state === "running" && item.started_at) return `${who}${t("đang họp từ {hour}", { hour: hourOf(item.started_at, zone) })}`;
  if (over) return `${who}${t("chưa bàn đến")}`;
  return `${who}${item.minutes ? t("{n} phút", { n: item.minutes }) : t("chưa đến")}`;
}

function People({ session }: { session: Session }) {
  const snapshot = session.snapshot.value;
  const here = (snapshot?.seats ?? []).filter((seat) => seat.joined);
  const away = [...(snapshot?.absent ?? []).map((one) => one.name), ...(snapshot?.seats ?? []).filter((seat) => !seat.joined && seat.state === "admitted").map((seat) => seat.name)];
  return (
    <ol class="side-list" data-people>
      {here.map((seat) => <Person key={seat.identity} session={session} seat={seat} />)}
      {away.map((name) => (
        <li key={name} class="away"><Icon name="absent" /><div><b>{name}</b><small>{t("chưa có mặt")}</small></div></li>
      ))}
    </ol>
  );
}

function Person({ session, seat }: { session: Session; seat: Seat }) {
  const peer = viewOf(session).peers.value.get(seat.identity);
  const words = seat.has_floor ? t("đang phát biểu") : seat.hand_at ? t("xin phát biểu") : peer?.microphoneOn ? t("micrô bật") : t("micrô tắt");
  return (
    <li data-seat={seat.identity}>
      <Icon name={seat.has_floor ? "mic" : seat.hand_at ? "hand" : peer?.microphoneOn ? "mic" : "mic-off"} />
      <div><b>{seat.name}</b><small>{words}</small></div>
    </li>
  );
}

function SoundOnly({ session }: { session: Session }) {
  const on = session.wishes.soundOnly.value;
  return (
    <button class="btn" type="button" data-act="sound-only" aria-pressed={on} onClick={() => session.wishes.setSoundOnly(!on)}>
      <Icon name={on ? "camera" : "sound"} />
      <span>{on ? t("Xem lại hình") : t("Chỉ nghe tiếng")}<small>{t("Khi đường truyền yếu: tắt mọi hình, giữ tiếng")}</small></span>
    </button>
  );
}

/** A television shows the meeting and nothing of the browser. */
function FullScreen() {
  if (!document.fullscreenEnabled) return null;
  const press = () => void (document.fullscreenElement ? document.exitFullscreen() : document.documentElement.requestFullscreen());
  return <button class="btn" type="button" data-act="full-screen" onClick={press}><Icon name="stage" />{t("Toàn màn hình, hoặc thôi")}</button>;
}

const LOUDER = 0.2;

function More({ session }: { session: Session }) {
  const volume = session.wishes.volume.value;
  const off = session.wishes.soundOff.value;
  const set = (to: number) => session.wishes.setVolume(to);
  return (
    <div class="side-acts">
      <div class="volume" role="group" aria-label={t("Âm lượng")}>
        <button class="btn" type="button" data-act="quieter" aria-label={t("Nhỏ hơn")} onClick={() => set(volume - LOUDER)}><Icon name="minus" /></button>
        <span><Icon name="sound" />{t("Âm lượng {n}%", { n: Math.round(volume * 100) })}</span>
        <button class="btn" type="button" data-act="louder" aria-label={t("To hơn")} onClick={() => set(volume + LOUDER)}><Icon name="plus" /></button>
      </div>
      <button class="btn" type="button" data-act="sound-off" aria-pressed={off} onClick={() => session.wishes.setSoundOff(!off)}>
        <Icon name={off ? "sound" : "sound-off"} />
        <span>{off ? t("Bật lại tiếng máy này") : t("Tắt tiếng ở máy này")}<small>{t("Khi hai máy chung một phòng")}</small></span>
      </button>
      <SoundOnly session={session} />
      <DeviceChoices session={session} />
      <button class="btn" type="button" data-act="chime" onClick={() => void chime()}><Icon name="sound" />{t("Thử loa")}</button>
      <button class="btn" type="button" data-act="layout" aria-pressed={grid.value} onClick={() => (grid.value = !grid.value)}>
        <Icon name={grid.value ? "stage" : "console"} />{grid.value ? t("Một hình lớn") : t("Tất cả hình bằng nhau")}
      </button>
      <FullScreen />
      <button class="btn" type="button" data-act="agenda" onClick={() => (panel.value = "agenda")}><Icon name="task" />{t("Chương trình họp")}</button>
      <button class="btn" type="button" data-act="people" onClick={() => (panel.value = "people")}><Icon name="persons" />{t("Ai đang dự")}</button>
      {session.snapshot.value?.can.includes("conduct") && session.page.caller.kind === "account" && (
        <a class="btn" href={`/meetings/${session.snapshot.value.meeting.id}/console`} target="_blank" rel="noopener"><Icon name="settings" />{t("Mở bàn điều hành")}</a>
      )}
      <Helpline session={session} />
    </div>
  );
}
