import { $, ask, duration, element, filled, keys, table, words } from "./common.js";

const MILLISECONDS = 10_000;
let timer = null;
let before = "";

async function look() {
  clearTimeout(timer);
  const answer = await ask("GET", "/health/facts");
  $("trouble").hidden = answer.ok;
  $("trouble").textContent = answer.ok ? "" : `${answer.error.message}. ${answer.error.hint ?? ""}`;
  if (answer.ok) show(answer);
  if (!document.hidden) timer = setTimeout(look, MILLISECONDS);
}

document.addEventListener("visibilitychange", () => { if (!document.hidden) look(); });

const quiet = (text) => element("p", { className: "quiet", text });

function show({ alarms, reports, events, workers, unknown_words: unknown, set_aside: aside, deeds }) {
  showEvents(events, reports);
  const text = JSON.stringify([alarms, workers, unknown, aside, deeds]);
  if (text === before) return; // who reads a message is not thrown out of it
  before = text;
  $("alarms").replaceChildren(...(alarms.length
    ? alarms.map((alarm) => element("p", { className: "notice fault", text: alarm }))
    : [element("p", { className: "notice good", text: words.no_alarm })]));
  $("workers").replaceChildren(workers.length
    ? element("ul", {}, ...workers.map((worker) => element("li", { text: worker })))
    : quiet(words.no_workers));
  $("set-aside").replaceChildren(...(aside.length
    ? aside.map((message) => element("details", { className: "message" },
      element("summary", { text: `${message.time} · ${message.reason}` }),
      element("pre", { text: message.payload, tabindex: "0" })))
    : [quiet(words.nothing_yet)]));
  $("new-words").replaceChildren(unknown.length
    ? table([words.word, words.last_event, words.events],
      unknown.map((each) => [each.word, each.time, each.events]))
    : quiet(words.nothing_yet));
  $("deeds").replaceChildren(deeds.length
    ? table([words.time, words.who, words.did, words.subject, words.details], deeds.map((deed) =>
      [deed.time, deed.who, words[`deed_${deed.kind}`], deed.subject, deed.detail]))
    : quiet(words.nothing_yet));
}

function showEvents(events, reports) {
  const rows = [];
  if (events.last === null) rows.push([words.last_event, reports ? words.no_event : words.no_reports]);
  else {
    const ago = filled(words.ago, { time: duration(events.age_seconds) });
    rows.push([words.last_event, `${events.last}, ${ago}`]);
  }
  if (events.delays) {
    rows.push([words.lag, filled(words.lag_is, {
      half: duration(events.half_seconds), most: duration(events.most_seconds), n: events.delays,
    })]);
  }
  $("events").replaceChildren(...rows.flatMap(([name, text]) =>
    [element("dt", { text: name }), element("dd", { text })]));
}

keys({});
look();
