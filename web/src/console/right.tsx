// Owns what needs a hand: who has the floor, who asks, who waits at the door, the chosen point, and the great buttons.
import { signal } from "@preact/signals";
import { Icon } from "../icon.tsx";
import type { Seat, Snapshot } from "../api/shapes.ts";
import type { Session } from "../session.ts";
import { endWords } from "../room/end.ts";
import { elapsed, hourOf } from "../state/clock.ts";
import { seatOf } from "../state/meeting.ts";
import { type Place, wallOf } from "../state/wall.ts";
import { t } from "../words.ts";
import { Confirm, type Question } from "./confirm.tsx";
import { selected } from "./chosen.ts";

const question = signal<Question | null>(null);

export function Right({ session }: { session: Session }) {
  const snapshot = session.snapshot.value;
  if (!snapshot) return null;
  if (snapshot.conference.state === "ended") return <Closed session={session} snapshot={snapshot} />;
  const conducts = snapshot.can.includes("conduct");
  return (
    <section class="con-col con-right" aria-label={t("Điều hành")}>
      {selected.value !== null && <Chosen session={session} snapshot={snapshot} conducts={conducts} />}
      {conducts && <WaitingList session={session} snapshot={snapshot} />}
      <Floor session={session} snapshot={snapshot} conducts={conducts} />
      <Queue session={session} snapshot={snapshot} conducts={conducts} />
      {selected.value === null && <p class="con-none">{t("Bấm một điểm cầu trên tường để mời nói, tắt tiếng hoặc mời ra.")}</p>}
      {conducts && <Foot session={session} snapshot={snapshot} />}
      <Confirm question={question} />
    </section>
  );
}

/** What was held, once nothing can be conducted any more. */
function Closed({ session, snapshot }: Omit<Part, "conducts">) {
  const { opened_at, ended_at, end_reason, end_params } = snapshot.conference;
  const zone = session.page.time_zone;
  return (
    <section class="con-col con-right" aria-label={t("Cuộc họp đã kết thúc")} data-closed>
      <div class="con-h"><h2>{t("Cuộc họp đã kết thúc")}</h2></div>
      <p class="con-none">{endWords(end_reason, end_params)}</p>
      <dl class="facts closed">
        {opened_at && <><dt>{t("Khai mạc")}</dt><dd class="num">{hourOf(opened_at, zone)}</dd></>}
        {ended_at && <><dt>{t("Kết thúc")}</dt><dd class="num">{hourOf(ended_at, zone)}</dd></>}
        {opened_at && ended_at && <><dt>{t("Thời gian họp")}</dt><dd class="num">{elapsed(Date.parse(ended_at) - Date.parse(opened_at))}</dd></>}
      </dl>
    </section>
  );
}

interface Part {
  session: Session;
  snapshot: Snapshot;
  conducts: boolean;
}

function WaitingList({ session, snapshot }: Omit<Part, "conducts">) {
  const waiting = snapshot.seats.filter((seat) => seat.state === "waiting");
  if (waiting.length === 0) return null;
  return (
    <>
      <div class="con-h now"><h2>{t("Xin vào phòng họp")} · {waiting.length}</h2><span class="small quiet">{t("chưa được mời")}</span></div>
      <ul class="queue" data-waiting>
        {waiting.map((seat) => (
          <li key={seat.identity} class="door" data-identity={seat.identity}>
            <Icon name="person" /><b>{seat.name}</b>
            <span class="acts">
              <button class="btn btn-s btn-act" type="button" data-act="admit" onClick={() => void session.act((api) => api.admit(seat.identity, true))}>{t("Mời vào")}</button>
              <button class="btn btn-s" type="button" data-act="refuse" onClick={() => void session.act((api) => api.admit(seat.identity, false))}>{t("Từ chối")}</button>
            </span>
          </li>
        ))}
      </ul>
    </>
  );
}

