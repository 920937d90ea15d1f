// Owns trying again until it works or is no longer wanted; somebody may shorten the wait.
import { nextDelay } from "./state/retry.ts";

export class Retrying {
  private shorten: (() => void) | null = null;

  get active(): boolean {
    return this.shorten !== null;
  }

  /** Calls `attempt` until it says true. A second call while one runs does nothing. */
  async until(wanted: () => boolean, attempt: () => Promise<boolean>): Promise<void> {
    if (this.active) return;
    this.shorten = () => undefined;
    for (let count = 0; wanted(); count++) {
      if (await attempt()) break;
      await this.pause(nextDelay(count));
    }
    this.shorten = null;
  }

  now(): void {
    this.shorten?.();
  }

  private pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.shorten = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}
