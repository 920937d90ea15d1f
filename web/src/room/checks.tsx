// Owns the check of this room's camera, microphone, loudspeaker and line; one sentence a fault, with its remedy.
import { signal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { Icon } from "../icon.tsx";
import type { DeviceState } from "../media/devices.ts";
import { chimeAndListen } from "../media/hearing.ts";
import type { Session } from "../session.ts";
import { t } from "../words.ts";
import { LineTest } from "./line.tsx";
import { Level, OwnCamera } from "./parts.tsx";

type SpeakerState = "untried" | "listening" | "asking" | "well" | "heard" | "silent";
const speaker = signal<SpeakerState>("untried");
const heard = signal(false);

/** The microphone hears the chime, or the person is asked; either may be first. */
export async function testSpeaker(session: Session): Promise<void> {
  if (speaker.value === "listening") return;
  speaker.value = "listening";
  const back = await chimeAndListen(session.devices.microphone.value).catch(() => false);
  if (speaker.value === "listening") speaker.value = back ? "heard" : "asking";
}

export function Checks({ session }: { session: Session }) {
  const { devices } = session;
  const camera = devices.camera.value;
  return (
    <section class="checks" aria-label={t("Kiểm tra thiết bị")}>
      <div class={`tile ${camera ? "" : "off"}`} data-tile="self">
        {camera ? <OwnCamera track={camera} /> : <NoPicture state={devices.cameraState.value} />}
        <span class="tile-tag"><Icon name={camera ? "camera" : "camera-off"} />{t("Hình của phòng mình")}</span>
      </div>
      <DeviceCheck kind="camera" state={devices.cameraState.value} retry={() => void devices.askFor("video")} />
      <MicrophoneCheck session={session} />
      <SpeakerCheck session={session} />
      <LineCheck session={session} />
    </section>
  );
}

function NoPicture({ state }: { state: DeviceState }) {
  return <span class="tile-off"><Icon name="camera-off" />{state === "asking" ? t("Đang mở camera") : t("Không có hình")}</span>;
}

interface Words {
  title: string;
  remedy: string | null;
}

function deviceWords(kind: "camera" | "microphone", state: DeviceState): Words {
  const camera = kind === "camera";
  switch (state) {
    case "asking":
      return { title: camera ? t("Đang mở camera") : t("Đang mở micrô"), remedy: t("Nếu trình duyệt hỏi, bấm Cho phép.") };
    case "well":
      return { title: camera ? t("Camera tốt") : t("Micrô nghe rõ"), remedy: null };
    case "none":
      return camera
        ? { title: t("Chưa thấy camera"), remedy: t("Vẫn dự họp được bằng tiếng. Cắm camera, máy tự nhận.") }
        : { title: t("Chưa thấy micrô"), remedy: t("Vẫn nghe được. Cắm micrô, máy tự nhận.") };
    case "forbidden":
      return {
        title: camera ? t("Trình duyệt chưa cho dùng camera") : t("Trình duyệt chưa cho dùng micrô"),
        remedy: t("Bấm ổ khóa cạnh địa chỉ, chọn Cho phép, rồi bấm Thử lại."),
      };
    case "busy":
      return {
        title: camera ? t("Camera đang bận") : t("Micrô đang bận"),
        remedy: t("Đóng chương trình khác đang dùng, rồi bấm Thử lại."),
      };
    case "insecure":
      return {
        title: camera ? t("Địa chỉ này không mở được camera") : t("Địa chỉ này không mở được micrô"),
        remedy: t("Phải mở bằng địa chỉ https. Đề nghị gọi kỹ thuật tỉnh."),
      };
  }
}

function DeviceCheck({ kind, state, retry }: { kind: "camera" | "microphone"; state: DeviceState; retry: () => void }) {
  const { title, remedy } = deviceWords(kind, state);
  const tone = state === "well" ? "" : state === "asking" ? "open" : "bad";
  return (
    <Row tone={tone} name={kind} title={title} remedy={remedy}>
      {tone === "bad" && state !== "insecure" && <button class="btn" type="button" data-act={`retry-${kind}`} onClick={retry}>{t("Thử lại")}</button>}
    </Row>
  );
}

const HEARD_FROM = 0.3;

function MicrophoneCheck({ session }: { session: Session }) {
  const { microphoneState, level } = session.devices;
  const loud = level.value;
  if (loud > HEARD_FROM) heard.value = true;
  if (microphoneState.value !== "well") {
    return <DeviceCheck kind="microphone" state={microphoneState.value} retry={() => void session.devices.askFor("audio")} />;
  }
  return (
    <Row
      tone=""
      name="microphone"
      title={heard.value ? t("Micrô nghe rõ") : t("Micrô đã nối")}
      remedy={heard.value ? null : t("Nói thử một câu, cột sóng phải lên.")}
    >
      <Level value={loud} />
    </Row>
  );
}

function SpeakerCheck({ session }: { session: Session }) {
  const first = useRef<HTMLButtonElement>(null);
  useEffect(() => {
    if (speaker.value === "asking") first.current?.focus();
  }, [speaker.value]);
  switch (speaker.value) {
    case "untried":
      return (
        <Row tone="open" name="speaker" title={t("Loa chưa thử")} remedy={t("Bấm để nghe ba tiếng chuông.")}>
          <button class="btn" type="button" data-act="test-speaker" onClick={() => void testSpeaker(session)}>{t("Thử loa")}</button>
        </Row>
      );
    case "listening":
      return (
        <Row tone="open" name="speaker" title={t("Đang nghe thử ba tiếng chuông")} remedy={null}>
          <button class="btn" type="button" data-act="heard" onClick={() => (speaker.value = "well")}>{t("Có nghe")}</button>
        </Row>
      );
    case "heard":
      return <Row tone="" name="speaker" title={t("Loa tốt, micrô nghe thấy tiếng loa")} remedy={null} />;
    case "asking":
      return (
        <Row tone="open" name="speaker" title={t("Có nghe tiếng chuông không?")} remedy={null}>
          <button ref={first} class="btn" type="button" data-act="heard" onClick={() => (speaker.value = "well")}>{t("Có nghe")}</button>
          <button class="btn" type="button" data-act="not-heard" onClick={() => (speaker.value = "silent")}>{t("Không")}</button>
        </Row>
      );
    case "well":
      return <Row tone="" name="speaker" title={t("Loa có tiếng")} remedy={null} />;
    case "silent":
      return (
        <Row tone="bad" name="speaker" title={t("Loa chưa có tiếng")} remedy={t("Bật công tắc sau loa, rồi bấm Thử lại.")}>
          <button class="btn" type="button" data-act="test-speaker" onClick={() => void testSpeaker(session)}>{t("Thử lại")}</button>
        </Row>
      );
  }
}

const SLOW_MS = 800;

function LineCheck({ session }: { session: Session }) {
  const ms = session.answerMs.value;
  if (!session.reachable.value) {
    return <Row tone="bad" name="line" title={t("Chưa liên lạc được với tỉnh")} remedy={t("Kiểm tra dây mạng. Máy đang tự thử lại.")} />;
  }
  if (ms === null) return <Row tone="open" name="line" title={t("Đang thử mạng")} remedy={null} />;
  if (ms > SLOW_MS) return <Row tone="open" name="line" title={t("Mạng chậm")} remedy={t("Tắt các máy khác đang dùng mạng nếu được.")}><LineTest /></Row>;
  return <Row tone="" name="line" title={t("Mạng tốt")} remedy={null}><LineTest /></Row>;
}

interface RowProps {
  tone: "" | "open" | "bad";
  name: string;
  title: string;
  remedy: string | null;
  children?: preact.ComponentChildren;
}

function Row({ tone, name, title, remedy, children }: RowProps) {
  return (
    <div class={`check ${tone}`} data-check={name} data-result={tone || "well"}>
      <Icon name={tone === "bad" ? "alarm" : tone === "open" ? "well" : "done"} />
      <div><b>{title}</b>{remedy && <p>{remedy}</p>}</div>
      <span class="check-end">{children}</span>
    </div>
  );
}
