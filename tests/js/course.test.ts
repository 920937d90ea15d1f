// A page's way through a meeting, told as steps.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import type { RoomState, SeatState } from "../../web/src/api/shapes.ts";
import { atTheDoor, autoJoinIn, type Course, next, type Step } from "../../web/src/state/course.ts";

const sample = (name: string) =>
  JSON.parse(readFileSync(join(import.meta.dirname, "../wire", `room_state_${name}.json`), "utf8")) as RoomState;

function state(seat: SeatState = "none", change: Partial<NonNullable<RoomState["conference"]>> = {}): RoomState {
  const open = sample("open");
  assert.ok(open.conference);
  return { ...open, conference: { ...open.conference, seat_state: seat, ...change } };
}

const walk = (...steps: Step[]): Course => steps.reduce(next, atTheDoor);
const sees = (value: RoomState): Step => ({ is: "state", state: value });
const ready: Step = { is: "devices known" };

test("before its time a room waits and says from when on it may come in", () => {
  const course = walk(ready, sees(sample("waiting")));
  assert.equal(course.phase, "waiting");
  assert.equal(course.whyNot, "Phòng họp mở từ 07:30 ngày 24/11/2026.");
});

test("with nothing planned it waits", () => assert.equal(walk(ready, sees(sample("idle"))).phase, "waiting"));

test("it checks its devices first and then stands in the lobby", () => {
  assert.equal(walk(sees(state())).phase, "checking");
  assert.equal(walk(sees(state()), ready).phase, "lobby");
  assert.equal(walk(ready, sees(state())).phase, "lobby");
});

test("pressed, it is in; a broken link is lost, never out", () => {
  const inside = walk(ready, sees(state()), { is: "joining" }, { is: "link up" });
  assert.equal(inside.phase, "in");
  const lost = next(next(next(inside, { is: "link lost" }), { is: "trying" }), { is: "trying" });
  assert.deepEqual([lost.phase, lost.tries], ["lost", 2]);
  const back = next(lost, { is: "link up" });
  assert.deepEqual([back.phase, back.tries], ["in", 0]);
});

test("a first connection that fails is trouble with a way back, too", () => {
  assert.equal(walk(ready, sees(state()), { is: "joining" }, { is: "link lost" }).phase, "lost");
});

test("inside, the poll has nothing to say", () => {
  const inside = walk(ready, sees(state()), { is: "joining" }, { is: "link up" });
  assert.equal(next(inside, sees(sample("idle"))).phase, "in");
});

test("a seat that is open elsewhere is not fought for", () => {
  const course = walk(ready, sees(state()), { is: "joining" }, { is: "link up" }, { is: "taken elsewhere" });
  assert.equal(course.phase, "elsewhere");
  assert.equal(next(course, { is: "link lost" }).phase, "elsewhere");
  assert.equal(next(course, sees(state("elsewhere"))).phase, "elsewhere");
  assert.equal(walk(ready, sees(state()), { is: "joining" }, { is: "join refused", code: "opened_elsewhere", message: "" }).phase, "elsewhere");
});

test("an uninvited guest waits on the list and is let in from there", () => {
  const waiting = walk(ready, sees(state()), { is: "joining" }, { is: "put on list" });
  assert.deepEqual([waiting.phase, waiting.onList], ["waiting", true]);
  assert.equal(next(waiting, sees(state("waiting"))).phase, "waiting");
  const admitted = next(waiting, sees(state("admitted")));
  assert.deepEqual([admitted.phase, admitted.onList], ["lobby", false]);
});

test("removed means out, with the sentence of the house", () => {
  const course = walk(ready, sees(state()), { is: "joining" }, { is: "join refused", code: "removed", message: "Đề nghị liên hệ thư ký." });
  assert.deepEqual([course.phase, course.whyNot], ["removed", "Đề nghị liên hệ thư ký."]);
  assert.equal(walk(ready, sees(state("removed"))).phase, "removed");
});

test("the end is shown, then the room waits for the next meeting", () => {
  const ended = walk(ready, sees(state()), { is: "joining" }, { is: "link up" }, { is: "ended" });
  assert.equal(ended.phase, "ended");
  assert.equal(next(ended, sees(state("none", { state: "ended", may_join: false }))).phase, "ended");
  const rested = next(ended, { is: "rested" });
  assert.equal(next(rested, sees(state("none", { state: "ended", may_join: false }))).phase, "waiting");
  assert.equal(next(rested, sees(state("none", { meeting_id: "another" }))).phase, "lobby");
});

test("a room goes in by itself when the meeting is open, and five minutes before", () => {
  const open = state();
  assert.equal(autoJoinIn(walk(ready, sees(open)), open, Date.parse(open.server_now)), 0);
  const early = { ...state("none", { state: "scheduled" }) };
  const start = Date.parse(early.next?.starts_at ?? "");
  assert.equal(autoJoinIn(walk(ready, sees(early)), early, start - 7 * 60_000), 2 * 60_000);
});

test("whoever left by hand is not dragged back, nor is a person ever", () => {
  const open = state();
  const left = walk(ready, sees(open), { is: "joining" }, { is: "link up" }, { is: "left" });
  assert.equal(left.phase, "lobby");
  assert.equal(autoJoinIn(left, open, Date.parse(open.server_now)), null);
  assert.equal(autoJoinIn(walk(ready, sees(open)), { ...open, venue: null }, Date.parse(open.server_now)), null);
});

test("no link, however it broke, takes a page back from where it was sent", () => {
  for (const is of ["removed", "revoked", "ended", "taken elsewhere"] as const) {
    const course = next(walk(ready, sees(state()), { is: "joining" }, { is: "link up" }), { is });
    assert.equal(next(course, { is: "link lost" }).phase, course.phase);
  }
});

test("a key that is worth nothing any more is said, wherever the page stands, and a new one opens the door again", () => {
  const refused: Step = { is: "join refused", code: "login_required", message: "" };
  const inside = walk(ready, sees(state()), { is: "joining" }, { is: "link up" });
  for (const course of [walk(), walk(ready, sees(state())), next(inside, { is: "link lost" })]) {
    assert.equal(next(course, refused).phase, "revoked");
  }
  assert.equal(next(next(inside, { is: "revoked" }), sees(state())).phase, "lobby");
});

test("a relay that takes nobody now is told from a lost line, until it takes us or is gone", () => {
  const tried = walk(ready, sees(state()), { is: "joining" }, { is: "link lost" }, { is: "link refused", busy: true });
  assert.deepEqual([tried.phase, tried.busy], ["lost", true]);
  assert.equal(next(tried, { is: "link refused", busy: false }).busy, false);
  const inside = next(tried, { is: "link up" });
  assert.deepEqual([inside.phase, inside.busy], ["in", false]);
});
