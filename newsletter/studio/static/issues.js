import { $, ask, element, keys, listen, stage, words } from "./common.js";

const list = $("issues");
const rows = list ? [...list.children] : [];

// --- what is in the files -------------------------------------------------------------------------

async function fill() {
  const { issues, trouble } = await ask("GET", "/rows");
  $("trouble").hidden = !trouble;
  $("trouble").textContent = `${words.no_store} ${trouble}`;
  for (const row of rows) {
    const issue = issues[row.dataset.stem];
    if (!issue) continue;
    row.querySelector(".title").textContent = issue.title;
    row.querySelector("time").textContent = issue.day;
    if (issue.stage) stage(row.querySelector(".stage"), issue.stage);
  }
  const day = (row) => row.querySelector("time").textContent || row.dataset.stem;
  rows.sort((one, other) => (day(one) < day(other) ? 1 : -1));
  list?.append(...rows);
  rows.forEach((row) => seen.observe(row));
}

// --- where each issue stands: asked for when its row comes into view, one after the other ---------

const waiting = new Set();
let asking = false;

const seen = new IntersectionObserver((entries) => {
  for (const { isIntersecting, target } of entries) {
    if (isIntersecting) waiting.add(target);
    else waiting.delete(target);
  }
  askNext();
}, { rootMargin: "100px" });

async function askNext() {
  const [row] = waiting;
  if (asking || !row) return;
  asking = true;
  waiting.delete(row);
  seen.unobserve(row);
  try {
    const standing = await ask("GET", `/issues/${encodeURIComponent(row.dataset.stem)}/standing`);
    if (standing.ok) show(row, standing);
  } finally {
    asking = false;
    askNext();
  }
}

function show(row, { stage: name, counts, title }) {
  stage(row.querySelector(".stage"), name);
  if (title) row.querySelector(".title").textContent = title;
  row.querySelector(".counts").replaceChildren(
    ...["error", "warning"].filter((severity) => counts[severity]).map((severity) =>
      element("span", { className: severity, text: String(counts[severity]), title: words[severity] })));
}

// --- finding and choosing -------------------------------------------------------------------------

$("filter").addEventListener("input", ({ target }) => {
  const wanted = target.value.toLowerCase().split(/\s+/).filter(Boolean);
  for (const row of rows) {
    const text = row.textContent.toLowerCase();
    row.hidden = !wanted.every((word) => text.includes(word));
  }
  if (list) $("none").hidden = rows.some((row) => !row.hidden);
});
$("filter").addEventListener("keydown", ({ key }) => {
  if (key === "Enter" || key === "ArrowDown") step(1);
});

function step(by) {
  const links = rows.filter((row) => !row.hidden).map((row) => row.querySelector("a"));
  const at = links.indexOf(document.activeElement);
  links[Math.max(0, Math.min(links.length - 1, at + by))]?.focus();
}

keys({ j: () => step(1), k: () => step(-1), "/": () => $("filter").focus() });

fill();
listen(({ stems, everything }) => {
  const known = new Set(rows.map((row) => row.dataset.stem));
  if (everything || stems.some((stem) => !known.has(stem))) {
    location.reload();
    return;
  }
  for (const row of rows) if (stems.includes(row.dataset.stem)) waiting.add(row);
  askNext();
}, () => {});
