// Owns the page's copy of the meeting it follows: the snapshot, kept current by the log, and whether the log is reached.
import { signal } from "@preact/signals";
import type { Refused } from "./api/client.ts";
import { LogFollower } from "./api/log.ts";
import type { MeetingApi } from "./api/room.ts";
import type { RoomEvent, Snapshot } from "./api/shapes.ts";
import { apply } from "./state/meeting.ts";

export class Following {
  readonly snapshot = signal<Snapshot | null>(null);
  readonly up = signal(true);
  onSnapshot: (snapshot: Snapshot) => void = () => undefined;
  /** After the snapshot has taken the event in. */
  onEvent: (event: RoomEvent) => void = () => undefined;
  onRefused: (refusal: Refused) => void = () => undefined;
  private log: LogFollower | null = null;
  private meeting: string | null = null;

  /** Follows this meeting from now on; asked again for the same one, it reads everything anew. */
  follow(api: MeetingApi): void {
    if (this.log && this.meeting === api.meeting) {
      void this.log.refresh();
      return;
    }
    this.stop();
    this.meeting = api.meeting;
    this.log = new LogFollower(api, {
      onSnapshot: (snapshot) => {
        this.snapshot.value = snapshot;
        this.onSnapshot(snapshot);
      },
      onEvent: (event) => this.take(event),
      onLink: (up) => (this.up.value = up),
      onRefused: (refusal) => this.onRefused(refusal),
    });
    this.log.start();
  }

  resume(): void {
    this.log?.resume();
  }

  /** The last snapshot stays: it says how the meeting ended. */
  stop(): void {
    this.log?.stop();
    this.log = null;
    this.up.value = true;
  }

  private take(event: RoomEvent): void {
    const before = this.snapshot.value;
    if (!before) return;
    this.snapshot.value = apply(before, event);
    this.onEvent(event);
  }
}
