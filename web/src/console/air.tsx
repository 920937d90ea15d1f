// Owns what the conductor sees of the meeting itself: the stage in small, the own devices, and the alarms beside it.
import { Icon } from "../icon.tsx";
import { Level, Picture } from "../room/parts.tsx";
import { nameOf, viewOf } from "../room/view.ts";
import type { Session } from "../session.ts";
import { elapsed } from "../state/clock.ts";
import { wallOf } from "../state/wall.ts";
import { t } from "../words.ts";
import { selected } from "./chosen.ts";

export function Air({ session }: { session: Session }) {
  const ended = session.snapshot.value?.conference.state === "ended";
  return (
    <div class={ended ? "air over" : "air"}>
      {!ended && <OnAir session={session} />}
      <div class="air-side">
        <Alarms session={session} />
        <Own session={session} />
      </div>
    </div>
  );
}

function OnAir({ session }: { session: Session }) {
  const view = viewOf(session);
  const place = view.places.value.stage;
  const peer = place ? view.peers.value.get(place.identity) : undefined;
  const track = place?.screen ? peer?.screen : peer?.camera;
  const inside = session.phase.value === "in" || session.phase.value === "lost";
  if (!inside) return <div class="tile off"><span class="tile-off">{t("Vào phòng họp để thấy hình và nghe tiếng")}</span></div>;
  const floor = place !== null && (session.snapshot.value?.floor.includes(place.identity) ?? false);
  return (
    <figure class={`tile ${floor ? "has-floor" : ""} ${track ? "" : "off"}`} data-tile={place?.identity ?? ""}>
      {track ? <Picture key={place?.screen ? "screen" : "camera"} track={track} {...(place?.screen ? { fit: "contain" as const } : {})} /> : <span class="tile-off">{place ? t("Không có hình") : t("Chưa có ai trong phòng họp")}</span>}
      <span class={`tile-tag ${floor ? "gold" : ""}`}><Icon name="stage" />{t("Đang lên hình")}</span>
      {place && <figcaption class="tile-name"><Icon name={peer?.microphoneOn ? "mic" : "mic-off"} /><span class="cut">{nameOf(view, place.identity)}</span></figcaption>}
    </figure>
  );
}

function Alarms({ session }: { session: Session }) {
  const snapshot = session.snapshot.value;
  if (!snapshot) return null;
  const lost = wallOf(snapshot).filter((place) => place.standing === "lost" && (place.role === "main" || place.role === "member"));
  if (snapshot.conference.state === "ended") return <Ended meeting={snapshot.meeting.id} />;
  if (session.phase.value === "lost") {
    return <ul class="alarms"><li class="bad"><Icon name="link-off" /><span><b>{t("Máy này mất hình, tiếng")}</b> {t("đang kết nối lại; điều hành vẫn dùng được")}</span><i /></li></ul>;
  }
  if (lost.length === 0) return <p class="alarms quiet-air"><Icon name="done" />{t("Không có điểm cầu nào cần xử lý.")}</p>;
  return (
    <ul class="alarms" data-alarms>
      {lost.slice(0, 3).map((place) => (
        <li class="bad" key={place.identity}>
          <Icon name="link-off" />
          <span><b>{place.name}</b> {t("mất kết nối {time}", { time: place.since ? elapsed(session.now.value - Date.parse(place.since)) : "" })}</span>
          <button class="btn btn-s" type="button" onClick={() => (selected.value = place.identity)}>{t("Xem")}</button>
        </li>
      ))}
      {lost.length > 3 && <li><Icon name="alarm" /><span>{t("và {n} điểm cầu nữa", { n: lost.length - 3 })}</span><i /></li>}
    </ul>
  );
}

