// The player's time line: a moment is played from the file that holds it.
import assert from "node:assert/strict";
import { test } from "node:test";
import { type Clip, clipAt, clock, instant, markAt, nextClip } from "../../web/src/review/timeline.ts";

const clip = (url: string, kind: Clip["kind"], label: string, start_ms: number, duration_ms: number): Clip => ({
  url, kind, label, start_ms, duration_ms,
});
const hallOne = clip("hall-1", "video", "Hall", 0, 10_000);
const hallTwo = clip("hall-2", "video", "Hall", 15_000, 10_000);
const village = clip("village", "audio", "Village", 0, 30_000);
const clips = [hallOne, hallTwo, village];

test("a moment is played from the chosen track's segment that holds it", () => {
  assert.equal(clipAt(clips, hallOne, 5_000), hallOne);
  assert.equal(clipAt(clips, hallOne, 16_000), hallTwo);
});

test("in a gap of the chosen track another track plays, and outside of all nothing does", () => {
  assert.equal(clipAt(clips, hallOne, 12_000), village);
  assert.equal(clipAt(clips, hallOne, 30_000), null);
  assert.equal(clipAt(clips, hallOne, -1), null);
});

test("after a segment the next of the same track follows", () => {
  assert.equal(nextClip(clips, hallOne), hallTwo);
  assert.equal(nextClip(clips, hallTwo), null);
  assert.equal(nextClip(clips, village), null);
});

test("times are printed as on the page", () => {
  assert.deepEqual([0, 59_999, 65_000, 3_909_000, -5].map(clock), ["0:00", "0:59", "1:05", "1:05:09", "0:00"]);
});

test("the mark of a moment is the last one before it", () => {
  assert.deepEqual([-1, 0, 9, 10, 99].map((ms) => markAt([0, 10, 20], ms)), [-1, 0, 0, 1, 2]);
  assert.deepEqual([5, 15, 25].map((ms) => markAt([20, 0, 10], ms)), [1, 2, 0]);
  assert.equal(markAt([], 5), -1);
});

test("a place on the time line is an instant in UTC", () => {
  assert.equal(instant("2026-04-23T02:00:00+00:00", 90_500.4), "2026-04-23T02:01:30.500Z");
});
