// Owns the stage, the strip and the grid: pictures with names drawn on them, gold for who has the floor.
import { Icon } from "../icon.tsx";
import type { Peer } from "../media/peer.ts";
import type { Session } from "../session.ts";
import { elapsed } from "../state/clock.ts";
import { turnOf } from "../state/meeting.ts";
import { shortName } from "../state/wall.ts";
import { t } from "../words.ts";
import { Level, Picture } from "./parts.tsx";
import { grid, nameOf, pinned, viewOf } from "./view.ts";

export function Stage({ session, children }: { session: Session; children?: preact.ComponentChildren }) {
  const view = viewOf(session);
  const place = view.places.value.stage;
  const peer = place ? view.peers.value.get(place.identity) : undefined;
  const track = place?.screen ? peer?.screen : peer?.camera;
  const floor = place !== null && (session.snapshot.value?.floor.includes(place.identity) ?? false);
  return (
    <section class={`stage ${floor ? "has-floor" : ""}`} data-stage={place?.identity ?? ""} data-tile={place?.identity ?? ""} aria-label={t("Hình chính")}>
      {track ? <Picture key={place?.screen ? "screen" : "camera"} track={track} {...(place?.screen ? { fit: "contain" as const } : {})} /> : <StageEmpty session={session} alone={place === null || peer?.isLocal === true} />}
      {place && !place.screen && <Caption session={session} identity={place.identity} />}
      {place?.screen && <span class="tile-tag stage-tag"><Icon name="screen" />{t("{name} chiếu màn hình", { name: nameOf(view, place.identity) })}</span>}
      {place && pinned.value === place.identity && <Unpin />}
      {children}
    </section>
  );
}

function Unpin() {
  return (
    <button class="btn unpin" type="button" data-act="unpin" onClick={() => (pinned.value = null)}><Icon name="close" />{t("Thôi giữ hình này")}</button>
  );
}

function StageEmpty({ session, alone }: { session: Session; alone: boolean }) {
  if (session.wishes.soundOnly.value) {
    return (
      <div class="stage-empty">
        <Icon name="sound" />
        <p>{t("Đang chỉ nghe tiếng")}</p>
        <button class="btn" type="button" data-act="pictures-again" onClick={() => session.wishes.setSoundOnly(false)}><Icon name="camera" />{t("Xem lại hình")}</button>
      </div>
    );
  }
  return (
    <div class="stage-empty">
      <Icon name={alone ? "persons" : "camera-off"} />
      <p>{alone ? t("Chưa có điểm cầu nào khác trong phòng họp") : t("Điểm cầu này không có hình")}</p>
    </div>
  );
}

function roleWords(role: string | undefined): string {
  switch (role) {
    case "chair":
      return t("Chủ trì");
    case "main":
      return t("Điểm cầu chính");
    case "secretary":
      return t("Thư ký");
    case "operator":
      return t("Kỹ thuật");
    case "guest":
      return t("Khách mời");
    case "member":
      return t("Điểm cầu thành phần");
    default:
      return "";
  }
}

function Caption({ session, identity }: { session: Session; identity: string }) {
  const view = viewOf(session);
  const seat = view.seats.value.get(identity);
  const peer = view.peers.value.get(identity);
  const since = seat?.floor_since;
  return (
    <div class="third">
      <div>
        {seat?.has_floor ? <span class="say"><Icon name="mic" />{t("Đang phát biểu")}</span>
          : peer?.speakingSince ? <span class="say plain"><Icon name="mic" />{t("Đang nói")}</span>
          : seat?.role === "chair" || seat?.role === "main" ? <span class="say plain"><Icon name="star" />{roleWords(seat.role)}</span> : null}
        <h1>{nameOf(view, identity)}</h1>
        <p>{seat?.has_floor || peer?.speakingSince || (seat?.role !== "chair" && seat?.role !== "main") ? roleWords(seat?.role) : session.snapshot.value?.meeting.title}</p>
      </div>
      {seat?.has_floor && since && <p class="timer">{t("Đã nói")}<b>{elapsed(session.now.value - Date.parse(since))}</b></p>}
    </div>
  );
}

export function Strip({ session }: { session: Session }) {
  const { strip, more } = viewOf(session).places.value;
  return (
    <section class="strip" aria-label={t("Các điểm cầu")}>
      {strip.map((identity) => <Tile key={identity} session={session} identity={identity} />)}
      {more > 0 && <p class="strip-more">{t("và {n} điểm cầu nữa", { n: more })}</p>}
    </section>
  );
}

export function Grid({ session }: { session: Session }) {
  const view = viewOf(session);
  const all = [...view.peers.value.keys()];
  const columns = Math.max(1, Math.ceil(Math.sqrt(all.length)));
  return (
    <section class="grid-all" style={{ "--columns": columns }} aria-label={t("Tất cả điểm cầu")}>
      {all.map((identity) => <Tile key={identity} session={session} identity={identity} />)}
    </section>
  );
}

export function Tile({ session, identity }: { session: Session; identity: string }) {
  const view = viewOf(session);
  const peer = view.peers.value.get(identity);
  const seat = view.seats.value.get(identity);
  const floor = seat?.has_floor ?? false;
  return (
    <figure class={`tile ${floor ? "has-floor" : ""} ${peer?.isLocal ? "self" : ""} ${peer?.camera ? "" : "off"}`} data-tile={identity}>
      {peer?.camera ? <Picture track={peer.camera} /> : <span class="tile-off"><Icon name="camera-off" />{t("Không có hình")}</span>}
      <TileTag session={session} identity={identity} peer={peer} />
      <figcaption class="tile-name">
        <Icon name={peer?.microphoneOn ? "mic" : "mic-off"} />
        <span class="two">{shortName(nameOf(view, identity))}</span>
        {peer?.microphoneOn && <Level value={peer.level} />}
      </figcaption>
      {!peer?.isLocal && <PinButton identity={identity} name={nameOf(view, identity)} />}
    </figure>
  );
}

/** The whole tile is the button: a person who presses a picture wants to see it large. */
function PinButton({ identity, name }: { identity: string; name: string }) {
  const press = () => {
    pinned.value = identity;
    grid.value = false;
  };
  return <button class="tile-pin" type="button" data-act="pin" data-identity={identity} aria-label={t("Giữ hình {name} ở giữa", { name })} onClick={press} />;
}

function TileTag({ session, identity, peer }: { session: Session; identity: string; peer: Peer | undefined }) {
  const seat = viewOf(session).seats.value.get(identity);
  const turn = session.snapshot.value ? turnOf(session.snapshot.value, identity) : null;
  if (peer?.isLocal) return <span class={`tile-tag ${seat?.has_floor ? "gold" : ""}`}>{session.page.caller.kind === "point" ? t("Phòng mình") : t("Tôi")}</span>;
  if (seat?.has_floor) return <span class="tile-tag gold"><Icon name="mic" />{t("Phát biểu")}</span>;
  if (turn) return <span class="tile-tag"><Icon name="hand" />{turn === 1 ? t("Lượt kế tiếp") : t("Lượt {turn}", { turn })}</span>;
  if (seat?.role === "chair") return <span class="tile-tag"><Icon name="star" />{t("Chủ trì")}</span>;
  if (seat?.role === "main") return <span class="tile-tag"><Icon name="star" />{t("Điểm cầu chính")}</span>;
  if (peer?.paused) return <span class="tile-tag"><Icon name="alarm" />{t("Tạm bớt hình")}</span>;
  if (peer?.weak) return <span class="tile-tag"><Icon name="alarm" />{t("Mạng yếu")}</span>;
  return null;
}
