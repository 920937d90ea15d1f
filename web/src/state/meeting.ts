// Owns what the page believes about a meeting: (snapshot, event) → snapshot, without drawing, fetching or a clock.
import type { AgendaItem, ChatLine, RecordingState, RoomEvent, Seat, Snapshot } from "../api/shapes.ts";

const CHAT_KEPT = 200;

/** The meeting after one event of its log. An event that is already in, or of an unknown kind, changes nothing else. */
export function apply(before: Snapshot, event: RoomEvent): Snapshot {
  if (event.seq <= before.seq) return before;
  const after: Snapshot = { ...before, seq: event.seq, ...seatPart(before, event.payload.seat), ...partOf(before, event) };
  return after;
}

function partOf(before: Snapshot, event: RoomEvent): Partial<Snapshot> {
  const { payload, at } = event;
  switch (event.kind) {
    case "conference.opened":
      return { conference: { ...before.conference, state: "open", opened_at: at } };
    case "conference.ended":
      return { conference: { ...before.conference, state: "ended", ended_at: at, end_reason: payload.reason ?? null, end_params: payload.params ?? null } };
    case "room.locked":
    case "room.unlocked":
      return { conference: { ...before.conference, locked: event.kind === "room.locked" } };
    case "chat.message":
      return { chat: [...before.chat, chatLine(event)].slice(-CHAT_KEPT) };
    case "announcement":
      return { announcement: payload.text ? { text: payload.text, name: payload.name ?? "", at } : null };
    case "agenda.started":
    case "agenda.ended":
      return { agenda: agendaAfter(before.agenda, payload.item_id ?? "", event.kind === "agenda.started", at) };
    default:
      return event.kind.startsWith("recording.") ? { recording: recordingAfter(before.recording, event) } : {};
  }
}

function seatPart(before: Snapshot, seat: Seat | undefined): Partial<Snapshot> {
  if (!seat) return {};
  const known = before.seats.some((one) => one.identity === seat.identity);
  const seats = known ? before.seats.map((one) => (one.identity === seat.identity ? seat : one)) : [...before.seats, seat];
  return {
    seats,
    absent: seat.joined_at ? before.absent.filter((one) => one.identity !== seat.identity) : before.absent,
    floor: ordered(seats.filter((one) => one.has_floor), (one) => one.floor_since),
    hands: ordered(seats.filter((one) => one.hand_at !== null), (one) => one.hand_at),
  };
}

function ordered(seats: Seat[], since: (seat: Seat) => string | null): string[] {
  return seats
    .map((seat) => ({ identity: seat.identity, at: Date.parse(since(seat) ?? "") || 0 }))
    .sort((a, b) => a.at - b.at)
    .map((one) => one.identity);
}

function chatLine({ seq, at, payload }: RoomEvent): ChatLine {
  return { seq, at, identity: payload.identity ?? "", name: payload.name ?? "", text: payload.text ?? "" };
}

function agendaAfter(items: AgendaItem[], id: string, started: boolean, at: string): AgendaItem[] {
  return items.map((item): AgendaItem => {
    if (item.item_id === id) {
      return started ? { ...item, state: "running", started_at: at, ended_at: null } : { ...item, state: "done", ended_at: at };
    }
    return started && item.state === "running" ? { ...item, state: "done", ended_at: at } : item;
  });
}

function recordingAfter(before: RecordingState, { kind, at, payload }: RoomEvent): RecordingState {
  const note = payload.note ?? null;
  switch (kind) {
    case "recording.requested":
      return { state: "requested", since: null, note };
    case "recording.started":
      return { state: "recording", since: before.since ?? at, note };
    case "recording.stopped":
      return { state: "idle", since: null, note };
    case "recording.failed":
      return { state: "failed", since: null, note };
    default:
      return { ...before, note: note ?? before.note };
  }
}

export function seatOf(snapshot: Snapshot | null, identity: string | null): Seat | null {
  return snapshot?.seats.find((seat) => seat.identity === identity) ?? null;
}

export function turnOf(snapshot: Snapshot, identity: string): number | null {
  const place = snapshot.hands.indexOf(identity);
  return place < 0 ? null : place + 1;
}
