import { $, ask, element, keys, listen, oneAtATime, stage, words } from "./common.js";

const desk = $("desk");
const { stem, file, hasEditor } = desk.dataset;
const path = `/issues/${encodeURIComponent(stem)}`;
const frame = $("mail");
const chosen = (name) => document.querySelector(`input[name="${name}"]:checked`).value;

let editor = null; // once it was opened
let version = null; // of the file from which its text was made
let saved = ""; // the text of that file
let findings = [];
let at = -1; // the finding that is looked at
let request = new AbortController();
let hasChanged = false; // since something was shown

// --- what is shown ------------------------------------------------------------------------------------

function wish() {
  const client = $("client").value;
  const reader = $("reader").value;
  return {
    text: isUnsaved() ? editor.text() : null,
    reader: reader === "one" ? $("address").value.trim() || "sample" : reader,
    look: chosen("look"), part: chosen("part") === "inbox" ? "headers" : chosen("part"),
    pictures: !$("pictures").checked, styles: client !== "styles", outlook: client === "outlook",
  };
}

/** Asks for what is chosen. `marksChanges` where the words may have changed, not only the view. */
async function refresh(marksChanges = false) {
  request.abort();
  request = new AbortController();
  const { signal } = request;
  hasChanged ||= marksChanges; // what is asked for now may replace an answer that never came
  const result = await ask("POST", `${path}/shown`, wish(), signal);
  if (signal.aborted) return;
  await show(result, hasChanged);
  hasChanged = false;
}

async function show(result, marksChanges) {
  const isOld = result.subject === undefined; // what is shown, if anything is
  if (result.findings) showFindings(result.findings);
  fault(result.error, isOld);
  $("none").hidden ||= isOld;
  if (isOld) return;
  document.title = result.title;
  $("title").textContent = result.title;
  stage($("stage"), result.stage);
  showSize(result);
  const part = chosen("part");
  $("floor").hidden = part !== "mail";
  $("other").hidden = part === "mail";
  document.querySelector(".only-mail").hidden = part !== "mail";
  $("approximation").hidden = part !== "mail" || ($("client").value !== "outlook" && chosen("look") !== "forced");
  if (part === "mail") await showMail(result.html, marksChanges);
  else if (part === "headers") showHeaders(result.headers);
  else if (part === "inbox") showInbox(result);
  else $("other").replaceChildren(element("pre", { className: part, text: result.text, dir: "auto" }));
  document.body.dataset.shown = String(Number(document.body.dataset.shown ?? 0) + 1);
}

function reason({ message, where, hint }) {
  const place = where ? element("code", { text: where }) : "";
  return [element("p", {}, element("strong", { text: message }), " ", place),
    ...(hint ? [element("p", { text: hint })] : [])];
}

/** Why the mail cannot be shown as it is. */
function fault(error, isOld = false) {
  $("fault").hidden = !error;
  if (!error) return;
  $("fault").replaceChildren(
    ...reason(error), ...(isOld && document.body.dataset.shown ? [element("p", { className: "quiet", text: words.last_good })] : []));
  if (error.where?.startsWith(`${file}:`)) editor?.mark([{ line: error.line, severity: "error", message: error.message }]);
}

/** Why something was not done: it stays, whatever is shown of the mail meanwhile. */
function refused(error) {
  const close = element("button", { text: words.close });
  close.addEventListener("click", () => {
    $("refused").hidden = true;
    ($("editor").hidden ? $("preview") : editor ?? $("preview")).focus();
  });
  $("refused").replaceChildren(...reason(error), close);
  $("refused").hidden = false;
}

function showSize({ bytes, clip, sections }) {
  const wasOpen = $("size").querySelector("details")?.open;
  const focused = focusIn($("size"));
  const number = new Intl.NumberFormat(words.language);
  $("size").replaceChildren(
    element("meter", { min: 0, max: clip, high: clip * 0.83, value: Math.min(bytes, clip), "aria-label": words.bytes }),
    ` ${number.format(bytes)} ${words.bytes} · ${words.clip}`);
  if (!sections?.length) return;
  const rows = sections.map(({ name, line, bytes: size }, index) => element("li", {},
    name ? element("a", { href: "#", "data-line": line, text: name, dir: "auto" })
      : element("span", { text: index ? words.foot : words.top }),
    " ", element("span", { className: "quiet", text: number.format(size) })));
  const details = element("details", {}, element("summary", { text: words.by_section }), element("ol", {}, ...rows));
  details.open = wasOpen;
  $("size").append(details);
  focused();
}

