// Owns the wall of the console: every point at its place, with the one word that matters about it. Pure.
import type { Role, Seat, Snapshot } from "../api/shapes.ts";

export type Standing = "floor" | "hand" | "here" | "held" | "lost" | "left" | "absent" | "removed";

export interface Place {
  identity: string;
  name: string;
  role: Role;
  standing: Standing;
  /** Place in the queue of hands. */
  turn: number | null;
  /** Since when the link is gone. */
  since: string | null;
}

const FIRST: Partial<Record<Role, number>> = { chair: 0, main: 1, secretary: 2, operator: 3, member: 4 };

/** Points never change place while a meeting runs: the order knows only roles and names. */
export function wallOf(snapshot: Snapshot): Place[] {
  const seated = snapshot.seats.filter((seat) => seat.state !== "waiting" && seat.state !== "refused").map((seat) => placeOf(snapshot, seat));
  const known = new Set(seated.map((place) => place.identity));
  const absent = snapshot.absent
    .filter((one) => !known.has(one.identity))
    .map((one): Place => ({ ...one, standing: "absent", turn: null, since: null }));
  return [...seated, ...absent].sort(
    (a, b) => (FIRST[a.role] ?? 9) - (FIRST[b.role] ?? 9) || a.name.localeCompare(b.name, "vi") || a.identity.localeCompare(b.identity),
  );
}

function placeOf(snapshot: Snapshot, seat: Seat): Place {
  const turn = snapshot.hands.indexOf(seat.identity);
  const place = { identity: seat.identity, name: seat.name, role: seat.role, turn: turn < 0 ? null : turn + 1, since: seat.left_at };
  return { ...place, standing: standingOf(seat, snapshot.conference.state === "open") };
}

/** Who was in and is not: missing while the meeting runs, simply gone before and after it. */
function standingOf(seat: Seat, running: boolean): Standing {
  if (seat.state === "removed") return "removed";
  if (!seat.joined) return !seat.joined_at ? "absent" : running ? "lost" : "left";
  if (seat.has_floor) return "floor";
  if (seat.hand_at) return "hand";
  return seat.held_mute ? "held" : "here";
}

export type Filter = "all" | "hand" | "open" | "trouble" | "absent";


/** `open`: whose microphone is open, which the media link knows and the log does not. */
export function passes(place: Place, filter: Filter, search: string, open: ReadonlySet<string>): boolean {
  const wanted =
    filter === "all" || (filter === "open" && open.has(place.identity)) || (filter === "hand" && place.standing === "hand") || (filter === "trouble" && place.standing === "lost") ||
    (filter === "absent" && (place.standing === "absent" || place.standing === "removed"));
  return wanted && (search.trim() === "" || fold(place.name).includes(fold(search)));
}

/** "Buôn Đôn" is found by "buon don". */
export function fold(text: string): string {
  return text.toLowerCase().normalize("NFD").replace(/\p{M}/gu, "").replaceAll("đ", "d").replace(/\s+/g, " ").trim();
}

/** Where everybody is a point, that word is left out before a name is cut. */
export function shortName(name: string): string {
  return name.replace(/^Điểm cầu\s+(?=\S)/u, "").replace(/^./u, (letter) => letter.toLocaleUpperCase("vi"));
}
