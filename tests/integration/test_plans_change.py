"""Plans can change: another time, another content, once more for who has not had it."""

import datetime as dt
import unicodedata
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from newsletter.digest.report import Report
from newsletter.digest.slugs import slug_of
from newsletter.errors import Refused
from newsletter.model.email import Message
from newsletter.model.send import Accepted, Counts, Outcome, Rejected
from newsletter.model.slug import spellings
from newsletter.sending import control, rescheduling, run
from newsletter.sending.plan import Order, forecast, plan
from newsletter.sending.reading import read
from newsletter.store import Store, locks
from newsletter.store.ledger import sends
from newsletter.store.people import lists
from newsletter.transports.memory import Memory
from tests.factories import is_waiting, join
from tests.integration.commandline import Call, plan_send, write_issue
from tests.integration.sending import EMAIL, NOW, fill_list, ledger, order, worker
from tests.waiting import until

ISSUE = "2026-01-07-valley"
AT = dt.datetime(2099, 1, 1, 8, tzinfo=dt.UTC)


@pytest.fixture
def scheduled(project: Path, readers: str) -> str:
    return plan_send(project, ISSUE, readers, at=AT)


# --- another time, another content ----------------------------------------------------------------


def test_a_schedule_is_moved(call: Call, scheduled: str) -> None:
    before = call("status", "--json").json

    moved = call("reschedule", scheduled, "2099-02-03 04:05", "--json")

    assert moved.code == 0
    assert moved.json["scheduled_at"] == "2099-02-03T04:05:00+00:00"
    assert (moved.json["status"], moved.json["until"]) == (
        "scheduled",
        "2099-02-03T04:05:00+00:00",
    )
    assert moved.json["content_hash"] == before["content_hash"]


def test_the_content_of_a_schedule_is_replaced(call: Call, project: Path, scheduled: str) -> None:
    before = call("status", "--json").json
    file = project / "issues" / f"{ISSUE}.md"
    file.write_text(file.read_text("utf-8").replace("News of the valley", "Better news"), "utf-8")

    replaced = call("reschedule", scheduled, "--replace", "--json").json

    assert replaced["subject"] == "Better news"
    assert replaced["content_hash"] != before["content_hash"]
    assert (replaced["slug"], replaced["scheduled_at"]) == (before["slug"], AT.isoformat())


