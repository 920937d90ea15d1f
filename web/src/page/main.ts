// Owns what every server-rendered page gains with a script: htmx, the menu, the theme, lengths that a strict policy
// forbids in markup, the key help, and keys that press what has `data-key`. Without it each page still works.
import htmx from "htmx.org";
import { chooseTheme, offerThemes } from "../theme.ts";

const token = document.querySelector<HTMLMetaElement>('meta[name="csrf-token"]')?.content ?? "";

htmx.config.includeIndicatorStyles = false; // its inline style would break the page's policy
htmx.config.allowEval = false;
htmx.config.selfRequestsOnly = true;
// a refused form comes back as a page with its faults: show it
htmx.config.responseHandling = [
  { code: "204", swap: false },
  { code: "[23]..", swap: true },
  { code: "4..", swap: true },
  { code: "5..", swap: false, error: true },
];

document.addEventListener("htmx:configRequest", (event) => {
  (event as CustomEvent<{ headers: Record<string, string> }>).detail.headers["X-CSRF-Token"] = token;
});
document.addEventListener("htmx:load", (event) => measure(event.target as Element));

/** `data-style="--at: .4; grid-column: 2/5"` becomes the element's style. */
function measure(root: ParentNode): void {
  for (const element of root.querySelectorAll<HTMLElement>("[data-style]")) {
    element.style.cssText = element.dataset["style"] ?? "";
  }
}

function closeMenus(except: EventTarget | null): void {
  for (const menu of document.querySelectorAll<HTMLDetailsElement>("details[data-menu][open]")) {
    if (!(except instanceof Node && menu.contains(except))) menu.open = false;
  }
}

/** `data-dialog="id"` opens a dialog; `data-close` inside closes it. */
function onClick(event: MouseEvent): void {
  closeMenus(event.target);
  const pressed = event.target instanceof Element ? event.target.closest<HTMLElement>("[data-dialog], [data-close]") : null;
  if (!pressed) return;
  const id = pressed.dataset["dialog"];
  if (id) document.querySelector<HTMLDialogElement>(`dialog#${CSS.escape(id)}`)?.showModal();
  else pressed.closest("dialog")?.close();
  event.preventDefault();
}

function typing(target: EventTarget | null): boolean {
  return target instanceof HTMLElement && (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName));
}

function onKey(event: KeyboardEvent): void {
  if (event.key === "Escape") closeMenus(null);
  if (event.ctrlKey || event.metaKey || event.altKey || typing(event.target)) return;
  if (event.key === "?") document.querySelector<HTMLDialogElement>("dialog#keys")?.showModal();
  const wanted = document.querySelector("dialog[open]") ? null : document.querySelector<HTMLElement>(`[data-key="${CSS.escape(event.key.toLowerCase())}"]`);
  if (wanted) wanted.click();
  if (event.key === "/") {
    const search = document.querySelector<HTMLInputElement>('input[type="search"]');
    if (!search) return;
    search.focus();
    event.preventDefault();
  }
}

/** A press on a form's button is one act: a second press before the answer is not sent. */
function onSubmit(event: SubmitEvent): void {
  const form = event.target as HTMLFormElement;
  if (form.dataset["sent"] === "yes") event.preventDefault();
  else if (form.method === "post" && !event.defaultPrevented && !form.hasAttribute("hx-post")) form.dataset["sent"] = "yes";
}

/** What was typed is not lost by a wrong press: `data-guard` on a form asks before leaving the page. */
function guard(): void {
  let touched = false;
  for (const form of document.querySelectorAll<HTMLFormElement>("form[data-guard]")) {
    form.addEventListener("input", () => (touched = true));
    form.addEventListener("submit", () => (touched = false));
  }
  addEventListener("beforeunload", (event) => touched && event.preventDefault());
}

measure(document);
offerThemes(chooseTheme);
guard();
document.addEventListener("click", onClick);
document.addEventListener("keydown", onKey);
document.addEventListener("submit", onSubmit);
addEventListener("pageshow", () => document.querySelectorAll("form[data-sent]").forEach((form) => form.removeAttribute("data-sent")));
