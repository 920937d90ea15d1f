// Owns the pages after or beside a meeting: it ended, this seat was taken out, or it is open elsewhere.
import { Icon } from "../icon.tsx";
import type { IconName } from "../icons.ts";
import type { Session } from "../session.ts";
import { t } from "../words.ts";
import { endWords } from "./end.ts";
import { Clock, Helpline, LinkState, Report } from "./parts.tsx";

export function Outside({ session }: { session: Session }) {
  const phase = session.phase.value;
  const title = session.snapshot.value?.meeting.title ?? session.lastSeen.value?.title ?? "";
  return (
    <main class="room outside" data-state={phase}>
      <header class="room-top">
        <p class="where cut">{session.state.value?.venue?.name ?? session.page.caller.name}</p>
        <p class="title two">{title}</p>
        <LinkState session={session} />
        <Clock session={session} />
      </header>
      <Why session={session} />
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

function Why({ session }: { session: Session }) {
  switch (session.phase.value) {
    case "ended":
      return <Ended session={session} />;
    case "removed":
      return <Removed session={session} />;
    case "revoked":
      return <Revoked session={session} />;
    default:
      return <Elsewhere session={session} />;
  }
}

function Ended({ session }: { session: Session }) {
  const meeting = session.course.value.meeting ?? session.page.meeting_id;
  const end = session.snapshot.value?.conference;
  const told = end?.end_reason ? end : session.state.value?.conference;
  return (
    <Card icon="done" tone="calm" title={t("Cuộc họp đã kết thúc")}>
      <p data-why={told?.end_reason ?? ""}>{endWords(told?.end_reason ?? null, told?.end_params ?? null)}</p>
      {session.page.caller.kind === "account" && meeting && (
        <div class="acts"><a class="btn btn-act" href={`/meetings/${meeting}`}>{t("Về trang cuộc họp")}</a></div>
      )}
      {session.page.caller.kind === "point" && <p>{t("Màn hình sẽ tự về phòng chờ. Có thể tắt máy chiếu.")}</p>}
      {session.page.caller.kind === "guest" && <p>{t("Có thể đóng trang này.")}</p>}
    </Card>
  );
}

function Removed({ session }: { session: Session }) {
  return (
    <Card icon="leave" tone="" title={t("Chủ trì đã mời ra khỏi phòng họp")}>
      <p data-why="removed">{session.course.value.whyNot ?? t("Nếu là nhầm, đề nghị gọi kỹ thuật hoặc thư ký, rồi bấm Xin vào lại.")}</p>
      <div class="acts">
        <button class="btn" type="button" data-act="join" onClick={() => void session.join()}><Icon name="again" />{t("Xin vào lại")}</button>
      </div>
    </Card>
  );
}

/** The key this browser came in with is worth nothing any more: a room's link, an account's log-in, a guest's day. */
function Revoked({ session }: { session: Session }) {
  const { kind } = session.page.caller;
  const here = encodeURIComponent(location.pathname + location.search);
  if (kind === "account") {
    return (
      <Card icon="lock" tone="" title={t("Tài khoản này đã bị đăng xuất")}>
        <p data-why="revoked">{t("Quản trị đã khóa tài khoản hoặc đặt lại mật khẩu, nên máy này ra khỏi phòng họp. Đề nghị đăng nhập lại; nếu không được, gọi số điện thoại dưới đây.")}</p>
        <div class="acts"><a class="btn btn-act" data-act="log-in" href={`/login?next=${here}`}>{t("Đăng nhập lại")}</a></div>
      </Card>
    );
  }
  if (kind === "guest") {
    return (
      <Card icon="lock" tone="" title={t("Lượt vào của khách đã hết hạn")}>
        <p data-why="revoked">{t("Đề nghị xin vào lại; chủ trì hoặc thư ký sẽ mời vào phòng họp.")}</p>
        <div class="acts"><a class="btn btn-act" data-act="ask-again" href={`/meetings/${session.page.meeting_id ?? ""}/guest`}>{t("Xin vào phòng họp")}</a></div>
      </Card>
    );
  }
  return (
    <Card icon="lock" tone="" title={t("Đường liên kết của phòng này đã đổi")}>
      <p data-why="revoked">{t("Liên kết cũ không còn dùng được, nên máy này ra khỏi phòng họp. Đề nghị mở liên kết mới hoặc quét mã QR mới của phòng; chưa có thì gọi số điện thoại dưới đây để được cấp.")}</p>
    </Card>
  );
}

function Elsewhere({ session }: { session: Session }) {
  return (
    <Card icon="point" tone="calm" title={t("Phòng họp đang mở ở máy khác")}>
      <p data-why="elsewhere">{t("Chỗ của đơn vị đang được dùng ở một trình duyệt khác. Máy này không tự giành lại. Muốn họp bằng máy này, bấm nút dưới đây.")}</p>
      <div class="acts">
        <button class="btn btn-act" type="button" data-act="take-over" onClick={() => void session.join(true)}>{t("Chuyển về máy này")}</button>
      </div>
    </Card>
  );
}
