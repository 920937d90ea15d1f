// Owns whether somebody in the hall really speaks: loud for more than a second, until it was quiet for some seconds. Pure.
const LOUD = 0.45;
const SURE = 14; // of measurements 90 ms apart
const MOST = 40;

export interface Talk {
  count: number;
  talking: boolean;
}

export const quiet: Talk = { count: 0, talking: false };

/** A cough or a slammed door is not speech; a pause for breath does not end it. */
export function hear(before: Talk, level: number): Talk {
  const count = level >= LOUD ? Math.min(before.count + 1, MOST) : Math.max(before.count - 1, 0);
  return { count, talking: count >= SURE || (before.talking && count > 0) };
}
