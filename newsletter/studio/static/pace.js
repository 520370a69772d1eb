// What the list of sends and the page of one show of a send that goes on.

import { duration, filled, number, words } from "./common.js";

/** Write the numbers of a send into a part of the page, and where it stands. */
export function write(root, send) {
  for (const each of root.querySelectorAll("[data-number]")) {
    const text = number(send[each.dataset.number]);
    if (each.textContent !== text) each.textContent = text;
  }
  const bar = root.querySelector("progress");
  bar.max = send.recipients || 1;
  bar.value = send.settled;
  const status = root.querySelector("[data-status]");
  if (status.dataset.status !== send.status) {
    status.dataset.status = send.status;
    status.className = `stage ${send.status}`;
    status.textContent = words[`status_${send.status}`];
  }
}

/** `1,200 a second`, or what the send waits for. */
export function pace(send) {
  if (send.waiting_for) {
    const until = send.times.until ? ` ${filled(words.until, { time: send.times.until })}` : "";
    return `${words[`wait_${send.waiting_for}`]}${until}`;
  }
  if (send.state === "interrupted") return words.nobody;
  return send.rate ? filled(words.a_second, { n: number(send.rate) }) : "";
}

export const left = (send) =>
  send.time_left_seconds === null || send.state !== "running"
    ? "" : filled(words.time_left, { time: duration(send.time_left_seconds) });
