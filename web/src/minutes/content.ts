// Owns the shape of the minutes on the wire and how a form's fields become it. Pure.
export interface Paragraph {
  slot: string;
  heading: string;
  text: string;
  moment: string;
}

export interface Content {
  version: number;
  title: string;
  secretary: string;
  chair: string;
  paragraphs: Paragraph[];
}

export interface Fields {
  get(name: string): unknown;
  getAll(name: string): unknown[];
}

const text = (value: unknown): string => (typeof value === "string" ? value : "");

/** The form's fields as the server's autosave takes them. */
export function contentOf(fields: Fields, version: number): Content {
  const [headings, texts, moments] = [fields.getAll("heading"), fields.getAll("text"), fields.getAll("moment")];
  return {
    version,
    title: text(fields.get("title")),
    secretary: text(fields.get("secretary")),
    chair: text(fields.get("chair")),
    paragraphs: fields.getAll("slot").map((slot, index) => ({
      slot: text(slot),
      heading: text(headings[index]),
      text: text(texts[index]),
      moment: text(moments[index]),
    })),
  };
}

/** Whether a draft's mark still stands in a text; what else counts as unfilled, the server says when it is saved. */
export const isOpen = (words: string): boolean => words.includes("[…");

/** Before which of the paragraphs (their moments, "" for none) a happening at `at` belongs: the first later one, else the end. */
export function placeFor(moments: readonly string[], at: string): number {
  const when = Date.parse(at);
  const later = moments.findIndex((moment) => moment !== "" && Date.parse(moment) > when);
  return later < 0 ? moments.length : later;
}
