// What the booking form decides by itself: matching as people type, and what a draft's answer means.
import assert from "node:assert/strict";
import { test } from "node:test";
import { dayWords, fold, matches, outcome, readDay, shownDay } from "../../web/src/booking/rules.ts";

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

test("a day is read as day/month/year, and only a day that there is", () => {
  assert.equal(shownDay(readDay(" 5/3/2026 ") as Date), "05/03/2026");
  assert.equal(shownDay(readDay("29-04-2026") as Date), "29/04/2026");
  for (const typed of ["", "mai", "04/29/2026", "31/02/2026", "2026-04-29", "29/4/26"]) assert.equal(readDay(typed), null, typed);
});

test("below the day stands its weekday, and that nobody works then", () => {
  const words = { off: "{day}: ngày nghỉ", named: "{day}: ngày nghỉ, {name}" };
  const off = { "30/04/2026": "Ngày Chiến thắng", "04/05/2026": "" };
  const say = (typed: string) => dayWords(readDay(typed) as Date, "en", off, words);
  assert.equal(say("29/04/2026"), "Wednesday, 29/04/2026");
  assert.equal(say("30/04/2026"), "Thursday, 30/04/2026: ngày nghỉ, Ngày Chiến thắng");
  assert.equal(say("04/05/2026"), "Monday, 04/05/2026: ngày nghỉ");
  assert.equal(say("02/05/2026"), "Saturday, 02/05/2026: ngày nghỉ");
});
