// Owns the paragraphs on the page: moving, adding, removing with undo, and their moments. The form is the only state.
import { clock } from "../review/timeline.ts";
import { placeFor } from "./content.ts";

export interface Happening {
  at: string;
  heading: string;
  text: string;
  offset_ms: number | null;
}

export interface Words {
  removed: string;
  undo: string;
  taken: string;
  listen: string;
}

const inputIn = (paragraph: Element, name: string) =>
  paragraph.querySelector<HTMLInputElement | HTMLTextAreaElement>(`[name="${name}"]`);

export class Paragraphs {
  readonly #paper: HTMLElement;
  readonly #template: HTMLTemplateElement;
  readonly #words: Words;
  readonly #changed: () => void;

  constructor(paper: HTMLElement, template: HTMLTemplateElement, words: Words, changed: () => void) {
    this.#paper = paper;
    this.#template = template;
    this.#words = words;
    this.#changed = changed;
  }

  /** Those of the content, in order; the labelled lines of the form stay where they are. */
  #content(): HTMLElement[] {
    const all = [...this.#paper.querySelectorAll<HTMLElement>("[data-paragraph]")];
    return all.filter((paragraph) => inputIn(paragraph, "slot")?.value === "content");
  }

  move(paragraph: HTMLElement, by: -1 | 1): void {
    const content = this.#content();
    const other = content[content.indexOf(paragraph) + by];
    if (!other) return;
    if (by < 0) other.before(paragraph);
    else other.after(paragraph);
    this.#changed();
  }

  addAfter(paragraph: HTMLElement | null): void {
    const added = this.#make();
    if (!added) return;
    if (paragraph && this.#content().includes(paragraph)) paragraph.after(added);
    else this.#insert(added, 0);
    inputIn(added, "text")?.focus();
    this.#changed();
  }

  /** Puts what happened among the content by its time. */
  take(happening: Happening): void {
    const added = this.#make();
    if (!added) return;
    const set = (name: string, value: string) => {
      const input = inputIn(added, name);
      if (input) input.value = value;
    };
    set("heading", happening.heading);
    set("text", happening.text);
    this.#insert(added, placeFor(this.#content().map((one) => inputIn(one, "moment")?.value ?? ""), happening.at));
    this.stamp(added, happening.at, happening.offset_ms);
    const area = inputIn(added, "text");
    area?.focus();
    if (area instanceof HTMLTextAreaElement) grow(area);
  }

  /** Ties a paragraph to a moment; its link plays it. */
  stamp(paragraph: HTMLElement, at: string, offset: number | null): void {
    const input = inputIn(paragraph, "moment");
    if (input) input.value = at;
    const mark = paragraph.querySelector("[data-mark]");
    if (mark && offset !== null) {
      const link = document.createElement("a");
      link.className = "mk";
      link.href = "#player";
      link.dataset["seek"] = String(offset);
      link.textContent = clock(offset);
      link.title = this.#words.listen.replace("{time}", clock(offset));
      mark.replaceChildren(link);
    }
    this.#changed();
  }

  remove(paragraph: HTMLElement): void {
    const flash = document.createElement("p");
    flash.className = "flash ep-undo";
    flash.setAttribute("role", "status");
    const undo = document.createElement("button");
    undo.type = "button";
    undo.textContent = this.#words.undo;
    flash.append(this.#words.removed, " ", undo);
    for (const old of this.#paper.querySelectorAll(".ep-undo")) old.remove();
    paragraph.replaceWith(flash);
    undo.addEventListener("click", () => {
      flash.replaceWith(paragraph);
      this.#changed();
    });
    undo.focus();
    this.#changed();
  }

  #insert(added: HTMLElement, place: number): void {
    const content = this.#content().filter((one) => one !== added);
    const [next, last] = [content[place], content.at(-1)];
    if (next) next.before(added);
    else if (last) last.after(added);
    else document.getElementById("content")?.after(added);
  }

  #make(): HTMLElement | null {
    const made = this.#template.content.firstElementChild?.cloneNode(true);
    return made instanceof HTMLElement ? made : null;
  }
}

/** As high as its text; browsers that know `field-sizing` do it by themselves. */
export function grow(area: HTMLTextAreaElement): void {
  if (CSS.supports("field-sizing", "content")) return;
  area.style.height = "auto";
  area.style.height = `${area.scrollHeight + 2}px`;
}
