// Bundles the editor, with the versions and licences of what is in it at its top.
import { build } from "esbuild";
import { readFileSync, readdirSync, writeFileSync } from "node:fs";

const OUT = "../../newsletter/studio/static/vendor";
const { metafile } = await build({
  entryPoints: ["editor.mjs"], bundle: true, minify: true, format: "esm", target: "es2022",
  outfile: `${OUT}/codemirror.js`, metafile: true, legalComments: "none",
});
const names = new Set(Object.keys(metafile.inputs)
  .map((path) => path.match(/^node_modules\/((?:@[^/]+\/)?[^/]+)/)?.[1]).filter(Boolean));
const parts = [...names].sort().map((name) => {
  const folder = `node_modules/${name}`;
  const { version, license } = JSON.parse(readFileSync(`${folder}/package.json`, "utf8"));
  const file = readdirSync(folder).find((each) => /^licen[cs]e/i.test(each));
  return { name, version, license, text: readFileSync(`${folder}/${file}`, "utf8").trim() };
});
const banner = parts.map(({ name, version, license }) => ` * ${name} ${version}, ${license}`);
const code = readFileSync(`${OUT}/codemirror.js`, "utf8");
writeFileSync(`${OUT}/codemirror.js`,
  `/*! Made by vendor/codemirror from\n${banner.join("\n")}\n */\n${code}`);

writeFileSync(`${OUT}/codemirror.LICENSE.txt`,
  parts.map(({ name, version, text }) => `${name} ${version}\n\n${text}\n`).join("\n---\n\n"));
