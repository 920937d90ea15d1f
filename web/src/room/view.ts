// Owns what this browser alone decides of the picture: layout, open panel, who is where. Derived from session and peers.
import { computed, effect, type ReadonlySignal, signal } from "@preact/signals";
import type { Seat } from "../api/shapes.ts";
import type { Peer } from "../media/peer.ts";
import type { Session } from "../session.ts";
import { arrange, type Places } from "../state/stage.ts";

export type Panel = "chat" | "agenda" | "people" | "more";
export const panel = signal<Panel | null>(null);
export const grid = signal(false);
export const pinned = signal<string | null>(null);

const STRIP_PLACES = 4;
const HIDDEN = "recorder:";

export interface View {
  peers: ReadonlySignal<Map<string, Peer>>;
  seats: ReadonlySignal<Map<string, Seat>>;
  places: ReadonlySignal<Places>;
}

const views = new WeakMap<Session, View>();

export function viewOf(session: Session): View {
  const known = views.get(session);
  if (known) return known;
  const made = makeView(session);
  views.set(session, made);
  return made;
}

function makeView(session: Session): View {
  const before = signal<string | null>(null);
  const peers = computed(() => new Map(session.link.peers.value.filter((peer) => !peer.identity.startsWith(HIDDEN)).map((peer) => [peer.identity, shown(session, peer)])));
  const seats = computed(() => new Map((session.snapshot.value?.seats ?? []).map((seat) => [seat.identity, seat])));
  const places = computed(() => {
    const list = [...peers.value.values()];
    return arrange({
      seats: [...seats.value.values()],
      present: list.map((peer) => ({
        identity: peer.identity,
        hasPicture: peer.camera !== null,
        sharesScreen: peer.screen !== null && !peer.isLocal,
        speakingSince: peer.speakingSince,
      })),
      me: list.find((peer) => peer.isLocal)?.identity ?? null,
      floor: session.snapshot.value?.floor ?? [],
      hands: session.snapshot.value?.hands ?? [],
      before: before.peek(),
      pinned: pinned.value,
      places: STRIP_PLACES,
    });
  });
  effect(() => void (before.value = places.value.stage?.identity ?? null));
  return { peers, seats, places };
}

/** With sound only, pictures go at the press and not when the relay has taken them back. */
function shown(session: Session, peer: Peer): Peer {
  return session.wishes.soundOnly.value ? { ...peer, camera: null, screen: null } : peer;
}

export function nameOf(view: View, identity: string): string {
  return view.seats.value.get(identity)?.name ?? view.peers.value.get(identity)?.name ?? "";
}
