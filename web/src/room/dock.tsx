// Owns the row of buttons under the pictures: the microphone widest, then the floor, then the small ones.
import { Icon } from "../icon.tsx";
import type { IconName } from "../icons.ts";
import type { Session } from "../session.ts";
import { turnOf } from "../state/meeting.ts";
import { t } from "../words.ts";
import { Level } from "./parts.tsx";
import { type Panel, panel } from "./view.ts";

export function Dock({ session }: { session: Session }) {
  return (
    <footer class="dock">
      <Microphone session={session} />
      <Hand session={session} />
      <Camera session={session} />
      <Share session={session} />
      <Opener session={session} which="chat" icon="chat" name={t("Trao đổi")} />
      <Opener session={session} which="more" icon="list" name={t("Thêm")} />
      <button class="btn sq" type="button" data-act="leave" onClick={() => void session.leave()}><Icon name="leave" />{t("Rời phòng")}</button>
    </footer>
  );
}

interface Plate {
  kind: "open" | "off" | "off talking" | "held" | "none";
  title: string;
  hint: string;
}

function plate(session: Session): Plate {
  if (session.wishes.soundOff.value) return { kind: "off", title: t("Máy này tắt tiếng"), hint: t("Loa và micrô của máy này nghỉ") };
  if (session.me.value?.held_mute) return { kind: "held", title: t("Chủ trì giữ tắt micrô"), hint: t("Muốn nói, bấm Xin phát biểu") };
  if (!session.devices.microphone.value) return { kind: "none", title: t("Chưa có micrô"), hint: t("Bấm để thử lại") };
  if (session.link.published.value.microphone) return { kind: "open", title: t("Micrô đang bật"), hint: t("Cả hội nghị đang nghe") };
  if (session.devices.talking.value) return { kind: "off talking", title: t("Micrô đang tắt"), hint: t("Có tiếng nói, chưa ai nghe") };
  return { kind: "off", title: t("Micrô đang tắt"), hint: t("Cả hội nghị không nghe thấy") };
}

function Microphone({ session }: { session: Session }) {
  const { kind, title, hint } = plate(session);
  const on = kind === "open";
  return (
    <button
      class={`mute ${kind}`} type="button" data-act="mute" data-on={on} aria-pressed={on}
      aria-label={`${title}. ${on ? t("Bấm để tắt micrô") : t("Bấm để bật micrô")}`} onClick={() => session.toggleMicrophone()}
    >
      <Icon name={on ? "mic" : kind === "held" ? "lock" : "mic-off"} />
      <span><b>{title}</b><small>{hint}</small></span>
      <Level value={session.devices.level.value} />
    </button>
  );
}

function Hand({ session }: { session: Session }) {
  const snapshot = session.snapshot.value;
  const me = session.me.value;
  if (session.phase.value === "lost") {
    return <button class="btn hand waits" type="button" data-act="hand" disabled><Icon name="hand" />{t("Chờ kết nối lại")}</button>;
  }
  if (me?.has_floor) {
    return (
      <button class="btn btn-act hand" type="button" data-act="done" onClick={() => void session.act((api) => api.floor(me.identity, "done"))}>
        <Icon name="check" />{t("Phát biểu xong")}
      </button>
    );
  }
  const turn = snapshot && me ? turnOf(snapshot, me.identity) : null;
  return (
    <button
      class={`btn hand ${turn ? "btn-raised" : "btn-act"}`} type="button" data-act="hand" data-on={turn !== null} aria-pressed={turn !== null}
      disabled={!me} onClick={() => void session.act((api) => api.hand(turn === null))}
    >
      <Icon name="hand" />
      {turn ? <span><b>{t("Đã xin, lượt {turn}", { turn })}</b><small>{t("Bấm để thôi xin")}</small></span> : t("Xin phát biểu")}
    </button>
  );
}

function Camera({ session }: { session: Session }) {
  const on = session.phase.value === "lost" ? session.wishes.camera.value : session.link.published.value.camera;
  const there = session.devices.camera.value !== null;
  return (
    <button class="btn sq" type="button" data-act="camera" data-on={on} aria-pressed={on} onClick={() => session.toggleCamera()}>
      <Icon name={on ? "camera" : "camera-off"} />
      {on ? t("Tắt hình") : there ? t("Bật hình") : t("Không hình")}
    </button>
  );
}

function Share({ session }: { session: Session }) {
  const may = session.me.value?.may_publish.includes("screen") && "getDisplayMedia" in (navigator.mediaDevices ?? {});
  const on = session.link.published.value.screen;
  if (!may && !on) return null;
  return (
    <button class="btn sq" type="button" data-act="share" data-on={on} aria-pressed={on} onClick={() => void session.link.shareScreen(!on)}>
      <Icon name="screen" />{on ? t("Thôi chiếu") : t("Chiếu")}
    </button>
  );
}

function Opener({ session, which, icon, name }: { session: Session; which: Panel; icon: IconName; name: string }) {
  const open = panel.value === which || (which === "more" && (panel.value === "agenda" || panel.value === "people"));
  const unread = which === "chat" ? session.unread.value : 0;
  return (
    <button class="btn sq" type="button" data-act={which} aria-pressed={open} onClick={() => (panel.value = open ? null : which)}>
      <Icon name={icon} />{name}
      {unread > 0 && <span class="badge">{unread > 9 ? "9+" : unread}<span class="sr"> {t("tin mới")}</span></span>}
    </button>
  );
}
