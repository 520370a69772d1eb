"""What an operator decides in the studio, what a run that only shows refuses, and who is named."""

import datetime as dt
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.routing import APIRoute

from newsletter.errors import Refused
from newsletter.model.audit import Deed, DeedKind
from newsletter.model.email import Message
from newsletter.model.send import Outcome, SendStatus, StoppedBy, Unknown
from newsletter.project import Project
from newsletter.sending import control
from newsletter.sending.plan import plan
from newsletter.sending.reading import read
from newsletter.sending.run import run
from newsletter.store import Store, audit
from newsletter.studio.guard import Guard, Rights
from newsletter.studio.session import Studio
from newsletter.transports.memory import Memory
from tests.factories import on_sqlite
from tests.integration.commandline import Call
from tests.integration.sending import NOW, fill_list, order, worker
from tests.integration.studio import ORIGIN, Browser, opened

SIZE = 1_234


@pytest.fixture
def planned(store: Store) -> str:
    fill_list(store, SIZE)
    return plan(store, order(), dt.datetime.now(dt.UTC))


@pytest.fixture
def browser(project: Path, store: Store) -> Browser:
    return opened(Studio(Project.open(project), lambda: store, ORIGIN))


def deeds(store: Store) -> list[Deed]:
    with store.read() as connection:
        return list(audit.page(connection))


def test_a_send_is_paused_and_left_to_workers_again(
    browser: Browser, store: Store, planned: str
) -> None:
    paused = browser.json("POST", f"/sends/{planned}/pause")

    assert (paused["status"], paused["send"]["status"]) == (200, "paused")
    assert read(store, planned).stopped_by is StoppedBy.PERSON

    resumed = browser.json("POST", f"/sends/{planned}/resume")

    assert resumed["send"]["status"] == "sending"
    assert resumed["send"]["advice"] == "unbegun"
    assert read(store, planned).stopped_by is None
    assert read(store, planned).tenures == ()
    assert [(deed.kind, deed.subject) for deed in deeds(store)] == [
        (DeedKind.RESUME, planned),
        (DeedKind.PAUSE, planned),
    ]
    assert all(deed.who for deed in deeds(store))


@pytest.mark.parametrize("typed", ["", "yes", "123", "20260107-a1b2c3", "12 345", "-1234"])
@on_sqlite
def test_a_send_is_not_cancelled_by_who_did_not_say_which(
    browser: Browser, store: Store, planned: str, typed: str
) -> None:
    answer = browser.json("POST", f"/sends/{planned}/cancel", {"typed": typed})

    assert answer["status"] == 400
    assert planned in answer["error"]["hint"]
    assert read(store, planned).status is SendStatus.SENDING
    assert deeds(store) == []


@pytest.mark.parametrize("typed", ["{id}", " {id}\n", "1234", "1,234", "1 234", "1.234"])
@on_sqlite
def test_a_send_is_cancelled_by_its_id_or_the_number_of_its_recipients(
    browser: Browser, store: Store, planned: str, typed: str
) -> None:
    answer = browser.json("POST", f"/sends/{planned}/cancel", {"typed": typed.format(id=planned)})

    assert answer["send"]["status"] == "cancelled"
    [deed] = deeds(store)
    assert (deed.kind, deed.subject, deed.detail) == (DeedKind.CANCEL, planned, "1234 not sent")

    again = browser.json("POST", f"/sends/{planned}/pause")
    assert again["status"] == 400
    assert "nothing to pause" in again["error"]["message"]


def unknown_send(store: Store) -> str:
    """A send all of whose mails may have left."""

    def silent(send_id: str, batch: Sequence[Message]) -> list[Outcome]:
        return [Unknown("no answer") for _ in batch]

    fill_list(store, 3)
    send_id = plan(store, order(), NOW)
    run(worker(store, Memory(silent)), send_id)
    return send_id


@pytest.mark.parametrize("decision", list(control.Decision))
@on_sqlite
def test_what_is_unknown_is_decided_by_who_types_which_send(
    browser: Browser, store: Store, decision: control.Decision
) -> None:
    send_id = unknown_send(store)
    unknown = read(store, send_id).counts.unknown
    wish = {"decision": decision, "typed": "no"}

    refused = browser.json("POST", f"/sends/{send_id}/resolve", wish)
    senseless = browser.json("POST", f"/sends/{send_id}/resolve", {**wish, "decision": "maybe"})
    left = read(store, send_id).counts.unknown
    answer = browser.json("POST", f"/sends/{send_id}/resolve", {**wish, "typed": send_id})

    assert (refused["status"], senseless["status"], left) == (400, 422, unknown)
    assert answer["send"]["unknown"] == 0
    [deed] = deeds(store)
    assert (deed.kind, deed.detail) == (DeedKind.RESOLVE, f"{decision} {unknown} unknown")


# --- runs that may change less than all -----------------------------------------------------------

SHOWING = {"/issues/{stem}/shown", "/audience/explained", "/audience/suppressed"}
WRITING = {f"/issues/{{stem}}/{part}" for part in ("source", "pictures", "tests", "open")}


