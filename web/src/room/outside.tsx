// Owns the pages after or beside a meeting: it ended, this seat was taken out, or it is open elsewhere.
import { Icon } from "../icon.tsx";
import type { IconName } from "../icons.ts";
import type { EndReason } from "../api/shapes.ts";
import type { Session } from "../session.ts";
import { t } from "../words.ts";
import { Clock, Helpline, LinkState, Report } from "./parts.tsx";

function endWords(reason: EndReason | null): string {
  switch (reason) {
    case "empty":
      return t("Hệ thống tự kết thúc vì không còn ai trong phòng họp.");
    case "overtime":
      return t("Hệ thống tự kết thúc vì đã quá giờ dự kiến nhiều.");
    case "cancelled":
      return t("Cuộc họp đã được hủy.");
    default:
      return t("Chủ trì hoặc thư ký đã kết thúc cuộc họp. Xin cảm ơn.");
  }
}

export function Outside({ session }: { session: Session }) {
  const phase = session.phase.value;
  const title = session.snapshot.value?.meeting.title ?? session.lastSeen.value?.title ?? "";
  return (
    <main class="room outside" data-state={phase}>
      <header class="room-top">
        <p class="where cut">{session.state.value?.venue?.name ?? session.page.caller.name}</p>
        <p class="title cut">{title}</p>
        <LinkState session={session} />
        <Clock session={session} />
      </header>
      {phase === "ended" ? <Ended session={session} /> : phase === "removed" ? <Removed session={session} /> : <Elsewhere session={session} />}
      <footer class="wait-foot"><span class="push" /><Helpline session={session} /></footer>
      <Report session={session} />
    </main>
  );
}

function Card({ icon, tone, title, children }: { icon: IconName; tone: string; title: string; children: preact.ComponentChildren }) {
  return (
    <section class={`lost ${tone}`} aria-labelledby="outside-title">
      <h1 id="outside-title"><Icon name={icon} />{title}</h1>
      {children}
    </section>
  );
}

function Ended({ session }: { session: Session }) {
  const meeting = session.course.value.meeting ?? session.page.meeting_id;
  return (
    <Card icon="done" tone="calm" title={t("Cuộc họp đã kết thúc")}>
      <p>{endWords(session.snapshot.value?.conference.end_reason ?? null)}</p>
      {session.page.caller.kind === "account" && meeting && (
        <div class="acts"><a class="btn btn-act" href={`/meetings/${meeting}`}>{t("Về trang cuộc họp")}</a></div>
      )}
      {session.page.caller.kind === "point" && <p>{t("Màn hình sẽ tự về phòng chờ. Có thể tắt máy chiếu.")}</p>}
    </Card>
  );
}

function Removed({ session }: { session: Session }) {
  return (
    <Card icon="leave" tone="" title={t("Chủ trì đã mời ra khỏi phòng họp")}>
      <p>{session.course.value.whyNot ?? t("Nếu là nhầm, đề nghị gọi kỹ thuật hoặc thư ký, rồi bấm Xin vào lại.")}</p>
      <div class="acts">
        <button class="btn" type="button" data-act="join" onClick={() => void session.join()}><Icon name="again" />{t("Xin vào lại")}</button>
      </div>
    </Card>
  );
}

function Elsewhere({ session }: { session: Session }) {
  return (
    <Card icon="point" tone="calm" title={t("Phòng họp đang mở ở máy khác")}>
      <p>{t("Chỗ của đơn vị đang được dùng ở một trình duyệt khác. Máy này không tự giành lại.")}</p>
      <div class="acts">
        <button class="btn btn-act" type="button" data-act="take-over" onClick={() => void session.join(true)}>{t("Chuyển về máy này")}</button>
      </div>
    </Card>
  );
}
