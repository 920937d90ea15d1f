// Owns a browser's way into a meeting, back into it, and out: the course, the seat's token, the media link's life.
import { computed, signal } from "@preact/signals";
import { Refused, Unreachable } from "./api/client.ts";
import { MeetingApi } from "./api/room.ts";
import type { Admitted, RoomState } from "./api/shapes.ts";
import type { Following } from "./following.ts";
import { RelayBusy } from "./media/busy.ts";
import type { Devices } from "./media/devices.ts";
import type { Lost, MediaLink } from "./media/link.ts";
import { complain, type Notices } from "./notices.ts";
import type { PageData } from "./page_data.ts";
import { Retrying } from "./retrying.ts";
import { Standing } from "./standing.ts";
import { atTheDoor, autoJoinIn, type Course, isInside, next, type Step } from "./state/course.ts";
import type { Wishes } from "./wishes.ts";
import { t } from "./words.ts";

const TOKEN_FRESH_MS = 30_000;
const TOKEN_LIFE_MS = 9 * 60_000;
const REST_AFTER_END_MS = 120_000;

/** What a way through a meeting leads past; the session owns them. */
export interface Surroundings {
  page: PageData;
  following: Following;
  devices: Devices;
  link: MediaLink;
  wishes: Wishes;
  notices: Notices;
}

export class Passage {
  readonly course = signal<Course>(atTheDoor);
  readonly phase = computed(() => this.course.value.phase);
  readonly identity = signal<string | null>(null);
  readonly standing: Standing;
  api: MeetingApi | null = null;

  private readonly around: Surroundings;
  private readonly conductsOnly: boolean;
  private readonly retrying = new Retrying();
  private admitted: { answer: Admitted; at: number } | null = null;

  constructor(around: Surroundings) {
    this.around = around;
    this.conductsOnly = around.page.page === "console";
    this.standing = new Standing(around.page, {
      outside: () => !isInside(this.phase.value),
      onList: () => this.course.value.onList,
      onState: (state) => this.onState(state),
      onRefused: (refusal) => this.step({ is: "join refused", code: refusal.code, message: refusal.message }),
    });
    around.link.onLost = (why) => void this.onLost(why);
  }

  /** A room asks for its devices at once; a console only when its holder joins. */
  async start(): Promise<void> {
    this.standing.start();
    const { page, devices, following } = this.around;
    if (this.conductsOnly && page.meeting_id) {
      this.api = new MeetingApi(page.meeting_id, page.caller.kind);
      following.follow(this.api);
    } else await devices.ask();
    this.step({ is: "devices known" });
    this.considerGoing();
  }

  private step(step: Step): void {
    this.course.value = next(this.course.value, step);
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
    const wait = this.conductsOnly ? null : autoJoinIn(this.course.value, this.standing.state.value, this.standing.now.value);
    if (wait !== null && wait <= 0 && this.course.value.devicesKnown) void this.join();
  }

  // ---- in

  async join(takeOver = false): Promise<void> {
    const meeting = this.course.value.meeting ?? this.around.page.meeting_id;
    if (!meeting || this.course.value.joining) return;
    this.step({ is: "joining" });
    this.api = new MeetingApi(meeting, this.around.page.caller.kind);
    if (this.conductsOnly && this.around.devices.cameraState.value === "asking") void this.around.devices.ask();
    try {
      const answer = await this.api.join(takeOver);
      if (answer.seat === "waiting") this.step({ is: "put on list" });
      else await this.enter(answer, this.api);
    } catch (fault) {
      this.onJoinFault(fault);
    }
    void this.standing.ask();
  }

  private async enter(answer: Admitted, api: MeetingApi): Promise<void> {
    this.admitted = { answer, at: Date.now() };
    this.identity.value = answer.identity;
    sessionStorage.setItem("seat", answer.meeting.id);
    if (answer.role === "main" && this.around.wishes.microphoneUntouched) this.around.wishes.setMicrophone(true);
    this.around.following.follow(api);
    try {
      await this.around.link.connect(answer.url, answer.token);
      this.step({ is: "link up" });
    } catch (fault) {
      this.step({ is: "link lost" });
      this.step({ is: "link refused", busy: fault instanceof RelayBusy });
      void this.comeBack();
    }
  }

  private onJoinFault(fault: unknown): void {
    if (fault instanceof Refused && fault.status < 500) {
      this.step({ is: "join refused", code: fault.code, message: fault.message });
      if (this.phase.value !== "elsewhere") sessionStorage.removeItem("seat");
    } else {
      this.step({ is: "join failed" });
      complain(this.around.notices, fault, t("Chưa liên lạc được với máy chủ. Đang thử lại."));
    }
  }

  // ---- lost, and back

  tryNow(): void {
    if (this.retrying.active) this.retrying.now();
    else void this.standing.ask();
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
      const conference = await this.standing.of(this.course.value.meeting);
      if (!conference || conference.state === "ended") this.out({ is: "ended" });
      else if (conference.seat_state === "removed" || conference.seat_state === "refused") this.out({ is: "removed" });
      else if (conference.seat_state === "elsewhere") this.out({ is: "taken elsewhere" });
    } catch (fault) {
      if (fault instanceof Refused && fault.code === "login_required") this.out({ is: "revoked" });
      // no answer: try to come back, the answer to that tells
    }
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
      if (this.phase.value === "lost") await this.around.link.connect(answer.url, answer.token);
    } catch (fault) {
      this.step({ is: "link refused", busy: fault instanceof RelayBusy });
      if (!(fault instanceof Refused) || fault.status >= 500) return false;
      this.step({ is: "join refused", code: fault.code, message: fault.message });
      return true;
    }
    if (this.phase.value === "lost") {
      this.step({ is: "link up" });
      this.around.following.resume();
    } else await this.around.link.close(); // left or ended meanwhile
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

  // ---- out

  async leave(): Promise<void> {
    this.out({ is: "left" });
    await this.api?.leave().catch(() => undefined); // away: the relay tells the coordinator that we are gone
    void this.standing.ask();
  }

  out(step: Step): void {
    this.step(step);
    sessionStorage.removeItem("seat");
    if (step.is === "ended") this.around.wishes.forgetMicrophone();
    void this.around.link.close();
    this.around.link.forget();
    this.retrying.now();
    if (!this.conductsOnly) this.around.following.stop();
    if (step.is === "ended") setTimeout(() => this.step({ is: "rested" }), REST_AFTER_END_MS);
  }
}
