// Owns the minutes editor on the page: saves by itself, acts without a new page, plays moments. The form works without it.
import { Refused, call } from "../api/client.ts";
import { followComposing } from "../review/composing.ts";
import { seekByLinks, takePlayer } from "../review/player.ts";
import { instant } from "../review/timeline.ts";
import { contentOf, isOpen } from "./content.ts";
import { type Happening, type Words, Paragraphs, grow } from "./paragraphs.ts";
import { type SavingEvent, after, begin, unsaved, wait } from "./saving.ts";

interface PageData {
  happenings: Record<string, Happening>;
  words: Words & { saving: string; saved: string; unsaved: string; compare: string };
}

const form = document.querySelector<HTMLFormElement>("form#minutes");
const paper = form?.querySelector<HTMLElement>(".paper-edit");
const template = document.querySelector<HTMLTemplateElement>("template#new-paragraph");
const block = document.getElementById("page-data")?.textContent;
if (form && paper && template && block) start(form, paper, template, JSON.parse(block) as PageData);

function start(form: HTMLFormElement, paper: HTMLElement, template: HTMLTemplateElement, page: PageData): void {
  const version = form.querySelector<HTMLInputElement>('[name="version"]');
  const shown = form.querySelector<HTMLElement>("[data-saved]");
  let saving = begin(Number(version?.value));
  let timer: number | undefined;
  let sending: Promise<void> | null = null;

  const happen = (event: SavingEvent) => {
    saving = after(saving, event);
    if (version) version.value = String(saving.version);
    const pause = wait(saving);
    clearTimeout(timer);
    if (pause !== null) timer = window.setTimeout(() => save(), pause);
  };
  const say = (words: string, state: "state-fine" | "state-act" | "state-live") => {
    const line = document.createElement("span");
    line.className = `state ${state}`;
    line.textContent = words;
    shown?.replaceChildren(line);
  };
  const save = (keepalive = false) => {
    happen({ type: "due" });
    if (saving.state === "saving" && !sending) sending = send(keepalive).finally(() => (sending = null));
  };
  const send = async (keepalive: boolean) => {
    say(page.words.saving, "state-act");
    try {
      const path = `/api/meetings/${form.dataset["meeting"]}/minutes`;
      const answer = await call<{ version: number; saved_at: string }>("POST", path, contentOf(new FormData(form), saving.version), keepalive);
      happen({ type: "saved", version: answer.version });
      const time = new Date(answer.saved_at).toLocaleTimeString("vi-VN", { hour: "2-digit", minute: "2-digit" });
      say(page.words.saved.replace("{time}", time), "state-fine");
    } catch (cause) {
      if (cause instanceof Refused && cause.code === "changed_meanwhile") return clash(cause);
      happen({ type: cause instanceof Refused ? "refused" : "unreachable" });
      say(cause instanceof Refused ? cause.message : page.words.unsaved, "state-live");
    }
  };
  /** Two people wrote: the form goes to the server as it is, whose page shows both versions side by side. */
  const clash = (cause: Refused) => {
    happen({ type: "clashed" });
    say(cause.message, "state-live");
    const compare = document.createElement("button");
    compare.name = "do";
    compare.value = "save";
    compare.className = "btn btn-s";
    compare.textContent = page.words.compare;
    shown?.append(" ", compare);
  };

  const changed = () => happen({ type: "typed" });
  const paragraphs = new Paragraphs(paper, template, page.words, changed);
  const player = takePlayer(() => undefined);
  if (player) {
    seekByLinks(player);
    for (const button of document.querySelectorAll<HTMLElement>("[data-stamp]")) button.hidden = false;
    for (const button of template.content.querySelectorAll<HTMLElement>("[data-stamp]")) button.hidden = false;
  }

  followComposing();

  form.addEventListener("input", (event) => {
    if (event.target instanceof HTMLTextAreaElement) {
      grow(event.target);
      const open = event.target.closest("[data-paragraph]")?.querySelector<HTMLElement>("[data-open]");
      if (open) open.hidden = !isOpen(event.target.value);
    }
    if (event.target instanceof Element && paper.contains(event.target)) changed();
  });
  form.addEventListener("click", (event) => {
    const button = event.target instanceof Element ? event.target.closest<HTMLButtonElement>("button") : null;
    if (!button) return;
    const paragraph = button.closest<HTMLElement>("[data-paragraph]");
    if (button.hasAttribute("data-stamp") && paragraph && player?.playback.zero) {
      return paragraphs.stamp(paragraph, instant(player.playback.zero, player.now()), Math.round(player.now()));
    }
    if (button.name === "do" && act(button, paragraph)) event.preventDefault();
  });
  const act = (button: HTMLButtonElement, paragraph: HTMLElement | null): boolean => {
    const [name = "", argument = ""] = button.value.split(":");
    if (name === "take") return take(button, page.happenings[argument]);
    if (name === "add") paragraphs.addAfter(paragraph);
    else if (paragraph && (name === "up" || name === "down")) paragraphs.move(paragraph, name === "up" ? -1 : 1);
    else if (paragraph && name === "remove") paragraphs.remove(paragraph);
    else return false; // save and submit are the server's
    button.focus();
    return true;
  };
  const take = (button: HTMLButtonElement, happening: Happening | undefined): boolean => {
    if (!happening) return false;
    paragraphs.take(happening);
    const taken = document.createElement("span");
    taken.className = "in";
    taken.textContent = "✓";
    taken.title = page.words.taken;
    button.closest("li")?.classList.remove("new");
    button.replaceWith(taken);
    return true;
  };

  form.addEventListener("submit", (event) => {
    clearTimeout(timer);
    if (sending) {
      // one version after the other: the form brings the version that the autosave under way is making
      const button = event.submitter;
      event.preventDefault();
      void sending.then(() => form.requestSubmit(button));
      return;
    }
    saving = begin(saving.version); // the server has it now
  });
  document.addEventListener("keydown", (event) => {
    if (!(event.ctrlKey || event.metaKey) || event.key.toLowerCase() !== "s") return;
    event.preventDefault();
    save();
  });
  document.addEventListener("visibilitychange", () => {
    if (document.visibilityState === "hidden") save(true);
  });
  window.addEventListener("beforeunload", (event) => {
    if (unsaved(saving)) event.preventDefault();
  });
  for (const area of form.querySelectorAll("textarea")) grow(area);
}
