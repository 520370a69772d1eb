"""The studio's pages of sends: what the ledger says, wherever the send runs."""

import datetime as dt
from dataclasses import replace
from pathlib import Path

import pytest

from newsletter.errors import StoreError
from newsletter.model.event import Cause, EventType
from newsletter.project import Project, utc_now
from newsletter.sending.plan import plan
from newsletter.sending.reading import read
from newsletter.sending.run import run
from newsletter.store import Store
from newsletter.store.ledger import course, sends, tenures
from newsletter.store.ledger.course import RecentPace
from newsletter.store.reported import by_mailbox
from newsletter.studio.live import SHOWN, look_at, record
from newsletter.studio.session import Studio
from newsletter.transports.memory import Memory
from tests.factories import on_sqlite
from tests.integration.reporting import BOUNCE, COMPLAINT, DELIVERY, replay, told
from tests.integration.sending import NOW, fill_list, order, worker
from tests.integration.studio import ORIGIN, opened

SIZE = 120


@pytest.fixture
def sent(store: Store) -> str:
    """A send that is over, of which one delivery bounced and one was complained about."""
    fill_list(store, SIZE)
    send_id = plan(store, order(), utc_now())
    run(worker(store, Memory()), send_id)
    return send_id


def test_the_course_of_a_send_has_all_that_it_settled(store: Store, sent: str) -> None:
    with store.read() as connection:
        parts = course.course(connection, sent, 10)
        paces = course.lately(connection, utc_now() - dt.timedelta(minutes=1))
        nothing = course.lately(connection, utc_now() + dt.timedelta(minutes=1))
        none = course.course(connection, "20260107-nobody", 10)

    assert sum(part.accepted for part in parts) == SIZE
    assert 1 <= len(parts) <= 10
    assert paces[sent].settled == SIZE
    assert (nothing, none) == ({}, [])


def test_recipients_are_sampled_through_the_whole_send(store: Store, sent: str) -> None:
    with store.read() as connection:
        some = by_mailbox.sample(connection, sent, SIZE, 10)
        everybody = by_mailbox.sample(connection, sent, SIZE, 1000)
        nobody = by_mailbox.sample(connection, sent, 0, 10)

    assert len(some) == 10
    assert len(set(everybody)) == SIZE
    assert nobody == []


def test_bounces_and_complaints_are_told_apart_newest_first(store: Store, sent: str) -> None:
    texts = [told(sent, number, name, NOW) for number, name in ((1, BOUNCE), (2, COMPLAINT))]
    replay(store, *texts, told(sent, 3, DELIVERY, NOW))

    with store.read() as connection:
        reports = by_mailbox.newest_bad(connection, sent, 10)
        newest = by_mailbox.newest_bad(connection, sent, 1)

    assert {(each.number, each.type, each.cause) for each in reports} == {
        (1, EventType.BOUNCE, Cause.HARD),
        (2, EventType.COMPLAINT, Cause.COMPLAINT),
    }
    assert reports[0].address_key.endswith("@example.com")
    assert newest == reports[:1]


# --- its pages ------------------------------------------------------------------------------------


@pytest.fixture
def studio(project: Path, store: Store) -> Studio:
    return Studio(Project.open(project), lambda: store, ORIGIN)


def test_a_send_is_shown_in_the_list_and_on_its_page(studio: Studio, sent: str) -> None:
    browser = opened(studio)

    listed, shown = browser.ask("GET", "/sends").text, browser.ask("GET", f"/sends/{sent}").text
    facts = browser.json("GET", f"/sends/{sent}/facts")

    assert f'href="/sends/{sent}"' in listed
    for page in (listed, shown):
        assert f'data-number="accepted">{SIZE}<' in page
        assert "r1@example.com" not in page
    assert sum(part["accepted"] for part in facts["course"]) == SIZE
    assert facts["mailboxes"][0]["keeper"] == "example.com"
    assert facts["alarm"] == ""


def test_what_strangers_wrote_is_shown_as_text(studio: Studio, store: Store) -> None:
    fill_list(store, 1)
    plan(store, replace(order(), again="<script>alert(1)</script>"), NOW)
    browser = opened(studio)

    for send_id in look_at(studio, ()).sends:
        page = browser.ask("GET", f"/sends/{send_id}").text
        assert "&lt;script&gt;alert" in page
        assert "<script>alert" not in page


def test_a_send_that_is_not_there_is_none(studio: Studio, sent: str) -> None:
    browser = opened(studio)

    assert browser.ask("GET", "/sends/20260107-nobody").status_code == 404
    assert browser.ask("GET", "/sends/20260107-nobody/facts").status_code == 404
    for senseless in ("20260107%00", "2026", "20260107-A1B2C3", "..%2f"):
        assert browser.ask("GET", f"/sends/{senseless}").status_code in (404, 422)
    assert browser.ask("GET", "/sends/live?send=2026%00").status_code == 422


@on_sqlite
def test_an_older_send_is_looked_at_only_while_it_is_watched(studio: Studio, store: Store) -> None:
    fill_list(store, 1)
    oldest = plan(store, order("issue-0"), NOW)
    for number in range(1, SHOWN + 1):
        plan(store, order(f"issue-{number}"), NOW)

    assert oldest not in look_at(studio, ()).sends
    assert list(look_at(studio, (oldest, "20260107-nobody")).sends)[-1] == oldest
    assert len(look_at(studio, (oldest,)).sends) == SHOWN + 1


@on_sqlite
def test_pages_say_that_the_store_is_away(project: Path, store: Store) -> None:
    def away() -> Store:
        raise StoreError("the store is away", hint="Start it.")

    browser = opened(Studio(Project.open(project), away, ORIGIN))

    for path in ("/sends", "/sends/20260107-a1b2c3"):
        answer = browser.ask("GET", path)
        assert answer.status_code == 200
        assert "the store is away. Start it." in answer.text


@on_sqlite
def test_the_speed_is_that_of_the_last_minute(store: Store, sent: str) -> None:
    """Where a worker is about to run it, and nobody knows its speed yet."""
    send_id = plan(store, order("other"), NOW)
    with store.write() as connection:
        number = sends.number_of(connection, send_id)
        tenures.begin(connection, number, "elsewhere/1/2/3", NOW, NOW + dt.timedelta(minutes=1))
    pace = RecentPace(60, NOW - dt.timedelta(seconds=30))

    shown = record(read(store, send_id), pace, NOW, "Asia/Shanghai")
    resting = record(read(store, sent), pace, NOW, "Asia/Shanghai")

    assert (shown["rate"], shown["time_left_seconds"]) == (2.0, SIZE / 2)
    assert "Asia/Shanghai" in shown["times"]["created"]
    assert (resting["rate"], resting["settled"], resting["advice"]) == (None, SIZE, "")


@on_sqlite
def test_a_send_that_nobody_runs_says_so(store: Store) -> None:
    fill_list(store, 1)
    planned = record(read(store, plan(store, order(), NOW)), None, NOW, "UTC")

    assert planned["advice"] == "unbegun"


@on_sqlite
def test_a_preview_of_one_issue_shows_no_sends(project: Path, store: Store) -> None:
    issue = project / "issues" / "2026-01-07-valley.md"
    browser = opened(Studio(Project.open(project), lambda: store, ORIGIN, issue))

    for path in ("/sends", "/sends/live", "/sends/20260107-a1b2c3"):
        assert browser.ask("GET", path).status_code == 404
