// Owns the page's language: sentences are written in Vietnamese where they are used, English stands in english.ts.
import { english } from "./english.ts";

let locale: "vi" | "en" = "vi";

export function speakIn(wanted: "vi" | "en"): void {
  locale = wanted;
}

export function inUse(): "vi" | "en" {
  return locale;
}

/** `t("Còn {n} phút", { n: 5 })` */
export function t(sentence: string, values: Record<string, string | number> = {}): string {
  const words = locale === "en" ? (english[sentence] ?? sentence) : sentence;
  return words.replace(/\{(\w+)\}/g, (whole, name: string) => String(values[name] ?? whole));
}
