import { $, follow, keys, words } from "./common.js";
import { left, pace, write } from "./pace.js";

const rows = new Map([...$("sends").children].map((row) => [row.dataset.send, row]));

function show({ trouble, sends }) {
  tell(trouble);
  if (trouble) return;
  if (sends.length !== rows.size || sends.some((send) => !rows.has(send.send_id))) {
    location.reload(); // one was planned, or the store is back
    return;
  }
  for (const send of sends) {
    const row = rows.get(send.send_id);
    write(row, send);
    row.querySelector(".pace").textContent = [pace(send), left(send)].filter(Boolean).join(" · ");
    row.querySelector(".numbers").hidden = send.status === "scheduled";
    row.querySelector(".going").hidden = !["sending", "paused"].includes(send.status);
  }
}

function tell(trouble) {
  $("trouble").hidden = !trouble;
  $("trouble").textContent = trouble;
}

function step(by) {
  const links = [...rows.values()].map((row) => row.querySelector("a"));
  const at = links.indexOf(document.activeElement);
  links[Math.max(0, Math.min(links.length - 1, at + by))]?.focus();
}

keys({ j: () => step(1), k: () => step(-1) });
follow("/sends/live", show, (isLost) => tell(isLost ? words.lost : ""));
