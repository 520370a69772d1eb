"""`status`, `sends`, `deliveries`, and what an operator decides: pause, resume, cancel, resolve."""

import datetime as dt
from collections.abc import Callable
from pathlib import Path

import pytest

from newsletter.model.send import Counts
from tests.integration.commandline import Answer, Call, lose, plan_send, write_issue

ISSUE = "2026-01-07-valley"
TOMORROW = dt.datetime.now(dt.UTC) + dt.timedelta(days=1)
SEND_KEYS = [
    *("send_id", "status", "recipients", "accepted", "rejected", "skipped", "unknown", "queued"),
    *(
        "state",
        "waiting_for",
        "until",
        "owner",
        "running_since",
        "workers",
        "rate",
        "time_left_seconds",
    ),
    *("delivered", "bounced", "complained", "unsubscribed"),
    *("slug", "list", "segment", "subject", "from", "content_hash", "git_commit"),
    *("branch", "approved_by", "approved_at", "again"),
    *("rate_asked", "stopped_by", "pause_reason", "resume_at"),
    *("created_at", "scheduled_at", "finished_at", "archived_at", "archive_file"),
    *("alarm", "unknown_words", "warning"),
]
DELIVERY_KEYS = [
    *("address", "subscriber_id", "status", "message_id", "attempts", "reason", "at"),
    *("delivery", "reported"),
]
Rows = Callable[[], list[str]]


def balance(answer: Answer) -> Counts:
    """The counts of a send, which must add up."""
    found = answer.json
    counts = Counts(
        **{name: found[name] for name in ("accepted", "rejected", "skipped", "unknown", "queued")}
    )
    assert found["recipients"] == counts.recipients
    return counts


@pytest.fixture
def sent(call: Call, readers: str) -> str:
    """The id of a finished send to three."""
    return str(call("send", ISSUE, "--list", readers, "--yes", "--json").json["send_id"])


@pytest.fixture
def queued(project: Path, readers: str) -> str:
    """The id of a send to three that nobody runs."""
    return plan_send(project, ISSUE, readers)


@pytest.fixture
def unknown(project: Path, queued: str) -> str:
    """The id of a send to three whose transport never answered."""
    lose(project, queued)
    return queued


# --- what the ledger says -------------------------------------------------------------------------


def test_without_a_send_there_is_nothing(call: Call) -> None:
    assert call("sends", "--json") == Answer(0, "", "")
    assert call("status", "--json").code == 2


def test_status_prints_the_object_that_send_printed(call: Call, readers: str) -> None:
    printed = call("send", ISSUE, "--list", readers, "--yes", "--json").json

    assert list(printed) == SEND_KEYS
    assert call("status", "--json").json == printed
    assert call("status", printed["send_id"], "--json").json == printed
    assert call("sends", "--json").lines == [printed]


def test_a_send_is_known_by_the_beginning_of_its_id(call: Call, sent: str) -> None:
    assert call("status", sent[:12], "--json").json["send_id"] == sent


@pytest.mark.parametrize("noun", ["status", "deliveries", "pause", "resume", "cancel"])
def test_an_unknown_send_is_a_usage_error(call: Call, sent: str, rows: Rows, noun: str) -> None:
    before = rows()

    answer = call(noun, "nope", "--json")

    assert (answer.code, answer.error["hint"]) == (2, "See: newsletter sends")
    assert rows() == before


@pytest.mark.parametrize("noun", ["status", "deliveries", "pause", "cancel", "resume"])
def test_an_empty_name_is_no_send(call: Call, queued: str, rows: Rows, noun: str) -> None:
    """A script whose variable is unset must not stop the only send there is."""
    before = rows()

    assert call(noun, "", "--json").code == 2
    assert rows() == before


def test_sends_and_status_begin_with_the_newest(call: Call, project: Path, sent: str) -> None:
    write_issue(project, "2026-01-08-next.md")
    later = call("send", "2026-01-08-next", "--list", "readers", "--yes", "--json").json["send_id"]

    assert [found["send_id"] for found in call("sends", "--json").lines] == [later, sent]
    assert call("status", "--json").json["send_id"] == later


