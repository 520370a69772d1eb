"""What every transport does, whatever it hands messages to.

SES stands in as a process of its own, which answers as SES does and keeps what arrived.
"""

import datetime as dt
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import cast

import pytest

from newsletter.config import SesSettings, SmtpSettings
from newsletter.config.tables import read_table
from newsletter.links import Links, PersonalLink
from newsletter.model.address import Address
from newsletter.model.email import Email, MergeField, MergeText, Message, Place
from newsletter.model.send import Accepted, Rejected
from newsletter.model.subscriber import Subscriber
from newsletter.sending.compose import SendContext, compose
from newsletter.transports import Transport, mime
from newsletter.transports.memory import Memory
from newsletter.transports.outbox import Outbox
from newsletter.transports.smtp import Smtp
from tests import smtp as mailserver
from tests.mailbox import Mail, opened
from tests.standin.client import StandIn, running

SEND = "20260107-abcdef"
LINKS = Links("https://news.example.com", ("a key for the tests alone",))
CONTEXT = SendContext(SEND, "issue", 1, "readers", LINKS)
NAME = MergeField("subscriber.name", Place.TEXT, "reader")
EMAIL = Email(
    sender="AI 日报 <daily@news.example.com>",
    reply_to="",
    language="zh-CN",
    subject=("早报：", replace(NAME, place=Place.HEADER)),
    preheader=(),
    html=(
        "<p>你好，",
        replace(NAME, place=Place.HTML),
        "</p><a href='",
        MergeField("unsubscribe_url", Place.URL),
        "'>退订</a>",
    ),
    text=("你好，", NAME, "\n退订: ", MergeField("unsubscribe_url", Place.TEXT), "\n"),
)


@dataclass(frozen=True)
class Received:
    """What the outside got for one recipient."""

    headers: Sequence[tuple[str, str]]
    subject: str
    html: str
    text: str

    def all(self, name: str) -> list[str]:
        return [value for key, value in self.headers if key.lower() == name.lower()]


@dataclass(frozen=True)
class Outside:
    """A transport, and what has arrived behind it, by recipient."""

    transport: Transport
    arrived: Callable[[], Mapping[str, Received]]

    def delivered(self, *messages: Message) -> list[Received]:
        """Deliver a batch, of which all is accepted."""
        outcomes = self.transport.deliver(SEND, messages)

        assert [type(outcome) for outcome in outcomes] == [Accepted] * len(messages)
        arrived = self.arrived()
        return [arrived[message.to.text] for message in messages]


def from_mail(mail: Mail) -> Received:
    headers = [(name, str(value)) for name, value in mail.headers.items()]
    return Received(headers, mail.subject, mail.html, mail.text)


def memory() -> Outside:
    transport = Memory()
    now = dt.datetime(2026, 1, 7, 8, 30, tzinfo=dt.UTC)

    def arrived() -> dict[str, Received]:
        messages = transport.delivered
        return {m.to.text: from_mail(opened(mime.compose(m, now))) for m in messages}

    return Outside(transport, arrived)


def outbox(folder: Path) -> Outside:
    def arrived() -> dict[str, Received]:
        mails = [from_mail(opened(path.read_bytes())) for path in folder.glob("*/*.eml")]
        return {mail.all("To")[0]: mail for mail in mails}

    return Outside(Outbox(folder), arrived)


@pytest.fixture
def smtp() -> Iterator[Outside]:
    with mailserver.running() as server:
        settings = SmtpSettings(host="127.0.0.1", port=server.port, tls="none")

        def arrived() -> dict[str, Received]:
            return {mail.recipient: from_mail(opened(mail.content)) for mail in server.taken}

        yield Outside(Smtp(settings), arrived)


def ses(transport: Transport, standin: StandIn) -> Outside:
    before = len(list(standin.accepted()))

    def arrived() -> dict[str, Received]:
        return {
            dict(record["headers"])["To"]: Received(
                [(name, value) for name, value in record["headers"]],
                record["subject"],
                record["html"],
                record["text"],
            )
            for record in list(standin.accepted())[before:]
        }

    return Outside(transport, arrived)


@pytest.fixture(scope="module")
def standin(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StandIn]:
    log = tmp_path_factory.mktemp("standin") / "log.jsonl"
    with running(log, keep_content=True, engagement_tracking=True) as started:
        yield started


@pytest.fixture(scope="module")
def ses_of(standin: StandIn) -> Iterator[Callable[[str], Transport]]:
    """The transport to the stand-in by its mode, made once: boto3 takes its time."""
    # Imported here: boto3 is not for those who leave SES out.
    from newsletter.transports.ses.transport import Ses

    @cache
    def made(mode: str) -> Transport:
        options = {"region": "us-east-1", "endpoint_url": standin.url, "mode": mode}
        return Ses(read_table(SesSettings, options))

    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("AWS_ACCESS_KEY_ID", "key")
        environment.setenv("AWS_SECRET_ACCESS_KEY", "secret")
        yield made


