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
