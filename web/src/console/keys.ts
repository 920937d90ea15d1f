// Owns the console's keys: N the next item, / the search, M the own microphone, ? the list of keys.
import { chatOpen } from "./chosen.ts";

const LETTERS: Record<string, string> = { n: "next-item", m: "mute", c: "chat" };

export function bindKeys(): void {
  document.addEventListener("keydown", (event) => {
    const target = event.target;
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "Escape" && !document.querySelector("dialog[open]")) {
      chatOpen.value = false; // also while typing in it
      return;
    }
    if (target instanceof HTMLElement && /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName)) return;
    if (event.key === "?") document.querySelector<HTMLDialogElement>("dialog#keys")?.showModal();
    else if (event.key === "/") {
      document.querySelector<HTMLInputElement>('input[type="search"]')?.focus();
      event.preventDefault();
    } else {
      const act = LETTERS[event.key.toLowerCase()];
      if (act) document.querySelector<HTMLButtonElement>(`button[data-act="${act}"]`)?.click();
    }
  });
}
