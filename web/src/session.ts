// Owns one browser's way through meetings: asks the coordinator, follows the log, keeps the media link. Room page and
// console hold one each; components read its signals and call its acts.
import { computed, effect, signal } from "@preact/signals";
import { Refused, Unreachable } from "./api/client.ts";
import { MeetingApi, stateOf } from "./api/room.ts";
import type { Admitted, Planned, RoomEvent, RoomState } from "./api/shapes.ts";
import { Following } from "./following.ts";
import { announceAloud } from "./media/chime.ts";
import { Devices } from "./media/devices.ts";
import { type Lost, MediaLink } from "./media/link.ts";
import { keepAwake } from "./media/wake.ts";
import { Notices } from "./notices.ts";
import type { PageData } from "./page_data.ts";
import { Retrying } from "./retrying.ts";
import { atTheDoor, autoJoinIn, type Course, next, type Phase, type Step } from "./state/course.ts";
import { seatOf } from "./state/meeting.ts";
import { Wishes } from "./wishes.ts";
import { inUse, t } from "./words.ts";

const ASK_EVERY_MS = 5_000;
const ASK_ON_LIST_MS = 2_000;
const TOKEN_FRESH_MS = 30_000;
const TOKEN_LIFE_MS = 9 * 60_000;
const REST_AFTER_END_MS = 120_000;
const AWAKE: readonly Phase[] = ["in", "lost", "lobby", "checking", "waiting"];

export class Session {
  readonly page: PageData;
  readonly course = signal<Course>(atTheDoor);
  readonly phase = computed(() => this.course.value.phase);
  readonly state = signal<RoomState | null>(null);
  readonly following = new Following();
  readonly snapshot = this.following.snapshot;
  readonly identity = signal<string | null>(null);
  readonly me = computed(() => seatOf(this.snapshot.value, this.snapshot.value?.me ?? this.identity.value));
  /** Whether the coordinator answers: it may be away while picture and sound go on. */
  readonly reachable = signal(true);
  readonly logUp = this.following.up;
  readonly answerMs = signal<number | null>(null);
  readonly now = signal(Date.now());
  readonly unread = signal(0);
  readonly lastSeen = signal<Planned | null>(null);
  readonly devices = new Devices();
  readonly link = new MediaLink();
  readonly wishes = new Wishes();
  readonly notices = new Notices();

  private api: MeetingApi | null = null;
  private admitted: { answer: Admitted; at: number } | null = null;
  private clockAhead = 0;
  private asking: ReturnType<typeof setTimeout> | undefined;
  private readonly retrying = new Retrying();
  private readonly conductsOnly: boolean;

  constructor(page: PageData) {
    this.page = page;
    this.conductsOnly = page.page === "console";
  }

  start(): void {
    setInterval(() => (this.now.value = Date.now() + this.clockAhead), 1_000);
    addEventListener("online", () => this.tryNow());
    this.link.onLost = (why) => void this.onLost(why);
    this.link.onMutedByServer = () => {
      this.wishes.setMicrophone(false);
      this.notices.tell(t("Chủ trì đã tắt micrô của phòng mình."));
    };
    this.following.onEvent = (event) => this.onEvent(event);
    this.following.onRefused = (refusal) => this.notices.tell(refusal.message, "live");
    const { microphone, camera } = this.devices;
    effect(() => this.link.send({ devices: { microphone: microphone.value, camera: camera.value }, wishes: this.wishes.sent.value }));
    effect(() => this.link.setVolume(this.wishes.heardAt.value));
    effect(() => keepAwake(AWAKE.includes(this.phase.value)));
    void this.prepare();
    void this.ask();
  }

  /** A room asks for its devices at once; a console only when its holder joins. */
  private async prepare(): Promise<void> {
    if (this.conductsOnly && this.page.meeting_id) {
      this.api = new MeetingApi(this.page.meeting_id, this.page.caller.kind);
      this.following.follow(this.api);
    } else await this.devices.ask();
    this.step({ is: "devices known" });
    this.considerGoing();
  }

  private step(step: Step): void {
    this.course.value = next(this.course.value, step);
  }

  private get inside(): boolean {
    return this.phase.value === "in" || this.phase.value === "lost";
  }

  // ---- before the meeting: ask how things stand

  private async ask(): Promise<void> {
    clearTimeout(this.asking);
    if (!this.inside) await this.askOnce();
    const wait = this.course.value.onList ? ASK_ON_LIST_MS : ASK_EVERY_MS;
    clearTimeout(this.asking);
    this.asking = setTimeout(() => void this.ask(), wait);
  }

