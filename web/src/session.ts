// Owns what one browser knows and may do: room page and console hold one each, components read its signals and call its
// acts. The way in and out is passage.ts; what the log's events mean for the person here is told.ts.
import { computed, effect, signal } from "@preact/signals";
import type { MeetingApi } from "./api/room.ts";
import type { RoomEvent, Snapshot } from "./api/shapes.ts";
import { Following } from "./following.ts";
import { Devices } from "./media/devices.ts";
import { MediaLink } from "./media/link.ts";
import { keepAwake } from "./media/wake.ts";
import { complain, Notices } from "./notices.ts";
import type { PageData } from "./page_data.ts";
import { Passage } from "./passage.ts";
import { isInside, type Phase } from "./state/course.ts";
import { seatOf } from "./state/meeting.ts";
import { tellOfRecording, tellOwn, tellUnrecorded } from "./told.ts";
import { Wishes } from "./wishes.ts";
import { t } from "./words.ts";

const TOLD = "told-of-recording";
const AWAKE: readonly Phase[] = ["in", "lost", "lobby", "checking", "waiting"];

export class Session {
  readonly page: PageData;
  readonly following = new Following();
  readonly devices = new Devices();
  readonly link = new MediaLink();
  readonly wishes = new Wishes();
  readonly notices = new Notices();
  readonly unread = signal(0);
  private readonly passage: Passage;

  constructor(page: PageData) {
    this.page = page;
    this.passage = new Passage(this);
  }

  get course() { return this.passage.course; }
  get phase() { return this.passage.phase; }
  get identity() { return this.passage.identity; }
  get state() { return this.passage.standing.state; }
  get now() { return this.passage.standing.now; }
  get reachable() { return this.passage.standing.reachable; }
  get answerMs() { return this.passage.standing.answerMs; }
  get lastSeen() { return this.passage.standing.lastSeen; }
  get snapshot() { return this.following.snapshot; }
  get logUp() { return this.following.up; }
  readonly me = computed(() => seatOf(this.snapshot.value, this.snapshot.value?.me ?? this.identity.value));

  start(): void {
    addEventListener("online", () => this.tryNow());
    this.link.onMutedByServer = () => {
      this.wishes.setMicrophone(false);
      this.notices.tell(t("Chủ trì đã tắt micrô của phòng mình."));
    };
    this.following.onSnapshot = (snapshot) => this.onSnapshot(snapshot);
    this.following.onEvent = (event) => this.onEvent(event);
    this.following.onRefused = (refusal) => this.notices.tell(refusal.message, "live");
    const { microphone, camera } = this.devices;
    effect(() => this.link.send({ devices: { microphone: microphone.value, camera: camera.value }, wishes: this.wishes.sent.value }));
    effect(() => this.link.setVolume(this.wishes.heardAt.value));
    effect(() => this.link.setSpeaker(this.wishes.speaker.value));
    effect(() => this.link.setSoundOnly(this.wishes.soundOnly.value));
    effect(() => keepAwake(AWAKE.includes(this.phase.value)));
    void this.passage.start();
  }

  // ---- what the log tells

  /** Who comes while it runs is told as well; once a tab, so that a reload does not repeat it. */
  private onSnapshot({ recording, meeting }: Snapshot): void {
    const told = sessionStorage.getItem(TOLD) === meeting.id;
    if (recording.state === "recording" && this.identity.value !== null && !told) this.tellOfRecording(meeting.id);
  }

  private onEvent(event: RoomEvent): void {
    if (event.subject !== null && event.subject === this.identity.value) {
      tellOwn(event, this.wishes, this.notices);
      if (event.kind === "seat.removed") this.passage.out({ is: "removed" });
      if (event.kind === "seat.revoked") this.passage.out({ is: "revoked" });
    }
    if (event.kind === "conference.ended") this.passage.out({ is: "ended" });
    if (event.kind === "chat.message" && event.payload.identity !== this.identity.value) this.unread.value += 1;
    if (event.kind === "recording.unrecorded" && this.snapshot.value?.can.includes("conduct")) tellUnrecorded(event, this.notices);
    if (event.kind === "recording.notice") this.tellOfRecording(this.snapshot.value?.meeting.id ?? "");
  }

  private tellOfRecording(meeting: string): void {
    sessionStorage.setItem(TOLD, meeting);
    const hears = isInside(this.phase.value) || this.course.value.joining;
    tellOfRecording(this.notices, hears ? this.wishes.heardAt.value : 0);
  }

  // ---- what people press

  join(takeOver = false): Promise<void> {
    return this.passage.join(takeOver);
  }

  leave(): Promise<void> {
    return this.passage.leave();
  }

  tryNow(): void {
    this.passage.tryNow();
  }

  /** For a line too thin for pictures: neither sent nor fetched, until somebody wants them again. */
  listenOnly(): void {
    this.wishes.setSoundOnly(true);
    this.tryNow();
  }

  toggleMicrophone(): void {
    if (this.wishes.soundOff.value) {
      this.notices.tell(t("Máy này đang tắt tiếng vì dùng chung phòng với máy khác. Muốn nói, bấm “Thêm”, rồi “Bật lại tiếng máy này”."));
      return;
    }
    if (this.me.value?.held_mute) {
      this.notices.tell(t("Chủ trì đang giữ tắt micrô. Muốn nói, bấm “Xin phát biểu”."));
      return;
    }
    if (!this.devices.microphone.value) void this.devices.askFor("audio");
    this.wishes.setMicrophone(!this.wishes.microphone.value);
  }

  toggleCamera(): void {
    if (this.wishes.soundOnly.value) this.wishes.setSoundOnly(false);
    else if (!this.wishes.camera.value && !this.devices.camera.value) void this.devices.askFor("video");
    this.wishes.setCamera(!this.wishes.camera.value);
  }

  /** An act on the meeting; a refusal becomes a sentence on the page and never an exception. */
  async act(call: (api: MeetingApi) => Promise<unknown>): Promise<boolean> {
    const api = this.passage.api;
    if (!api) return false;
    try {
      await call(api);
      return true;
    } catch (fault) {
      complain(this.notices, fault, t("Máy chủ điều hành đang tạm mất liên lạc. Đề nghị bấm lại sau ít giây."));
      return false;
    }
  }

  read(): void {
    this.unread.value = 0;
  }
}