@pytest.fixture(params=["memory", "outbox", "smtp", "ses-bulk", "ses-raw"])
def outside(request: pytest.FixtureRequest, tmp_path: Path) -> Outside:
    """Each transport with nothing delivered yet: the test runs on all of them."""
    match request.param:
        case "memory":
            return memory()
        case "outbox":
            return outbox(tmp_path / "outbox")
        case "smtp":
            return cast(Outside, request.getfixturevalue("smtp"))
        case kind:
            made = request.getfixturevalue("ses_of")(kind.removeprefix("ses-"))
            return ses(made, request.getfixturevalue("standin"))


def link_of(number: int) -> PersonalLink:
    """What the links of a message say."""
    return PersonalLink(number, CONTEXT.list_id, 0, SEND, number)


def message(number: int = 1, name: str = "Ada", email: Email = EMAIL, attempt: int = 1) -> Message:
    reader = Subscriber(number, Address(f"r{number}@example.com"), name, {})
    return compose(email, reader, CONTEXT, number, attempt)


def plain(text: str) -> str:
    """A part as two mailboxes agree on it: MIME may add a last line end."""
    return text.replace("\r\n", "\n").rstrip("\n")


# --- outcomes -----------------------------------------------------------------------------------


def test_each_message_has_an_outcome_in_its_order(outside: Outside) -> None:
    messages = [message(number) for number in range(1, 8)]

    outcomes = outside.transport.deliver(SEND, messages)

    ids = [outcome.message_id for outcome in outcomes if isinstance(outcome, Accepted)]
    assert len(set(ids)) == 7
    assert all(ids)
    assert set(outside.arrived()) == {m.to.text for m in messages}


def test_a_batch_may_be_as_large_as_the_transport_says(outside: Outside) -> None:
    size = outside.transport.batch_size

    received = outside.delivered(*(message(number) for number in range(1, size + 1)))

    assert len(received) == size >= 1


def test_an_empty_batch_is_no_trouble(outside: Outside) -> None:
    assert outside.transport.deliver(SEND, []) == []
    assert outside.arrived() == {}


def test_each_recipient_gets_the_mail_of_their_own(outside: Outside) -> None:
    first, second = outside.delivered(message(1, "Ada"), message(2, "Bo"))

    assert (first.subject, second.subject) == ("早报：Ada", "早报：Bo")
    assert LINKS.unsubscribe_url(link_of(1)) in first.html
    assert LINKS.unsubscribe_url(link_of(2)) in second.html
    assert "Ada" not in second.html + second.text


@pytest.mark.parametrize(
    "header",
    [
        ("X-Odd", "a\r\nBcc: evil@example.org"),
        ("X-Odd", "a\nb"),
        ("X-Odd", "a\0b"),
        ("X-Odd: a\r\nBcc", "evil@example.org"),
        ("", "x"),
        ("X-Odd", "x" * 2_000),
    ],
)
def test_an_unsafe_header_rejects_only_its_message(
    outside: Outside, header: tuple[str, str]
) -> None:
    """The other 49 of a batch are none the worse for it."""
    bad = message(2)._replace(headers=(*message(2).headers, header))

    outcomes = outside.transport.deliver(SEND, [message(1), bad, message(3)])

    assert [type(outcome) for outcome in outcomes] == [Accepted, Rejected, Accepted]
    assert isinstance(outcomes[1], Rejected)
    assert outcomes[1].reason
    assert "r2@example.com" not in outcomes[1].reason
    assert set(outside.arrived()) == {"r1@example.com", "r3@example.com"}


def test_a_name_with_control_characters_costs_at_most_its_own_message(outside: Outside) -> None:
    outcomes = outside.transport.deliver(SEND, [message(1), message(2, "A\0\x07B"), message(3)])

    assert [type(outcomes[n]) for n in (0, 2)] == [Accepted, Accepted]
    assert type(outcomes[1]) in (Accepted, Rejected)
    assert {"r1@example.com", "r3@example.com"} <= set(outside.arrived())


def test_half_a_character_in_a_value_costs_only_its_own_message(outside: Outside) -> None:
    """A lone surrogate, which the arguments of a command or JSON may hold, has no encoding."""
    outcomes = outside.transport.deliver(SEND, [message(1), message(2, "A\ud83d"), message(3)])

    assert [type(outcome) for outcome in outcomes] == [Accepted, Rejected, Accepted]
    assert set(outside.arrived()) == {"r1@example.com", "r3@example.com"}


def test_the_outside_says_what_it_allows(outside: Outside) -> None:
    """SES takes ever so much a second; a folder or a list takes anything."""
    allowance = outside.transport.allowance()

    assert not allowance.problem
    assert not allowance.sandbox
    assert allowance.remaining is None
    assert outside.transport.concurrency >= 1
    assert (allowance.rate is None) == (outside.transport.kind != "ses")


# --- headers ------------------------------------------------------------------------------------


