"""The command line through SES: what is asked of the account, what it refuses, and test mails.

Against the stand-in, a strict SES in a process of its own whose log says what was accepted.
"""

import datetime as dt
import json
import re
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.integration.commandline import Call, plan_send, write_issue
from tests.integration.test_cli_processes import at_terminal
from tests.standin.client import StandIn, running
from tests.standin.log import Record
from tests.waiting import until

ISSUE = "2026-01-07-valley"
HEALTHY = {
    "sandbox": False,
    "sending_enabled": True,
    "enforcement_status": "HEALTHY",
    "max_24_hour_send": 50_000,
    "sent_last_24_hours": 0,
    "max_send_rate": 1000,
}
Rows = Callable[[], list[str]]


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StandIn]:
    log = tmp_path_factory.mktemp("standin") / "log.jsonl"
    with running(log, keep_content=True) as standin:
        yield standin


@pytest.fixture(params=["bulk"])
def ses(
    shared: StandIn, monkeypatch: pytest.MonkeyPatch, project: Path, request: pytest.FixtureRequest
) -> StandIn:
    """The newsletter sends through a healthy account of 50,000 a day."""
    shared.clear()
    shared.account(**HEALTHY)
    for name, value in {
        **shared.settings,
        "NEWSLETTER_TRANSPORT__SES__MODE": request.param,
        "AWS_ACCESS_KEY_ID": "key",
        "AWS_SECRET_ACCESS_KEY": "secret",
        **NO_AWS,
    }.items():
        monkeypatch.setenv(name, value)
    return shared


# This machine's own configuration of AWS, if it has one, stays out.
NO_AWS = {
    "AWS_CONFIG_FILE": "/nonexistent",
    "AWS_SHARED_CREDENTIALS_FILE": "/nonexistent",
    "AWS_EC2_METADATA_DISABLED": "true",
}


@pytest.fixture
def mailed(ses: StandIn) -> Callable[[], list[Record]]:
    """What SES accepted since the test began."""
    before = len(list(ses.accepted()))
    return lambda: list(ses.accepted())[before:]


Mailed = Callable[[], list[Record]]
both_modes = pytest.mark.parametrize("ses", ["bulk", "raw"], indirect=True)


# --- before a send --------------------------------------------------------------------------------


@both_modes
def test_a_healthy_account_sends(call: Call, mailed: Mailed, readers: str) -> None:
    sent = call("send", ISSUE, "--list", readers, "--yes", "--json")

    assert (sent.code, sent.json["status"], sent.json["accepted"]) == (0, "finished", 3)
    assert {record["to"] for record in mailed()} == {
        f"{name}@example.com" for name in ("ada", "lin", "sam")
    }


OWN = {
    "FROM": "Valley <letters@example.com>",
    "BASE_URL": "https://valley.example",
    "POSTAL_ADDRESS": "1 Road, Valley",
}


