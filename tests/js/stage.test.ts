// Who is seen where.
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Role, Seat } from "../../web/src/api/shapes.ts";
import { arrange, type Presence, type Seen } from "../../web/src/state/stage.ts";

function seat(identity: string, role: Role = "member"): Seat {
  return {
    identity, name: identity, kind: "point", role, state: "admitted", joined: true, joined_at: null, left_at: null, held_mute: false,
    has_floor: false, floor_since: null, hand_at: null, may_publish: [],
  };
}
const there = (identity: string, change: Partial<Presence> = {}): Presence => ({ identity, hasPicture: true, sharesScreen: false, speakingSince: null, ...change });

function seen(change: Partial<Seen> = {}): Seen {
  return {
    seats: [seat("main", "main"), seat("a"), seat("b"), seat("c"), seat("d"), seat("e")],
    present: ["main", "a", "b", "c", "d", "e"].map((identity) => there(identity)),
    me: "a", floor: [], hands: [], before: null, pinned: null, places: 4, ...change,
  };
}
const present = (change: Record<string, Partial<Presence>>) => seen().present.map((one) => ({ ...one, ...change[one.identity] }));

test("when nobody speaks the main point is on the stage", () => {
  assert.deepEqual(arrange(seen()).stage, { identity: "main", screen: false });
});

test("the floor comes before a louder voice", () => {
  assert.equal(arrange(seen({ floor: ["c"], present: present({ b: { speakingSince: 1 } }) })).stage?.identity, "c");
});

test("a shared screen comes before everything", () => {
  assert.deepEqual(arrange(seen({ floor: ["c"], present: present({ d: { sharesScreen: true } }) })).stage, { identity: "d", screen: true });
});

test("nobody is thrown off the stage for one cough", () => {
  const both = present({ b: { speakingSince: 5 }, c: { speakingSince: 9 } });
  assert.equal(arrange(seen({ present: both, before: "c" })).stage?.identity, "c");
  assert.equal(arrange(seen({ present: both })).stage?.identity, "b");
  assert.equal(arrange(seen({ before: "d" })).stage?.identity, "d");
});

test("nobody looks at themselves while others are there", () => {
  assert.notEqual(arrange(seen({ present: present({ a: { speakingSince: 1 } }) })).stage?.identity, "a");
  assert.equal(arrange(seen({ floor: ["a"] })).stage?.identity, "main");
  assert.equal(arrange(seen({ present: [there("a")] })).stage?.identity, "a");
});

test("the strip holds the next in turn, and the own room last", () => {
  const { strip, more } = arrange(seen({ hands: ["e", "d"] }));
  assert.deepEqual(strip, ["e", "d", "b", "a"]);
  assert.equal(more, 1);
});

test("who shares a screen stays visible in the strip", () => {
  assert.ok(arrange(seen({ floor: ["b"], present: present({ b: { sharesScreen: true } }) })).strip.includes("b"));
});

test("an empty room has an empty stage", () => {
  assert.deepEqual(arrange(seen({ present: [], seats: [], me: null })), { stage: null, strip: [], more: 0 });
});

test("who is pinned stays on the stage, whoever speaks or has the floor", () => {
  assert.deepEqual(arrange(seen({ pinned: "d", floor: ["c"] })).stage, { identity: "d", screen: false });
  assert.deepEqual(arrange(seen({ pinned: "d", present: present({ d: { sharesScreen: true } }) })).stage, { identity: "d", screen: true });
  assert.equal(arrange(seen({ pinned: "gone", floor: ["c"] })).stage?.identity, "c");
});
