"""Commands with `[transport] kind = "smtp"`, and a mail server on the loopback."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from newsletter.config import SmtpSettings
from newsletter.store import Store
from newsletter.transports.smtp import Smtp
from newsletter.web.mailer import Mailer
from tests.integration.commandline import Call
from tests.integration.web.stage import open_stage
from tests.smtp import HANG_UP, MailServer, running

ISSUE = "2026-01-07-valley"
Rows = Callable[[], list[str]]


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[MailServer]:
    with running() as started:
        for name, value in {
            "KIND": "smtp",
            "SMTP__HOST": "127.0.0.1",
            "SMTP__PORT": str(started.port),
            "SMTP__TLS": "none",
            "SMTP__BOUNCE_ADDRESS": "bounces@example.com",
        }.items():
            monkeypatch.setenv(f"NEWSLETTER_TRANSPORT__{name}", value)
        yield started


def recipients(server: MailServer) -> list[str]:
    return sorted(mail.recipient for mail in server.taken)


def test_a_send_hands_each_reader_one_mail(call: Call, readers: str, server: MailServer) -> None:
    answer = call("send", ISSUE, "--list", readers, "--yes", "--json")

    send_id = answer.json["send_id"]
    rows = call("deliveries", send_id, "--json").lines
    assert (answer.code, answer.json["accepted"]) == (0, 3)
    assert recipients(server) == sorted(row["address"] for row in rows)
    assert {mail.sender for mail in server.taken} == {"bounces@example.com"}
    assert all(row["message_id"].startswith(f"{send_id}-") for row in rows)


def test_a_send_that_was_stopped_goes_on_and_repeats_nothing(
    call: Call, readers: str, server: MailServer
) -> None:
    server.says("MAIL", "250 fine", "550 enough for today")

    first = call("send", ISSUE, "--list", readers, "--yes", "--json")
    after = call("resume", first.json["send_id"], "--json")

    assert (first.code, first.json["status"], first.json["accepted"]) == (4, "paused", 1)
    assert "enough for today" in first.json["pause_reason"]
    assert (after.code, after.json["accepted"]) == (0, 3)
    assert len(recipients(server)) == len(set(recipients(server))) == 3


def test_a_mail_without_an_answer_stays_unknown_and_says_where_to_look(
    call: Call, readers: str, server: MailServer
) -> None:
    server.says(".", HANG_UP)

    answer = call("send", ISSUE, "--list", readers, "--yes")
    again = call("resume", call("sends", "--json").lines[0]["send_id"], "--json")

    assert answer.code == 4
    assert "in the log of the mail server" in answer.out
    assert (again.json["unknown"], again.json["accepted"]) == (1, 2)
    assert len(recipients(server)) == 2


def test_a_server_that_is_away_plans_no_send(
    call: Call, readers: str, server: MailServer, rows: Rows
) -> None:
    before = rows()
    server.says("CONNECT", "554 gone home")

    answer = call("send", ISSUE, "--list", readers, "--yes", "--json")

    assert (answer.code, "gone home" in answer.error["message"]) == (5, True)
    assert rows() == before


def test_a_test_mail_leaves_through_it(call: Call, server: MailServer) -> None:
    assert call("test", ISSUE, "--to", "ed@example.org").code == 0

    assert recipients(server) == ["ed@example.org"]
    assert b"Subject: [Test] News of the valley" in server.taken[0].content


def test_a_confirmation_leaves_through_it(
    sqlite_store: Store, tmp_path: Path, server: MailServer
) -> None:
    web = open_stage(sqlite_store, tmp_path)
    smtp = Smtp(SmtpSettings(host="127.0.0.1", port=server.port, tls="none"))
    web.mailer = Mailer(web.site, smtp, web.mailer.stop)
    web.subscribe("new@example.com")

    assert web.mailer.drain()

    assert recipients(server) == ["new@example.com"]


def test_that_nothing_is_reported_is_said_where_somebody_asks(
    call: Call, readers: str, server: MailServer
) -> None:
    call("send", ISSUE, "--list", readers, "--yes")

    pulled = call("events", "pull", "--once", "--json")
    synced = call("suppressions", "sync", "--json")
    status = call("status")

    assert pulled.code == 2
    assert "the mail server reports nothing" in pulled.error["message"]
    assert "bounce_address" in pulled.error["hint"]
    assert (synced.code, synced.error["where"]) == (2, "transport.kind")
    assert "SES" not in pulled.out + synced.out + status.out + status.err