def test_deliveries_are_a_line_each_newest_first(call: Call, sent: str) -> None:
    lines = call("deliveries", sent, "--json").lines

    assert all(list(line) == DELIVERY_KEYS for line in lines)
    assert [line["delivery"] for line in lines] == [f"{sent}-{n}" for n in (3, 2, 1)]
    assert {line["address"] for line in lines} == {
        f"{name}@example.com" for name in ("ada", "lin", "sam")
    }
    assert {(line["status"], line["attempts"], line["reported"]) for line in lines} == {
        ("accepted", 1, None)
    }


def test_deliveries_of_one_status_only(call: Call, readers: str) -> None:
    call("suppressions", "add", "ada@example.com")
    send_id = call("send", ISSUE, "--list", readers, "--yes", "--json").json["send_id"]

    [skipped] = call("deliveries", send_id, "--status", "skipped", "--json").lines

    assert (skipped["address"], skipped["reason"]) == ("ada@example.com", "suppressed")
    assert call("deliveries", send_id, "--status", "rejected", "--json") == Answer(0, "", "")
    assert call("deliveries", send_id, "--status", "lost", "--json").code == 2


def test_people_read_the_id_of_a_send_in_one_piece(call: Call, sent: str) -> None:
    """Also where it goes to another program and not to a terminal."""
    assert sent in call("sends").out
    assert sent in call("status").out


# --- what the operator decides --------------------------------------------------------------------


def test_pause_then_resume(call: Call, queued: str) -> None:
    paused = call("pause", queued, "--json")
    twice = call("pause", queued, "--json")
    resumed = call("resume", queued, "--json")

    assert (paused.code, paused.json["status"]) == (0, "paused")
    assert balance(paused) == Counts(queued=3)
    assert twice.json == paused.json
    assert (resumed.code, resumed.json["status"]) == (0, "finished")
    assert list(resumed.json) == SEND_KEYS
    assert balance(resumed) == Counts(accepted=3)


def test_cancel_skips_what_is_queued(call: Call, queued: str) -> None:
    cancelled = call("cancel", queued, "--json")
    lines = call("deliveries", queued, "--json").lines

    assert (cancelled.code, cancelled.json["status"]) == (0, "cancelled")
    assert balance(cancelled) == Counts(skipped=3)
    assert {(line["status"], line["reason"]) for line in lines} == {("skipped", "cancelled")}


def test_cancelling_twice_changes_nothing(call: Call, queued: str) -> None:
    first = call("cancel", queued, "--json")

    assert call("cancel", queued, "--json") == first


def test_a_cancelled_send_stays_so(call: Call, queued: str) -> None:
    call("cancel", queued)

    assert call("resume", queued, "--json").code == 5
    assert call("pause", queued, "--json").code == 5
    assert call("status", queued, "--json").json["status"] == "cancelled"


def test_a_cancelled_send_can_be_sent_again_with_a_reason(call: Call, queued: str) -> None:
    call("cancel", queued)

    again = call("send", ISSUE, "--list", "readers", "--yes", "--again", "a change", "--json")
    assert balance(again) == Counts(accepted=3)


@pytest.mark.parametrize("noun", ["pause", "cancel"])
def test_a_finished_send_has_nothing_to_stop(call: Call, sent: str, noun: str) -> None:
    answer = call(noun, sent, "--json")

    assert answer.code == 5
    assert answer.error["hint"] == f"See: newsletter status {sent}"


def test_resuming_a_finished_send_sends_nothing(call: Call, project: Path, sent: str) -> None:
    answer = call("resume", sent, "--json")

    assert (answer.code, answer.json["status"]) == (0, "finished")
    assert len(list((project / "outbox").rglob("*.eml"))) == 3


@pytest.mark.parametrize("noun", ["status", "resume"])
def test_unknown_rows_leave_a_send_unresolved(
    call: Call, project: Path, unknown: str, noun: str
) -> None:
    """Nothing is sent again by itself."""
    answer = call(noun, unknown, "--json")

    assert answer.code == (4 if noun == "resume" else 0)
    assert answer.json["status"] == "unresolved"
    assert balance(answer) == Counts(unknown=3)
    assert not (project / "outbox").exists()


