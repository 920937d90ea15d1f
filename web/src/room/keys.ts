// Owns the keyboard and the remote control: letters act, arrows walk from button to button, ? shows the keys.
import type { Session } from "../session.ts";

const WALK: Record<string, number> = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 };
export const LETTERS: Record<string, string> = { m: "mute", v: "camera", h: "hand", c: "chat", s: "share" };

function typing(target: EventTarget | null): boolean {
  return target instanceof HTMLElement && /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName);
}

function walk(by: number): void {
  const scope = document.querySelector("dialog[open]") ?? document;
  const places = [...scope.querySelectorAll<HTMLElement>("button:not([disabled]), a[href], input, textarea")].filter(
    (one) => one.offsetParent !== null,
  );
  const here = places.indexOf(document.activeElement as HTMLElement);
  places[(here + by + places.length) % places.length]?.focus();
}

export function bindKeys(session: Session): void {
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || typing(event.target)) return;
    const by = WALK[event.key];
    if (by !== undefined) {
      event.preventDefault();
      walk(by);
    } else if (event.key === "?") {
      document.querySelector<HTMLDialogElement>("dialog#keys")?.showModal();
    } else if (session.phase.value === "in") {
      const act = LETTERS[event.key.toLowerCase()];
      if (act) document.querySelector<HTMLButtonElement>(`button[data-act="${act}"]`)?.click();
    }
  });
}
