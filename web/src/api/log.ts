// Owns the page's copy of the meeting's event log: a snapshot, then every event after it, across broken connections.
import { Refused } from "./client.ts";
import { nextDelay } from "../state/retry.ts";
import type { MeetingApi } from "./room.ts";
import type { RoomEvent, Snapshot } from "./shapes.ts";

export interface LogReader {
  onSnapshot(snapshot: Snapshot): void;
  onEvent(event: RoomEvent): void;
  onLink(up: boolean): void;
  onRefused(refusal: Refused): void;
}


export class LogFollower {
  private source: EventSource | null = null;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private attempt = 0;
  private seq: number | null = null;
  private stopped = false;
  private readonly api: MeetingApi;
  private readonly reader: LogReader;

  constructor(api: MeetingApi, reader: LogReader) {
    this.api = api;
    this.reader = reader;
  }

  start(): void {
    void this.begin();
  }

  stop(): void {
    this.stopped = true;
    clearTimeout(this.timer);
    this.source?.close();
    this.source = null;
  }

  /** Read everything anew: the page no longer trusts its copy. */
  async refresh(): Promise<void> {
    this.seq = null;
    this.source?.close();
    clearTimeout(this.timer);
    await this.begin();
  }

  /** The way to the house was cut for a while: the stream may be dead without knowing it, so it is opened anew. */
  resume(): void {
    if (this.stopped || this.seq === null) return;
    this.source?.close();
    clearTimeout(this.timer);
    this.follow(this.seq);
  }

  private async begin(): Promise<void> {
    try {
      if (this.seq === null) {
        const snapshot = await this.api.snapshot();
        if (this.stopped) return;
        this.seq = snapshot.seq;
        this.reader.onSnapshot(snapshot);
      }
      this.follow(this.seq);
    } catch (fault) {
      if (this.stopped) return;
      if (fault instanceof Refused && fault.status < 500) this.reader.onRefused(fault);
      else this.again();
    }
  }

  private follow(after: number): void {
    if (this.stopped) return;
    const source = new EventSource(this.api.events(after));
    this.source = source;
    source.onopen = () => {
      this.attempt = 0;
      this.reader.onLink(true);
    };
    source.onmessage = (message) => this.take(JSON.parse(message.data as string) as RoomEvent);
    // The browser's own reconnecting stops at the first answer that is not a stream; ours does not.
    source.onerror = () => {
      source.close();
      if (this.source === source) this.again();
    };
  }

  private take(event: RoomEvent): void {
    if (this.seq !== null && event.seq <= this.seq) return;
    this.seq = event.seq;
    this.reader.onEvent(event);
  }

  private again(): void {
    if (this.stopped) return;
    this.reader.onLink(false);
    clearTimeout(this.timer);
    this.timer = setTimeout(() => void this.begin(), nextDelay(this.attempt++));
  }
}