const reachable = (place) => [...place.querySelectorAll("a[href], button, summary")];

/** Remembers what has the focus in a place that is filled anew; call what it returns afterwards. */
function focusIn(place) {
  const index = reachable(place).indexOf(document.activeElement);
  return () => {
    if (index < 0) return;
    const now = reachable(place);
    (now[Math.min(index, now.length - 1)] ?? $("preview")).focus({ preventScroll: true });
  };
}

// --- the mail -----------------------------------------------------------------------------------------

const opened = new Promise((resolve) => {
  frame.addEventListener("load", () => {
    if (frame.contentDocument.URL.endsWith("/frame")) resolve();
  });
  frame.src = `${path}/frame`;
});

const MARKS = `
  [data-marked] { outline: 3px solid #2f8f4e !important; outline-offset: 3px !important; }
  [data-marked="found"] { outline-color: #c2410c !important; }
  [data-gone="above"] { box-shadow: 0 -5px #d6402f !important; }
  [data-gone="below"] { box-shadow: 0 5px #d6402f !important; }
  @media (forced-colors: active) { [data-gone] { outline: 3px dashed !important; } }`;

let blocks = []; // of the mail that is shown, as they came

async function showMail(html, marksChanges) {
  await opened;
  const inside = frame.contentDocument;
  const before = marksChanges ? blocks : [];
  const { scrollX, scrollY } = frame.contentWindow;
  // The parser of the frame, where styles of mails are allowed.
  const fresh = new frame.contentWindow.DOMParser().parseFromString(html, "text/html");
  inside.replaceChild(inside.adoptNode(fresh.documentElement), inside.documentElement);
  frame.contentWindow.scrollTo(scrollX, scrollY);
  inside.head.append(Object.assign(inside.createElement("style"), { textContent: MARKS }));
  const elements = [...inside.querySelectorAll("[data-line]")];
  blocks = elements.map((each) => ({ html: bare(each), isInnermost: !each.querySelector("[data-line]") }));
  if ($("client").value === "outlook") widenPictures(inside);
  if (before.length) {
    markChanged(before, elements);
    markGone(before, elements);
  }
  inside.onclick = clicked;
  inside.onkeydown = (event) => document.dispatchEvent(new KeyboardEvent("keydown", event));
  fit();
}

const bare = (block) => block.outerHTML.replaceAll(/ data-line="\d+"/g, "");

/** Of each, whether the others hold it too, as often. */
function heldBy(others, these) {
  const counts = new Map();
  for (const { html } of others) counts.set(html, (counts.get(html) ?? 0) + 1);
  return these.map(({ html }) => {
    const left = counts.get(html) ?? 0;
    counts.set(html, left - 1);
    return left > 0;
  });
}

/** Marks the innermost blocks that were not there before. */
function markChanged(before, elements) {
  const were = heldBy(before, blocks);
  const fresh = elements.filter((_, index) => !were[index]);
  const outer = new Set();
  for (const each of fresh) {
    for (let above = each.parentElement; above && !outer.has(above); above = above.parentElement) outer.add(above);
  }
  for (const each of fresh) if (!outer.has(each)) mark(each, "marked", "changed");
}

/** Marks where blocks stood that are gone, and no other came in their place: at what follows, else
 * at the last. */
function markGone(before, elements) {
  const innermost = ({ isInnermost }) => isInnermost;
  const old = before.filter(innermost);
  const now = blocks.filter(innermost);
  const places = elements.filter((_, index) => blocks[index].isInnermost);
  const are = heldBy(now, old);
  const were = heldBy(old, now);
  let at = 0;
  let gone = 0;
  for (const stays of [...are, true]) { // the end stays as well
    if (!stays) {
      gone += 1;
      continue;
    }
    const from = at;
    while (at < now.length && !were[at]) at += 1;
    if (gone > at - from) {
      if (at < now.length) mark(places[at], "gone", "above");
      else if (now.length) mark(places.at(-1), "gone", "below");
    }
    gone = 0;
    at += 1;
  }
}

function mark(block, name, value) {
  block.dataset[name] = value;
  setTimeout(() => { delete block.dataset[name]; }, 2500);
}

/** As Outlook, which takes a width in per cent of the picture's own. */
function widenPictures(inside) {
  for (const picture of inside.images) {
    const width = picture.getAttribute("width") ?? "";
    const widen = () => {
      const own = picture.naturalWidth;
      if (!width) picture.style.width = `${own}px`;
      else if (width.endsWith("%")) picture.style.width = `${own * parseFloat(width) / 100}px`;
    };
    if (picture.complete) widen();
    else picture.addEventListener("load", widen);
  }
}