function Floor({ session, snapshot, conducts }: Part) {
  const speakers = snapshot.floor.map((identity) => seatOf(snapshot, identity)).filter((seat): seat is Seat => seat !== null);
  return (
    <>
      <div class="con-h"><h2>{t("Đang phát biểu")}</h2>{speakers.length > 0 && <span class="state state-floor small"><Icon name="mic" />{t("Mở tiếng")}</span>}</div>
      {speakers.length === 0 && <p class="con-none">{t("Chưa mời ai. Bấm “Mời” ở danh sách dưới, hoặc chọn một điểm cầu trên tường.")}</p>}
      {speakers.map((seat) => (
        <div class="speaking" key={seat.identity} data-floor={seat.identity}>
          <div class="who"><b>{seat.name}</b><time class="left">{elapsed(session.now.value - Date.parse(seat.floor_since ?? ""))}</time></div>
          {conducts && (
            <div class="acts">
              <button class="btn" type="button" data-act="revoke" data-identity={seat.identity} onClick={() => void session.act((api) => api.floor(seat.identity, "revoke"))}><Icon name="mic-off" />{t("Dừng phát biểu")}</button>
            </div>
          )}
        </div>
      ))}
    </>
  );
}

function Queue({ session, snapshot, conducts }: Part) {
  const hands = snapshot.hands.map((identity) => seatOf(snapshot, identity)).filter((seat): seat is Seat => seat !== null);
  return (
    <>
      <div class="con-h"><h2>{t("Xin phát biểu")} · {hands.length}</h2></div>
      {hands.length === 0 && <p class="con-none">{t("Chưa có điểm cầu nào xin phát biểu.")}</p>}
      <ol class="queue" data-queue>
        {hands.map((seat, index) => (
          <li key={seat.identity} data-identity={seat.identity}>
            <span class="no">{index + 1}</span><b>{seat.name}</b>
            <small>{t("chờ {time}", { time: elapsed(session.now.value - Date.parse(seat.hand_at ?? "")) })}</small>
            {conducts && (
              <span class="acts">
                <button class={`btn ${index === 0 ? "btn-act" : ""}`} type="button" data-act="grant" data-identity={seat.identity} onClick={() => void session.act((api) => api.floor(seat.identity, "grant"))}>{t("Mời")}</button>
                <button class="btn btn-ic" type="button" data-act="decline" data-identity={seat.identity} aria-label={t("Hạ tay {name}", { name: seat.name })} onClick={() => void session.act((api) => api.floor(seat.identity, "decline"))}><Icon name="close" /></button>
              </span>
            )}
          </li>
        ))}
      </ol>
    </>
  );
}

const STANDING: Record<Place["standing"], () => string> = {
  floor: () => t("Đang phát biểu"),
  hand: () => t("Đang xin phát biểu"),
  here: () => t("Có mặt"),
  held: () => t("Đang giữ tắt micrô"),
  lost: () => t("Mất kết nối"),
  left: () => t("Đã rời phòng"),
  absent: () => t("Chưa vào phòng họp"),
  removed: () => t("Đã mời ra"),
};

/** On top as long as one is chosen: whoever presses a point on the wall sees at once what can be done. */
function Chosen({ session, snapshot, conducts }: Part) {
  const place = wallOf(snapshot).find((one) => one.identity === selected.value);
  if (!place) return null;
  return (
    <>
      <div class="con-h now"><h2>{t("Điểm đang chọn")}</h2>
        <button class="btn btn-ic btn-plain" type="button" data-act="choose-none" aria-label={t("Thôi chọn")} onClick={() => (selected.value = null)}><Icon name="close" /></button>
      </div>
      <div class="sel-pt" data-chosen={place.identity}>
        <p><b>{place.name}</b>{STANDING[place.standing]()}</p>
        {conducts && <ChosenActs session={session} place={place} seat={seatOf(snapshot, place.identity)} />}
      </div>
    </>
  );
}

