// Times, waits, levels, the wall: small rules of the room page and the console.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import type { Snapshot } from "../../web/src/api/shapes.ts";
import { loudness } from "../../web/src/media/level.ts";
import { dayOf, elapsed, hourOf, left, sameDay } from "../../web/src/state/clock.ts";
import { nextDelay } from "../../web/src/state/retry.ts";
import { cameBack, type Heard, noteIn } from "../../web/src/state/chime.ts";
import { hear, quiet } from "../../web/src/state/talking.ts";
import { fold, passes, shortName, wallOf } from "../../web/src/state/wall.ts";

const ZONE = "Asia/Ho_Chi_Minh";

test("hours and days are those of the house, wherever the machine thinks it is", () => {
  assert.equal(hourOf("2026-11-24T01:30:00Z", ZONE), "08:30");
  assert.equal(hourOf("2026-11-23T17:05:00Z", ZONE), "00:05");
  assert.equal(dayOf("2026-11-23T17:05:00Z", ZONE, "vi"), "Thứ Ba, 24 tháng 11, 2026");
  assert.ok(sameDay("2026-11-23T17:05:00Z", "2026-11-24T16:59:00Z", ZONE));
  assert.ok(!sameDay("2026-11-23T16:59:00Z", "2026-11-23T17:05:00Z", ZONE));
});

test("a countdown never says nought minutes while there is time", () => {
  assert.deepEqual(left(18 * 60_000), { days: 0, hours: 0, minutes: 18, seconds: 0 });
  assert.deepEqual(left(61_000), { days: 0, hours: 0, minutes: 2, seconds: 0 });
  assert.deepEqual(left(59_400), { days: 0, hours: 0, minutes: 1, seconds: 0 });
  assert.deepEqual(left(30_000), { days: 0, hours: 0, minutes: 0, seconds: 30 });
  assert.deepEqual(left(26 * 3_600_000), { days: 1, hours: 2, minutes: 0, seconds: 0 });
});

test("elapsed time is never below zero", () => {
  assert.equal(elapsed(108_000), "01:48");
  assert.equal(elapsed(3_661_000), "1:01:01");
  assert.equal(elapsed(-5_000), "00:00");
  assert.equal(elapsed(Number.NaN), "00:00");
});

test("retries come soon and are never more than two seconds apart", () => {
  assert.ok(nextDelay(0, 1) <= 250);
  for (let attempt = 0; attempt < 60; attempt++) assert.ok(nextDelay(attempt, 1) <= 2_000 && nextDelay(attempt, 0) > 100);
});

test("silence is nought and a full voice is one", () => {
  assert.equal(loudness(new Float32Array(256)), 0);
  assert.ok(loudness(new Float32Array(256).fill(1)) > 0.99);
  assert.ok(loudness(new Float32Array(256).fill(0.01)) < 0.5);
});

const snapshot = JSON.parse(readFileSync(join(import.meta.dirname, "../wire/room_snapshot.json"), "utf8")) as Snapshot;

test("the wall shows seats and absent points, not those at the door", () => {
  const wall = wallOf(snapshot);
  assert.deepEqual(wall.map((place) => [place.role, place.standing]), [
    ["main", "here"], ["secretary", "floor"], ["member", "hand"], ["member", "absent"],
  ]);
});

test("points keep their place when one comes, speaks or goes", () => {
  const order = wallOf(snapshot).map((place) => place.identity);
  const changed = { ...snapshot, seats: snapshot.seats.map((seat) => ({ ...seat, joined: false, has_floor: false, hand_at: null })).reverse() };
  assert.deepEqual(wallOf(changed).map((place) => place.identity), order);
});

test("who is not in any more is missing only while the meeting runs", () => {
  const gone = { ...snapshot, seats: snapshot.seats.map((seat) => ({ ...seat, joined: false })) };
  const main = (state: "open" | "ended") => wallOf({ ...gone, conference: { ...gone.conference, state } })[0]?.standing;
  assert.deepEqual([main("open"), main("ended")], ["lost", "left"]);
});

const nobody: ReadonlySet<string> = new Set();

test("names are found without accents", () => {
  assert.equal(fold("Buôn Đôn "), "buon don");
  const [place] = wallOf(snapshot).filter((one) => one.role === "member");
  assert.ok(place && passes(place, "all", "BUON ma", nobody));
  assert.ok(place && !passes(place, "absent", "", nobody));
});

test("whose microphone is open is found in one press", () => {
  const wall = wallOf(snapshot);
  const member = wall.find((place) => place.role === "member")?.identity ?? "";
  assert.deepEqual(wall.filter((place) => passes(place, "open", "", new Set([member]))).map((place) => place.identity), [member]);
});

const QUIET = [-100, -98, -Infinity];
const played = (change: Partial<Heard>[] = []): Heard[] => [0, 450, 900].map((at, index) => ({ level: -60, clear: 25, at, ...change[index] }));

test("the chime is heard where its notes come back one after the other", () => {
  assert.ok(cameBack(QUIET, played()));
  assert.ok(!cameBack(QUIET, played([{}, { level: -97 }])), "a note that is not there");
  assert.ok(!cameBack([-100, -62, -98], played()), "a note that the hall hums by itself");
  assert.ok(!cameBack(QUIET, played([{ clear: 3 }])), "a noise that is as loud beside it");
  assert.ok(!cameBack(QUIET, played([{ at: 500 }, { at: 100 }])), "a voice that sings in another order");
  assert.ok(!cameBack(QUIET, played([{}, { at: 10 }, { at: 20 }])), "a door that slams");
});

test("a note stands above what is beside it; the flank of a loud voice does not", () => {
  const note = Float32Array.from({ length: 64 }, (_, bin) => (Math.abs(bin - 30) < 2 ? -50 : -90));
  assert.deepEqual(noteIn(note, 30), { level: -50, clear: 40 });
  const flank = Float32Array.from({ length: 64 }, (_, bin) => -120 + bin);
  assert.ok(noteIn(flank, 30).clear < 0);
});

test("whoever speaks into a microphone that is off is told, not whoever coughs", () => {
  const after = (...levels: number[]) => levels.reduce(hear, quiet).talking;
  const many = (count: number, level: number) => Array.from({ length: count }, () => level);
  assert.ok(!after(...many(5, 0.9), ...many(10, 0)));
  assert.ok(after(...many(20, 0.6)));
  assert.ok(after(...many(30, 0.6), ...many(8, 0)), "a pause for breath");
  assert.ok(!after(...many(30, 0.6), ...many(40, 0)));
});

test("the word that all share is left out on the wall", () => {
  assert.equal(shortName("Điểm cầu xã Ea Kao"), "Xã Ea Kao");
  assert.equal(shortName("Phòng họp số 1"), "Phòng họp số 1");
});
