// Owns whether a microphone heard the chime: louder at its notes than the hall was before.
const LOUDER_DB = 12;
const FAINTEST_DB = -95;

/** Whether two of the notes rose well above what the hall sounded like before; decibels, one a note. Pure. */
export function cameBack(before: readonly number[], during: readonly number[]): boolean {
  const heard = during.filter((level, index) => level > FAINTEST_DB && level - (before[index] ?? 0) >= LOUDER_DB);
  return heard.length >= 2;
}
