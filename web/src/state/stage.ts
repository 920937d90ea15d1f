// Owns who is seen where: one picture on the stage, few in the strip. Pure: the same facts give the same places.
import type { Seat } from "../api/shapes.ts";

export interface Presence {
  identity: string;
  hasPicture: boolean;
  sharesScreen: boolean;
  speakingSince: number | null;
}

export interface Places {
  /** Whose picture is on the stage; `screen` when it is what they share. */
  stage: { identity: string; screen: boolean } | null;
  strip: string[];
  /** How many are in the room and in neither place. */
  more: number;
}

export interface Seen {
  seats: Seat[];
  present: Presence[];
  me: string | null;
  floor: string[];
  hands: string[];
  /** Who was on the stage before: nobody is thrown off for one cough. */
  before: string | null;
  /** Whom the person at this machine wants to see, whoever speaks. */
  pinned: string | null;
  places: number;
}

const RANK: Record<Seat["role"], number> = {
  chair: 0, main: 1, secretary: 2, operator: 4, member: 3, participant: 5, guest: 6,
};

export function arrange(seen: Seen): Places {
  const here = new Map(seen.present.map((one) => [one.identity, one]));
  const stage = onStage(seen, here);
  const others = seen.present
    .map((one) => one.identity)
    .filter((identity) => identity !== seen.me && (identity !== stage?.identity || stage.screen))
    .sort((a, b) => weight(seen, here, a) - weight(seen, here, b) || a.localeCompare(b));
  const selfInStrip = seen.me !== null && here.has(seen.me) && stage?.identity !== seen.me;
  const room = Math.max(seen.places - (selfInStrip ? 1 : 0), 0);
  const strip = [...others.slice(0, room), ...(selfInStrip && seen.me ? [seen.me] : [])];
  return { stage, strip, more: Math.max(others.length - room, 0) };
}

function onStage(seen: Seen, here: Map<string, Presence>): Places["stage"] {
  const kept = seen.pinned === null ? undefined : here.get(seen.pinned);
  if (kept) return { identity: kept.identity, screen: kept.sharesScreen };
  const sharing = [...seen.floor, ...here.keys()].find((identity) => here.get(identity)?.sharesScreen);
  if (sharing) return { identity: sharing, screen: true };
  const speaker = seen.floor.find((identity) => here.has(identity) && identity !== seen.me) ?? loudest(seen, here);
  if (speaker) return { identity: speaker, screen: false };
  const last = seen.before !== null && seen.before !== seen.me && here.has(seen.before) ? seen.before : null;
  const first = last ?? ranked(seen).find((seat) => seat.identity !== seen.me && here.has(seat.identity))?.identity;
  const any = first ?? seen.present.find((one) => one.identity !== seen.me)?.identity ?? seen.me;
  return any && here.has(any) ? { identity: any, screen: false } : null;
}

/** Who has spoken longest of those speaking now, oneself never: nobody wants to look at themselves. */
function loudest(seen: Seen, here: Map<string, Presence>): string | null {
  const speaking = seen.present.filter((one) => one.identity !== seen.me && one.speakingSince !== null);
  if (seen.before && speaking.some((one) => one.identity === seen.before)) return seen.before;
  speaking.sort((a, b) => (a.speakingSince ?? 0) - (b.speakingSince ?? 0));
  const first = speaking[0]?.identity;
  return first && here.has(first) ? first : null;
}

function ranked(seen: Seen): Seat[] {
  return [...seen.seats].sort((a, b) => RANK[a.role] - RANK[b.role]);
}

function weight(seen: Seen, here: Map<string, Presence>, identity: string): number {
  const seat = seen.seats.find((one) => one.identity === identity);
  if (seat?.role === "chair" || seat?.role === "main") return RANK[seat.role];
  if (seen.floor.includes(identity)) return 2;
  const turn = seen.hands.indexOf(identity);
  if (turn >= 0) return 3 + turn / 1000;
  if (here.get(identity)?.hasPicture) return 10 + (seat ? RANK[seat.role] : 9);
  return 30 + (seat ? RANK[seat.role] : 9);
}