  private async askOnce(): Promise<void> {
    const began = performance.now();
    try {
      const state = await stateOf(this.page.caller.kind, this.page.meeting_id);
      this.answerMs.value = performance.now() - began;
      this.clockAhead = Date.parse(state.server_now) - Date.now();
      this.now.value = Date.now() + this.clockAhead;
      this.state.value = state;
      this.reachable.value = true;
      if (state.next) this.lastSeen.value = state.next;
      this.onState(state);
    } catch (fault) {
      if (fault instanceof Refused) this.step({ is: "join refused", code: fault.code, message: fault.message });
      else this.reachable.value = false;
    }
  }

  private onState(state: RoomState): void {
    const before = this.course.value;
    this.step({ is: "state", state });
    const { meeting, phase } = this.course.value;
    const open = phase === "checking" || phase === "lobby";
    if (open && before.onList && state.conference?.seat_state === "admitted") void this.join();
    else if (open && meeting && meeting === sessionStorage.getItem("seat")) void this.join();
    else this.considerGoing();
  }

  /** A room goes in by itself at its time; called by the poll, so a little later is early enough. */
  private considerGoing(): void {
    const wait = this.conductsOnly ? null : autoJoinIn(this.course.value, this.state.value, this.now.value);
    if (wait !== null && wait <= 0 && this.course.value.devicesKnown) void this.join();
  }

  // ---- in and out

  async join(takeOver = false): Promise<void> {
    const meeting = this.course.value.meeting ?? this.page.meeting_id;
    if (!meeting || this.course.value.joining) return;
    this.step({ is: "joining" });
    this.api = new MeetingApi(meeting, this.page.caller.kind);
    if (this.conductsOnly && this.devices.cameraState.value === "asking") void this.devices.ask();
    try {
      const answer = await this.api.join(takeOver);
      if (answer.seat === "waiting") this.step({ is: "put on list" });
      else await this.enter(answer, this.api);
    } catch (fault) {
      this.onJoinFault(fault);
    }
    void this.ask();
  }

  private async enter(answer: Admitted, api: MeetingApi): Promise<void> {
    this.admitted = { answer, at: Date.now() };
    this.identity.value = answer.identity;
    sessionStorage.setItem("seat", answer.meeting.id);
    if (answer.role === "main" && this.wishes.microphoneUntouched) this.wishes.setMicrophone(true);
    this.following.follow(api);
    try {
      await this.link.connect(answer.url, answer.token);
      this.step({ is: "link up" });
    } catch {
      this.step({ is: "link lost" });
      void this.comeBack();
    }
  }

  private onJoinFault(fault: unknown): void {
    if (fault instanceof Refused && fault.status < 500) {
      this.step({ is: "join refused", code: fault.code, message: fault.message });
      if (this.phase.value !== "elsewhere") sessionStorage.removeItem("seat");
    } else {
      this.step({ is: "join failed" });
      this.complain(fault, t("Chưa liên lạc được với máy chủ. Đang thử lại."));
    }
  }

  async leave(): Promise<void> {
    this.out({ is: "left" });
    await this.api?.leave().catch(() => undefined); // away: the relay tells the coordinator that we are gone
    void this.ask();
  }

  tryNow(): void {
    if (this.retrying.active) this.retrying.now();
    else void this.ask();
  }

  listenOnly(): void {
    this.wishes.setCamera(false);
    this.link.setSoundOnly(true);
    this.tryNow();
  }

  private async onLost(why: Lost): Promise<void> {
    if (why === "elsewhere") {
      this.out({ is: "taken elsewhere" });
      return;
    }
    this.step({ is: "link lost" });
    if (why === "sent out") await this.askWhy();
    await this.comeBack();
  }

  /** Sent out by the relay: the coordinator knows whether the meeting ended or only this seat. */
  private async askWhy(): Promise<void> {
    try {
      const { conference } = await stateOf(this.page.caller.kind, this.course.value.meeting);
      if (!conference || conference.state === "ended") this.out({ is: "ended" });
      else if (conference.seat_state === "removed" || conference.seat_state === "refused") this.out({ is: "removed" });
      else if (conference.seat_state === "elsewhere") this.out({ is: "taken elsewhere" });
    } catch {
      // no answer: try to come back, the answer to that tells
    }
  }

  private out(step: Step): void {
    this.step(step);
    sessionStorage.removeItem("seat");
    if (step.is === "ended") this.wishes.forgetMicrophone();
    void this.link.close();
    this.link.forget();
    this.retrying.now();
    if (!this.conductsOnly) this.following.stop();
    if (step.is === "ended") setTimeout(() => this.step({ is: "rested" }), REST_AFTER_END_MS);
  }

