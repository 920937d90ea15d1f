// The look's ground rules: both dark blocks say the same, components use roles only, text can be read on every surface.
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";

const STYLES = join(import.meta.dirname, "../../web/styles");
const tokens = readFileSync(join(STYLES, "tokens.css"), "utf8");
const blocks = [...tokens.matchAll(/color-scheme: dark;\n([\s\S]*?)\n {2}\}/g)].map((found) => (found[1] ?? "").replace(/\s+/g, " ").trim());

test("dark by the system and dark by choice are the same", () => {
  assert.equal(blocks.length, 2);
  assert.equal(blocks[0], blocks[1]);
});

test("components use roles, never values", () => {
  for (const file of readdirSync(join(STYLES, "components"))) {
    assert.ok(!readFileSync(join(STYLES, "components", file), "utf8").includes("--v-"), file);
  }
});

function declared(css: string): Map<string, string> {
  return new Map([...css.matchAll(/(--[\w-]+):\s*([^;]+);/g)].map((found) => [found[1] ?? "", found[2] ?? ""]));
}
const light = declared(tokens.slice(0, tokens.indexOf('[data-theme="dark"]')));
const dark = new Map([...light, ...declared(blocks[0] ?? "")]);

function colour(theme: Map<string, string>, role: string): number[] {
  let value = theme.get(role) ?? "";
  while (value.startsWith("var(")) value = theme.get(value.slice(4, -1)) ?? "";
  assert.match(value, /^#[0-9a-f]{6}$/i, `${role} is ${value}`);
  return [1, 3, 5].map((at) => Number.parseInt(value.slice(at, at + 2), 16) / 255);
}

function luminance(rgb: number[]): number {
  const [red = 0, green = 0, blue = 0] = rgb.map((part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4));
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

function contrast(theme: Map<string, string>, a: string, b: string): number {
  const [bright = 0, dim = 0] = [luminance(colour(theme, a)), luminance(colour(theme, b))].sort((x, y) => y - x);
  return (bright + 0.05) / (dim + 0.05);
}

const SURFACES = ["--ground", "--sheet", "--sheet-2"];
const TEXTS = ["--ink", "--ink-2", "--ink-3", "--act-text", "--floor-text", "--live-text", "--fine-text", "--gone-text"];
const ON = [["--on-act", "--act"], ["--on-floor", "--floor"], ["--on-live", "--live"], ["--on-fine", "--fine"], ["--act-text", "--act-soft"], ["--live-text", "--live-soft"], ["--fine-text", "--fine-soft"], ["--floor-text", "--floor-soft"]] as const;

for (const [name, theme] of [["light", light], ["dark", dark]] as const) {
  test(`text reaches 4.5:1 on every surface, ${name}`, () => {
    for (const text of TEXTS) for (const surface of SURFACES) assert.ok(contrast(theme, text, surface) >= 4.5, `${text} on ${surface}`);
    for (const [text, fill] of ON) assert.ok(contrast(theme, text, fill) >= 4.5, `${text} on ${fill}`);
  });

  test(`edges of what one can operate reach 3:1, ${name}`, () => {
    for (const surface of SURFACES) assert.ok(contrast(theme, "--rule-strong", surface) >= 3, surface);
  });
}
