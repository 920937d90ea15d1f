// Owns where one page stands on its way through a meeting: (course, step) → course. The drivers look at the result and act.
import type { RoomState } from "../api/shapes.ts";

export type Phase = "waiting" | "checking" | "lobby" | "in" | "lost" | "ended" | "removed" | "revoked" | "elsewhere";

export interface Course {
  phase: Phase;
  /** The meeting one may go to, or is in. */
  meeting: string | null;
  /** A join is under way: the button says so and is not pressed twice. */
  joining: boolean;
  /** Asked to come in and not let in yet. */
  onList: boolean;
  /** Once decided what of camera and microphone there is, the lobby is open. */
  devicesKnown: boolean;
  /** The server's sentence why one cannot come in now. */
  whyNot: string | null;
  /** The relay is there and opens no room at the moment. */
  busy: boolean;
  /** How often the link was tried since it broke. */
  tries: number;
  /** Left by one's own press or given away to another machine: do not go in again by oneself. */
  leftByHand: boolean;
  /** The end was shown long enough; the page waits for the next meeting. */
  rested: boolean;
}

export const atTheDoor: Course = {
  phase: "waiting",
  meeting: null,
  joining: false,
  onList: false,
  devicesKnown: false,
  whyNot: null,
  busy: false,
  tries: 0,
  leftByHand: false,
  rested: false,
};

export type Step =
  | { is: "state"; state: RoomState }
  | { is: "devices known" }
  | { is: "joining" }
  | { is: "put on list" }
  | { is: "join refused"; code: string; message: string }
  | { is: "join failed" }
  | { is: "link up" }
  | { is: "link lost" }
  | { is: "link refused"; busy: boolean }
  | { is: "trying" }
  | { is: "taken elsewhere" }
  | { is: "removed" }
  | { is: "revoked" }
  | { is: "ended" }
  | { is: "rested" }
  | { is: "left" };

const INSIDE: readonly Phase[] = ["in", "lost"];

export function isInside(phase: Phase): boolean {
  return INSIDE.includes(phase);
}

export function next(course: Course, step: Step): Course {
  switch (step.is) {
    case "state":
      return afterState(course, step.state);
    case "devices known":
      return course.phase === "checking" ? { ...course, devicesKnown: true, phase: "lobby" } : { ...course, devicesKnown: true };
    case "joining":
      return { ...course, joining: true, whyNot: null, leftByHand: false };
    case "put on list":
      return { ...course, joining: false, onList: true, phase: INSIDE.includes(course.phase) ? course.phase : "waiting" };
    case "join refused":
      return refused({ ...course, joining: false, onList: false }, step.code, step.message);
    case "join failed":
      return { ...course, joining: false };
    case "link up":
      return { ...course, phase: "in", joining: false, onList: false, tries: 0, whyNot: null, busy: false };
    case "link lost":
      return INSIDE.includes(course.phase) || course.joining ? { ...course, phase: "lost", joining: false, busy: false } : course;
    case "link refused":
      return { ...course, busy: step.busy };
    case "trying":
      return { ...course, tries: course.tries + 1 };
    case "taken elsewhere":
      return { ...course, phase: "elsewhere", joining: false, leftByHand: true };
    case "removed":
      return { ...course, phase: "removed", joining: false, onList: false };
    case "revoked":
      return { ...course, phase: "revoked", joining: false, onList: false, leftByHand: true };
    case "ended":
      return { ...course, phase: "ended", joining: false, onList: false };
    case "rested":
      return course.phase === "ended" ? { ...course, phase: "waiting", rested: true } : course;
    case "left":
      return { ...course, phase: course.devicesKnown ? "lobby" : "checking", joining: false, leftByHand: true, tries: 0 };
  }
}

function refused(course: Course, code: string, message: string): Course {
  switch (code) {
    case "opened_elsewhere":
      return { ...course, phase: "elsewhere" };
    case "removed":
    case "refused":
      return { ...course, phase: "removed", whyNot: message };
    case "ended":
      return { ...course, phase: "ended" };
    case "login_required": // the cookie is worth nothing any more
      return { ...course, phase: "revoked", leftByHand: true };
    default:
      return { ...course, whyNot: message, phase: INSIDE.includes(course.phase) ? "waiting" : course.phase };
  }
}

/** The state is polled outside the meeting only; inside, the log and the link speak. */
function afterState(course: Course, state: RoomState): Course {
  const conference = state.conference;
  if (INSIDE.includes(course.phase)) return course;
  if (!conference) return { ...course, phase: course.phase === "ended" ? "ended" : "waiting", onList: false, whyNot: null };
  const fresh = conference.meeting_id !== course.meeting;
  const now: Course = {
    ...course,
    meeting: conference.meeting_id,
    onList: conference.seat_state === "waiting",
    leftByHand: fresh ? false : course.leftByHand,
    rested: fresh ? false : course.rested,
    whyNot: conference.may_join ? null : conference.why_not,
  };
  if (conference.state === "ended") return { ...now, phase: now.rested ? "waiting" : "ended" };
  switch (conference.seat_state) {
    case "removed":
    case "refused":
      return { ...now, phase: "removed" };
    case "elsewhere":
      return { ...now, phase: "elsewhere", leftByHand: true };
    default:
      return door(now, conference.may_join && !now.onList);
  }
}

function door(course: Course, open: boolean): Course {
  if (!open) return { ...course, phase: "waiting" };
  return { ...course, phase: course.devicesKnown ? "lobby" : "checking" };
}

/** When a room goes in by itself, in ms from now; null: never, somebody must press. */
export function autoJoinIn(course: Course, state: RoomState | null, now: number): number | null {
  const conference = state?.conference;
  const open = course.phase === "checking" || course.phase === "lobby";
  if (!open || course.joining || course.leftByHand || !conference?.may_join || !state?.venue) return null;
  if (conference.state === "open") return 0;
  const start = Date.parse(state.next?.starts_at ?? "");
  return Number.isNaN(start) ? null : Math.max(0, start - AUTO_JOIN_BEFORE_MS - now);
}

export const AUTO_JOIN_BEFORE_MS = 5 * 60_000;
