// The search of a static site: it parts words as newsletter/web/search_words.py does, loads the lists
// of those that are asked for, and shows the issues that have all of them. It writes text, never HTML.
"use strict";

const WIDE =
  "\\u0e01-\\u0e5b\\u0e81-\\u0edf\\u1000-\\u109f\\u1100-\\u11ff\\u1780-\\u17e9\\u3005-\\u3007\\u3041-\\u3096" +
  "\\u30a1-\\u30fa\\u30fc\\u3105-\\u312f\\u31f0-\\u31ff\\u3400-\\u4dbf\\u4e00-\\u9fff\\uac00-\\ud7a3" +
  "\\uf900-\\ufaff\\uff66-\\uffdc\\u{20000}-\\u{3ffff}";
const SIGNS = "\\u0300-\\u036f\\u0591-\\u05c7\\u0640\\u064b-\\u0652\\u0670";
const INDIC = "\\u0900-\\u0963\\u0966-\\u0dff";
const RUN = new RegExp(
  `[${WIDE}\\u3099\\u309a]+|(?:(?![${WIDE}])[\\p{L}\\p{N}]|[${SIGNS}${INDIC}])+`, "gu");
const STARTS_WIDE = new RegExp(`^[${WIDE}]`, "u");
const DROPPED = new RegExp(`[${SIGNS}]`, "gu");
const MOST_WORDS = 8, LONGEST_QUERY = 100, PREFIX_LENGTH = 3, PARTS = 64, A_PAGE = 10;

function fold(word) {
  const apart = word.toLowerCase().normalize("NFKD").replace(DROPPED, "");
  return apart.normalize("NFC").toLowerCase().replaceAll("ς", "σ");
}

function runs(text) {
  return [...text.normalize("NFC").matchAll(RUN)]
    .map((match) => ({ text: fold(match[0]), raw: match[0], start: match.index }))
    .filter((run) => run.text);
}

function termsOf(text) {
  const letters = [...text];
  if (!STARTS_WIDE.test(text)) return [text];
  return [...letters.slice(1).map((letter, at) => letters[at] + letter), letters.at(-1)];
}

function wantedOf(query) {
  const found = new Map();
  for (const { text: whole } of runs([...query].slice(0, LONGEST_QUERY).join(""))) {
    if (STARTS_WIDE.test(whole)) {
      const text = [...whole].slice(0, MOST_WORDS + 1).join(""), terms = termsOf(text);
      found.set(text, terms.length > 1
        ? { text, terms: terms.slice(0, -1), isPrefix: false }
        : { text, terms, isPrefix: true });
    } else {
      found.set(whole, { text: whole, terms: [whole], isPrefix: [...whole].length >= PREFIX_LENGTH });
    }
  }
  return [...found.values()].slice(0, MOST_WORDS);
}

// What each issue is worth for one term: the rarer the term, the more.
async function worthOf(term, isPrefix, load, count) {
  const part = await load(`words/${term.codePointAt(0) % PARTS}.json`);
  const lists = isPrefix
    ? Object.keys(part).filter((word) => word.startsWith(term)).map((word) => part[word])
    : Object.hasOwn(part, term) ? [part[term]] : [];
  const worth = new Map();
  for (const list of lists)
    for (const each of list) {
      const issue = Math.floor(each / 16);
      worth.set(issue, Math.max(worth.get(issue) ?? 0, each % 16));
    }
  const rarity = Math.log(1 + count / (worth.size || 1));
  worth.forEach((weight, issue) => worth.set(issue, weight * rarity));
  return worth;
}

async function find(wanted, load, count) {
  const each = await Promise.all(wanted.flatMap((word) =>
    word.terms.map((term) => worthOf(term, word.isPrefix, load, count))));
  const [first, ...others] = each;
  return [...first.keys()]
    .filter((issue) => others.every((worth) => worth.has(issue)))
    .map((issue) => [each.reduce((sum, worth) => sum + worth.get(issue), 0), issue])
    .sort((one, other) => other[0] - one[0] || other[1] - one[1])
    .map(([, issue]) => issue);
}

