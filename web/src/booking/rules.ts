// Pure functions of the booking form: matching without diacritics, and what a draft's answer means.

/** Letters without their marks, đ as d: what somebody types in a hurry. */
export function fold(words: string): string {
  return words.normalize("NFD").replace(/\p{M}/gu, "").replace(/[đĐ]/g, "d").toLowerCase();
}

/** Whether every word that is asked for stands somewhere in the text. */
export function matches(text: string, asked: string): boolean {
  const folded = fold(text);
  return fold(asked).split(/\s+/).every((word) => folded.includes(word));
}

/** The day that somebody typed as day/month/year, or nothing. */
export function readDay(typed: string): Date | null {
  const found = /^\s*(\d{1,2})\s*[/.-]\s*(\d{1,2})\s*[/.-]\s*(\d{4})\s*$/.exec(typed);
  if (!found) return null;
  const [day, month, year] = [Number(found[1]), Number(found[2]), Number(found[3])];
  const read = new Date(year, month - 1, day);
  return read.getDate() === day && read.getMonth() === month - 1 ? read : null;
}

/** As the office writes it: 05/03/2026. */
export function shownDay(day: Date): string {
  return `${String(day.getDate()).padStart(2, "0")}/${String(day.getMonth() + 1).padStart(2, "0")}/${day.getFullYear()}`;
}

export interface DayWords {
  off: string; // "{day}: …"
  named: string; // "{day}: …, {name}"
}

/** What stands below the field: the weekday, and that the day is off. `daysOff` has those between Monday and Friday. */
export function dayWords(day: Date, locale: string, daysOff: Record<string, string>, words: DayWords): string {
  const weekday = new Intl.DateTimeFormat(locale, { weekday: "long" }).format(day);
  const shown = `${weekday}, ${shownDay(day)}`;
  const name = daysOff[shownDay(day)];
  if (name) return words.named.replace("{day}", shown).replace("{name}", name);
  return name === "" || day.getDay() % 6 === 0 ? words.off.replace("{day}", shown) : shown;
}

export interface Saved {
  draft_id: string;
  draft_version: number;
  saved_at: string;
}

export type Outcome = { kind: "saved"; saved: Saved } | { kind: "refused"; sentence: string } | { kind: "lost" };

/** Reads what the server said to a draft; `body` is its JSON, or null when there was none. */
export function outcome(ok: boolean, body: unknown): Outcome {
  if (typeof body !== "object" || body === null) return { kind: "lost" };
  if (ok && "draft_id" in body) return { kind: "saved", saved: body as Saved };
  const error = "error" in body ? (body.error as { message?: unknown }) : {};
  return typeof error.message === "string" ? { kind: "refused", sentence: error.message } : { kind: "lost" };
}
