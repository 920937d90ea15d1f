// Owns the time line of a recording: which file holds a moment, and where in it. Pure.
export interface Clip {
  url: string;
  label: string;
  kind: "composed" | "screen" | "video" | "audio";
  start_ms: number;
  duration_ms: number;
}

export interface Playback {
  zero: string | null;
  length_ms: number;
  first: number; // the clip that is offered first
  clips: Clip[];
}

/** The clips that belong together: one person's pictures in all segments, or the composed picture of all recordings. */
export function sameTrack(a: Clip, b: Clip): boolean {
  return a.kind === b.kind && a.label === b.label;
}

function holds(clip: Clip, ms: number): boolean {
  return clip.start_ms <= ms && ms < clip.start_ms + clip.duration_ms;
}

/** The clip to play a moment from: of the chosen track, else any other that holds it, else null: nothing was recorded. */
export function clipAt(clips: readonly Clip[], chosen: Clip, ms: number): Clip | null {
  const own = clips.find((clip) => sameTrack(clip, chosen) && holds(clip, ms));
  return own ?? clips.find((clip) => holds(clip, ms)) ?? null;
}

/** What follows when a clip has ended: the next segment of the same track. */
export function nextClip(clips: readonly Clip[], ended: Clip): Clip | null {
  const later = clips.filter((clip) => sameTrack(clip, ended) && clip.start_ms > ended.start_ms);
  return later.reduce<Clip | null>((first, clip) => (first && first.start_ms <= clip.start_ms ? first : clip), null);
}

/** `1:05:09` or `5:09`, as the pages print it. */
export function clock(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  const two = (value: number) => String(value).padStart(2, "0");
  const [hours, minutes, rest] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60];
  return hours ? `${hours}:${two(minutes)}:${two(rest)}` : `${minutes}:${two(rest)}`;
}

/** The index of the latest mark at or before a moment, -1 before all; people may have put marks in another order. */
export function markAt(marks: readonly number[], ms: number): number {
  let found = -1;
  for (const [index, mark] of marks.entries()) if (mark <= ms && mark >= (marks[found] ?? -Infinity)) found = index;
  return found;
}

/** The instant of a place on the time line, as the server reads it. */
export function instant(zero: string, ms: number): string {
  return new Date(Date.parse(zero) + Math.round(ms)).toISOString();
}
