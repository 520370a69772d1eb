"""A message as bytes: what a mail program reads back is what was meant."""

import datetime as dt
import email
import email.policy
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter.model.address import Address
from newsletter.model.email import Email, Message
from newsletter.transports import mime

NOW = dt.datetime(2026, 11, 24, 8, 30, tzinfo=dt.UTC)
LONG_LINK = "<https://news.example.com/u/" + "a" * 150 + ">"

EMAIL = Email(
    sender="AI Daily <daily@news.example.com>",
    reply_to="",
    language="zh-CN",
    subject=("物理AI爆发，人形机器人量产元年开启",),
    preheader=(),
    html=("<p>你好，世界</p>",),
    text=("你好，世界\n",),
)
MESSAGE = Message(
    ref="20261124-abcdef-1.1",
    name="1",
    to=Address("reader@example.com"),
    email=EMAIL,
    values={},
    headers=(
        ("List-Unsubscribe", LONG_LINK),
        ("List-Unsubscribe-Post", "List-Unsubscribe=One-Click"),
    ),
)


def changed(**parts: Any) -> Message:
    """MESSAGE with other parts: those of its email, or its own."""
    own = {name: parts.pop(name) for name in ("headers", "to", "ref") if name in parts}
    for name in ("subject", "html", "text"):
        if isinstance(parts.get(name), str):
            parts[name] = (parts[name],)
    return MESSAGE._replace(email=replace(EMAIL, **parts), **own)


def parsed(message: Message) -> email.message.EmailMessage:
    result = email.message_from_bytes(mime.compose(message, NOW), policy=email.policy.default)
    assert isinstance(result, email.message.EmailMessage)
    return result


def text_of(mail: email.message.EmailMessage, kind: str) -> str:
    part = mail.get_body((kind,))
    assert part is not None
    content = part.get_content()
    assert isinstance(content, str)
    return content.replace("\r\n", "\n")


def test_a_mail_is_read_back_as_it_was_meant() -> None:
    """Subject, parts and headers survive a standard parser, without defects."""
    mail = parsed(MESSAGE)

    assert mail["Subject"] == MESSAGE.subject
    assert mail["From"] == "AI Daily <daily@news.example.com>"
    assert mail["To"] == "reader@example.com"
    assert mail["Message-ID"] == "<20261124-abcdef-1.1@news.example.com>"
    assert mail["Date"].datetime == NOW
    assert mail.get_content_type() == "multipart/alternative"
    assert [part.get_content_type() for part in mail.iter_parts()] == ["text/plain", "text/html"]
    assert text_of(mail, "plain") == MESSAGE.text
    assert text_of(mail, "html").rstrip() == MESSAGE.html
    assert not mail.defects


def test_a_long_unsubscribe_link_is_never_encoded() -> None:
    """RFC 8058 needs the URI as it is: one encoded word would break one-click unsubscribe."""
    raw = mime.compose(MESSAGE, NOW)

    assert f"List-Unsubscribe: {LONG_LINK}\r\n".encode() in raw


def test_no_line_is_too_long_and_all_end_in_crlf() -> None:
    """RFC 5322: at most 998 octets a line; a digest has lines of thousands."""
    raw = mime.compose(changed(html="<p>" + "x" * 5000, text="字" * 5000), NOW)

    lines = raw.split(b"\r\n")
    assert max(len(line) for line in lines) <= 998
    assert not any(b"\n" in line or b"\r" in line for line in lines)


def test_chinese_travels_as_base64_and_english_stays_readable() -> None:
    chinese = mime.compose(MESSAGE, NOW)
    english = mime.compose(changed(text="Hello — world, and more\n"), NOW)

    assert b"Content-Transfer-Encoding: base64" in chinese
    assert b"Hello =E2=80=94 world, and more" in english


@pytest.mark.parametrize("character", ["\r", "\n", "\0", "\x0b", "\x0c", "\x1c", "\x85", "\u2028"])
@pytest.mark.parametrize("field", ["subject", "sender", "reply_to"])
def test_a_header_with_a_control_character_is_refused(character: str, field: str) -> None:
    """The way to a second recipient or a second header is a line break in a value."""
    text = f"News{character}Bcc: evil@example.org <a@example.com>"

    parts: dict[str, Any] = {field: text}
    with pytest.raises(mime.UnsafeHeader):
        mime.compose(changed(**parts), NOW)


@pytest.mark.parametrize("text", ["=?utf-8?q?Bcc=3A_x?=", "=?utf-8?B?5Lit5paH?= and more", "=?="])
def test_what_looks_like_an_encoded_word_is_shown_not_decoded(text: str) -> None:
    """RFC 2047: a mail program would show `Bcc: x` for the first, a name nobody gave."""
    assert parsed(changed(subject=text))["Subject"] == text

    (sender,) = parsed(changed(sender=f"{text} <daily@news.example.com>"))["From"].addresses
    assert (sender.display_name, sender.addr_spec) == (text, "daily@news.example.com")


def test_a_sender_name_with_letters_of_any_script_stays_one_mailbox() -> None:
    for name in ("AI 日报", 'The "Quiet", Machine', "a@b.c, d"):
        mail = parsed(changed(sender=f"{name} <daily@news.example.com>"))

        addresses = mail["From"].addresses
        assert [address.addr_spec for address in addresses] == ["daily@news.example.com"]
        assert addresses[0].display_name.replace("\\", "") == name.replace("\\", "")


@pytest.mark.parametrize(
    ("sender", "name"),
    [
        ('The "Q"', 'The "Q"'),
        ('"Q" weekly', '"Q" weekly'),
        ('"Q" and "R"', '"Q" and "R"'),
        ('"Q, R"', "Q, R"),
        ('"The \\"Q\\""', 'The "Q"'),
        ('"', '"'),
    ],
)
def test_quotes_of_a_sender_stay_unless_they_stand_around_the_whole_name(
    sender: str, name: str
) -> None:
    (address,) = parsed(changed(sender=f"{sender} <a@news.example.com>"))["From"].addresses

    assert (address.display_name, address.addr_spec) == (name, "a@news.example.com")


def test_a_subject_too_long_for_a_line_is_folded() -> None:
    raw = mime.compose(changed(subject="word " * 300), NOW)

    assert max(len(line) for line in raw.split(b"\r\n")) <= 998


@given(st.text(st.characters(exclude_categories=["Cc", "Cs", "Zl", "Zp"]), max_size=300))
def test_any_subject_survives(subject: str) -> None:
    mail = parsed(changed(subject=subject))

    assert "".join(str(mail["Subject"]).split()) == "".join(subject.split())


@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r"), max_size=400))
def test_any_text_survives_in_both_parts(text: str) -> None:
    mail = parsed(changed(text=text, html=text))

    assert text_of(mail, "plain").rstrip("\n") == text.rstrip("\n")
    assert text_of(mail, "html").rstrip("\n") == text.rstrip("\n")