function ChosenActs({ session, place, seat }: { session: Session; place: Place; seat: Seat | null }) {
  if (!seat) return <p class="quiet">{t("Có thể gọi điện nhắc đơn vị vào phòng họp.")}</p>;
  const id = place.identity;
  const act = session.act.bind(session);
  if (seat.state === "removed") {
    return <div class="acts"><button class="btn" type="button" data-act="admit" onClick={() => void act((api) => api.admit(id, true))}>{t("Cho vào lại")}</button></div>;
  }
  return (
    <div class="acts">
      {seat.joined && (seat.has_floor ? (
        <button class="btn" type="button" data-act="revoke" onClick={() => void act((api) => api.floor(id, "revoke"))}><Icon name="mic-off" />{t("Dừng phát biểu")}</button>
      ) : (
        <button class="btn" type="button" data-act="grant" onClick={() => void act((api) => api.floor(id, "grant"))}><Icon name="mic" />{t("Mời phát biểu")}</button>
      ))}
      {seat.joined && <button class="btn" type="button" data-act="mute-one" onClick={() => void act((api) => api.mute(id, false))}><Icon name="mic-off" />{t("Tắt tiếng")}</button>}
      {seat.held_mute ? (
        <button class="btn" type="button" data-act="unmute" onClick={() => void act((api) => api.unmute(id))}><Icon name="lock-open" />{t("Thôi giữ tắt")}</button>
      ) : (
        <button class="btn" type="button" data-act="hold-mute" onClick={() => void act((api) => api.mute(id, true))}><Icon name="lock" />{t("Giữ tắt tiếng")}</button>
      )}
      <button class="btn btn-live" type="button" data-act="remove" onClick={() => (question.value = removal(session, place))}><Icon name="remove" />{t("Mời ra")}</button>
    </div>
  );
}

function removal(session: Session, place: Place): Question {
  return {
    title: t("Mời “{name}” ra khỏi phòng họp?", { name: place.name }),
    loses: [t("Điểm cầu mất hình, tiếng ngay lập tức."), t("Muốn vào lại phải được cho vào lại ở đây.")],
    yes: t("Mời ra"),
    act: "confirm-remove",
    do: () => void session.act((api) => api.remove(place.identity)),
  };
}

function Foot({ session, snapshot }: Omit<Part, "conducts">) {
  const locked = snapshot.conference.locked;
  const ending: Question = {
    title: t("Kết thúc cuộc họp cho tất cả?"),
    loses: [t("Mọi điểm cầu rời phòng họp."), t("Bản ghi hình dừng và được khép lại."), t("Không mở lại được cuộc họp này.")],
    yes: t("Kết thúc cuộc họp"),
    act: "confirm-end",
    do: () => void session.act((api) => api.end()),
  };
  return (
    <>
      <Announce session={session} snapshot={snapshot} />
      <div class="con-foot">
        <button class="btn" type="button" data-act="mute-all" onClick={() => void session.act((api) => api.mute("*", false))}><Icon name="mic-off" />{t("Tắt tiếng tất cả")}</button>
        <button class="btn" type="button" data-act="lock" aria-pressed={locked} onClick={() => void session.act((api) => api.lock(!locked))}><Icon name={locked ? "lock" : "lock-open"} />{locked ? t("Mở khóa phòng") : t("Khóa phòng")}</button>
        <button class="btn" type="button" data-act="unmute-all" onClick={() => void session.act((api) => api.unmute("*"))}><Icon name="mic" />{t("Cho bật tất cả")}</button>
        {snapshot.can.includes("end") && <button class="btn btn-live" type="button" data-act="end" onClick={() => (question.value = ending)}><Icon name="leave" />{t("Kết thúc")}</button>}
      </div>
    </>
  );
}

function Announce({ session, snapshot }: Omit<Part, "conducts">) {
  const shown = snapshot.announcement;
  const send = (event: SubmitEvent) => {
    event.preventDefault();
    const form = event.currentTarget as HTMLFormElement;
    const text = String(new FormData(form).get("text") ?? "").trim();
    if (text) void session.act((api) => api.announce(text)).then((sent) => sent && form.reset());
  };
  return (
    <form class="say-all" onSubmit={send}>
      <label class="small" for="announce">{t("Thông báo lên mọi màn hình")}</label>
      {shown ? (
        <p class="acts"><span class="said">{shown.text}</span><button class="btn btn-s" type="button" data-act="unannounce" onClick={() => void session.act((api) => api.announce(""))}>{t("Gỡ xuống")}</button></p>
      ) : (
        <p class="acts"><input id="announce" name="text" maxlength={300} placeholder={t("Ví dụ: Nghỉ giải lao 10 phút")} /><button class="btn btn-s" data-act="announce">{t("Đăng")}</button></p>
      )}
    </form>
  );
}