def changing(browser: Browser) -> list[tuple[str, str]]:
    """Each route that may change something, with its method."""
    guard = browser.app
    assert isinstance(guard, Guard)
    app = guard._app
    assert isinstance(app, FastAPI)
    return [
        (method, route.path)
        for route in app.routes
        if isinstance(route, APIRoute)
        for method in (route.methods or set()) - {"GET", "HEAD"}
        if route.path not in SHOWING
    ]


@pytest.mark.parametrize("rights", [Rights.NOTHING, Rights.ISSUES])
@on_sqlite
def test_a_run_that_only_shows_changes_nothing_however_it_is_asked(
    project: Path, store: Store, planned: str, rights: Rights
) -> None:
    """Every route that there is: a new one is refused until somebody says that it only shows."""
    browser = opened(Studio(Project.open(project), lambda: store, ORIGIN, rights=rights))
    issue = next((project / "issues").glob("*.md"))
    text, name = issue.read_text(), issue.stem
    version = browser.json("GET", f"/issues/{name}/source")["version"]
    body = {"typed": planned, "decision": "accept", "text": "gone", "version": version}
    asked = changing(browser)

    for method, path in asked:
        if rights is Rights.ISSUES and path in WRITING:
            continue
        url = re.sub(r"\{send_id\}", planned, re.sub(r"\{stem\}", name, path))
        for odd in (url, url + "?_method=GET", url.replace("/sends/", "/sends/./")):
            assert browser.ask(method, odd, json=body).status_code == 403, (method, odd)
        for other in ("PUT", "DELETE", "PATCH", "POST"):
            assert browser.ask(other, url, json=body).status_code == 403

    assert {path for _, path in asked} >= WRITING | {
        f"/sends/{{send_id}}/{what}" for what in ("pause", "resume", "cancel", "resolve")
    }
    assert (deeds(store), issue.read_text()) == ([], text)
    assert read(store, planned).status is SendStatus.SENDING


@on_sqlite
def test_an_editor_still_writes_and_sees_sends_without_their_buttons(
    project: Path, store: Store, planned: str
) -> None:
    browser = opened(Studio(Project.open(project), lambda: store, ORIGIN, rights=Rights.ISSUES))
    issue = project / "issues" / "2026-01-07-valley.md"
    path = f"/issues/{issue.stem}"
    source = browser.json("GET", f"{path}/source")

    kept = browser.json("PUT", f"{path}/source", {**wanted(source), "text": "# New\n"})

    assert (kept["status"], issue.read_text()) == (200, "# New\n")
    assert 'id="decisions"' not in browser.ask("GET", f"/sends/{planned}").text
    assert browser.ask("GET", f"/sends/{planned}").status_code == 200
    assert '<button id="edit" aria' in browser.ask("GET", path).text


def wanted(source: dict[str, Any]) -> dict[str, Any]:
    return {"text": source["text"], "version": source["version"]}


@on_sqlite
def test_a_read_only_run_shows_issues_and_offers_nothing(project: Path, store: Store) -> None:
    browser = opened(Studio(Project.open(project), lambda: store, ORIGIN, rights=Rights.NOTHING))

    page = browser.ask("GET", "/issues/2026-01-07-valley").text
    shown = browser.json("POST", "/issues/2026-01-07-valley/shown", {})
    refused = browser.json("PUT", "/issues/2026-01-07-valley/source", {"text": "", "version": ""})

    assert '<button id="edit" hidden' in page
    assert "html" in shown
    assert "does not change anything" in refused["error"]["message"]


# --- the audit log --------------------------------------------------------------------------------


def test_the_log_is_written_with_what_it_tells_of_or_not_at_all(store: Store, planned: str) -> None:
    control.pause(store, planned, lambda: NOW, who="Ada <ada@example.org>")
    control.pause(store, planned, lambda: NOW, who="Ada <ada@example.org>")
    control.cancel(store, planned, lambda: NOW)
    with pytest.raises(Refused):
        control.reopen(store, planned, lambda: NOW, who="Bea <bea@example.org>")

    assert deeds(store) == [
        Deed(NOW, "Ada <ada@example.org>", DeedKind.PAUSE, planned, id=deeds(store)[0].id)
    ]


def test_what_commands_do_is_told_newest_first_and_names_no_address(
    call: Call, readers: str
) -> None:
    order = ("send", "2026-01-07-valley", "--list", readers, "--yes", "--detach")
    send_id = call(*order, "--json").json["send_id"]
    call("pause", send_id)
    call("resume", send_id, "--rate", "50")
    call("suppressions", "add", "ada@example.com")
    call("suppressions", "remove", "ada@example.com")

    lines = call("audit", "--json").lines
    of_send = call("audit", "--send", send_id, "--json").lines

    assert [line["kind"] for line in lines] == [
        *("allow", "suppress", "resume", "pause", "send", "import"),
    ]
    assert of_send == lines[2:5]
    assert lines[0]["subject"].startswith("subscriber ")
    assert "ada@example.com" not in call("audit").out