/** A link opens beside the studio; any other click leads to the line in the editor. */
function clicked(event) {
  const link = event.target.closest("a[href]");
  if (link) {
    event.preventDefault();
    const target = link.getAttribute("href");
    if (target.startsWith("#")) frame.contentDocument.getElementById(target.slice(1))?.scrollIntoView();
    else if (/^https?:/.test(target)) window.open(target, "_blank", "noopener");
    return;
  }
  const line = Number(event.target.closest("[data-line]")?.dataset.line);
  if (line && editor && !$("editor").hidden) editor.goTo(line);
}

/** The frame as wide as its client's screen, scaled down where there is less room. */
function fit() {
  const width = Number(chosen("width"));
  const { clientWidth, clientHeight } = $("floor");
  const scale = Math.min(1, clientWidth / width);
  frame.style.width = `${width}px`;
  frame.style.height = `${clientHeight / scale}px`;
  frame.style.transform = scale < 1 ? `scale(${scale})` : "";
  frame.style.marginInline = scale < 1 ? "0" : "auto";
  frame.style.background = chosen("look") === "light" ? "#ffffff" : "#121212";
}

new ResizeObserver(fit).observe($("floor"));

// --- the other parts ------------------------------------------------------------------------------------

function showHeaders(headers) {
  const row = ([name, raw, read]) => element("tr", {},
    element("th", { scope: "row", text: name }),
    element("td", { dir: "auto", text: read }),
    element("td", {}, element("code", { text: raw === read ? "" : raw })));
  const head = element("tr", {}, element("td"), element("th", { scope: "col", text: words.as_read }),
    element("th", { scope: "col", text: words.as_sent }));
  $("other").replaceChildren(element("table", { className: "headers" },
    element("thead", {}, head), element("tbody", {}, ...headers.map(row))));
}

function showInbox({ sender, subject, preheader }) {
  const name = sender.replace(/\s*<[^>]*>$/, "").replaceAll('"', "") || sender;
  const entry = (className) => element("div", { className: `entry ${className}` },
    element("span", { className: "from", text: name, dir: "auto" }),
    element("span", { className: "when", text: "9:41" }),
    element("span", { className: "subject", text: subject, dir: "auto" }),
    element("span", { className: "preheader", text: preheader, dir: "auto" }));
  $("other").replaceChildren(element("div", { className: "inbox" },
    element("h2", { text: words.in_list_phone }), entry("phone"),
    element("h2", { text: words.in_list_desktop }), entry("desktop")));
}

// --- findings ---------------------------------------------------------------------------------------------

function showFindings(fresh) {
  findings = fresh;
  at = Math.min(at, findings.length - 1);
  const focused = focusIn($("list"));
  $("count").textContent = findings.length ? String(findings.length) : "";
  $("none").hidden = findings.length > 0;
  $("list").replaceChildren(...findings.map((finding, index) => {
    const go = element("button", { className: "go", "aria-current": String(index === at) },
      element("span", { className: `severity ${finding.severity}`, text: words[finding.severity] }),
      element("span", { className: "place", text: words.line.replace("{n}", finding.line) }),
      element("span", { className: "message", text: finding.message, dir: "auto" }),
      element("span", { className: "fix", text: finding.fix, dir: "auto" }),
      element("span", { className: "rule", text: finding.rule }));
    go.addEventListener("click", () => look(index));
    const row = element("li", {}, go);
    if (hasEditor) {
      const open = element("button", { className: "open", text: words.open_editor });
      open.addEventListener("click", () => openElsewhere(finding.line));
      row.append(open);
    }
    return row;
  }));
  focused();
  editor?.mark(findings);
}

function look(index) {
  at = index;
  [...$("list").children].forEach((row, number) => row.firstChild.setAttribute("aria-current", String(number === at)));
  goTo(findings[index].line);
}

function goTo(line) {
  const blocks = [...frame.contentDocument.querySelectorAll("[data-line]")];
  const near = blocks.filter((block) => Number(block.dataset.line) <= line)
    .sort((a, b) => Number(a.dataset.line) - Number(b.dataset.line)).at(-1);
  if (near) {
    near.scrollIntoView({ block: "center" });
    mark(near, "marked", "found");
  }
  if (editor && !$("editor").hidden) editor.goTo(line);
  $("status").textContent = `${file}:${line}`;
}