def test_a_newsletter_as_init_wrote_it_goes_to_no_reader(
    call: Call, ses: StandIn, mailed: Mailed, readers: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The stand-in by an address that is not of this machine alone stands for SES itself."""
    monkeypatch.setenv(
        "NEWSLETTER_TRANSPORT__SES__ENDPOINT_URL", ses.url.replace("127.0.0.1", "0.0.0.0")
    )
    welcome = ("send", "2026-01-06-welcome", "--list", readers, "--yes", "--json")
    text = call(*welcome)
    sender = call("send", ISSUE, "--list", readers, "--yes", "--json")
    for key, value in OWN.items():
        monkeypatch.setenv(f"NEWSLETTER_NEWSLETTER__{key}", value)

    assert (text.code, text.error["where"]) == (3, "issues/2026-01-06-welcome.md:2")
    assert "is what the scaffold says" in text.error["message"]
    assert (sender.code, sender.error["where"]) == (2, "newsletter.toml")
    assert 'newsletter.from is still "Newsletter <news@example.com>"' in sender.error["message"]
    assert "newsletter.postal_address" in sender.error["message"]
    assert mailed() == []
    assert call("send", ISSUE, "--list", readers, "--yes").code == 0
    assert len(mailed()) == 3


def test_what_replaces_a_schedule_is_asked_what_a_send_is_asked(
    call: Call, ses: StandIn, project: Path, readers: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    scheduled = plan_send(project, ISSUE, readers, at=dt.datetime(2099, 1, 1, tzinfo=dt.UTC))
    before = call("status", scheduled, "--json").json
    monkeypatch.setenv(
        "NEWSLETTER_TRANSPORT__SES__ENDPOINT_URL", ses.url.replace("127.0.0.1", "0.0.0.0")
    )
    replace = ("reschedule", scheduled, "--replace", "--json")

    identity = call(*replace)
    for key, value in OWN.items():
        monkeypatch.setenv(f"NEWSLETTER_NEWSLETTER__{key}", value)
    monkeypatch.setenv("NEWSLETTER_NEWSLETTER__FROM", "Valley <letters@unverified.example>")
    sender = call(*replace)
    monkeypatch.setenv("NEWSLETTER_NEWSLETTER__FROM", OWN["FROM"])
    path = project / "issues" / f"{ISSUE}.md"
    own = path.read_text("utf-8")
    path.write_text(f"{own}\nWhat it is about.\n", "utf-8")
    text = call(*replace)

    assert (identity.code, identity.error["where"]) == (2, "newsletter.toml")
    assert sender.code == 5
    assert "unverified.example" in sender.error["message"]
    assert (text.code, text.error["where"]) == (3, f"issues/{ISSUE}.md:11")
    assert "is what the scaffold says" in text.error["message"]
    assert call("status", scheduled, "--json").json == before
    path.write_text(own, "utf-8")
    assert call(*replace).code == 0


def test_a_rehearsal_with_a_stand_in_takes_the_scaffold(
    call: Call, mailed: Mailed, readers: str
) -> None:
    assert call("send", "2026-01-06-welcome", "--list", readers, "--yes").code == 0
    assert len(mailed()) == 3


REFUSED = [
    ({"sandbox": True}, "in the sandbox", "newsletter test"),
    ({"sending_enabled": False}, "switched off", "SES console"),
    ({"enforcement_status": "SHUTDOWN"}, "shut down", "SES console"),
    ({"max_24_hour_send": 100, "sent_last_24_hours": 98}, "2 more in these 24 hours", "--spread"),
    ({"max_24_hour_send": 100, "sent_last_24_hours": 120}, "0 more in these 24 hours", "--spread"),
]


@pytest.mark.parametrize("extra", [["--yes"], ["--dry-run"]])
@pytest.mark.parametrize(("account", "message", "hint"), REFUSED)
def test_what_the_account_cannot_take_is_refused_and_not_planned(
    call: Call,
    ses: StandIn,
    mailed: Mailed,
    rows: Rows,
    readers: str,
    account: dict[str, object],
    message: str,
    hint: str,
    extra: list[str],
) -> None:
    before = rows()
    ses.account(**account)

    answer = call("send", ISSUE, "--list", readers, *extra, "--json")

    assert answer.code == 5
    assert message in answer.error["message"]
    assert hint in answer.error["hint"]
    assert rows() == before
    assert mailed() == []


def test_an_account_on_probation_still_sends(call: Call, ses: StandIn, readers: str) -> None:
    ses.account(enforcement_status="PROBATION")

    assert call("send", ISSUE, "--list", readers, "--yes").code == 0


def test_an_audience_that_just_fits_is_sent(call: Call, ses: StandIn, readers: str) -> None:
    ses.account(max_24_hour_send=100, sent_last_24_hours=97)

    assert call("send", ISSUE, "--list", readers, "--yes", "--json").json["accepted"] == 3


def test_only_who_will_be_mailed_counts_against_the_quota(
    call: Call, ses: StandIn, readers: str
) -> None:
    call("suppressions", "add", "ada@example.com")
    ses.account(max_24_hour_send=100, sent_last_24_hours=98)

    assert call("send", ISSUE, "--list", readers, "--yes").code == 0


@pytest.mark.parametrize(("most", "sent", "days"), [(2, 0, 2), (1, 0, 3), (2, 2, 3), (100, 0, 1)])
def test_a_spread_send_says_how_many_days_it_takes(
    call: Call, ses: StandIn, readers: str, most: int, sent: int, days: int
) -> None:
    ses.account(max_24_hour_send=most, sent_last_24_hours=sent)

    told = call("send", ISSUE, "--list", readers, "--spread", "--dry-run")
    printed = call("send", ISSUE, "--list", readers, "--spread", "--dry-run", "--json")

    assert (told.code, printed.code) == (0, 0)
    assert printed.json["days"] == days
    assert (f"over {days} days or more" in told.err) == (days > 1)


def test_a_spread_send_goes_as_far_as_the_quota_and_waits(
    call: Call, ses: StandIn, mailed: Mailed, project: Path, readers: str
) -> None:
    """It stays on its way: the next day's quota is waited for, not asked for by a person."""
    ses.account(max_24_hour_send=100, sent_last_24_hours=98)
    before = len(ses.requests)

    def is_put_back() -> bool:
        """SES has refused the third, and the ledger knows."""
        calls = [call for call in ses.requests[before:] if call["operation"].startswith("Send")]
        return len(calls) == 3 and call("status", "--json").json["queued"] == 1

    arguments = ("send", ISSUE, "--list", readers, "--spread", "--rate", "10", "--json")
    with at_terminal(project, *arguments) as terminal:
        terminal.wait_for("over 2 days or more")
        terminal.wait_for("Type the number of recipients")
        terminal.type("3\n")
        terminal.wait_for("2/3")
        until(is_put_back)
        waiting = call("status", "--json").json
        terminal.process.send_signal(signal.SIGTERM)
        code, _ = terminal.leave()

    assert code == 130
    assert (waiting["status"], waiting["accepted"], waiting["queued"]) == ("sending", 2, 1)
    assert len(mailed()) == 2


def test_todays_mails_do_not_count_against_tomorrows(
    call: Call, ses: StandIn, rows: Rows, readers: str
) -> None:
    """The quota of a scheduled send is that of its own day."""
    at = ["--at", "2099-01-01 08:00", "--dry-run"]
    ses.account(max_24_hour_send=100, sent_last_24_hours=100)
    assert call("send", ISSUE, "--list", readers, *at).code == 0

    ses.account(max_24_hour_send=2, sent_last_24_hours=0)
    refused = call("send", ISSUE, "--list", readers, *at, "--json")

    assert refused.code == 5
    assert "2 in 24 hours" in refused.error["message"]


def test_a_quota_that_ends_on_the_way_pauses_until_it_is_free_again(
    call: Call, ses: StandIn, mailed: Mailed, project: Path, readers: str
) -> None:
    """As where somebody else sends from the account, too."""
    more = "".join(f"r{number}@example.com\n" for number in range(17))
    (project / "more.csv").write_text(f"email\n{more}")
    call("subscribers", "import", "more.csv", "--list", readers)
    arguments = ("send", ISSUE, "--list", readers, "--yes", "--rate", "10", "--json")
    with at_terminal(project, *arguments, asleep=True) as terminal:
        ses.account(max_24_hour_send=100, sent_last_24_hours=100)
        terminal.wake()
        code, out = terminal.leave()
    found = json.loads(out)
    shown = call("status").out

    assert (code, found["status"], found["unknown"]) == (4, "paused", 0)
    assert found["queued"] > 0
    assert len(mailed()) == found["accepted"]
    assert "daily quota" in found["pause_reason"]
    free = dt.datetime.fromisoformat(found["resume_at"])
    assert dt.timedelta(hours=23) < free - dt.datetime.now(dt.UTC) <= dt.timedelta(hours=24)
    told = " ".join(shown.split())
    assert f"From {free:%Y-%m-%d %H:%M} UTC on, newsletter worker goes on with it" in told
    assert f"newsletter resume {found['send_id']}" in told

    ses.account(sent_last_24_hours=0)
    resumed = call("resume", found["send_id"], "--json").json

    assert (resumed["accepted"], resumed["resume_at"]) == (20, None)
    assert len({record["to"] for record in mailed()}) == len(mailed()) == 20


@pytest.mark.parametrize("account", [{"sandbox": True}, {"sending_enabled": False}])
def test_a_worker_that_may_not_send_leaves_and_the_schedule_stays(
    call: Call, ses: StandIn, project: Path, readers: str, account: dict[str, object]
) -> None:
    """It does not ask the account again each second, with nobody looking."""
    due = plan_send(project, ISSUE, readers, at=dt.datetime.now(dt.UTC))
    ses.account(**account)

    refused = call("worker", "--json")
    ses.account(**HEALTHY)

    assert refused.code == 5
    assert call("status", due, "--json").json["status"] == "scheduled"
    assert call("worker", "--once", "--json").json["accepted"] == 3


def test_a_refused_resume_leaves_the_pause_and_its_reason(
    call: Call, ses: StandIn, project: Path, readers: str
) -> None:
    send_id = plan_send(project, ISSUE, readers)
    paused = call("pause", send_id, "--json").json
    ses.account(sending_enabled=False)

    refused = call("resume", send_id)

    assert refused.code == 5
    assert call("status", send_id, "--json").json == paused


# --- what is missing ------------------------------------------------------------------------------


@pytest.mark.parametrize("extra", [["--yes"], ["--dry-run"]])
def test_missing_credentials_are_told_and_nothing_is_planned(
    call: Call,
    ses: StandIn,
    rows: Rows,
    readers: str,
    monkeypatch: pytest.MonkeyPatch,
    extra: list[str],
) -> None:
    before = rows()
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)

    answer = call("send", ISSUE, "--list", readers, *extra, "--json")

    assert (answer.code, answer.error["code"]) == (2, "configuration")
    assert "credentials" in answer.error["message"]
    assert "AWS_ACCESS_KEY_ID" in answer.error["hint"]
    assert rows() == before


