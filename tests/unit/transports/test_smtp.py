"""The transport `smtp`: what each reply of a mail server means, and each that does not come.

The table is that of docs/operating.md. The server is a real one, on the loopback.
"""

import base64
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace

import pytest

from newsletter.config import SmtpSettings
from newsletter.config.tables import read_table
from newsletter.errors import (
    ConfigurationError,
    NewsletterError,
    Refused,
    SendingStopped,
    TransportDown,
)
from newsletter.model.email import Message
from newsletter.model.send import Accepted, Outcome, Rejected, RetryLater, Unknown
from newsletter.transports.smtp import Smtp
from tests.contract.test_transports import EMAIL, SEND, message
from tests.smtp import CERTIFICATE, HANG_UP, SILENCE, MailServer, running

PASSWORD = "correct-horse"


@pytest.fixture
def server() -> Iterator[MailServer]:
    with running() as started:
        yield started


def settings_of(server: MailServer, **settings: object) -> SmtpSettings:
    own = {"host": "127.0.0.1", "port": server.port, "tls": server.tls, "timeout_seconds": 30}
    return read_table(SmtpSettings, {**own, **settings})


def deliver(server: MailServer, *messages: Message, **settings: object) -> list[Outcome]:
    return Smtp(settings_of(server, **settings)).deliver(SEND, messages or [message()])


def kinds(outcomes: Sequence[Outcome]) -> list[type]:
    return [type(outcome) for outcome in outcomes]


# --- one mail, row by row -------------------------------------------------------------------------

REFUSALS = [
    ("MAIL", "451 not now", RetryLater),
    ("MAIL", "550 no such sender", SendingStopped),
    ("RCPT", "450 mailbox busy", RetryLater),
    ("RCPT", "550 no such user", Rejected),
    ("DATA", "451 not now", RetryLater),
    ("DATA", "554 no valid recipients", Rejected),
    (".", "452 no room", RetryLater),
    (".", "554 looks like spam", Rejected),
    (".", "421 closing", RetryLater),
    (".", HANG_UP, Unknown),
    (".", "what?", Unknown),
    (".", "354 more", Unknown),
]


def meaning(server: MailServer) -> tuple[type, str]:
    """What becomes of one mail, and why: its outcome, or the error of the whole call."""
    try:
        [outcome] = deliver(server)
    except NewsletterError as error:
        return type(error), error.message
    return type(outcome), getattr(outcome, "reason", "")


@pytest.mark.parametrize(("command", "reply", "meant"), REFUSALS)
def test_what_a_reply_means_for_a_mail(
    server: MailServer, command: str, reply: str, meant: type
) -> None:
    server.says(command, reply)

    found, reason = meaning(server)

    assert found is meant
    assert server.taken == []
    assert reply == HANG_UP or reply[4:] in reason


@pytest.mark.parametrize("command", ["MAIL", "RCPT", "DATA"])
@pytest.mark.parametrize("reply", [HANG_UP, "421 closing", "what?"])
def test_what_is_lost_before_the_end_of_a_mail_provably_never_left(
    server: MailServer, command: str, reply: str
) -> None:
    server.says(command, reply)

    assert meaning(server)[0] is TransportDown
    assert server.taken == []


def test_a_mail_of_which_the_end_was_never_sent_provably_never_left(server: MailServer) -> None:
    """It is larger than all that lies between the two, so that its end cannot be under way."""
    large = message(email=replace(EMAIL, html=("x" * 40_000_000,)))
    server.says("BODY", HANG_UP)

    with pytest.raises(TransportDown, match="within a mail"):
        deliver(server, large)

    assert server.taken == []


def test_a_reply_that_never_comes_is_waited_for_and_then_unknown(server: MailServer) -> None:
    server.says(".", SILENCE)

    [outcome] = deliver(server, timeout_seconds=1)

    assert isinstance(outcome, Unknown)


@pytest.mark.parametrize("command", ["CONNECT", "EHLO", "MAIL"])
def test_a_server_that_says_nothing_took_nothing(server: MailServer, command: str) -> None:
    server.says(command, SILENCE)

    with pytest.raises(TransportDown):
        deliver(server, timeout_seconds=1)


@pytest.mark.parametrize(
    ("command", "reply"),
    [
        ("CONNECT", HANG_UP),
        ("CONNECT", "421 too busy"),
        ("CONNECT", "554 no service here"),
        ("EHLO", HANG_UP),
    ],
)
def test_without_a_greeting_nothing_was_sent(server: MailServer, command: str, reply: str) -> None:
    server.says(command, reply)

    with pytest.raises(TransportDown):
        deliver(server)


