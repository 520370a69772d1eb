import { $, keys } from "./common.js";

keys({ "[": () => $("earlier").click(), "]": () => $("later").click() });