def test_a_missing_region_is_a_setting_to_make(
    call: Call, ses: StandIn, rows: Rows, readers: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = rows()
    for name in ("NEWSLETTER_TRANSPORT__SES__REGION", "AWS_REGION", "AWS_DEFAULT_REGION"):
        monkeypatch.delenv(name, raising=False)

    answer = call("send", ISSUE, "--list", readers, "--yes", "--json")

    assert (answer.code, answer.error["code"]) == (2, "configuration")
    assert answer.error["where"] == "transport.ses"
    assert "region" in answer.error["hint"]
    assert rows() == before


def test_an_account_that_does_not_answer_is_told_and_nothing_is_planned(
    call: Call, ses: StandIn, rows: Rows, readers: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = rows()
    monkeypatch.setenv("NEWSLETTER_TRANSPORT__SES__ENDPOINT_URL", "http://127.0.0.1:9")

    answer = call("send", ISSUE, "--list", readers, "--yes", "--json")

    assert answer.code == 1
    assert answer.error["where"] == "transport.ses"
    assert rows() == before


# --- test mails -----------------------------------------------------------------------------------


@both_modes
def test_a_test_is_what_the_send_puts_into_the_mailbox_but_for_subject_and_links(
    call: Call, mailed: Mailed, project: Path, readers: str
) -> None:
    write_issue(project, "2026-01-08-listed.md", list=readers)
    call("test", "2026-01-08-listed", "--to", "ada@example.com")
    call("send", "2026-01-08-listed", "--yes")

    tested, *sent = mailed()
    [real] = [record for record in sent if record["to"] == "ada@example.com"]

    assert tested["subject"] == f"[Test] {real['subject']}"
    for part in ("html", "text"):
        assert without_links(tested[part]) == without_links(real[part])
    assert [without_own(header) for header in tested["headers"]] == [
        without_own(header) for header in real["headers"]
    ]
    assert tested["configuration_set"] == real["configuration_set"]
    for switch in ("open_tracking", "click_tracking"):
        assert tested[switch] == real[switch] == "DISABLED"
    assert tested["tags"].keys() == real["tags"].keys() - {"store"}  # no event is awaited of a test
    assert tested["tags"]["send"] == "test"


def without_own(header: list[str]) -> tuple[str, str]:
    """A header without what is each mail's own."""
    name, value = header
    own = ("Subject", "Date", "Message-ID", "X-Newsletter-Ref")
    return name, "" if name in own else without_links(value)


def without_links(text: object) -> str:
    return re.sub(r"https://news\.example\.com/(u|preferences)/[\w.-]+", r"<\1>", str(text))


def test_in_the_sandbox_a_test_reaches_verified_addresses(
    call: Call, ses: StandIn, mailed: Mailed
) -> None:
    ses.account(sandbox=True)

    answer = call("test", ISSUE, "--to", "ed@elsewhere.org", "ed@example.com", "--json")

    found = {row["address"]: row for row in answer.json["tests"]}
    assert answer.code == 1
    assert found["ed@example.com"]["status"] == "accepted"
    assert found["ed@elsewhere.org"]["status"] == "rejected"
    assert "not verified" in found["ed@elsewhere.org"]["reason"]
    assert [record["to"] for record in mailed()] == ["ed@example.com"]
    assert found["ed@example.com"]["message_id"] == mailed()[0]["message_id"]


@pytest.mark.parametrize(
    "account", [{"sending_enabled": False}, {"enforcement_status": "SHUTDOWN"}]
)
def test_an_account_that_may_not_send_sends_no_test(
    call: Call, ses: StandIn, rows: Rows, account: dict[str, object]
) -> None:
    before = rows()
    ses.account(**account)

    assert call("test", ISSUE, "--to", "ed@example.com").code == 5
    assert rows() == before
