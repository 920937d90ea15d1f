// Owns the shapes of the coordinator's JSON interface, as README.md beside this file writes them down.
export type Kind = "point" | "account" | "guest";
export type Role = "main" | "member" | "chair" | "secretary" | "operator" | "participant" | "guest";
export type Source = "microphone" | "camera" | "screen";
export type Can =
  | "chat" | "hand" | "publish_microphone" | "publish_camera" | "publish_screen" | "conduct" | "record" | "end";

export interface Seat {
  identity: string;
  name: string;
  kind: Kind;
  role: Role;
  state: "waiting" | "admitted" | "refused" | "removed";
  joined: boolean;
  joined_at: string | null;
  left_at: string | null;
  held_mute: boolean;
  has_floor: boolean;
  floor_since: string | null;
  hand_at: string | null;
  may_publish: Source[];
}

export interface Planned {
  meeting_id: string;
  title: string;
  starts_at: string;
  ends_at: string;
  chair: string;
  main_point: string;
}

export type SeatState = "none" | "waiting" | "admitted" | "elsewhere" | "removed" | "refused";

export interface RoomState {
  server_now: string;
  venue: { id: string; name: string; unit: string } | null;
  helpline: string;
  next: Planned | null;
  conference: {
    meeting_id: string;
    state: "scheduled" | "waiting" | "open" | "ended";
    may_join: boolean;
    may_join_from: string;
    why_not: string | null;
    seat_state: SeatState;
    locked: boolean;
    end_reason: EndReason | null;
    end_params: EndParams | null;
  } | null;
}

export interface Admitted {
  seat: "admitted";
  url: string;
  token: string;
  identity: string;
  name: string;
  role: Role;
  can: Can[];
  may_publish: Source[];
  meeting: { id: string; title: string; starts_at: string; ends_at: string; chair: string };
}

export interface PutOnList {
  seat: "waiting";
  identity: string;
  name: string;
}

export interface ChatLine {
  seq: number;
  at: string;
  identity: string;
  name: string;
  text: string;
}

export interface AgendaItem {
  item_id: string;
  position: number;
  title: string;
  presenter: string;
  minutes: number | null;
  state: "planned" | "running" | "done";
  started_at: string | null;
  ended_at: string | null;
}

export interface RecordingState {
  state: "idle" | "requested" | "recording" | "stopping" | "failed";
  since: string | null;
  note: string | null;
}

export type EndReason = "chair" | "secretary" | "operator" | "empty" | "overtime" | "cancelled";

/** The numbers of an end reason's sentence. */
export interface EndParams {
  minutes?: number;
  hours?: number;
}

export interface Snapshot {
  seq: number;
  meeting: { id: string; title: string; starts_at: string; ends_at: string; chair: string; main_point: string };
  conference: {
    state: "scheduled" | "waiting" | "open" | "ended";
    opened_at: string | null;
    ended_at: string | null;
    end_reason: EndReason | null;
    end_params: EndParams | null;
    locked: boolean;
  };
  me: string | null;
  seats: Seat[];
  absent: { identity: string; name: string; role: Role }[];
  floor: string[];
  hands: string[];
  chat: ChatLine[];
  agenda: AgendaItem[];
  recording: RecordingState;
  announcement: { text: string; name: string; at: string } | null;
  can: Can[];
}

export interface RoomEvent {
  seq: number;
  kind: string;
  at: string;
  actor: string | null;
  subject: string | null;
  payload: {
    seat?: Seat;
    name?: string | null;
    hold?: boolean;
    reason?: EndReason;
    params?: EndParams;
    note?: string | null;
    identity?: string;
    text?: string;
    item_id?: string | null;
    position?: number;
    title?: string;
    recording_id?: string;
    codec?: string;
  };
}
