// What an operator decides about a send: buttons, and a dialog for what cannot be taken back.

import { $, ask, element, filled, words } from "./common.js";

const OVER = ["finished", "cancelled", "unresolved"];
let current = null;
let decided = () => {};
let path = "";

/** Offer what can be decided at `where`; `change` is called with the send as it is afterwards. */
export function offer(where, change) {
  if (!$("decisions")) return; // this studio only shows
  path = where;
  decided = change;
  $("pause").addEventListener("click", () => decide("pause"));
  $("resume").addEventListener("click", () => decide("resume"));
  $("cancel").addEventListener("click", () => openDialog("cancel"));
  $("resolve").addEventListener("click", () => openDialog("resolve"));
  $("decide-close").addEventListener("click", () => $("decide").close());
  $("decide-form").addEventListener("submit", async (event) => {
    event.preventDefault();
    const kind = $("decide").dataset.kind;
    const chosen = document.querySelector("[name=decision]:checked")?.value;
    const wish = { typed: $("typed").value, ...(kind === "resolve" ? { decision: chosen ?? "" } : {}) };
    if (await decide(kind, wish, $("decide-fault"))) $("decide").close();
  });
}

/** Show the buttons that fit a send. */
export function fit(send) {
  current = send;
  if (!$("decisions")) return;
  const isStopped = send.status === "paused" || (send.status === "sending" && send.advice === "stopped");
  $("pause").hidden = !["sending", "scheduled"].includes(send.status) || isStopped;
  $("resume").hidden = !isStopped;
  $("cancel").hidden = OVER.includes(send.status);
  $("resolve").hidden = !send.unknown || !!send.archived_at;
  $("decisions").hidden = [...$("decisions").children].every((each) => each.hidden);
}

async function decide(kind, wish = {}, place = $("refused")) {
  place.hidden = true;
  const answer = await ask("POST", `${path}/${kind}`, wish);
  if (answer.ok) decided(answer.send);
  else {
    place.replaceChildren(element("p", { text: answer.error.message }), element("p", { text: answer.error.hint ?? "" }));
    place.hidden = false;
  }
  return answer.ok;
}

function openDialog(kind) {
  $("decide").dataset.kind = kind;
  $("decide-title").textContent = kind === "cancel" ? words.cancel_send : words.resolve_send;
  $("decide-hint").textContent = filled(kind === "cancel" ? words.cancel_hint : words.resolve_hint, {
    queued: current.queued.toLocaleString(document.documentElement.lang),
    unknown: current.unknown.toLocaleString(document.documentElement.lang),
  });
  $("choices").hidden = kind === "cancel";
  for (const each of document.querySelectorAll("[name=decision]")) {
    each.checked = false;
    each.required = kind === "resolve";
  }
  $("typed").value = "";
  $("typed-label").textContent = filled(words.type_to_confirm, { id: current.send_id });
  $("decide-fault").hidden = true;
  $("decide").showModal();
}