def test_where_nobody_listens_nothing_was_sent(server: MailServer) -> None:
    with running() as gone:
        pass

    with pytest.raises(TransportDown, match=f"127.0.0.1:{gone.port} cannot be reached"):
        deliver(gone)


def test_a_file_of_keys_that_cannot_be_written_is_not_taken_for_the_network(
    server: MailServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSLKEYLOGFILE", "/nonexistent/keys")

    with pytest.raises(SendingStopped, match="/nonexistent/keys: No such file") as caught:
        deliver(server)
    assert "SSLKEYLOGFILE" in caught.value.hint


# --- several mails --------------------------------------------------------------------------------


def test_the_mails_of_a_batch_share_a_connection(server: MailServer) -> None:
    outcomes = deliver(server, *map(message, (1, 2, 3)))

    assert kinds(outcomes) == [Accepted] * 3
    mail = ["MAIL", "RCPT", "DATA"]
    assert server.names() == [["EHLO", *mail * 3, "QUIT"]]


@pytest.mark.parametrize(("command", "reply"), [("RCPT", "550 no"), (".", "451 not now")])
def test_a_mail_that_is_refused_costs_only_itself(
    server: MailServer, command: str, reply: str
) -> None:
    server.says(command, reply)

    outcomes = deliver(server, *map(message, (1, 2)))

    assert kinds(outcomes)[1] is Accepted
    assert [mail.recipient for mail in server.taken] == ["r2@example.com"]
    assert server.names()[0].count("RSET") == 1
    assert len(server.commands) == 1


def test_where_a_reset_fails_the_next_mail_has_a_new_connection(server: MailServer) -> None:
    server.says("RCPT", "550 no")
    server.says("RSET", "500 what?")

    assert kinds(deliver(server, *map(message, (1, 2)))) == [Rejected, Accepted]
    assert len(server.commands) == 2


@pytest.mark.parametrize("command", ["MAIL", "RCPT", "DATA"])
@pytest.mark.parametrize("reply", [HANG_UP, "421 too many mails"])
def test_a_connection_that_ends_between_mails_is_made_anew_and_each_is_mailed_once(
    server: MailServer, command: str, reply: str
) -> None:
    server.says(command, "354 go on" if command == "DATA" else "250 fine", reply)

    outcomes = deliver(server, *map(message, (1, 2, 3)))

    assert kinds(outcomes) == [Accepted] * 3
    assert len(server.commands) == 2
    assert [mail.recipient for mail in server.taken] == [f"r{n}@example.com" for n in (1, 2, 3)]


def test_an_unknown_mail_is_not_repeated_and_the_next_has_a_new_connection(
    server: MailServer,
) -> None:
    server.says(".", HANG_UP)

    outcomes = deliver(server, *map(message, (1, 2)))

    assert kinds(outcomes) == [Unknown, Accepted]
    assert [sum("r1@" in line for line in log) for log in server.commands] == [1, 0]


def test_what_stops_a_send_after_mails_were_taken_is_told_by_the_next_call(
    server: MailServer,
) -> None:
    transport = Smtp(settings_of(server))
    server.says("MAIL", "250 fine", "550 you have sent enough")

    outcomes = transport.deliver(SEND, [message(1), message(2), message(3)])

    assert kinds(outcomes) == [Accepted, RetryLater, RetryLater]
    assert not any(getattr(outcome, "is_failure", False) for outcome in outcomes)
    with pytest.raises(SendingStopped, match="you have sent enough"):
        transport.deliver(SEND, [message(2)])
    assert kinds(transport.deliver(SEND, [message(2)])) == [Accepted]


def test_where_no_new_connection_is_had_the_rest_is_put_off(server: MailServer) -> None:
    server.says("MAIL", "250 fine", HANG_UP)
    server.says("CONNECT", "220 ready", "554 gone home")

    outcomes = deliver(server, *map(message, (1, 2, 3)))

    assert kinds(outcomes) == [Accepted, RetryLater, RetryLater]
    assert [mail.recipient for mail in server.taken] == ["r1@example.com"]


def test_a_slow_server_gets_no_further_mail_of_a_batch(server: MailServer) -> None:
    transport = Smtp(settings_of(server), batch_seconds=-1)

    with pytest.raises(TransportDown, match="slow"):
        transport.deliver(SEND, [message()])


# --- the envelope ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("settings", "sender"),
    [({}, "daily@news.example.com"), ({"bounce_address": "b@example.org"}, "b@example.org")],
)
def test_bounces_go_to_the_sender_or_where_the_settings_say(
    server: MailServer, settings: dict[str, str], sender: str
) -> None:
    [outcome] = deliver(server, **settings)

    [mail] = server.taken
    assert (mail.sender, mail.recipient) == (sender, "r1@example.com")
    assert isinstance(outcome, Accepted)
    assert f"Message-ID: <{outcome.message_id}>".encode() in mail.content
    assert mail.content.isascii()


