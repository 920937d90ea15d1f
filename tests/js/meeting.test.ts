// What the page believes about a meeting follows the log; the samples are those the coordinator's tests write.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import type { RoomEvent, Snapshot } from "../../web/src/api/shapes.ts";
import { apply, seatOf, turnOf } from "../../web/src/state/meeting.ts";

const wire = (name: string) => JSON.parse(readFileSync(join(import.meta.dirname, "../wire", `${name}.json`), "utf8")) as unknown;
const snapshot = () => ({ ...(wire("room_snapshot") as Snapshot), seq: 0 });
const events = wire("room_events") as RoomEvent[];
const EAST = "point:01kae8p0cc33dd44";

function event(kind: string): RoomEvent {
  const found = events.find((one) => one.kind === kind);
  assert.ok(found, kind);
  return { ...found, seq: 1_000 };
}

const after = (...kinds: string[]) => kinds.reduce((state, kind, index) => apply(state, { ...event(kind), seq: index + 1 }), snapshot());

test("an event that was seen already changes nothing", () => {
  const state = { ...snapshot(), seq: 50 };
  assert.equal(apply(state, { ...event("chat.message"), seq: 50 }), state);
});

test("an unknown kind only moves the sequence on", () => {
  const before = snapshot();
  const { seq, ...rest } = apply(before, { seq: 9, kind: "vote.opened", at: "2026-11-24T01:40:00Z", actor: null, subject: null, payload: {} });
  assert.equal(seq, 9);
  assert.deepEqual(rest, (({ seq: _, ...others }) => others)(before));
});

test("a raised hand joins the queue, and the floor empties it", () => {
  const asked = after("floor.requested");
  assert.equal(turnOf(asked, EAST), 1);
  const given = apply(asked, event("floor.granted"));
  assert.equal(turnOf(given, EAST), null);
  assert.ok(given.floor.includes(EAST));
  assert.ok(seatOf(given, EAST)?.may_publish.includes("screen"));
});

test("the floor goes when it is given back or taken back", () => {
  for (const kind of ["floor.released", "floor.revoked"]) assert.ok(!after("floor.granted", kind).floor.includes(EAST), kind);
});

test("a mute that holds takes the microphone until it is released", () => {
  const held = after("mute.set");
  assert.equal(seatOf(held, EAST)?.held_mute, true);
  assert.ok(!seatOf(held, EAST)?.may_publish.includes("microphone"));
  assert.ok(seatOf(apply(held, event("mute.released")), EAST)?.may_publish.includes("microphone"));
});

test("somebody at the door appears, and is let in", () => {
  const door = { ...snapshot(), seats: [] };
  const waiting = apply(door, { ...event("seat.waiting"), seq: 1 });
  assert.deepEqual(waiting.seats.map((seat) => seat.state), ["waiting"]);
  assert.deepEqual(apply(waiting, { ...event("seat.admitted"), seq: 2 }).seats.map((seat) => seat.state), ["admitted"]);
});

test("who comes in is no longer absent", () => {
  const state = { ...snapshot(), seats: [], absent: [{ identity: EAST, name: "Buôn Ma Thuột", role: "member" as const }] };
  assert.deepEqual(apply(state, event("participant.joined")).absent, []);
});

test("one agenda item runs at a time", () => {
  const state = snapshot();
  const [first, second] = state.agenda;
  assert.ok(first && second);
  assert.equal(first.state, "running");
  const on = apply(state, { ...event("agenda.started"), seq: 1, payload: { item_id: second.item_id } });
  assert.deepEqual(on.agenda.map((item) => item.state), ["done", "running"]);
  const ended = apply(on, { ...event("agenda.ended"), seq: 2, payload: { item_id: second.item_id } });
  assert.deepEqual(ended.agenda.map((item) => item.state), ["done", "done"]);
});

test("recording is said only when the recorder said so", () => {
  const idle = { ...snapshot(), recording: { state: "idle" as const, since: null, note: null } };
  const requested = apply(idle, { ...event("recording.requested"), seq: 1 });
  assert.equal(requested.recording.state, "requested");
  const noticed = apply(requested, { ...event("recording.notice"), seq: 2 });
  assert.equal(noticed.recording.state, "requested");
  assert.equal(apply(noticed, { ...event("recording.started"), seq: 3 }).recording.state, "recording");
});

test("a failed recording keeps its reason; a gap does not stop it", () => {
  const running = apply({ ...snapshot() }, { ...event("recording.gap"), seq: 1 });
  assert.deepEqual([running.recording.state, running.recording.note], ["recording", "2 giây"]);
  assert.deepEqual(apply(running, { ...event("recording.failed"), seq: 2 }).recording, { state: "failed", since: null, note: "Hết chỗ ghi." });
});

test("an empty announcement takes the former down", () => {
  const shown = after("announcement");
  assert.equal(shown.announcement?.text, "Nghỉ giải lao đến 09 giờ 15.");
  assert.equal(apply(shown, { ...event("announcement"), payload: { text: "", name: "x" } }).announcement, null);
});

test("the whole log can be read and ends the meeting", () => {
  const end = events.reduce(apply, snapshot());
  assert.equal(end.conference.state, "ended");
  assert.equal(end.conference.end_reason, "secretary");
  assert.equal(end.seq, events.at(-1)?.seq);
  assert.equal(end.chat.at(-1)?.text, "Điểm cầu đã nghe rõ.");
});
