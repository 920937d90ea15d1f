// Owns the field of the day: people type and read day/month/year whatever the browser's language; the browser's own
// calendar is a help beside it, and the line below says the weekday and whether nobody works then.
import { dayWords, readDay, shownDay } from "./rules.ts";

export function offerCalendar(form: HTMLFormElement): void {
  const field = form.querySelector<HTMLInputElement>("[data-date]");
  const native = form.querySelector<HTMLInputElement>("[data-picker] input");
  const said = form.querySelector<HTMLOutputElement>("#date-hint");
  if (!field || !native || !said) return;
  const daysOff = JSON.parse(field.dataset["off"] ?? "{}") as Record<string, string>;
  const words = { off: said.dataset["wordsOff"] ?? "", named: said.dataset["wordsNamed"] ?? "" };
  const tell = () => {
    const day = readDay(field.value);
    if (day) said.value = dayWords(day, document.documentElement.lang, daysOff, words);
  };
  field.addEventListener("input", tell);
  field.addEventListener("change", () => {
    const day = readDay(field.value);
    if (day) field.value = shownDay(day);
  });
  native.addEventListener("change", () => {
    const [year, month, day] = native.value.split("-").map(Number);
    if (!year || !month || !day) return;
    field.value = shownDay(new Date(year, month - 1, day));
    field.dispatchEvent(new Event("input", { bubbles: true }));
    field.focus();
  });
  tell();
  const picker = native.closest<HTMLElement>("[data-picker]");
  if (picker) picker.hidden = false;
}