def test_what_replaces_is_tested_again_where_the_policy_wants_it(
    call: Call, project: Path, scheduled: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NEWSLETTER_POLICY__REQUIRE_TEST", "true")

    untested = call("reschedule", scheduled, "--replace")
    call("test", ISSUE, "--to", "you@example.com")
    tested = call("reschedule", scheduled, "--replace")

    assert (untested.code, tested.code) == (5, 0)


def test_of_what_replaces_the_same_is_told_as_of_what_is_sent(
    call: Call, project: Path, scheduled: str
) -> None:
    file = project / "issues" / f"{ISSUE}.md"
    file.write_text(
        file.read_text("utf-8") + '\nIn {{ subscriber.village | default("town") }}.\n', "utf-8"
    )

    answer = call("reschedule", scheduled, "2099-02-03 04:05", "--replace")

    assert answer.code == 0
    assert "nobody of readers has an attribute 'village'" in answer.err
    assert "is dated 2026-01-07, 26690 days before it goes out" in answer.err


def test_an_unfinished_issue_replaces_nothing(call: Call, project: Path, scheduled: str) -> None:
    file = project / "issues" / f"{ISSUE}.md"
    file.write_text(file.read_text("utf-8") + "\nTODO: the weather.\n", "utf-8")

    assert call("reschedule", scheduled, "--replace").code == 3


def test_an_issue_with_errors_replaces_nothing(call: Call, project: Path, scheduled: str) -> None:
    before = call("status", "--json").json
    (project / "issues" / f"{ISSUE}.md").write_text("---\ntitle: Empty\n---\n", "utf-8")

    assert call("reschedule", scheduled, "--replace").code == 3
    assert call("status", "--json").json == before


def test_an_issue_that_is_gone_replaces_nothing(call: Call, project: Path, scheduled: str) -> None:
    (project / "issues" / f"{ISSUE}.md").unlink()

    answer = call("reschedule", scheduled, "--replace")

    assert answer.code == 2
    assert "no issue has the slug" in answer.err


@pytest.mark.parametrize(
    "arguments",
    [(), ("2020-01-01 08:00",), ("2099-01-01",), ("soon",)],
)
def test_what_is_no_time_moves_nothing(
    call: Call, scheduled: str, arguments: tuple[str, ...]
) -> None:
    assert call("reschedule", scheduled, *arguments).code == 2
    assert call("status", "--json").json["scheduled_at"] == AT.isoformat()


@pytest.mark.parametrize("state", ["planned", "paused", "finished", "cancelled"])
def test_what_has_begun_has_no_time_to_change(
    call: Call, project: Path, readers: str, state: str
) -> None:
    send_id = plan_send(project, ISSUE, readers)
    if state == "finished":
        call("resume", send_id)
    if state in ("paused", "cancelled"):
        call("pause" if state == "paused" else "cancel", send_id)
    before = call("status", "--json").json

    assert call("reschedule", send_id, "2099-02-03 04:05").code == 5
    assert call("reschedule", send_id, "--replace").code == 5
    assert call("status", "--json").json == before


def test_what_begins_while_it_is_looked_at_keeps_its_time_and_content(store: Store) -> None:
    fill_list(store, 2)
    send_id = plan(store, replace(order(), scheduled_at=NOW), NOW)
    found = rescheduling.find(store, send_id)
    after = run.run(worker(store, Memory(), clock=lambda: NOW), send_id)

    with pytest.raises(Refused, match="only change before a send begins"):
        rescheduling.reschedule(store, found.id, NOW + dt.timedelta(days=1), None)

    assert read(store, send_id) == after


def test_one_that_was_paused_before_its_time_waits_for_the_new_one(
    call: Call, scheduled: str
) -> None:
    call("pause", scheduled)

    moved = call("reschedule", scheduled, "2099-02-03 04:05", "--json").json

    assert (moved["status"], moved["stopped_by"], moved["pause_reason"]) == (
        "scheduled",
        None,
        None,
    )


# --- once more ------------------------------------------------------------------------------------


def test_a_cancelled_send_of_which_nothing_left_is_as_if_never_made(
    call: Call, project: Path, readers: str
) -> None:
    call("cancel", plan_send(project, ISSUE, readers))
    call("cancel", plan_send(project, ISSUE, readers, at=AT))

    sent = call("send", ISSUE, "--list", readers, "--yes", "--json")

    assert (sent.code, sent.json["accepted"], sent.json["again"]) == (0, 3, None)
    assert call("send", ISSUE, "--list", readers, "--yes").code == 5


def test_one_of_which_anything_left_needs_a_reason(store: Store) -> None:
    fill_list(store, 2)
    send_id = plan(store, order(), NOW)

    def cancel(send_id: str, batch: Sequence[Message]) -> list[Outcome]:
        control.cancel(store, send_id, lambda: NOW)
        return [Accepted(batch[0].ref), Rejected("no such mailbox")]

    run.run(worker(store, Memory(cancel, concurrency=1)), send_id)

    with pytest.raises(Refused, match="already sent"):
        plan(store, order(), NOW)


@pytest.mark.postgresql
def test_a_cancelled_send_goes_on_only_while_nobody_plans_its_issue(
    postgresql_store: Store,
) -> None:
    """Or two people at once could both decide that nobody else sends it."""
    fill_list(postgresql_store, 2)
    send_id = plan(postgresql_store, order(), NOW)
    control.cancel(postgresql_store, send_id, lambda: NOW)

    with ThreadPoolExecutor() as threads:
        with postgresql_store.write() as connection:
            locks.issue(connection, "news")
            going_on = threads.submit(
                control.reopen, postgresql_store, send_id, lambda: NOW, cancelled=True
            )
            until(lambda: is_waiting(postgresql_store) or going_on.done())
            assert not going_on.done()
        assert going_on.result().counts.queued == 2


def missing(slug: str = "news", at: dt.datetime | None = None) -> Order:
    return Order(
        slug=slug,
        email=EMAIL,
        list_name="readers",
        again="some had it not",
        only_missing=True,
        scheduled_at=at,
    )


@pytest.mark.parametrize("at", [None, NOW])
def test_only_who_has_not_had_it_gets_it(store: Store, at: dt.datetime | None) -> None:
    """Who was rejected, and who joined since; a schedule looks when it begins."""
    fill_list(store, 3)

    def refuse_one(send_id: str, batch: Sequence[Message]) -> list[Outcome]:
        return [
            Rejected("full") if message.to.text == "r2@example.com" else Accepted(message.ref)
            for message in batch
        ]

    run.run(worker(store, Memory(refuse_one)), plan(store, order(), NOW))
    join(store, "late@example.com", "readers")
    again = Order("news", EMAIL, "readers", again="why")
    asked, expected = forecast(store, again, NOW), forecast(store, missing(), NOW)
    transport = Memory()
    send_id = plan(store, missing(at=at), NOW)
    after = run.run(worker(store, transport, clock=lambda: NOW), send_id)

    assert (asked.queued, asked.had_it) == (4, 2)
    assert (expected.queued, expected.skipped) == (2, {"already_received": 2})
    assert after.counts == Counts(accepted=2, skipped=2)
    assert {message.to.text for message in transport.delivered} == {
        "r2@example.com",
        "late@example.com",
    }


def test_only_missing_goes_with_a_reason(call: Call, readers: str) -> None:
    assert call("send", ISSUE, "--list", readers, "--only-missing", "--yes").code == 2


def test_people_are_told_how_many_have_had_it(call: Call, readers: str) -> None:
    call("send", ISSUE, "--list", readers, "--yes")

    told = call("send", ISSUE, "--list", readers, "--again", "a typo", "--dry-run")
    refused = call("send", ISSUE, "--list", readers, "--yes")

    assert "3; --only-missing leaves them out" in told.err
    assert "--only-missing" in refused.err


# --- nobody ---------------------------------------------------------------------------------------


def test_a_send_in_which_everybody_is_skipped_is_refused(
    call: Call, project: Path, readers: str
) -> None:
    for line in call("subscribers", "list", "--list", readers, "--json").lines:
        call("suppressions", "add", line["address"])

    dry = call("send", ISSUE, "--list", readers, "--dry-run")
    real = call("send", ISSUE, "--list", readers, "--yes")

    assert (dry.code, real.code) == (5, 5)
    assert "3 suppressed" in real.err
    assert call("sends", "--json").lines == []


def test_everybody_who_had_it_through_another_list_is_nobody(store: Store) -> None:
    """Also where the send is planned without a forecast; nothing is left of it."""
    fill_list(store, 2)
    run.run(worker(store, Memory()), plan(store, order(), NOW))
    with store.write() as connection:
        lists.create(connection, "others", NOW)
    join(store, "r1@example.com", "others")

    with pytest.raises(Refused, match="nobody of others would get it"):
        plan(store, order(list_name="others"), NOW)
    with store.read() as connection:
        assert len(sends.newest_first(connection)) == 1


# --- a folder that cannot be written --------------------------------------------------------------


@pytest.mark.parametrize("arguments", [("--yes",), ("--dry-run",)])
def test_where_nothing_can_be_noted_nothing_is_planned(
    call: Call,
    readers: str,
    monkeypatch: pytest.MonkeyPatch,
    arguments: tuple[str, ...],
) -> None:
    """A file stands where the folder would be: it can be written as little as a read-only one."""
    monkeypatch.setenv("NEWSLETTER_STORE__STATE", "newsletter.toml/generation")

    answer = call("send", ISSUE, "--list", readers, *arguments)

    assert answer.code == 2
    assert "NEWSLETTER_STORE__STATE" in answer.err
    assert call("sends", "--json").lines == []


def test_the_file_of_the_stores_age_can_be_elsewhere(
    call: Call, project: Path, readers: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere = tmp_path / "kept" / "generation"
    monkeypatch.setenv("NEWSLETTER_STORE__STATE", str(elsewhere))

    assert call("send", ISSUE, "--list", readers, "--yes").code == 0
    assert elsewhere.is_file()
    assert not (project / "subscribers" / "generation").exists()


# --- one slug, however its letters are written ----------------------------------------------------

NAMES = ["2026-01-07-über-café", "2026-01-08-Ёлка-й", "2026-01-09-がぎ-뉴스", "2026-01-10-ệ"]


@pytest.mark.parametrize("name", NAMES)
def test_a_name_has_one_slug_composed_or_not(name: str) -> None:
    report = Report("x.md", "", 1)

    composed, apart = (
        slug_of(None, unicodedata.normalize(form, name), report, 1) for form in ("NFC", "NFD")
    )

    assert composed == apart
    assert unicodedata.is_normalized("NFC", composed)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("turned", [False, True])
def test_an_issue_whose_name_comes_back_decomposed_is_sent_once(
    call: Call, project: Path, readers: str, name: str, turned: bool
) -> None:
    first, second = unicodedata.normalize("NFC", name), unicodedata.normalize("NFD", name)
    if turned:
        first, second = second, first
    path = write_issue(project, f"{first}.md")
    sent = call("send", first, "--list", readers, "--yes", "--json")

    path.rename(path.with_name(f"{second}.md"))
    again = call("send", second, "--list", readers, "--yes")
    typed = call("send", first, "--list", readers, "--yes")

    assert sent.json["accepted"] == 3
    assert (again.code, typed.code) == (5, 5)
    assert "already sent" in again.err
    assert "already sent" in typed.err


def test_two_files_of_one_name_have_one_slug(call: Call, project: Path, readers: str) -> None:
    for form in ("NFC", "NFD"):
        write_issue(project, f"{unicodedata.normalize(form, NAMES[0])}.md")

    answer = call("send", NAMES[0], "--list", readers, "--yes")

    assert answer.code == 3
    assert "duplicate-slug" in answer.err


def test_what_an_earlier_version_sent_under_a_decomposed_name_is_not_sent_again(
    store: Store,
) -> None:
    fill_list(store, 2)
    run.run(worker(store, Memory()), plan(store, order(slug="2026-01-07-u-ber-cafe"), NOW))

    with pytest.raises(Refused, match="already sent"):
        plan(store, order(slug="2026-01-07-über-café"), NOW)
    assert len(ledger(store, sends_of(store)[0])) == 2


def sends_of(store: Store) -> list[str]:
    with store.read() as connection:
        return [send.id for send in sends.newest_first(connection)]


def test_a_plain_slug_has_one_spelling() -> None:
    for slug in ("news", "2026-01-07-世界", "my_slug-2"):
        assert spellings(slug) == (slug,)