function stepFinding(by) {
  if (!findings.length) return;
  look((at + by + findings.length) % findings.length);
  $("list").children[at].firstChild.focus();
}

async function openElsewhere(line) {
  const answer = await ask("POST", `${path}/open`, { line });
  if (!answer.ok) refused(answer.error);
}

$("size").addEventListener("click", (event) => {
  const line = event.target.closest("a[data-line]")?.dataset.line;
  if (!line) return;
  event.preventDefault();
  goTo(Number(line));
});

// --- writing ----------------------------------------------------------------------------------------------

const isUnsaved = () => editor !== null && editor.text() !== saved;
let typing;

const openEditor = oneAtATime(async () => {
  if (editor) return;
  const [{ createEditor }, source] = await Promise.all([
    import("./vendor/codemirror.js"), ask("GET", `${path}/source`)]);
  if (!source.ok) {
    refused(source.error);
    return;
  }
  ({ version, text: saved } = source);
  editor = createEditor({
    parent: $("code"), text: saved, label: words.editor_label,
    nonce: document.querySelector("meta[name=nonce]").content,
    changed: () => {
      tellSaved();
      clearTimeout(typing);
      typing = setTimeout(() => refresh(true), 60);
    },
    save, picture: keepPicture,
  });
  editor.mark(findings);
  tellSaved();
});

async function showEditor(isShown) {
  $("editor").hidden = !isShown;
  $("edit").setAttribute("aria-pressed", String(isShown));
  document.body.dataset.tab = isShown ? "editor" : "preview";
  tellTab();
  if (isShown && !editor) {
    await openEditor();
    if (!editor) showEditor(false);
  }
  if (!$("editor").hidden) editor?.focus();
}

function tellSaved() {
  $("saved").textContent = isUnsaved() ? words.unsaved : words.saved;
  $("saved").className = isUnsaved() ? "unsaved" : "";
}

const save = oneAtATime(async () => {
  if (!isUnsaved() || $("conflict").open) return;
  const text = editor.text();
  const answer = await ask("PUT", `${path}/source`, { text, version });
  if (answer.status === 409) conflict(answer);
  else if (!answer.ok) refused(answer.error);
  else {
    $("refused").hidden = true;
    ({ version } = answer);
    saved = text;
    tellSaved();
  }
});

function conflict({ theirs, difference }) {
  $("difference").replaceChildren(...difference.map(([sign, line]) => element("code", {
    className: { "+": "added", "-": "removed" }[sign] ?? "", text: `${sign} ${line}`,
  })));
  $("keep-yours").onclick = () => {
    ({ version } = theirs);
    $("conflict").close();
    save();
  };
  $("take-theirs").onclick = () => {
    takeOver(theirs);
    $("conflict").close();
    refresh();
  };
  $("conflict").showModal();
}

function takeOver(source) {
  version = source.version;
  editor.replace(source.text);
  saved = editor.text();
  tellSaved();
}

/** What the file holds now, unless it is what we have: never over what is not saved yet. */
const follow = oneAtATime(async () => {
  if (!editor) return;
  const source = await ask("GET", `${path}/source`);
  if (!source.ok || source.version === version) return;
  if (!isUnsaved() || source.text === editor.text()) takeOver(source);
  else $("saved").textContent = words.conflict;
});

async function keepPicture(picture) {
  const name = picture.name === "image.png" ? "" : picture.name;
  const answer = await ask("POST", `${path}/pictures?name=${encodeURIComponent(name)}`, picture);
  if (answer.ok) return `![](${/[\s()]/.test(answer.path) ? `<${answer.path}>` : answer.path})`;
  refused({ ...answer.error, message: `${words.picture_failed} ${answer.error.message}` });
  return "";
}

/** A file that misses the text would be opened in place of the studio. */
function refuseFiles(place) {
  for (const name of ["dragover", "drop"]) {
    place.addEventListener(name, (event) => {
      if (event.dataTransfer?.types.includes("Files")) event.preventDefault();
    });
  }
}

refuseFiles(window);
opened.then(() => refuseFiles(frame.contentDocument));

addEventListener("beforeunload", (event) => {
  if (isUnsaved()) event.preventDefault();
});

// --- a test -----------------------------------------------------------------------------------------------

function openTrial() {
  $("result").replaceChildren(...(isUnsaved() ? [element("p", { text: words.test_unsaved })] : []));
  $("trial").showModal();
}

