// Owns asking the coordinator how things stand while one is outside: what is next, whether it answers, what time it is there.
import { signal } from "@preact/signals";
import { Refused } from "./api/client.ts";
import { stateOf } from "./api/room.ts";
import type { Planned, RoomState } from "./api/shapes.ts";
import type { PageData } from "./page_data.ts";

const ASK_EVERY_MS = 5_000;
const ASK_ON_LIST_MS = 2_000;

export interface Asker {
  /** Asked for at all just now: inside a meeting the log and the link speak. */
  outside(): boolean;
  onList(): boolean;
  onState(state: RoomState): void;
  onRefused(refusal: Refused): void;
}

export class Standing {
  readonly state = signal<RoomState | null>(null);
  /** Whether the coordinator answers: it may be away while picture and sound go on. */
  readonly reachable = signal(true);
  readonly answerMs = signal<number | null>(null);
  /** The coordinator's clock. */
  readonly now = signal(Date.now());
  readonly lastSeen = signal<Planned | null>(null);
  private readonly page: PageData;
  private readonly asker: Asker;
  private clockAhead = 0;
  private timer: ReturnType<typeof setTimeout> | undefined;

  constructor(page: PageData, asker: Asker) {
    this.page = page;
    this.asker = asker;
  }

  start(): void {
    setInterval(() => (this.now.value = Date.now() + this.clockAhead), 1_000);
    void this.ask();
  }

  /** Now, and from then on every few seconds. */
  async ask(): Promise<void> {
    clearTimeout(this.timer);
    if (this.asker.outside()) await this.askOnce();
    clearTimeout(this.timer);
    this.timer = setTimeout(() => void this.ask(), this.asker.onList() ? ASK_ON_LIST_MS : ASK_EVERY_MS);
  }

  /** How this meeting stands, without taking it for what the page shows. */
  async of(meeting: string | null): Promise<RoomState["conference"]> {
    return (await stateOf(this.page.caller.kind, meeting)).conference;
  }

  private async askOnce(): Promise<void> {
    const began = performance.now();
    try {
      const state = await stateOf(this.page.caller.kind, this.page.meeting_id);
      this.answerMs.value = performance.now() - began;
      this.take(state);
      this.asker.onState(state);
    } catch (fault) {
      if (fault instanceof Refused) {
        this.reachable.value = true;
        this.asker.onRefused(fault);
      } else this.reachable.value = false;
    }
  }

  private take(state: RoomState): void {
    this.clockAhead = Date.parse(state.server_now) - Date.now();
    this.now.value = Date.now() + this.clockAhead;
    this.state.value = state;
    this.reachable.value = true;
    if (state.next) this.lastSeen.value = state.next;
  }
}
