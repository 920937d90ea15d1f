// Owns what the booking form and the lists of a plan gain with a script: search, choose all, one more line, autosave.
import { offerCalendar } from "./day.ts";
import { matches, outcome } from "./rules.ts";

const PAUSE = 1500; // ms without typing before a draft is saved

function pickers(): void {
  for (const picker of document.querySelectorAll<HTMLElement>("[data-pick]")) {
    const tools = picker.querySelector<HTMLElement>("[data-tools]");
    const search = picker.querySelector<HTMLInputElement>("[data-search]");
    const options = [...picker.querySelectorAll<HTMLElement>(".opt[data-words]")];
    if (!tools || !search) continue;
    tools.hidden = false;
    const show = () => narrow(picker, options, search.value);
    search.addEventListener("input", show);
    search.addEventListener("keydown", (event) => event.key === "Enter" && event.preventDefault());
    picker.querySelector("[data-all]")?.addEventListener("click", () => tick(picker, options, true));
    picker.querySelector("[data-none]")?.addEventListener("click", () => tick(picker, options, false));
    picker.addEventListener("change", () => count(picker));
    count(picker);
  }
}

function narrow(picker: HTMLElement, options: HTMLElement[], asked: string): void {
  for (const option of options) option.hidden = !matches(option.dataset["words"] ?? "", asked);
  for (const group of picker.querySelectorAll<HTMLElement>("fieldset")) {
    group.hidden = !group.querySelector(".opt:not([hidden])");
  }
}

/** Chooses what the search shows, and only that. */
function tick(picker: HTMLElement, options: HTMLElement[], checked: boolean): void {
  for (const option of options) {
    const box = option.querySelector("input");
    if (box && !option.hidden) box.checked = checked;
  }
  picker.dispatchEvent(new Event("input", { bubbles: true }));
  count(picker);
}

function count(picker: HTMLElement): void {
  const shown = picker.querySelector("[data-count]");
  if (shown) shown.textContent = `· ${picker.querySelectorAll(".opt input:checked").length}`;
}

/** `data-find="#rows tr"` on a bar: its search box narrows those rows. */
function finders(): void {
  for (const bar of document.querySelectorAll<HTMLElement>("[data-find]")) {
    const search = bar.querySelector("input");
    const rows = [...document.querySelectorAll<HTMLElement>(bar.dataset["find"] ?? "")];
    bar.hidden = false;
    search?.addEventListener("input", () => {
      for (const row of rows) {
        row.hidden = !matches(row.textContent ?? "", search.value);
        const folded = row.closest("details");
        if (folded && search.value && !row.hidden) folded.open = true;
      }
    });
  }
}

function moreRows(form: HTMLFormElement): void {
  const rows = form.querySelector("[data-rows]");
  form.querySelector("[data-add-row]")?.addEventListener("click", (event) => {
    const last = rows?.lastElementChild;
    if (!rows || !last) return;
    event.preventDefault();
    const row = last.cloneNode(true) as HTMLElement;
    for (const why of row.querySelectorAll(".why")) why.remove();
    for (const bad of row.querySelectorAll(".bad")) bad.classList.remove("bad");
    for (const input of row.querySelectorAll("input")) {
      input.value = "";
      input.removeAttribute("aria-invalid");
      input.removeAttribute("aria-describedby");
      if (input.id) input.id = `agenda-${rows.children.length + 1}`;
      input.setAttribute("aria-label", (input.getAttribute("aria-label") ?? "").replace(/\d+$/, String(rows.children.length + 1)));
    }
    rows.append(row);
    row.querySelector("input")?.focus();
  });
}

/** Saves what is typed after each pause; one save at a time, and the form remembers the draft's version. */
class Autosave {
  private timer = 0;
  private saving = false;
  private again = false;

  private readonly form: HTMLFormElement;
  private readonly said: HTMLElement;

  constructor(form: HTMLFormElement, said: HTMLElement) {
    this.form = form;
    this.said = said;
    form.addEventListener("input", () => this.later());
    form.addEventListener("submit", () => clearTimeout(this.timer));
  }

  private later(): void {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => void this.save(), PAUSE);
  }

  private async save(): Promise<void> {
    if (this.saving) {
      this.again = true;
      return;
    }
    this.saving = true;
    this.tell(await this.send());
    this.saving = false;
    if (this.again) this.later();
    this.again = false;
  }

  private async send(): Promise<ReturnType<typeof outcome>> {
    const fields = new FormData(this.form);
    fields.delete("papers"); // files go with the form itself
    const body = new URLSearchParams([...fields].filter((pair): pair is [string, string] => typeof pair[1] === "string"));
    try {
      const response = await fetch("/meetings/drafts", { method: "POST", body, headers: { Accept: "application/json" } });
      return outcome(response.ok, await response.json().catch(() => null));
    } catch {
      return { kind: "lost" };
    }
  }

  private tell(result: ReturnType<typeof outcome>): void {
    if (result.kind !== "saved") {
      this.said.textContent = result.kind === "refused" ? result.sentence : (this.said.dataset["wordsLost"] ?? "");
      return;
    }
    this.put("draft_id", result.saved.draft_id);
    this.put("draft_version", String(result.saved.draft_version));
    this.said.textContent = (this.said.dataset["wordsSaved"] ?? "").replace("{time}", result.saved.saved_at);
  }

  private put(name: string, value: string): void {
    const input = this.form.elements.namedItem(name);
    if (input instanceof HTMLInputElement) input.value = value;
  }
}

pickers();
finders();
const form = document.querySelector<HTMLFormElement>("form[data-booking]");
if (form) {
  const said = form.querySelector<HTMLElement>("[data-saved]");
  moreRows(form);
  offerCalendar(form);
  if (said) new Autosave(form, said);
}
