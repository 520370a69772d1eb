import { $, ask, element, filled, keys, number, table, words } from "./common.js";
import { chart } from "./chart.js";

const SHOWN = { days: 90, weeks: 104 };
const DAY_SECONDS = 86_400;

function tell(error) {
  $("trouble").hidden = !error;
  $("trouble").textContent = error ? `${error.message}. ${error.hint ?? ""}` : "";
}

// --- growth and churn -----------------------------------------------------------------------------

let counted = null;
let shown = null;

async function count() {
  const answer = await ask("GET", "/audience/growth");
  tell(answer.ok ? null : answer.error);
  if (!answer.ok) {
    $("lists").replaceChildren();
    return;
  }
  counted = answer;
  if (!counted.lists.length) {
    $("lists").replaceChildren(element("p", { className: "quiet", text: words.no_lists }));
  } else $("lists").replaceChildren(table(
    [words.list, words.confirmed, words.pending, words.unsubscribed, words.joined_lately, words.left_lately],
    counted.lists.map((list) => {
      const lately = sums(list, 30);
      return [list.title || list.name, list.confirmed, list.pending, list.unsubscribed, lately.joined, lately.left];
    })));
  for (const list of counted.lists) {
    if (![...$("list").options].some((option) => option.value === list.name)) {
      $("list").append(element("option", { text: list.title || list.name, value: list.name }));
    }
  }
  $("suppressions-sum").textContent = Object.entries(counted.suppressions)
    .map(([reason, amount]) => `${words[`reason_${reason}`]}: ${number(amount)}`).join(" · ");
  draw();
}

const today = () => Date.parse(counted.today) / 1000;
const date = (seconds) => new Date(seconds * 1000).toISOString().slice(0, 10);

function sums(list, days) {
  const first = date(today() - (days - 1) * DAY_SECONDS);
  const some = Object.entries(list.days).filter(([day]) => day >= first);
  return {
    joined: some.reduce((sum, [, [joined]]) => sum + joined, 0),
    left: some.reduce((sum, [, [, left]]) => sum + left, 0),
  };
}

/** Columns of time, joined, left and suppressed, by day or by week, oldest first. */
function columns() {
  const span = document.querySelector("[name=span]:checked").value;
  const width = span === "weeks" ? 7 : 1;
  const chosen = counted.lists.filter((list) => !$("list").value || list.name === $("list").value);
  const suppressed = {};
  for (const [day, , amount] of counted.suppressed) suppressed[day] = (suppressed[day] ?? 0) + amount;
  const [times, joined, left, barred] = [[], [], [], []];
  for (let part = SHOWN[span] - 1; part >= 0; part -= 1) {
    const first = today() - ((part + 1) * width - 1) * DAY_SECONDS;
    let [more, fewer, never] = [0, 0, 0];
    for (let at = first; at < first + width * DAY_SECONDS; at += DAY_SECONDS) {
      const day = date(at);
      for (const list of chosen) {
        more += list.days[day]?.[0] ?? 0;
        fewer += list.days[day]?.[1] ?? 0;
      }
      never += suppressed[day] ?? 0;
    }
    times.push(first);
    joined.push(more);
    left.push(-fewer);
    barred.push(never);
  }
  return { times, joined, left, barred };
}

function draw() {
  if (!counted) return;
  const { times, joined, left, barred } = columns();
  const data = [times, joined, left];
  const isStill = [...joined, ...left, ...barred].every((value) => !value);
  $("still").hidden = !isStill;
  $("growth").hidden = $("growth-as-table").hidden = $("sums").hidden = isStill;
  if (isStill) return;
  if (shown) shown.set(data);
  else {
    shown = chart($("growth"), words.growth, [
      { label: words.joined, colour: "--good", bars: true },
      { label: words.left, colour: "--error", bars: true },
    ], data, { days: true });
  }
  const sum = (values) => values.reduce((one, other) => one + other, 0);
  $("sums").textContent = filled(words.growth_sums, {
    joined: number(sum(joined)), left: number(Math.abs(sum(left))), net: number(sum(joined) + sum(left)),
  });
  $("growth-table").replaceChildren(table(
    [words.from_day, words.joined, words.left, words.suppressed],
    times.map((at, index) => [date(at), joined[index], Math.abs(left[index]), barred[index]]).reverse()));
}