function Ended({ meeting }: { meeting: string }) {
  return (
    <div class="alarms ended-air">
      <p><Icon name="done" /><b>{t("Cuộc họp đã kết thúc")}</b></p>
      <p class="acts">
        <a class="btn btn-act btn-s" data-act="to-minutes" href={`/meetings/${meeting}/minutes`}><Icon name="document" />{t("Viết biên bản")}</a>
        <a class="btn btn-s" href={`/meetings/${meeting}/review`}><Icon name="play" />{t("Xem lại cuộc họp")}</a>
      </p>
    </div>
  );
}

function Own({ session }: { session: Session }) {
  const phase = session.phase.value;
  if (session.snapshot.value?.conference.state === "ended") return null;
  if (phase === "elsewhere") {
    return (
      <div class="own"><span class="state state-ink"><Icon name="point" />{t("Chỗ của anh/chị đang mở ở máy khác")}</span>
        <button class="btn" type="button" data-act="take-over" onClick={() => void session.join(true)}>{t("Chuyển về máy này")}</button></div>
    );
  }
  if (phase === "revoked" || phase === "removed") return <Out session={session} />;
  if (phase !== "in" && phase !== "lost") {
    return (
      <div class="own">
        <button class="btn btn-act" type="button" data-act="join" aria-disabled={session.course.value.joining} onClick={() => void session.join()}>
          <Icon name="point" />{session.course.value.joining ? t("Đang vào phòng họp…") : t("Vào phòng họp")}
        </button>
        <span class="small quiet">{session.course.value.whyNot ?? t("Không vào vẫn điều hành được.")}</span>
      </div>
    );
  }
  return <OwnDevices session={session} />;
}

/** Switched off or put out while conducting: said here, because nothing else answers any more. */
function Out({ session }: { session: Session }) {
  const revoked = session.phase.value === "revoked";
  const here = encodeURIComponent(location.pathname);
  return (
    <div class="own note note-live" data-why={session.phase.value}>
      <Icon name="lock" />
      <p>
        <b>{revoked ? t("Tài khoản này đã bị đăng xuất") : t("Đã ra khỏi phòng họp")}</b>{" "}
        {revoked ? t("Đề nghị đăng nhập lại; nếu không được, gọi {number}.", { number: session.page.helpline }) : session.course.value.whyNot}
      </p>
      {revoked && <a class="btn btn-act" href={`/login?next=${here}`}>{t("Đăng nhập lại")}</a>}
    </div>
  );
}

function OwnDevices({ session }: { session: Session }) {
  const { microphone, camera } = session.link.published.value;
  return (
    <div class="own" role="group" aria-label={t("Máy của mình")}>
      <button class={`btn own-mic ${microphone ? "btn-floor" : ""}`} type="button" data-act="mute" data-on={microphone} aria-pressed={microphone} onClick={() => session.toggleMicrophone()}>
        <Icon name={microphone ? "mic" : "mic-off"} />{microphone ? t("Micrô bật") : t("Micrô tắt")}<Level value={session.devices.level.value} />
      </button>
      <button class="btn" type="button" data-act="camera" data-on={camera} aria-pressed={camera} onClick={() => session.toggleCamera()}><Icon name={camera ? "camera" : "camera-off"} />{camera ? t("Tắt hình") : t("Bật hình")}</button>
      <button class="btn" type="button" data-act="sound-off" aria-pressed={session.wishes.soundOff.value} onClick={() => session.wishes.setSoundOff(!session.wishes.soundOff.value)}><Icon name={session.wishes.soundOff.value ? "sound-off" : "sound"} />{session.wishes.soundOff.value ? t("Bật lại tiếng máy này") : t("Tắt tiếng ở máy này")}</button>
      <button class="btn" type="button" data-act="leave" onClick={() => void session.leave()}><Icon name="leave" />{t("Rời phòng")}</button>
      {!session.link.mayPlay.value && <button class="btn btn-act" type="button" data-act="start-sound" onClick={() => void session.link.startSound()}><Icon name="sound" />{t("Bấm để nghe tiếng hội nghị")}</button>}
    </div>
  );
}
