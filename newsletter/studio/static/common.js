// What both pages of the studio share: words, requests, keys, and news of what changed on disk.

export const words = JSON.parse(document.getElementById("words").textContent);
export const $ = (id) => document.getElementById(id);

/** An element with a class, text and children; text never becomes markup. */
export function element(name, { className = "", text = "", ...attributes } = {}, ...children) {
  const made = document.createElement(name);
  if (className) made.className = className;
  if (text) made.textContent = text;
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

/** The JSON that the studio answers; `ok` says whether it did what it was asked, `error` why not. */
export async function ask(method, path, body, signal) {
  const isJson = !(body instanceof Blob);
  try {
    const response = await fetch(path, {
      method, signal,
      headers: body === undefined || !isJson ? {} : { "Content-Type": "application/json" },
      body: body === undefined ? undefined : isJson ? JSON.stringify(body) : body,
    });
    return { ok: response.ok, status: response.status, ...await response.json() };
  } catch {
    // Nobody answers, or another run of the studio, which does not know this page.
    return { ok: false, status: 0, error: { message: words.lost } };
  }
}

/** `work`, never twice at once: who asks meanwhile gets what one more run of it resolves to. */
export function oneAtATime(work) {
  let running = null;
  let next = null;
  return function run() {
    if (running === null) {
      running = work().finally(() => { running = null; });
      return running;
    }
    next ??= running.catch(() => {}).then(() => { next = null; return run(); });
    return next;
  };
}

/** Calls `changed` with what changed on disk, and `lost` while the studio does not answer. */
export function listen(changed, lost) {
  follow("/changes", changed, lost, () => changed({ stems: [], everything: true }));
}

/** Calls `changed` with each event of a path, and `lost` while the studio does not answer; `back`
 * once it does again, for something may have happened that was not heard of. */
export function follow(path, changed, lost, back = () => {}) {
  let source = null;
  let isBehind = false; // something may have happened that was not heard of

  function open() {
    source = new EventSource(path);
    source.onmessage = (event) => changed(JSON.parse(event.data));
    source.onerror = () => { isBehind = true; lost(true); };
    source.onopen = () => {
      if (!isBehind) return;
      lost(false);
      back();
      isBehind = false;
    };
  }

  // A browser has six connections to one host: a page that nobody sees needs none.
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) {
      source.close();
      isBehind = true;
    } else if (source.readyState === EventSource.CLOSED) {
      open();
    }
  });
  addEventListener("pagehide", () => source.close());
  open();
}

const keysKept = "studio-keys"; // "off" where somebody speaks, or hits keys by mistake: WCAG 2.1.4
const areKeysOn = () => localStorage.getItem(keysKept) !== "off";

/** Single keys that do something, unless somebody is writing or has switched them off. */
export function keys(actions) {
  const named = [...document.querySelectorAll("[aria-keyshortcuts]")]
    .map((each) => [each, each.getAttribute("aria-keyshortcuts")])
    .filter(([, key]) => key.length === 1);

  function tell() {
    $("keys-on").checked = areKeysOn();
    for (const [each, key] of named) {
      if (areKeysOn()) each.setAttribute("aria-keyshortcuts", key);
      else each.removeAttribute("aria-keyshortcuts");
    }
  }

  function open() {
    tell();
    $("keys").showModal();
  }

  $("keys-on").addEventListener("change", ({ target }) => {
    localStorage.setItem(keysKept, target.checked ? "on" : "off");
    tell();
  });
  $("keys-open").addEventListener("click", open);
  addEventListener("storage", tell); // another page of the studio
  tell();
  document.addEventListener("keydown", (event) => {
    if (!areKeysOn()) return;
    const { target } = event;
    const writes = target.closest?.("input:not([type=radio], [type=checkbox]), textarea, select, .cm-editor");
    if (event.ctrlKey || event.metaKey || event.altKey || writes || document.querySelector("dialog[open]")) {
      return;
    }
    const action = event.key === "?" ? open : actions[event.key];
    if (action) {
      event.preventDefault();
      action();
    }
  });
}

export function stage(target, name) {
  target.className = `stage ${name ?? ""}`;
  target.textContent = name ? words[`stage_${name}`] : "";
}

// --- numbers, and how long something takes, in the language of the page ---------------------------

const language = document.documentElement.lang;
const whole = new Intl.NumberFormat(language, { maximumFractionDigits: 0 });
const small = new Intl.NumberFormat(language, { maximumFractionDigits: 1 });

export const number = (value) => (Math.abs(value) < 10 ? small : whole).format(value);
export const share = (value) =>
  new Intl.NumberFormat(language, { style: "percent", maximumFractionDigits: 1 }).format(value);

/** `3 hr 5 min`, `40 sec`. */
export function duration(seconds) {
  const in_ = (unit, value) =>
    new Intl.NumberFormat(language, { style: "unit", unit, unitDisplay: "short" }).format(value);
  if (seconds < 90) return in_("second", Math.max(1, Math.round(seconds)));
  const minutes = Math.round(seconds / 60);
  if (minutes < 60) return in_("minute", minutes);
  const hours = Math.floor(minutes / 60);
  if (hours < 48) return `${in_("hour", hours)} ${in_("minute", minutes % 60)}`;
  return in_("day", Math.round(hours / 24));
}

/** What `{name}` stands for in a text. */
export const filled = (text, values) =>
  text.replace(/\{(\w+)\}/g, (whole, name) => (name in values ? String(values[name]) : whole));

/**
 * A table of texts and numbers; the first cell of a row is its heading. `kinds` are the classes of
 * columns of text, `forms` say how numbers of a column are written, null is no number. The rows of
 * a `stacked` one are read from top to bottom on a phone.
 */
export function table(headings, rows, { kinds = [], forms = {}, stacked = false } = {}) {
  const isNumber = (value) => typeof value === "number" || value === null;
  const cell = (value, index) =>
    element(index ? "td" : "th", {
      text: value === null ? "–" : isNumber(value) ? (forms[index] ?? number)(value) : value,
      className: isNumber(value) ? "number" : kinds[index] ?? "",
      ...(index ? {} : { scope: "row" }),
    });
  return element("table", { className: stacked ? "stacked" : "" },
    element("thead", {}, element("tr", {},
      ...headings.map((text, index) => element("th", {
        text, scope: "col", className: rows.length && isNumber(rows[0][index]) ? "number" : "",
      })))),
    element("tbody", {}, ...rows.map((row) => element("tr", {}, ...row.map(cell)))));
}
