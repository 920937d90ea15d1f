// Owns the waiting room: what is next, how long still, whether the machine is ready, and the one button.
import { useEffect, useRef } from "preact/hooks";
import { Icon } from "../icon.tsx";
import type { RoomState } from "../api/shapes.ts";
import type { Session } from "../session.ts";
import { AUTO_JOIN_BEFORE_MS } from "../state/course.ts";
import { dayOf, hourOf, left, sameDay } from "../state/clock.ts";
import { t } from "../words.ts";
import { Checks, testSpeaker } from "./checks.tsx";
import { Clock, Helpline, LinkState, Report } from "./parts.tsx";

export function Waiting({ session }: { session: Session }) {
  const state = session.state.value;
  return (
    <main class="room wait-room" data-state={session.phase.value}>
      <header class="room-top">
        <p class="where cut">{state?.venue?.name ?? session.page.caller.name}</p>
        <span class="push" />
        <LinkState session={session} />
        <Clock session={session} />
      </header>
      <div class="wait-mid">
        {state?.next ? <NextUp session={session} state={state} /> : <Nothing session={session} />}
        <Checks session={session} />
      </div>
      <Foot session={session} />
      <Report session={session} />
    </main>
  );
}

function NextUp({ session, state }: { session: Session; state: RoomState }) {
  const meeting = state.next;
  if (!meeting) return null;
  const zone = session.page.time_zone;
  const today = sameDay(meeting.starts_at, session.now.value, zone);
  return (
    <section class="nextup" aria-labelledby="next-title">
      <p class="kicker" data-kicker><Kicker session={session} state={state} /></p>
      <p class="big"><time datetime={meeting.starts_at}>{hourOf(meeting.starts_at, zone)}</time></p>
      {!today && <p class="kicker">{dayOf(meeting.starts_at, zone, session.page.locale)}</p>}
      <h1 id="next-title" class="ruled">{meeting.title}</h1>
      <p class="who">
        {meeting.chair && <>{t("Chủ trì:")} <b>{meeting.chair}</b><br /></>}
        {meeting.main_point && <>{t("Điểm cầu chính:")} <b>{meeting.main_point}</b></>}
      </p>
      {session.course.value.onList ? (
        <p class="then list" role="status"><Icon name="clock" /><b>{t("Đã báo chủ trì và thư ký. Xin chờ được mời vào phòng họp.")}</b></p>
      ) : (
        session.course.value.whyNot && <p class="then">{session.course.value.whyNot}</p>
      )}
    </section>
  );
}

function Kicker({ session, state }: { session: Session; state: RoomState }) {
  const meeting = state.next;
  if (!meeting) return null;
  if (state.conference?.state === "open") return <b>{t("Cuộc họp đang diễn ra")}</b>;
  const ms = Date.parse(meeting.starts_at) - session.now.value;
  if (ms <= 0) return <b>{t("Đã đến giờ họp, đang chờ khai mạc")}</b>;
  return <>{t("Cuộc họp kế tiếp,")} <b>{leftWords(ms)}</b></>;
}

function leftWords(ms: number): string {
  const { days, hours, minutes, seconds } = left(ms);
  if (days) return t("còn {days} ngày {hours} giờ", { days, hours });
  if (hours) return t("còn {hours} giờ {minutes} phút", { hours, minutes });
  return minutes ? t("còn {minutes} phút", { minutes }) : t("còn {seconds} giây", { seconds });
}

function Nothing({ session }: { session: Session }) {
  const known = session.state.value !== null;
  return (
    <section class="nextup none">
      <p class="kicker">{dayOf(session.now.value, session.page.time_zone, session.page.locale)}</p>
      <h1 class="ruled">
        {!known ? t("Đang hỏi lịch họp") : session.state.value?.venue ? t("Hôm nay đơn vị không còn cuộc họp nào") : t("Chưa có cuộc họp nào mở")}
      </h1>
      {session.course.value.whyNot && <p class="who">{session.course.value.whyNot}</p>}
      {session.state.value?.venue && <p class="who">{t("Màn hình này tự báo trước giờ họp. Không phải làm gì thêm.")}</p>}
    </section>
  );
}

function Foot({ session }: { session: Session }) {
  const open = session.phase.value !== "waiting";
  return (
    <footer class="wait-foot">
      {open ? <JoinButton session={session} /> : (
        <button class="btn go" type="button" data-act="test" onClick={() => void testSpeaker(session)}><Icon name="sound" />{t("Thử máy")}</button>
      )}
      <p class="say">{open ? <JoinWords session={session} /> : t("Thử hình và tiếng lúc nào cũng được, không ai khác nghe thấy.")}</p>
      <Helpline session={session} />
    </footer>
  );
}

function JoinButton({ session }: { session: Session }) {
  const button = useRef<HTMLButtonElement>(null);
  useEffect(() => {
    if (document.activeElement === document.body) button.current?.focus();
  }, []);
  const busy = session.course.value.joining;
  return (
    <button ref={button} class="btn btn-act go" type="button" data-act="join" aria-disabled={busy} onClick={() => void session.join()}>
      <Icon name="point" />
      {busy ? t("Đang vào phòng họp…") : t("Vào phòng họp")}
    </button>
  );
}

function JoinWords({ session }: { session: Session }) {
  const { next, venue } = session.state.value ?? {};
  if (session.course.value.whyNot) return <b>{session.course.value.whyNot}</b>;
  if (!venue || !next) return <><b>{t("Bấm để vào phòng họp.")}</b><br />{t("Vào với micrô tắt; bật khi cần nói.")}</>;
  if (session.course.value.leftByHand) return <><b>{t("Phòng này đã rời cuộc họp.")}</b><br />{t("Bấm “Vào phòng họp” (nút OK trên điều khiển) để vào lại.")}</>;
  const going = Date.parse(next.starts_at) - AUTO_JOIN_BEFORE_MS;
  if (going <= session.now.value) return <b>{t("Phòng tự vào họp ngay bây giờ.")}</b>;
  const at = hourOf(going, session.page.time_zone);
  return <><b>{t("Bấm “Vào phòng họp” (nút OK trên điều khiển) để vào ngay.")}</b><br />{t("Nếu không bấm, phòng tự vào họp lúc {hour}.", { hour: at })}</>;
}
