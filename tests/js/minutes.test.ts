// The minutes editor: autosave loses nothing, and a happening finds its place by its time.
import assert from "node:assert/strict";
import { test } from "node:test";
import { contentOf, isOpen, placeFor } from "../../web/src/minutes/content.ts";
import { after, begin, unsaved, wait } from "../../web/src/minutes/saving.ts";

test("what is typed is saved after a pause and then nothing is unsaved", () => {
  let saving = after(begin(3), { type: "typed" });
  assert.equal(unsaved(saving), true);
  assert.equal(wait(saving), 1200);
  saving = after(saving, { type: "due" });
  assert.equal(saving.state, "saving");
  saving = after(saving, { type: "saved", version: 4 });
  assert.deepEqual([saving.state, saving.version, unsaved(saving)], ["clean", 4, false]);
});

test("words typed while a save is under way are saved by the next one", () => {
  let saving = after(after(begin(1), { type: "typed" }), { type: "due" });
  saving = after(saving, { type: "typed" });
  assert.equal(saving.state, "saving");
  saving = after(saving, { type: "saved", version: 2 });
  assert.equal(saving.state, "dirty");
  assert.notEqual(wait(saving), null);
});

test("without a connection it tries again, ever more patiently and for ever", () => {
  let saving = after(begin(1), { type: "typed" });
  const waits: (number | null)[] = [];
  for (let tries = 0; tries < 8; tries += 1) {
    saving = after(after(saving, { type: "due" }), { type: "unreachable" });
    waits.push(wait(saving));
  }
  assert.deepEqual(waits, [4000, 8000, 16000, 30000, 30000, 30000, 30000, 30000]);
  assert.equal(unsaved(saving), true);
});

test("two versions stop autosave: which one stays is decided by people", () => {
  let saving = after(after(after(begin(1), { type: "typed" }), { type: "due" }), { type: "clashed" });
  for (const type of ["typed", "due", "unreachable"] as const) saving = after(saving, { type });
  assert.deepEqual([saving.state, wait(saving), unsaved(saving)], ["clash", null, true]);
});

test("nothing typed, nothing sent", () => {
  assert.equal(after(begin(1), { type: "due" }).state, "clean");
});

test("the form's columns become paragraphs in their order", () => {
  const form = new FormData();
  form.set("title", "Họp");
  form.set("secretary", "Thư");
  form.set("chair", "Chủ");
  for (const [slot, heading, text, moment] of [["time", "", "09 giờ", "t1"], ["content", "1. A", "B", ""]]) {
    form.append("slot", slot!);
    form.append("heading", heading!);
    form.append("text", text!);
    form.append("moment", moment!);
  }
  assert.deepEqual(contentOf(form, 7), {
    version: 7,
    title: "Họp",
    secretary: "Thư",
    chair: "Chủ",
    paragraphs: [
      { slot: "time", heading: "", text: "09 giờ", moment: "t1" },
      { slot: "content", heading: "1. A", text: "B", moment: "" },
    ],
  });
});

test("a happening goes before the first later paragraph; those without a moment do not count", () => {
  const moments = ["2026-04-23T02:00:00+00:00", "", "2026-04-23T02:30:00+00:00"];
  assert.equal(placeFor(moments, "2026-04-23T02:10:00+00:00"), 2);
  assert.equal(placeFor(moments, "2026-04-23T01:00:00Z"), 0);
  assert.equal(placeFor(moments, "2026-04-23T03:00:00Z"), 3);
  assert.equal(placeFor([], "2026-04-23T03:00:00Z"), 0);
});

test("a draft's mark is open until it is written over", () => {
  assert.equal(isOpen("Đại diện xã được mời phát biểu: […]"), true);
  assert.equal(isOpen("[… theo kế hoạch: Ông A]"), true);
  assert.equal(isOpen("Đại diện xã đề nghị hỗ trợ…"), false);
});
