// Owns how autosave goes on: what happened, what to do next. Pure; the driver owns the timer and the request.
export interface Saving {
  state: "clean" | "dirty" | "saving" | "failed" | "clash";
  version: number;
  again: boolean; // typed on while a save was under way
  failures: number;
}

export type SavingEvent =
  | { type: "typed" }
  | { type: "due" }
  | { type: "saved"; version: number }
  | { type: "unreachable" }
  | { type: "refused" }
  | { type: "clashed" };

export const begin = (version: number): Saving => ({ state: "clean", version, again: false, failures: 0 });

/** The next state; `saving` means: send now what the form holds. A clash ends autosave: two versions are for people. */
export function after(saving: Saving, event: SavingEvent): Saving {
  if (saving.state === "clash") return saving;
  switch (event.type) {
    case "typed":
      return saving.state === "saving" ? { ...saving, again: true } : { ...saving, state: "dirty" };
    case "due":
      return saving.state === "dirty" || saving.state === "failed" ? { ...saving, state: "saving", again: false } : saving;
    case "saved":
      return { state: saving.again ? "dirty" : "clean", version: event.version, again: false, failures: 0 };
    case "unreachable":
      return { ...saving, state: "failed", again: false, failures: saving.failures + 1 };
    case "refused":
      return { ...saving, state: "failed", again: false, failures: saving.failures + 1 };
    case "clashed":
      return { ...saving, state: "clash" };
  }
}

const QUIET_MS = 1_200;
const LONGEST_MS = 30_000;

/** How long to wait before the next save, or null: nothing to save. */
export function wait(saving: Saving): number | null {
  if (saving.state === "dirty") return QUIET_MS;
  if (saving.state === "failed") return Math.min(LONGEST_MS, 2_000 * 2 ** Math.min(saving.failures, 4));
  return null;
}

/** Whether leaving the page would lose words. */
export function unsaved(saving: Saving): boolean {
  return saving.state !== "clean";
}
