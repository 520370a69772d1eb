import { build } from "esbuild";
import { bundle } from "../bundle.mjs";

await bundle(build, "uplot", "node_modules/uplot/dist/uPlot.esm.js");