# --- TLS and passwords ----------------------------------------------------------------------------


@pytest.fixture
def trusted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(CERTIFICATE))


@pytest.mark.usefixtures("trusted")
@pytest.mark.parametrize("tls", ["tls", "starttls"])
def test_a_mail_goes_through_tls(tls: str) -> None:
    with running(tls, ("STARTTLS",)) as server:
        assert kinds(deliver(server)) == [Accepted]

    assert ("STARTTLS" in server.names()[0]) == (tls == "starttls")


@pytest.mark.parametrize("tls", ["tls", "starttls"])
def test_a_certificate_that_nobody_vouches_for_gets_nothing(tls: str) -> None:
    with running(tls, ("STARTTLS",)) as server, pytest.raises(TransportDown, match="certificate"):
        deliver(server)

    assert "MAIL" not in [name for names in server.names() for name in names]


def test_a_server_that_offers_no_tls_gets_nothing() -> None:
    """Whoever sits between could have taken the offer out."""
    with running("starttls") as server, pytest.raises(SendingStopped, match="STARTTLS"):
        deliver(server)

    assert server.names() == [["EHLO"]]


@pytest.mark.parametrize(
    ("reply", "meant"),
    [
        ("235 welcome", Accepted),
        ("535 5.7.8 not you", SendingStopped),
        ("454 come back later", TransportDown),
        (HANG_UP, TransportDown),
    ],
)
def test_what_a_reply_to_a_password_means(reply: str, meant: type) -> None:
    with running(extensions=("AUTH PLAIN",)) as server:
        server.says("AUTH", reply)
        if meant is Accepted:
            assert kinds(deliver(server, username="u", password=PASSWORD)) == [Accepted]
            return
        with pytest.raises(meant):
            deliver(server, username="u", password=PASSWORD)


@pytest.mark.parametrize("offered", [(), ("AUTH GSSAPI",)])
def test_where_no_password_can_be_given_a_person_has_to_act(offered: tuple[str, ...]) -> None:
    with running(extensions=offered) as server, pytest.raises(SendingStopped):
        deliver(server, username="u", password=PASSWORD)


def test_what_a_server_says_is_told_without_addresses_and_passwords() -> None:
    sent = base64.b64encode(f"\0me\0{PASSWORD}".encode()).decode()
    with running(extensions=("AUTH PLAIN",)) as server:
        server.says("AUTH", f"535 {sent} {PASSWORD} is wrong for r1@example.com\x1b[31m")
        server.says("RCPT", "550 <r1@example.com>: unknown\x1b[31m")
        with pytest.raises(SendingStopped) as caught:
            deliver(server, username="me", password=PASSWORD)
        server.says("AUTH", "235 welcome")
        [outcome] = deliver(server, username="me", password=PASSWORD)

    assert isinstance(outcome, Rejected)
    for text in (caught.value.message, outcome.reason):
        assert not re.search(rf"r1@|{PASSWORD}|{re.escape(sent)}|\x1b", text)
    assert "unknown" in outcome.reason
    assert PASSWORD not in repr(settings_of(server, username="me", password=PASSWORD))


# --- before a send --------------------------------------------------------------------------------


def test_a_wrong_password_is_told_before_a_send_is_planned() -> None:
    with running(extensions=("AUTH PLAIN",)) as server:
        server.says("AUTH", "535 not you")
        transport = Smtp(settings_of(server, username="u", password=PASSWORD))

        with pytest.raises(ConfigurationError) as caught:
            transport.check("daily@news.example.com")

    assert caught.value.where == "transport.smtp"
    assert "NEWSLETTER_TRANSPORT__SMTP__PASSWORD" in caught.value.hint


def test_a_server_that_is_away_is_told_before_a_send_is_planned(server: MailServer) -> None:
    server.says("CONNECT", "554 gone home")
    transport = Smtp(settings_of(server))

    with pytest.raises(Refused, match="gone home"):
        transport.check("daily@news.example.com")

    assert transport.check("daily@news.example.com") == ()


@pytest.mark.parametrize(
    ("host", "reaches"),
    [("localhost", False), ("127.0.0.1", False), ("mailpit", False), ("mail.example.com", True)],
)
def test_a_server_nearby_is_one_for_development(host: str, reaches: bool) -> None:
    assert Smtp(SmtpSettings(host=host)).reaches_readers is reaches
