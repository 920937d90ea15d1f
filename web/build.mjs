// Bundles the browser side into the folder given: hashed names, one manifest that templates read.
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import * as esbuild from "esbuild";
import { sprite } from "./src/icons.ts";

const target = process.argv[2];
if (!target) throw new Error("usage: node build.mjs FOLDER");
mkdirSync(target, { recursive: true });

const scripts = {};
for (const folder of readdirSync("src", { withFileTypes: true })) {
  for (const name of ["main.tsx", "main.ts"]) {
    const path = join("src", folder.name, name);
    if (folder.isDirectory() && existsSync(path)) scripts[folder.name] = path;
  }
}
const styles = {};
for (const name of ["app", "room"]) {
  const path = join("styles", `${name}.css`);
  if (existsSync(path)) styles[name] = path;
}

const common = {
  bundle: true,
  minify: true,
  outdir: target,
  metafile: true,
  legalComments: "none",
  target: ["chrome108", "firefox115", "safari16"], // rooms keep machines of 2023
  loader: { ".woff2": "file", ".ttf": "file", ".mp3": "file", ".svg": "file" },
  entryNames: "[name]-[hash]",
  chunkNames: "chunk-[hash]",
  assetNames: "[name]-[hash]",
  logLevel: "warning",
};
const manifest = {};
const remember = (result, extension) => {
  for (const [path, output] of Object.entries(result.metafile.outputs)) {
    if (!output.entryPoint) continue;
    const name = Object.entries(extension === "js" ? scripts : styles).find(([, entry]) => entry === output.entryPoint);
    if (name && path.endsWith(`.${extension}`)) manifest[`${name[0]}.${extension}`] = basename(path);
  }
};
const entries = (map) => Object.entries(map).map(([out, path]) => ({ in: path, out }));

if (Object.keys(scripts).length) {
  const result = await esbuild.build({
    ...common, entryPoints: entries(scripts), format: "esm", splitting: true, jsx: "automatic", jsxImportSource: "preact",
  });
  remember(result, "js");
}
if (Object.keys(styles).length) {
  remember(await esbuild.build({ ...common, entryPoints: entries(styles) }), "css");
}
const put = (name, content) => {
  const hash = createHash("sha256").update(content).digest("hex").slice(0, 8).toUpperCase();
  manifest[name] = name.replace(".", `-${hash}.`);
  writeFileSync(join(target, manifest[name]), content);
};
put("icons.svg", sprite());
put("favicon.svg", readFileSync("styles/favicon.svg"));
for (const file of readdirSync(target)) {
  if (/-[A-Z0-9]{8}\.(js|woff2|ttf|mp3)$/.test(file) && !Object.values(manifest).includes(file)) manifest[file] = file; // kept for ever as well
}
writeFileSync(join(target, "manifest.json"), JSON.stringify(manifest, null, 1));