$("trial-form").addEventListener("submit", async (event) => {
  event.preventDefault();
  const to = $("to").value.split(/[\s,;]+/).filter(Boolean);
  const button = event.submitter;
  button.disabled = true;
  $("result").textContent = words.test_sending;
  try {
    const answer = await ask("POST", `${path}/tests`, { to });
    $("result").replaceChildren(...(answer.ok
      ? [...answer.tests.map(({ address, status, reason }) => element("p", { className: status,
        text: `${address}: ${words[`test_${status}`]}${reason ? ` (${reason})` : ""}` })),
      ...answer.notes.map((note) => element("p", { className: "quiet", text: note }))]
      : [element("p", { className: "rejected", text: answer.error.message }),
        ...(answer.error.lines ?? []).map((line) => element("p", { text: line })),
        element("p", { className: "quiet", text: answer.error.hint ?? "" })]));
    refresh();
  } finally {
    button.disabled = false;
  }
});
$("trial-close").addEventListener("click", () => $("trial").close());
document.querySelectorAll("button.address").forEach((button) => button.addEventListener("click", () => {
  const there = $("to").value.split(/[\s,;]+/).filter(Boolean);
  if (!there.includes(button.textContent)) $("to").value = [...there, button.textContent].join("\n");
}));

// --- choices and keys -----------------------------------------------------------------------------------------

const kept = "studio"; // how a mail is shown stays from issue to issue

function keepChoices() {
  const choices = { width: chosen("width"), look: chosen("look"), client: $("client").value };
  localStorage.setItem(kept, JSON.stringify(choices));
}

function restoreChoices() {
  const { width, look: colours, client } = JSON.parse(localStorage.getItem(kept) ?? "{}");
  for (const [name, value] of [["width", width], ["look", colours]]) {
    const option = document.querySelector(`input[name="${name}"][value="${value}"]`);
    if (option) option.checked = true;
  }
  if (client) $("client").value = client;
}

function choose(name, by, isRing = false) {
  const options = [...document.querySelectorAll(`input[name="${name}"]`)];
  const now = options.findIndex((option) => option.checked) + by;
  const next = isRing ? now % options.length : Math.max(0, Math.min(options.length - 1, now));
  options[next].checked = true;
  keepChoices();
  if (name === "width") fit();
  else refresh();
}

function pick(index) {
  document.querySelectorAll('input[name="part"]')[index].checked = true;
  refresh();
}

document.querySelector(".bars").addEventListener("change", ({ target }) => {
  $("one").hidden = $("reader").value !== "one";
  keepChoices();
  if (target.name === "width") fit();
  else if (target.id !== "reader" || target.value !== "one" || $("address").value) refresh();
  if (target.id === "reader" && target.value === "one") $("address").focus();
});
$("edit").addEventListener("click", () => showEditor($("editor").hidden));
$("save").addEventListener("click", save);
$("test").addEventListener("click", openTrial);

function tellTab() {
  const tab = document.body.dataset.tab ?? "preview";
  document.querySelectorAll(".tabs button").forEach((button) =>
    button.setAttribute("aria-pressed", String(button.dataset.tab === tab)));
}

document.querySelectorAll(".tabs button").forEach((button) => button.addEventListener("click", () => {
  if (button.dataset.tab === "editor" && $("editor").hidden) showEditor(true);
  document.body.dataset.tab = button.dataset.tab;
  tellTab();
}));

keys({
  ...Object.fromEntries([1, 2, 3, 4, 5].map((number) => [String(number), () => pick(number - 1)])),
  "[": () => choose("width", -1), "]": () => choose("width", 1), d: () => choose("look", 1, true),
  p: () => { $("pictures").checked = !$("pictures").checked; refresh(); },
  j: () => stepFinding(1), k: () => stepFinding(-1),
  e: () => $("edit").hidden || showEditor($("editor").hidden), t: () => $("test").hidden || openTrial(),
  u: () => document.querySelector(".back")?.click(),
});

// --- begin ------------------------------------------------------------------------------------------------------

restoreChoices();
const first = $("reader").dataset.first;
if (["sample", "nameless", "longest"].includes(first)) $("reader").value = first;
else if (first) {
  $("reader").value = "one";
  $("address").value = first;
  $("one").hidden = false;
}
listen(async ({ stems, everything }) => {
  if (everything || stems.includes(stem)) await follow();
  if (everything || stems.includes(stem)) refresh(true);
}, (isLost) => fault(isLost ? { message: words.lost } : null));
refresh();
