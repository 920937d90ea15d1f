// Owns how long to wait before trying again: soon at first, never longer than two seconds, never all rooms at once.
const FIRST_MS = 250;
const LONGEST_MS = 2_000;

export function nextDelay(attempt: number, chance: number = Math.random()): number {
  const full = Math.min(FIRST_MS * 2 ** Math.min(attempt, 10), LONGEST_MS);
  return Math.round(full * (0.7 + 0.3 * chance));
}
