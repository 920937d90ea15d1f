// Owns the agenda's column: what runs, what comes, and the one button that goes on.
import { Icon } from "../icon.tsx";
import type { AgendaItem, Snapshot } from "../api/shapes.ts";
import { agendaWords } from "../room/panels.tsx";
import type { Session } from "../session.ts";
import { t } from "../words.ts";

export function AgendaColumn({ session }: { session: Session }) {
  const items = session.snapshot.value?.agenda ?? [];
  const done = items.filter((item) => item.state === "done").length;
  return (
    <section class="con-col con-cues" aria-label={t("Chương trình họp")}>
      <div class="con-h"><h2>{t("Chương trình họp")}</h2><span class="small quiet num">{done}/{items.length}</span></div>
      {items.length === 0 && <p class="empty">{t("Cuộc họp này chưa có chương trình.")}</p>}
      <ol class="cues">{items.map((item) => <Item key={item.item_id} session={session} item={item} />)}</ol>
      <Go session={session} items={items} />
    </section>
  );
}

function Item({ session, item }: { session: Session; item: AgendaItem }) {
  const running = item.state === "running";
  const conducts = session.snapshot.value?.can.includes("conduct") && session.snapshot.value.conference.state === "open";
  return (
    <li class={running ? "now" : item.state} data-item={item.item_id} aria-current={running ? "step" : undefined}>
      <span class="num quiet">{item.position}</span>
      <b>{item.title}</b>
      <small>{item.state === "done" && <Icon name="check" />}{agendaWords(item, session.page.time_zone, session.snapshot.value?.conference.state === "ended")}</small>
      {conducts && (
        <span class="cue-act">
          {running ? (
            <button class="btn btn-s" type="button" data-act="agenda-end" data-item={item.item_id} onClick={() => void session.act((api) => api.agenda(item.item_id, "end"))}>{t("Xong mục này")}</button>
          ) : (
            <button class="btn btn-s btn-plain" type="button" data-act="agenda-start" data-item={item.item_id} onClick={() => void session.act((api) => api.agenda(item.item_id, "start"))}>
              {item.state === "done" ? t("Mở lại") : t("Bắt đầu")}
            </button>
          )}
        </span>
      )}
    </li>
  );
}

/** The clock alone opens nothing: somebody must be in the room. */
function byItself(snapshot: Snapshot): string {
  return snapshot.seats.some((seat) => seat.joined)
    ? t("Không bấm thì đến giờ dự kiến cuộc họp tự khai mạc.")
    : t("Chưa có ai trong phòng họp. Không bấm thì cuộc họp tự khai mạc khi đã đến giờ và có người vào.");
}

function Go({ session, items }: { session: Session; items: AgendaItem[] }) {
  const snapshot = session.snapshot.value;
  if (!snapshot?.can.includes("conduct")) return null;
  const state = snapshot.conference.state;
  if (state === "scheduled" || state === "waiting") {
    return (
      <div class="cue-go one">
        <button class="btn btn-act" type="button" data-act="open" onClick={() => void session.act((api) => api.open())}><Icon name="forward" />{t("Khai mạc cuộc họp")}</button>
        <small>{byItself(snapshot)}</small>
      </div>
    );
  }
  const upcoming = items.find((item) => item.state === "planned");
  if (state !== "open" || !upcoming) return null;
  return (
    <div class="cue-go one">
      <button class="btn btn-act" type="button" data-act="next-item" onClick={() => void session.act((api) => api.agenda(upcoming.item_id, "start"))}>
        {t("Sang mục {n}", { n: upcoming.position })}<Icon name="forward" />
      </button>
      <small class="cut">{upcoming.title} · {t("phím")} <kbd>N</kbd></small>
    </div>
  );
}
