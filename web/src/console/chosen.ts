// Owns what the conductor has before them: which point of the wall is chosen, whether the chat is open.
import { signal } from "@preact/signals";

export const selected = signal<string | null>(null);
export const chatOpen = signal(false);
