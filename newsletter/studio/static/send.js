import { $, ask, filled, follow, keys, number, share, table, words } from "./common.js";
import { fit, offer } from "./decisions.js";
import { chart, timeZone } from "./chart.js";
import { left, pace, write } from "./pace.js";

const root = $("send");
const id = root?.dataset.send ?? decodeURIComponent(location.pathname.split("/").pop());
const path = `/sends/${encodeURIComponent(id)}`;
const FACTS_MILLISECONDS = 10_000;

// --- what changes all the time --------------------------------------------------------------------

let last = "";

function show({ trouble, send }) {
  tell(trouble);
  if (trouble || !send) return;
  if (!root) {
    location.reload(); // the store is back
    return;
  }
  write(root, send);
  fit(send);
  $("share").textContent = send.recipients
    ? filled(words.settled, { share: share(send.settled / send.recipients) }) : "";
  const isScheduled = send.status === "scheduled";
  $("unfrozen").hidden = !isScheduled;
  for (const part of root.querySelectorAll(".going, .figures")) part.hidden = isScheduled;
  $("pace").textContent = pace(send);
  $("left").textContent = left(send);
  $("reason").hidden = !send.pause_reason;
  $("reason").textContent = filled(words.paused_because, { reason: send.pause_reason ?? "" });
  $("advice").hidden = !send.advice;
  $("advice").textContent =
    send.advice ? filled(words[`advice_${send.advice}`], { id }) : "";
  $("workers").textContent = send.owner ?? "–";
  $("finished").textContent = send.times.finished || "–";
  if (last !== send.status) {
    if (last) $("status").textContent = words[`status_${send.status}`];
    last = send.status;
    askForFacts();
  }
}

function tell(trouble) {
  $("trouble").hidden = !trouble;
  $("trouble").textContent = trouble;
}

// --- what has to be counted -----------------------------------------------------------------------

let shown = null;
let timer = null;

async function askForFacts() {
  clearTimeout(timer);
  const facts = await ask("GET", `${path}/facts`);
  if (facts.ok) showFacts(facts);
  if (!["finished", "cancelled"].includes(last) && !document.hidden) {
    timer = setTimeout(askForFacts, FACTS_MILLISECONDS);
  }
}

document.addEventListener("visibilitychange", () => { if (!document.hidden && root) askForFacts(); });

function showFacts({ course, mailboxes, warning, alarm, unknown_words: unknown }) {
  for (const [name, text] of [["warning", warning], ["alarm", alarm]]) {
    $(name).hidden = !text;
    $(name).textContent = text;
  }
  if (Object.keys(unknown).length) {
    $("warning").hidden = false;
    $("warning").textContent += ` ${filled(words.unknown_words, { words: Object.keys(unknown).join(", ") })}`;
  }
  showCourse(course);
  $("mailboxes").replaceChildren(mailboxes.length ? table(
    [words.mailbox, words.share_of_recipients, words.hard_bounces, words.other_bounces, words.complained],
    mailboxes.map((row) => [
      row.keeper === "*" ? words.others : row.keeper || words.erased,
      row.share, row.hard, row.soft, row.complained,
    ]), { forms: { 1: share } }) : Object.assign(document.createElement("p"), { className: "quiet", textContent: words.nothing_yet }));
}

function showCourse(course) {
  $("no-course").hidden = course.length > 0;
  $("no-course").textContent = words.no_course;
  $("course").hidden = $("course-table").hidden = !course.length;
  if (!course.length) return;
  // Of the last part of a send that goes on, not everything is in yet.
  const parts = last === "sending" && course.length > 2 ? course.slice(0, -1) : course;
  const data = [
    parts.map(({ at }) => at),
    parts.map(({ accepted, seconds }) => accepted / seconds),
    parts.map(({ rejected, unknown, seconds }) => (rejected + unknown) / seconds),
  ];
  if (shown) shown.set(data);
  else {
    shown = chart($("course"), words.course, [
      { label: words.accepted_a_second, colour: "--good", filled: true },
      { label: words.refused_a_second, colour: "--error" },
    ], data);
  }
  const time = new Intl.DateTimeFormat(document.documentElement.lang, {
    timeZone, dateStyle: "short", timeStyle: "medium", hourCycle: "h23",
  });
  $("course-table").querySelector(".scroll").replaceChildren(table(
    [words.time, words.accepted, words.rejected, words.unknown],
    course.map((part) => [time.format(part.at * 1000), part.accepted, part.rejected, part.unknown])));
}

offer(path, (send) => show({ trouble: "", send }));
keys({ u: () => { location.href = "/sends"; } });
follow(`/sends/live?send=${encodeURIComponent(id)}`, show, (isLost) => tell(isLost ? words.lost : ""));