$("list").addEventListener("change", draw);
$("span").addEventListener("change", draw);

// --- the story of an address ----------------------------------------------------------------------

$("explain").addEventListener("submit", async (event) => {
  event.preventDefault();
  const answer = await ask("POST", "/audience/explained", { address: $("subject").value });
  if (!answer.ok) {
    $("story").replaceChildren(element("p", {
      className: "notice fault", text: `${answer.error.message}. ${answer.error.hint ?? ""}`,
    }));
    return;
  }
  const { summary, facts, suppression } = answer;
  $("story").replaceChildren(
    element("p", { className: "notice", text: summary }),
    ...(suppression && $("allow") ? [element("p", {}, allowing(suppression))] : []),
    ...(facts.length ? [element("div", {
      className: "scroll", tabindex: "0", role: "region", "aria-label": words.explain,
    }, table([words.time, words.what, words.details],
      facts.map((fact) => [fact.time, fact.kind, fact.text]),
      { kinds: ["time"], stacked: true }))] : []));
});

// --- who is never mailed --------------------------------------------------------------------------

let last = null;

async function list(isMore) {
  const after = isMore ? { created_at: last.created_at, address: last.address } : null;
  const answer = await ask("POST", "/audience/suppressed", { reason: $("reason").value, after });
  if (!answer.ok) {
    tell(answer.error);
    return;
  }
  const rows = answer.suppressions.map((each) => element("tr", {},
    element("th", { scope: "row", className: "address", text: each.reason === "erased" ? words.erased : each.address, dir: "auto" }),
    element("td", { text: words[`reason_${each.reason}`] }),
    element("td", { text: each.source, className: "prose" }),
    element("td", { text: each.time, className: "time" }),
    element("td", {}, ...(each.reason === "erased" || !$("allow") ? [] : [allowing(each)]))));
  if (isMore) $("suppressions").querySelector("tbody").append(...rows);
  else {
    const whole = table([words.address, words.reason, words.cause, words.since, words.undo], [], { stacked: true });
    whole.querySelector("tbody").append(...rows);
    $("suppressions").replaceChildren(
      rows.length ? whole : element("p", { className: "quiet", text: words.nobody_suppressed }));
  }
  last = answer.suppressions.at(-1) ?? last;
  $("more").hidden = !answer.more;
}

function allowing(suppression) {
  const button = element("button", {
    type: "button", text: `${words.allow_again} …`, "aria-haspopup": "dialog",
    "aria-label": `${words.allow_again} …: ${suppression.address}`,
  });
  button.addEventListener("click", () => openDialog(suppression));
  return button;
}

let chosen = null;

function openDialog(suppression) {
  chosen = suppression;
  $("allow-address").textContent = suppression.address;
  $("allow-hint").textContent = words[`allow_${suppression.reason}`];
  $("allow-type").hidden = !suppression.is_serious;
  $("typed").required = suppression.is_serious;
  $("typed").value = "";
  $("allow-fault").hidden = true;
  $("allow").showModal();
}

$("allow-close")?.addEventListener("click", () => $("allow").close());
$("allow-form")?.addEventListener("submit", async (event) => {
  event.preventDefault();
  const answer = await ask("POST", "/audience/allowed", { address: chosen.address, typed: $("typed").value });
  if (!answer.ok) {
    $("allow-fault").replaceChildren(
      element("p", { text: answer.error.message }), element("p", { text: answer.error.hint ?? "" }));
    $("allow-fault").hidden = false;
    return;
  }
  $("allow").close();
  $("story").replaceChildren(element("p", { className: "notice", text: [
    filled(words.allowed, { address: chosen.address }),
    answer.listed_by ? filled(words.still_listed, { service: answer.listed_by }) : "",
  ].filter(Boolean).join(" ") }));
  await Promise.all([list(false), count()]);
});

$("reason").addEventListener("change", () => list(false));
$("more").addEventListener("click", () => list(true));
keys({});
count();
list(false);
