import { $, ask, element, keys, listen, oneAtATime, stage, words } from "./common.js";

const list = $("issues");
const rows = list ? [...list.children] : [];

// --- what is in the files -------------------------------------------------------------------------

const fill = oneAtATime(async () => {
  const { ok, issues, trouble, error } = await ask("GET", "/rows");
  $("trouble").hidden = ok && !trouble;
  $("trouble").textContent = ok ? `${words.no_store} ${trouble}` : error.message;
  if (!ok) return;
  if (!isAllOf(issues)) {
    reload();
    return;
  }
  for (const row of rows) {
    const issue = issues[row.dataset.stem];
    if (!issue) continue;
    row.querySelector(".title").textContent = issue.title;
    row.querySelector("time").textContent = issue.day;
    if (issue.stage) stage(row.querySelector(".stage"), issue.stage);
  }
  const day = (row) => row.querySelector("time").textContent || row.dataset.stem;
  const before = [...rows];
  rows.sort((one, other) => (day(one) === day(other) ? 0 : day(one) < day(other) ? 1 : -1));
  if (rows.some((row, index) => row !== before[index])) list.append(...rows);
  filter();
});

function isAllOf(issues) {
  return rows.length === Object.keys(issues).length && rows.every(({ dataset }) => dataset.stem in issues);
}

/** The page with the files that there are now; what it is filtered by stays. */
function reload() {
  sessionStorage.setItem("filter", $("filter").value);
  location.reload();
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

function filter() {
  const wanted = $("filter").value.toLowerCase().split(/\s+/).filter(Boolean);
  for (const row of rows) {
    const text = row.textContent.toLowerCase();
    row.hidden = !wanted.every((word) => text.includes(word));
  }
  if (list) $("none").hidden = rows.some((row) => !row.hidden);
}

$("filter").addEventListener("input", filter);
$("filter").addEventListener("keydown", ({ key }) => {
  if (key === "Enter" || key === "ArrowDown") step(1);
});

function step(by) {
  const links = rows.filter((row) => !row.hidden).map((row) => row.querySelector("a"));
  const at = links.indexOf(document.activeElement);
  links[Math.max(0, Math.min(links.length - 1, at + by))]?.focus();
}

keys({ j: () => step(1), k: () => step(-1), "/": () => $("filter").focus() });

$("filter").value = sessionStorage.getItem("filter") ?? "";
sessionStorage.removeItem("filter");
fill().then(() => rows.forEach((row) => seen.observe(row)));
listen(async ({ stems, everything }) => {
  await fill();
  for (const row of rows.filter((each) => everything || stems.includes(each.dataset.stem))) {
    seen.unobserve(row);
    seen.observe(row); // which asks for it again, once it is in view
  }
}, (isLost) => {
  $("trouble").hidden = !isLost;
  $("trouble").textContent = words.lost;
});
