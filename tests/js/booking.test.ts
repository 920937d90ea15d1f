// What the booking form decides by itself: matching as people type, and what a draft's answer means.
import assert from "node:assert/strict";
import { test } from "node:test";
import { fold, matches, outcome } from "../../web/src/booking/rules.ts";

test("names are found without marks, đ as d, words in any order", () => {
  assert.equal(fold("Điểm cầu xã ĐỒNG MẪU"), "diem cau xa dong mau");
  assert.ok(matches("Điểm cầu xã Đồng Mẫu Thượng", "thuong dong"));
  assert.ok(matches("Điểm cầu xã Đồng Mẫu Thượng", "Đồng"));
  assert.ok(matches("anything", "   "));
  assert.ok(!matches("Điểm cầu xã Đồng Mẫu", "phuong"));
});

test("a draft is saved, refused with a sentence, or lost", () => {
  const saved = { draft_id: "0d1", draft_version: 2, saved_at: "08:41" };
  assert.deepEqual(outcome(true, saved), { kind: "saved", saved });
  assert.deepEqual(outcome(false, { error: { message: "Đang sửa ở cửa sổ khác." } }), { kind: "refused", sentence: "Đang sửa ở cửa sổ khác." });
  for (const body of [null, "<html>", {}, { error: {} }]) assert.deepEqual(outcome(false, body), { kind: "lost" });
});
