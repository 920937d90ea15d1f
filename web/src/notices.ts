// Owns the one sentence that the page says about what just happened; it goes by itself.
import { signal } from "@preact/signals";
import { Refused, Unreachable } from "./api/client.ts";

const SHOWN_MS = 10_000;

export interface Notice {
  text: string;
  tone: "plain" | "live";
  key: number;
}

export class Notices {
  readonly shown = signal<Notice | null>(null);
  private count = 0;

  tell(text: string, tone: Notice["tone"] = "plain"): void {
    const key = ++this.count;
    this.shown.value = { text, tone, key };
    setTimeout(() => this.shown.value?.key === key && (this.shown.value = null), SHOWN_MS);
  }
}

/** A refusal in the server's own words, silence in ours; anything else is a fault of this page. */
export function complain(notices: Notices, fault: unknown, unreachable: string): void {
  if (fault instanceof Refused) notices.tell(fault.message, "live");
  else if (fault instanceof Unreachable) notices.tell(unreachable, "live");
  else throw fault;
}
