// Owns times as words: hours of the house's zone, what is left, how long already.
export function hourOf(at: string | number, zone: string): string {
  return new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", timeZone: zone, hourCycle: "h23" }).format(new Date(at));
}

export function dayOf(at: string | number, zone: string, locale: string): string {
  const words = new Intl.DateTimeFormat(locale === "vi" ? "vi-VN" : "en-GB", {
    weekday: "long", day: "numeric", month: "long", year: "numeric", timeZone: zone,
  }).format(new Date(at));
  return words.charAt(0).toLocaleUpperCase(locale) + words.slice(1);
}

export function sameDay(a: string | number, b: string | number, zone: string): boolean {
  const day = new Intl.DateTimeFormat("en-CA", { timeZone: zone });
  return day.format(new Date(a)) === day.format(new Date(b));
}

const two = (n: number) => String(n).padStart(2, "0");

/** `01:48`, above an hour `1:01:48`; never below zero. */
export function elapsed(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1000) || 0);
  const hours = Math.floor(seconds / 3600);
  return `${hours ? `${hours}:` : ""}${two(Math.floor(seconds / 60) % 60)}:${two(seconds % 60)}`;
}

export interface Left {
  days: number;
  hours: number;
  minutes: number;
  seconds: number;
}

/** What is left until then, rounded up to the minute while more than one is left. */
export function left(ms: number): Left {
  const seconds = Math.max(0, Math.ceil(ms / 1000));
  if (seconds < 60) return { days: 0, hours: 0, minutes: 0, seconds };
  const minutes = Math.ceil(seconds / 60);
  return { days: Math.floor(minutes / 1440), hours: Math.floor(minutes / 60) % 24, minutes: minutes % 60, seconds: 0 };
}
