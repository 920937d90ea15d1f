// Owns the picture of being in the meeting, and what lies over it: our turn, an announcement, the lost link.
import { useEffect, useRef } from "preact/hooks";
import { Icon } from "../icon.tsx";
import type { Session } from "../session.ts";
import { elapsed, hourOf } from "../state/clock.ts";
import { t } from "../words.ts";
import { Dock } from "./dock.tsx";
import { SidePanel } from "./panels.tsx";
import { Clock, LinkState, Report } from "./parts.tsx";
import { Grid, Stage, Strip } from "./stage.tsx";
import { grid, panel } from "./view.ts";

export function Meeting({ session }: { session: Session }) {
  const lost = session.phase.value === "lost";
  return (
    <main class={`room in-room ${lost ? "is-lost" : ""} ${panel.value ? "with-side" : ""}`} data-state={session.phase.value}>
      <div class="room-head">
        <Top session={session} />
        {!lost && <Over session={session} />}
      </div>
      <div class={`stage-row ${grid.value ? "all" : ""}`}>
        {grid.value ? (
          <div class="grid-place"><Grid session={session} /><OnPictures session={session} /></div>
        ) : (
          <>
            <Stage session={session}><OnPictures session={session} /></Stage>
            {!panel.value && <Strip session={session} />}
          </>
        )}
        <SidePanel session={session} />
      </div>
      <Dock session={session} />
      <Report session={session} />
    </main>
  );
}

function Top({ session }: { session: Session }) {
  const recording = session.snapshot.value?.recording;
  const lost = session.phase.value === "lost";
  return (
    <header class="room-top">
      <p class="where cut">{session.me.value?.name ?? session.page.caller.name}</p>
      <p class="title two">{session.snapshot.value?.meeting.title ?? session.lastSeen.value?.title}</p>
      <NotBegun session={session} />
      {session.snapshot.value?.conference.locked && <span class="link shaky"><Icon name="lock" />{t("Phòng đã khóa")}</span>}
      <LinkState session={session} />
      {!lost && (recording?.state === "recording" || recording?.state === "stopping") && <span class="rec" data-recording>{t("Đang ghi hình")}</span>}
      {!lost && recording?.state === "failed" && <span class="link down"><Icon name="alarm" />{t("Ghi hình bị lỗi")}</span>}
      <Clock session={session} />
    </header>
  );
}

/** Above the pictures, never on them: whoever speaks or shows something is seen whole. */
function Over({ session }: { session: Session }) {
  return (
    <div class="overs">
      <OurTurn session={session} />
      <Announcement session={session} />
    </div>
  );
}

function OnPictures({ session }: { session: Session }) {
  if (session.phase.value !== "lost") return <SoundBlocked session={session} />;
  return session.course.value.busy ? <RelayIsBusy session={session} /> : <LostLink session={session} />;
}

function NotBegun({ session }: { session: Session }) {
  const snapshot = session.snapshot.value;
  if (!snapshot || (snapshot.conference.state !== "scheduled" && snapshot.conference.state !== "waiting")) return null;
  const hour = hourOf(snapshot.meeting.starts_at, session.page.time_zone);
  return <span class="sign" data-not-begun><Icon name="clock" />{t("Chưa khai mạc, dự kiến {hour}", { hour })}</span>;
}

function OurTurn({ session }: { session: Session }) {
  const me = session.me.value;
  if (!me?.has_floor) return null;
  const open = session.link.published.value.microphone;
  return (
    <div class="turn" role="status" data-turn>
      <Icon name="mic" />
      <p><b>{t("Đến lượt đơn vị mình phát biểu")}</b>{open ? t("Micrô đã bật. Mời nói, cả hội nghị đang nghe.") : t("Micrô đang tắt. Bấm nút micrô để nói.")}</p>
      {me.floor_since && <time>{elapsed(session.now.value - Date.parse(me.floor_since))}</time>}
    </div>
  );
}

function Announcement({ session }: { session: Session }) {
  const said = session.snapshot.value?.announcement;
  if (!said) return null;
  return <div class="announce" role="status" data-announcement><Icon name="megaphone" /><p>{said.text}</p></div>;
}

/** Browsers stay silent until somebody has pressed something once. */
function SoundBlocked({ session }: { session: Session }) {
  if (session.link.mayPlay.value || session.wishes.soundOff.value) return null;
  return (
    <button class="btn btn-act sound-blocked" type="button" data-act="start-sound" onClick={() => void session.link.startSound()}>
      <Icon name="sound" />{t("Bấm để nghe tiếng hội nghị")}
    </button>
  );
}

/** Nothing is wrong with this room's line, and nothing is to be done here but to wait. */
function RelayIsBusy({ session }: { session: Session }) {
  const number = session.state.value?.helpline || session.page.helpline;
  return (
    <div class="over-lost">
      <section class="lost" data-relay-busy aria-labelledby="busy-title">
        <div role="alert"><h1 id="busy-title"><Icon name="info" />{t("Máy chủ họp đang bận, chưa vào phòng được")}</h1></div>
        <p>{t("Đường truyền của đơn vị vẫn tốt. Đề nghị để nguyên trang này: máy tự thử lại và tự vào phòng khi máy chủ nhận.")}</p>
        <p>{t("Sau 2 phút chưa được: gọi kỹ thuật tỉnh,")} <b data-helpline class="num">{number}</b></p>
        <div class="acts"><button class="btn btn-act" type="button" data-act="retry" onClick={() => session.tryNow()}>{t("Thử lại ngay")}</button></div>
      </section>
    </div>
  );
}

function LostLink({ session }: { session: Session }) {
  const button = useRef<HTMLButtonElement>(null);
  useEffect(() => button.current?.focus(), []);
  const number = session.state.value?.helpline || session.page.helpline;
  return (
    <div class="over-lost">
      <section class="lost" aria-labelledby="lost-title">
        <div role="alert"><h1 id="lost-title"><Icon name="link-off" />{t("Mất kết nối, đang kết nối lại…")}</h1></div>
        <p>{t("Lần thử thứ {n}, máy tự thử liên tục. Hội nghị vẫn tiếp tục; chỗ và lượt phát biểu của đơn vị được giữ.", { n: Math.max(1, session.course.value.tries) })}</p>
        <ol>
          <li><b>1</b><span>{t("Kiểm tra dây mạng: đèn ở cổng mạng phải nhấp nháy.")}</span></li>
          <li><b>2</b><span>{t("Sau 2 phút chưa được: gọi kỹ thuật tỉnh,")} <b data-helpline class="num">{number}</b></span></li>
        </ol>
        <div class="acts">
          <button ref={button} class="btn btn-act" type="button" data-act="retry" onClick={() => session.tryNow()}>{t("Thử lại ngay")}</button>
          <button class="btn" type="button" data-act="listen-only" onClick={() => session.listenOnly()}><Icon name="sound" />{t("Chỉ nghe tiếng")}</button>
        </div>
      </section>
    </div>
  );
}
