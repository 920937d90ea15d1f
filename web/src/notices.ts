// Owns the one sentence that the page says about what just happened; it goes by itself.
import { signal } from "@preact/signals";

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