  /** Until the link is up again or somebody says that it shall not be. */
  private comeBack(): Promise<void> {
    return this.retrying.until(
      () => this.phase.value === "lost",
      () => this.tryToComeBack(),
    );
  }

  private async tryToComeBack(): Promise<boolean> {
    this.step({ is: "trying" });
    try {
      const answer = await this.freshSeat();
      if (!answer) return false;
      if (this.phase.value === "lost") await this.link.connect(answer.url, answer.token);
    } catch (fault) {
      if (!(fault instanceof Refused) || fault.status >= 500) return false;
      this.step({ is: "join refused", code: fault.code, message: fault.message });
      return true;
    }
    if (this.phase.value === "lost") {
      this.step({ is: "link up" });
      this.following.resume();
    } else await this.link.close(); // left or ended meanwhile
    return true;
  }

  /** A token for the relay: the one in hand while it is fresh, else a new one; an old one if the coordinator is away. */
  private async freshSeat(): Promise<Admitted | null> {
    const held = this.admitted;
    if (held && Date.now() - held.at < TOKEN_FRESH_MS) return held.answer;
    try {
      const answer = await this.api?.join(false);
      if (answer?.seat !== "admitted") {
        this.step({ is: "put on list" });
        return null;
      }
      this.admitted = { answer, at: Date.now() };
      return answer;
    } catch (fault) {
      if (fault instanceof Unreachable && held && Date.now() - held.at < TOKEN_LIFE_MS) return held.answer;
      throw fault;
    }
  }

  // ---- what the log tells

  private onEvent(event: RoomEvent): void {
    if (event.subject !== null && event.subject === this.identity.value) this.onMine(event);
    if (event.kind === "conference.ended") this.out({ is: "ended" });
    if (event.kind === "chat.message" && event.payload.identity !== this.identity.value) this.unread.value += 1;
    if (event.kind === "recording.notice") this.noticeRecording();
  }

  private onMine(event: RoomEvent): void {
    switch (event.kind) {
      case "floor.granted":
        this.wishes.setMicrophone(true);
        break;
      case "floor.revoked":
      case "floor.released":
        this.wishes.setMicrophone(false);
        break;
      case "mute.set":
        this.wishes.setMicrophone(false);
        this.notices.tell(
          event.payload.hold
            ? t("Chủ trì đã tắt micrô của phòng mình. Muốn nói, bấm “Xin phát biểu”.")
            : t("Chủ trì đã tắt micrô của phòng mình."),
        );
        break;
      case "mute.released":
        this.notices.tell(t("Phòng mình được bật micrô trở lại khi cần nói."));
        break;
      case "floor.withdrawn":
        if (event.actor !== event.subject) this.notices.tell(t("Chủ trì đã hạ tay của phòng mình."));
        break;
      case "seat.removed":
        this.out({ is: "removed" });
        break;
    }
  }

  private noticeRecording(): void {
    const sentence = t("Cuộc họp này bắt đầu được ghi hình, ghi âm.");
    this.notices.tell(sentence, "live");
    if (!this.wishes.soundOff.value && this.phase.value === "in") void announceAloud(sentence, inUse());
  }

  // ---- what people press

  toggleMicrophone(): void {
    if (this.me.value?.held_mute) {
      this.notices.tell(t("Chủ trì đang giữ tắt micrô. Muốn nói, bấm “Xin phát biểu”."));
      return;
    }
    if (!this.devices.microphone.value) void this.devices.askFor("audio");
    this.wishes.setMicrophone(!this.wishes.microphone.value);
  }

  toggleCamera(): void {
    if (!this.wishes.camera.value && !this.devices.camera.value) void this.devices.askFor("video");
    this.wishes.setCamera(!this.wishes.camera.value);
  }

  /** An act on the meeting; a refusal becomes a sentence on the page and never an exception. */
  async act(call: (api: MeetingApi) => Promise<unknown>): Promise<boolean> {
    if (!this.api) return false;
    try {
      await call(this.api);
      return true;
    } catch (fault) {
      this.complain(fault, t("Máy chủ điều hành đang tạm mất liên lạc. Đề nghị bấm lại sau ít giây."));
      return false;
    }
  }

  private complain(fault: unknown, unreachable: string): void {
    if (fault instanceof Refused) this.notices.tell(fault.message, "live");
    else if (fault instanceof Unreachable) this.notices.tell(unreachable, "live");
    else throw fault;
  }

  read(): void {
    this.unread.value = 0;
  }
}