def test_people_are_told_how_to_decide_about_unknown_rows(call: Call, unknown: str) -> None:
    assert f"newsletter resolve {unknown} --unknown resend|accept|reject" in call("status").out


@pytest.mark.parametrize(
    ("decision", "counts"),
    [("accept", Counts(accepted=3)), ("reject", Counts(rejected=3))],
)
def test_resolve_counts_unknown_rows_as_decided(
    call: Call, unknown: str, decision: str, counts: Counts
) -> None:
    answer = call("resolve", unknown, "--unknown", decision, "--json")

    assert (answer.code, answer.json["status"]) == (0, "finished")
    assert balance(answer) == counts


def test_resolve_resend_queues_them_for_resume(call: Call, project: Path, unknown: str) -> None:
    resolved = call("resolve", unknown, "--unknown", "resend", "--json")
    before = list(project.glob("outbox/*/*.eml"))
    resumed = call("resume", unknown, "--json")

    assert (resolved.code, balance(resolved)) == (0, Counts(queued=3))
    assert before == []
    assert (resumed.code, balance(resumed)) == (0, Counts(accepted=3))
    assert {line["attempts"] for line in call("deliveries", unknown, "--json").lines} == {2}


def test_resolve_needs_a_decision(call: Call, unknown: str) -> None:
    assert call("resolve", unknown, "--json").code == 2
    assert call("resolve", unknown, "--unknown", "forget", "--json").code == 2


# --- scheduled sends ------------------------------------------------------------------------------


@pytest.fixture
def scheduled(project: Path, readers: str) -> str:
    """The id of a send of tomorrow."""
    return plan_send(project, ISSUE, readers, at=TOMORROW)


def test_a_scheduled_send_has_no_audience_yet(call: Call, scheduled: str) -> None:
    found = call("status", scheduled, "--json")

    assert found.json["status"] == "scheduled"
    assert found.json["scheduled_at"] == TOMORROW.isoformat()
    assert balance(found) == Counts()


def test_a_scheduled_send_can_be_cancelled(call: Call, scheduled: str) -> None:
    assert call("cancel", scheduled, "--json").json["status"] == "cancelled"
    assert call("worker", "--once", "--json") == Answer(0, "", "")


def test_a_send_paused_before_its_time_waits_for_it_again(
    call: Call, project: Path, scheduled: str
) -> None:
    """`resume` does not send tomorrow's issue today."""
    from newsletter.project import utc_now
    from newsletter.sending import control
    from newsletter.store import open_store

    call("pause", scheduled)
    store = open_store("sqlite:///subscribers/newsletter.db", project)

    found = control.reopen(store, scheduled, utc_now)

    store.close()
    assert found.status == "scheduled"
    assert found.pause_reason is None


def test_a_send_paused_until_after_its_time_is_sent_at_once(
    call: Call, project: Path, readers: str
) -> None:
    yesterday = dt.datetime.now(dt.UTC) - dt.timedelta(days=1)
    send_id = plan_send(project, ISSUE, readers, at=yesterday)
    call("pause", send_id)

    assert balance(call("resume", send_id, "--json")) == Counts(accepted=3)


def test_the_worker_sends_what_is_due_and_nothing_else(
    call: Call, project: Path, scheduled: str
) -> None:
    write_issue(project, "2026-01-08-due.md")
    due = plan_send(project, "2026-01-08-due", "readers", at=dt.datetime.now(dt.UTC))
    call("subscribers", "add", "late@example.com", "--list", "readers")

    answer = call("worker", "--once", "--json")

    assert (answer.code, answer.json["send_id"]) == (0, due)
    assert balance(answer) == Counts(accepted=4)  # the audience is that of the start
    assert call("status", scheduled, "--json").json["status"] == "scheduled"


def test_a_paused_send_waits_for_its_operator_not_for_the_worker(
    call: Call, project: Path, readers: str
) -> None:
    send_id = plan_send(project, ISSUE, readers, at=dt.datetime.now(dt.UTC))
    call("pause", send_id)

    assert call("worker", "--once", "--json") == Answer(0, "", "")
