// Owns the wall: every point in one glance, found by name, dimmed by a filter, never moved.
import { signal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { Icon } from "../icon.tsx";
import type { IconName } from "../icons.ts";
import { Level } from "../room/parts.tsx";
import { viewOf } from "../room/view.ts";
import type { Session } from "../session.ts";
import { elapsed } from "../state/clock.ts";
import { type Filter, passes, type Place, shortName, wallOf } from "../state/wall.ts";
import { t } from "../words.ts";
import { selected } from "./chosen.ts";

const search = signal("");
const FEW = 30;
const filter = signal<Filter>("all");

export function Wall({ session }: { session: Session }) {
  const snapshot = session.snapshot.value;
  useEffect(() => {
    if (search.value) document.querySelector("[data-wall] .pt:not(.dim)")?.scrollIntoView({ block: "nearest" }); // it may lie far down
  }, [search.value]);
  if (!snapshot) return null;
  const ended = snapshot.conference.state === "ended";
  const places = wallOf(snapshot);
  const open = new Set([...viewOf(session).peers.value.values()].filter((peer) => peer.microphoneOn).map((peer) => peer.identity));
  const shown = places.filter((place) => passes(place, filter.value, search.value, open));
  const pick = { places, open };
  return (
    <>
      <div class="wall-bar">
        <label class="search"><Icon name="search" /><span class="sr">{t("Tìm điểm cầu")}</span>
          <input type="search" placeholder={t("Tìm điểm cầu")} value={search.value} onInput={(event) => (search.value = event.currentTarget.value)} />
        </label>
        <Pick which="all" name={t("Tất cả")} {...pick} />
        {!ended && <Pick which="hand" icon="hand" name={t("Xin nói")} {...pick} />}
        {session.phase.value === "in" && <Pick which="open" icon="mic" name={t("Mở micrô")} {...pick} />}
        {!ended && <Pick which="trouble" icon="alarm" name={t("Cần xử lý")} {...pick} />}
        <Pick which="absent" icon="absent" name={t("Vắng")} {...pick} />
      </div>
      {places.length === 0 && <p class="empty"><b>{t("Chưa mời điểm cầu nào")}</b>{t("Thêm điểm cầu ở trang kế hoạch cuộc họp.")}</p>}
      {places.length > 0 && shown.length === 0 && <NoneShown />}
      <div class={`wall ${places.length <= FEW ? "few" : ""}`} data-wall data-count={places.length}>
        {places.map((place) => <Point key={place.identity} session={session} place={place} dim={!shown.includes(place)} />)}
      </div>
    </>
  );
}

function NoneShown() {
  const all = () => {
    filter.value = "all";
    search.value = "";
  };
  return <p class="empty" data-none-shown>{t("Không có điểm cầu nào như vậy.")} <button class="btn btn-s" type="button" data-act="show-all" onClick={all}>{t("Xem tất cả")}</button></p>;
}

interface PickProps {
  which: Filter;
  icon?: IconName;
  name: string;
  places: Place[];
  open: ReadonlySet<string>;
}

function Pick({ which, icon, name, places, open }: PickProps) {
  const count = places.filter((place) => passes(place, which, "", open)).length;
  return (
    <button class="pick" type="button" aria-pressed={filter.value === which} data-filter={which} onClick={() => (filter.value = which)}>
      {icon && <Icon name={icon} />}{name} <b>{count}</b>
    </button>
  );
}

function Point({ session, place, dim }: { session: Session; place: Place; dim: boolean }) {
  const chosen = selected.value === place.identity;
  return (
    <button
      class={`pt ${place.standing} ${chosen ? "sel" : ""} ${dim ? "dim" : ""}`} type="button" data-point={place.identity} data-standing={place.standing}
      aria-pressed={chosen} onClick={() => (selected.value = chosen ? null : place.identity)}
    >
      <b>{shortName(place.name)}</b>
      <span><Standing session={session} place={place} /></span>
    </button>
  );
}

function Standing({ session, place }: { session: Session; place: Place }) {
  const peer = viewOf(session).peers.value.get(place.identity);
  switch (place.standing) {
    case "floor":
      return <><Icon name="mic" />{t("Nói")}<Level value={peer?.level ?? 0} /></>;
    case "hand":
      return <><Icon name="hand" />{t("Lượt {turn}", { turn: place.turn ?? "" })}</>;
    case "lost":
      return <><Icon name="link-off" /><span class="sr">{t("Mất kết nối")} </span>{place.since ? elapsed(session.now.value - Date.parse(place.since)) : t("Mất")}</>;
    case "absent":
      return <><Icon name="absent" />{t("Vắng")}</>;
    case "left":
      return <>{session.snapshot.value?.conference.state === "ended" ? <><Icon name="done" />{t("Đã dự")}</> : <><Icon name="leave" />{t("Đã rời")}</>}</>;
    case "removed":
      return <><Icon name="remove" />{t("Mời ra")}</>;
    case "held":
      return <><Icon name="lock" />{t("Giữ tắt")}</>;
    case "here":
      return <><span class="k-fine"><Icon name="well" /></span>{peer?.microphoneOn ? t("Micrô bật") : t("Có mặt")}</>;
  }
}
