// Bundles what the studio shows but did not write, with the versions of it at its top and its
// licences beside it. Called by build.mjs of each folder, in which esbuild is installed.
import { readFileSync, readdirSync, writeFileSync } from "node:fs";

const OUT = "../../newsletter/studio/static/vendor";

export async function bundle(build, name, entryPoint) {
  const { metafile } = await build({
    entryPoints: [entryPoint], bundle: true, minify: true, format: "esm", target: "es2022",
    outfile: `${OUT}/${name}.js`, metafile: true, legalComments: "none",
  });
  const names = new Set(Object.keys(metafile.inputs)
    .map((path) => path.match(/^node_modules\/((?:@[^/]+\/)?[^/]+)/)?.[1]).filter(Boolean));
  const parts = [...names].sort().map((part) => {
    const folder = `node_modules/${part}`;
    const { version, license } = JSON.parse(readFileSync(`${folder}/package.json`, "utf8"));
    const file = readdirSync(folder).find((each) => /^licen[cs]e/i.test(each));
    return { part, version, license, text: readFileSync(`${folder}/${file}`, "utf8").trim() };
  });
  const banner = parts.map(({ part, version, license }) => ` * ${part} ${version}, ${license}`);
  const code = readFileSync(`${OUT}/${name}.js`, "utf8");
  writeFileSync(`${OUT}/${name}.js`,
    `/*! Made by vendor/${name} from\n${banner.join("\n")}\n */\n${code}`);
  writeFileSync(`${OUT}/${name}.LICENSE.txt`,
    parts.map(({ part, version, text }) => `${part} ${version}\n\n${text}\n`).join("\n---\n\n"));
}
