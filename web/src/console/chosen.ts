// Owns which point the conductor has chosen on the wall.
import { signal } from "@preact/signals";

export const selected = signal<string | null>(null);
