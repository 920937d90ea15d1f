// Owns small drawings that several of the room's pictures share: level, clock, link, picture.
import type { VideoTrack } from "livekit-client";
import { useEffect, useRef } from "preact/hooks";
import { Icon } from "../icon.tsx";
import type { Session } from "../session.ts";
import { hourOf } from "../state/clock.ts";
import { t } from "../words.ts";

const BARS = 8;

/** Bars that grow with the loudness; fixed in width, so nothing moves beside them. */
export function Level({ value }: { value: number }) {
  const lit = Math.round(value * BARS);
  return (
    <span class="level" aria-hidden="true">
      {Array.from({ length: BARS }, (_, index) => (
        <i key={index} class={index < lit ? "" : "off"} style={{ height: `${30 + (index * 70) / (BARS - 1)}%` }} />
      ))}
    </span>
  );
}

export function Clock({ session }: { session: Session }) {
  return <time class="room-clock">{hourOf(session.now.value, session.page.time_zone)}</time>;
}

/** A participant's picture; the same track may move between places without being fetched anew. */
export function Picture({ track, fit }: { track: VideoTrack; fit?: "contain" }) {
  const place = useRef<HTMLVideoElement>(null);
  useEffect(() => {
    const element = place.current;
    if (!element) return;
    track.attach(element);
    return () => void track.detach(element);
  }, [track]);
  return <video ref={place} class={fit ? "pic whole" : "pic"} autoplay playsinline muted />;
}

/** This machine's own camera before the meeting. */
export function OwnCamera({ track }: { track: MediaStreamTrack }) {
  const place = useRef<HTMLVideoElement>(null);
  useEffect(() => {
    const element = place.current;
    if (!element) return;
    element.srcObject = new MediaStream([track]);
    return () => void (element.srcObject = null);
  }, [track]);
  return <video ref={place} class="pic" autoplay playsinline muted />;
}

export function LinkState({ session }: { session: Session }) {
  const inside = session.phase.value === "in" || session.phase.value === "lost";
  const [icon, tone, words] = inside ? insideWords(session) : outsideWords(session);
  return (
    <span class={`link ${tone}`} data-link={tone || "well"}>
      <Icon name={icon} />
      {words}
    </span>
  );
}

function insideWords(session: Session): ["link" | "link-off" | "info", string, string] {
  if (session.phase.value === "lost" && session.course.value.busy) return ["info", "down", t("Máy chủ bận")];
  if (session.phase.value === "lost") return ["link-off", "down", t("Mất kết nối")];
  if (session.link.shaky.value) return ["link-off", "shaky", t("Đang nối lại")];
  if (!session.logUp.value) return ["link", "shaky", t("Máy chủ nối lại, hình tiếng tốt")];
  if (session.wishes.soundOnly.value) return ["link", "shaky", t("Đang chỉ nghe tiếng")];
  if (session.link.peers.value.some((peer) => peer.paused)) return ["link", "shaky", t("Đường truyền yếu: bớt hình, giữ tiếng")];
  const own = session.link.peers.value.find((peer) => peer.isLocal);
  return own?.weak ? ["link", "shaky", t("Kết nối yếu")] : ["link", "", t("Kết nối tốt")];
}

function outsideWords(session: Session): ["link" | "link-off", string, string] {
  if (!session.reachable.value) return ["link-off", "down", t("Chưa liên lạc được với tỉnh")];
  const ms = session.answerMs.value;
  if (ms === null) return ["link", "shaky", t("Đang nối")];
  return ms > 800 ? ["link", "shaky", t("Đã nối tới tỉnh, mạng chậm")] : ["link", "", t("Đã nối tới tỉnh, đường truyền tốt")];
}

export function Helpline({ session }: { session: Session }) {
  const number = session.state.value?.helpline || session.page.helpline;
  return (
    <p class="help">
      {t("Cần giúp, gọi kỹ thuật tỉnh")}
      <b class="num" data-helpline>{number}</b>
    </p>
  );
}

export function Report({ session }: { session: Session }) {
  const said = session.notices.shown.value;
  return (
    <output class="reports" aria-live="polite">
      {said && <span key={said.key} class={`flash ${said.tone === "live" ? "flash-live" : ""}`}>{said.text}</span>}
    </output>
  );
}
