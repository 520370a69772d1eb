// The page comes whole from the studio; each part that is another one later takes its place.

import { $, keys, words } from "./common.js";

const MILLISECONDS = 10_000;
let timer = null;

async function look() {
  clearTimeout(timer);
  try {
    const response = await fetch("/health");
    if (!response.ok) throw new Error(response.statusText);
    renew(new DOMParser().parseFromString(await response.text(), "text/html"));
  } catch {
    tell(words.lost);
  }
  plan();
}

function plan() {
  if (!document.hidden) timer = setTimeout(look, MILLISECONDS);
}

function tell(trouble) {
  $("trouble").hidden = !trouble;
  $("trouble").textContent = trouble;
}

function renew(page) {
  tell(page.getElementById("trouble").textContent);
  const [facts, later] = [$("facts"), page.getElementById("facts")];
  if (later.hidden) return; // the store is away: what was known stays
  if (facts.hidden) {
    facts.replaceChildren(...later.children);
    facts.hidden = false;
    return;
  }
  for (const part of later.querySelectorAll("[id]")) {
    const before = $(part.id);
    // Who reads a message is not thrown out of it as long as nothing new stands there.
    if (before.textContent !== part.textContent) before.replaceChildren(...part.childNodes);
  }
}

keys({});
document.addEventListener("visibilitychange", () => { if (!document.hidden) look(); });
plan();
