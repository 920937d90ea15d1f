// Every Vietnamese sentence of the room page and the console has its English, and none is left over.
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { english } from "../../web/src/english.ts";

const SOURCE = join(import.meta.dirname, "../../web/src");
const OTHERS = ["review", "minutes"]; // speak through their own page's data

function files(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    if (entry.isDirectory()) return folder === SOURCE && OTHERS.includes(entry.name) ? [] : files(join(folder, entry.name));
    return /\.tsx?$/.test(entry.name) && entry.name !== "words.ts" ? [join(folder, entry.name)] : [];
  });
}

const spoken = new Set(
  files(SOURCE).flatMap((file) => [...readFileSync(file, "utf8").matchAll(/\bt\(\s*"((?:[^"\\]|\\.)*)"/g)].map((found) => found[1] ?? "")),
);

test("every sentence has its English", () => {
  assert.ok(spoken.size > 200, "the sentences were found");
  assert.deepEqual([...spoken].filter((sentence) => !english[sentence]), []);
});

test("no English is left over", () => {
  assert.deepEqual(Object.keys(english).filter((sentence) => !spoken.has(sentence)), []);
});

test("translations keep their values", () => {
  const values = (sentence: string) => [...sentence.matchAll(/\{\w+\}/g)].map((found) => found[0]).sort();
  for (const [sentence, words] of Object.entries(english)) assert.deepEqual(values(words), values(sentence), sentence);
});
