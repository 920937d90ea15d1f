// Owns the calls of the room page and the console; one method an address of README.md beside this file.
import { call } from "./client.ts";
import type { Admitted, Kind, PutOnList, RecordingState, RoomState, Snapshot } from "./shapes.ts";

export type FloorAction = "grant" | "revoke" | "decline" | "done";
type Acted = Promise<{ seq: number }>;

/** The page's own name, one a tab: a reload returns to its seat, another tab is another device. */
export function deviceId(): string {
  const known = sessionStorage.getItem("device");
  if (known) return known;
  const fresh = Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
  sessionStorage.setItem("device", fresh);
  return fresh;
}

export function stateOf(as: Kind, meeting: string | null): Promise<RoomState> {
  const query = new URLSearchParams({ as, device: deviceId() });
  if (meeting) query.set("meeting", meeting);
  return call("GET", `/api/room/state?${query}`);
}

export class MeetingApi {
  readonly meeting: string;
  readonly as: Kind;

  constructor(meeting: string, as: Kind) {
    this.meeting = meeting;
    this.as = as;
  }

  address(path: string, query: Record<string, string> = {}): string {
    return `/api/meetings/${encodeURIComponent(this.meeting)}${path}?${new URLSearchParams({ as: this.as, ...query })}`;
  }

  private act(path: string, body: object = {}): Acted {
    return call("POST", this.address(path), body);
  }

  join(takeOver: boolean): Promise<Admitted | PutOnList> {
    return call("POST", this.address("/join"), { device_id: deviceId(), take_over: takeOver });
  }
  leave(): Promise<{ left: boolean }> {
    return call("POST", this.address("/leave"), { device_id: deviceId() }, true);
  }
  snapshot(): Promise<Snapshot> {
    return call("GET", this.address("/snapshot"));
  }
  events(after: number): string {
    return this.address("/events", { after: String(after) });
  }

  chat = (text: string) => this.act("/chat", { text });
  hand = (raised: boolean) => this.act("/hand", { raised });
  floor = (identity: string, action: FloorAction) => this.act("/floor", { identity, action });
  mute = (identity: string, hold: boolean) => this.act("/mute", { identity, hold });
  unmute = (identity: string) => this.act("/unmute", { identity });
  remove = (identity: string) => this.act("/remove", { identity });
  lock = (locked: boolean) => this.act("/lock", { locked });
  admit = (identity: string, admit: boolean) => this.act("/admit", { identity, admit });
  announce = (text: string) => this.act("/announce", { text });
  agenda = (item: string, action: "start" | "end") => this.act("/agenda", { item_id: item, action });
  open = () => this.act("/open");
  end = () => this.act("/end");
  startRecording = (): Promise<RecordingState> => call("POST", this.address("/recording/start"), {});
  stopRecording = (): Promise<RecordingState> => call("POST", this.address("/recording/stop"), {});
}