function made(name, properties = {}, ...inside) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(properties)) element.setAttribute(key, value);
  element.append(...inside);
  return element;
}

function marked(text, wanted) {
  const pieces = [], whole = text.normalize("NFC");
  let at = 0;
  const mark = (start, end) => {
    pieces.push(whole.slice(at, start), made("mark", {}, whole.slice(start, end)));
    at = end;
  };
  for (const run of runs(whole)) {
    const end = run.start + run.raw.length;
    if (!STARTS_WIDE.test(run.text)) {
      if (wanted.some((word) => word.isPrefix ? run.text.startsWith(word.text) : run.text === word.text))
        mark(run.start, end);
    } else if (run.text.length !== run.raw.length) {
      if (wanted.some((word) => run.text.includes(word.text))) mark(run.start, end);
    } else {
      for (let place = 0; place < run.text.length;) {
        const met = Math.max(0, ...wanted.filter((word) => run.text.startsWith(word.text, place))
          .map((word) => word.text.length));
        if (met) mark(run.start + place, run.start + place + met);
        place += met || 1;
      }
    }
  }
  return [...pieces, whole.slice(at)];
}

function entry(issue, wanted, language) {
  const tags = issue.tags.map(([name, key]) =>
    made("a", { rel: "tag", href: `../tags/${encodeURIComponent(key)}/` }, made("bdi", {}, name)));
  const link = made("a", { href: `../${encodeURIComponent(issue.slug)}/` }, ...marked(issue.title, wanted));
  return made("li", { lang: issue.language, dir: issue.dir },
    made("time", { datetime: issue.day, lang: language, dir: "auto" }, issue.date),
    made("h2", {}, link),
    ...(issue.summary ? [made("p", {}, ...marked(issue.summary, wanted))] : []),
    ...(tags.length ? [made("p", { class: "tags" }, ...tags)] : []));
}

function pagesOf(query, number, pages, label) {
  const backwards = document.dir === "rtl";
  const to = (page, rel, sign) => page < 1 || page > pages ? made("span") : made("a", {
    rel, href: `?${new URLSearchParams({ q: query, page })}`, "aria-label": `${page} / ${pages}` }, sign);
  return made("nav", { class: "pages", "aria-label": label },
    to(number - 1, "prev", backwards ? "→" : "←"),
    made("span", {}, `${number} / ${pages}`),
    to(number + 1, "next", backwards ? "←" : "→"));
}

async function show(place, folder) {
  const asked = new URLSearchParams(location.search);
  const query = (asked.get("q") ?? "").trim(), wanted = wantedOf(query), words = place.dataset;
  document.getElementById("q").value = query;
  if (!wanted.length) return;
  const load = async (name) => {
    const answer = await fetch(new URL(name, folder));
    if (answer.status === 404) return {};
    if (!answer.ok) throw new Error(answer.statusText);
    return answer.json();
  };
  const { issues = [] } = await load("issues.json");
  const found = await find(wanted, load, issues.length);
  if (!found.length) {
    const none = words.none.replace("{query}", () => query);
    place.replaceChildren(made("p", { role: "status" }, `${none} ${words.hint}`));
    return;
  }
  const pages = Math.ceil(found.length / A_PAGE);
  const number = Math.min(pages, Math.max(1, Number.parseInt(asked.get("page") ?? "1", 10) || 1));
  const shown = found.slice((number - 1) * A_PAGE, number * A_PAGE);
  place.replaceChildren(
    made("p", { class: "note", role: "status" }, words.found.replace("{count}", found.length)),
    made("ol", { class: "issues" },
      ...shown.map((issue) => entry(issues[issue], wanted, document.documentElement.lang))),
    ...(pages > 1 ? [pagesOf(query, number, pages, words.pages)] : []));
}

const place = document.getElementById("results");
if (place)
  show(place, new URL("../archive/search/", document.currentScript.src))
    .catch(() => place.replaceChildren(made("p", { class: "notice fault", role: "alert" }, place.dataset.fault)));