def test_the_headers_of_a_mail_are_complete_and_each_stands_once(outside: Outside) -> None:
    """From with its name, To the bare address, and all that a mailbox needs to let people leave."""
    (received,) = outside.delivered(message(attempt=3))

    (sender,) = received.all("From")
    (unsubscribe,) = received.all("List-Unsubscribe")
    assert sender.endswith(" <daily@news.example.com>")
    assert received.all("To") == ["r1@example.com"]
    assert len(received.all("Subject")) == 1
    assert received.all("List-Id") == ["<readers.news.example.com>"]
    assert unsubscribe == f"<{LINKS.unsubscribe_url(link_of(1))}>"
    assert unsubscribe.startswith("<https://")
    assert received.all("List-Unsubscribe-Post") == ["List-Unsubscribe=One-Click"]
    assert received.all("X-Auto-Response-Suppress") == ["OOF, AutoReply"]
    assert received.all("X-Newsletter-Ref") == [f"{SEND}-1.3"]
    assert received.all("Reply-To") == received.all("Cc") == received.all("Bcc") == []


def test_an_answer_goes_where_the_newsletter_says(outside: Outside) -> None:
    email = replace(EMAIL, reply_to="The desk <desk@news.example.com>")

    (received,) = outside.delivered(message(email=email))

    assert received.all("Reply-To") == ["The desk <desk@news.example.com>"]


@pytest.mark.parametrize("outside", ["memory", "outbox", "smtp"], indirect=True)
def test_what_leaves_here_is_dated_and_named(outside: Outside) -> None:
    """SES writes both by itself."""
    first, second = outside.delivered(message(1), message(2))

    assert first.all("Message-ID") == [f"<{SEND}-1.1@news.example.com>"]
    assert second.all("Message-ID") == [f"<{SEND}-2.1@news.example.com>"]
    (date,) = first.all("Date")
    assert date.endswith("+0000")


# --- content ------------------------------------------------------------------------------------

CONTENTS: Mapping[str, MergeText] = {
    "chinese": ("物理AI爆发，人形机器人量产元年开启",),
    "english": ("Plain words, and no more",),
    "emoji and rare letters": ("👩‍🚀 𝄞 \u200b é e\u0301 ￥",),
    "braces": ("{{ x }} {{x}} {{{x}}} {% y %} ${z} }} {{ { \\{{ name }}",),
    "braces beside fields": ("{", NAME, "} {{", NAME, "}} \\", NAME, "\\{{"),
    "escapes": ("=?utf-8?q?x?= =3D =\t%s &amp; &lt;b&gt; \\n \\\\",),
    "a long line": ("字" * 20_000, NAME, "word " * 4_000),
    "a field at each end": (NAME, " and ", NAME),
}


@pytest.mark.parametrize("content", CONTENTS.values(), ids=CONTENTS)
@pytest.mark.parametrize(
    "name", ["Ada", "{{ unsubscribe_url }} \\", '张三 <b>"O\'Neil" & Söhne</b>']
)
def test_both_parts_arrive_as_they_were_composed(
    outside: Outside, content: MergeText, name: str
) -> None:
    html = tuple(p if isinstance(p, str) else replace(p, place=Place.HTML) for p in content)
    given = message(name=name, email=replace(EMAIL, html=html, text=content))

    (received,) = outside.delivered(given)

    assert plain(received.html) == plain(given.html)
    assert plain(received.text) == plain(given.text)


@pytest.mark.parametrize(
    "lines", ["a\nb\n\nc", "a\r\nb\r\n\r\nc\r\n", "\n\na", "a \n b", ".\n..\n.x"]
)
def test_lines_arrive_as_they_were_composed(outside: Outside, lines: str) -> None:
    given = message(email=replace(EMAIL, html=(lines,), text=(lines,)))

    (received,) = outside.delivered(given)

    assert plain(received.html) == plain(lines)
    assert plain(received.text) == plain(lines)


@pytest.mark.parametrize(
    "subject",
    [
        ("物理AI爆发，人形机器人量产元年开启，这是一个很长很长的标题，" * 3,),
        ("Hello, ", replace(NAME, place=Place.HEADER), "!"),
        ("{{ x }} {% y %} ${z} {", replace(NAME, place=Place.HEADER), "}"),
        ("=?utf-8?q?Bcc=3A_x?=",),
        ("x" * 300,),
    ],
)
@pytest.mark.parametrize("name", ["Ada", "张三", "{{ web_url }}", "a\r\nBcc: evil@example.org"])
def test_a_subject_arrives_as_it_was_composed(
    outside: Outside, subject: MergeText, name: str
) -> None:
    given = message(name=name, email=replace(EMAIL, subject=subject))

    (received,) = outside.delivered(given)

    assert received.subject == given.subject
    assert received.all("Bcc") == []


def test_two_attempts_are_the_same_mail_but_for_their_reference(outside: Outside) -> None:
    (first,) = outside.delivered(message(attempt=1))
    (second,) = outside.delivered(message(attempt=2))

    assert (first.subject, first.html, first.text) == (second.subject, second.html, second.text)
    assert first.all("X-Newsletter-Ref") != second.all("X-Newsletter-Ref")
