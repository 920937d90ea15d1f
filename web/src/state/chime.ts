// Owns whether a microphone heard the chime: each note louder than the hall was before, clear of what sounds beside it,
// and one after the other as they were played. Somebody who speaks, or a humming projector, is not the chime.
const LOUDER_DB = 6;
const CLEAR_DB = 10;
const FAINTEST_DB = -95;
const APART_MS = [200, 800] as const;

/** One note at its loudest: decibels, decibels above its neighbours, when. */
export interface Heard {
  level: number;
  clear: number;
  at: number;
}

export function cameBack(before: readonly number[], notes: readonly Heard[]): boolean {
  return notes.every((note, index) => {
    const previous = notes[index - 1];
    const apart = previous ? note.at - previous.at : APART_MS[0];
    const loud = note.level > FAINTEST_DB && note.level - (before[index] ?? 0) >= LOUDER_DB;
    return loud && note.clear >= CLEAR_DB && apart >= APART_MS[0] && apart <= APART_MS[1];
  });
}

const NEAR = 5;
const FAR = 9;

/** How loud this bin of a spectrum is, and how far it stands above those beside it. */
export function noteIn(bins: Float32Array, bin: number): { level: number; clear: number } {
  const level = Math.max(...bins.subarray(bin - 1, bin + 2));
  const beside = [...bins.subarray(bin - FAR, bin - NEAR), ...bins.subarray(bin + NEAR + 1, bin + FAR + 1)];
  return { level, clear: level - Math.max(...beside) };
}
