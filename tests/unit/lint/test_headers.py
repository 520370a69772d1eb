"""Headers as they leave, and the letters in them."""

from dataclasses import replace

import pytest

from newsletter.config import NewsletterSettings, Settings
from newsletter.desk.headers import header_findings
from newsletter.lint import check
from newsletter.lint.headers import header_faults, long_preheader, odd_subject
from newsletter.model.email import Email
from newsletter.model.finding import Finding, Position
from tests.unit.lint.test_mail_rules import EMAIL
from tests.unit.render.rendering import issue, rendered

PLACE = Position("issues/a.md", 1)


def messages(*lines: str) -> list[str]:
    return [finding.message for finding in header_faults(lines, PLACE)]


@pytest.mark.parametrize(
    "line",
    [
        "Subject: News",
        f"Subject: {'x' * 989}",
        "Subject: =?utf-8?b?5paw6Ze7?=\r\n =?utf-8?b?5paw6Ze7?=",
        "List-Id: =?utf-8?b?5paw6Ze7?= <a.example.com>",
        "List-Unsubscribe: <https://example.com/u/x>",
    ],
)
def test_a_header_in_order_is_not_told(line: str) -> None:
    assert messages(line) == []


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (f"Subject: {'x' * 990}", "the header Subject has a line of 999 octets; 998 are allowed"),
        ("Subject: 新闻", "the header Subject holds letters that are not encoded"),
        ("Subject: a\x07", "the header Subject holds a control character"),
        ("Subject: a\r\nBcc: b@c.example", "the header Subject is folded so that another header"),
        (f"From: =?utf-8?b?{'QUFB' * 17}?= <a@b.c>", "an encoded word of more than 75 octets"),
        ("List-Unsubscribe: =?utf-8?q?=3Chttps?= <x>", "do not find the address in it"),
        ("List-Unsubscribe:\r\n <https://example.com/u>", "do not find the address in it"),
    ],
)
def test_a_header_that_servers_may_refuse_is_told(line: str, message: str) -> None:
    (found,) = messages(line)

    assert message in found


def found_in(email: Email, base_url: str = "https://news.example.com") -> list[Finding]:
    newsletter = NewsletterSettings(
        name="Valley", sender="a@b.example", base_url=base_url, postal_address="1 Mill Lane"
    )
    subject_place = Position(PLACE.file, 3)
    return list(header_findings(email, Settings(newsletter=newsletter), PLACE, subject_place))


def of_issue(email: Email, base_url: str = "https://news.example.com") -> list[str]:
    return [found.message for found in found_in(email, base_url)]


def test_the_headers_of_an_issue_are_in_order() -> None:
    """Long ones in Chinese among them."""
    assert of_issue(replace(EMAIL, subject=("新闻" * 200,), sender="每日机器 <a@b.example>")) == []


def test_an_address_that_is_too_long_for_its_header_is_told() -> None:
    (found,) = of_issue(EMAIL, f"https://example.com/{'x' * 900}")

    assert "List-Unsubscribe" in found


def test_a_header_is_told_where_it_is_written() -> None:
    (subject,) = found_in(replace(EMAIL, subject=("Ne\x07ws",)))
    (reply,) = found_in(replace(EMAIL, reply_to="A\x07 <a@b.example>"))

    assert (subject.position.line, reply.position.line) == (3, 1)


def test_a_control_character_in_the_reply_address_is_told() -> None:
    (found,) = of_issue(replace(EMAIL, reply_to="A\x07 <a@b.example>"))

    assert "control character" in found


@pytest.mark.parametrize(
    "subject",
    ["News 🎉", "Család 👨‍👩‍👧", "می‌خواهم", "News №5", "Ｗ", "ＡＩ"[:1], "①", "新闻：一"],
)
def test_letters_of_every_language_and_emojis_are_no_oddity(subject: str) -> None:
    assert list(odd_subject(issue(), replace(EMAIL, subject=(subject,)))) == []


@pytest.mark.parametrize(
    ("subject", "named"),
    [
        ("𝗡𝗲𝘄𝘀 today", "'𝗡𝗲𝘄𝘀'"),
        ("Ⓝⓔⓦⓢ", "'Ⓝⓔⓦⓢ'"),
        ("Ne\u200bws", "U+200B"),
        ("\ufeffNews", "U+FEFF"),
        ("News\ue000", "U+E000"),
        ("Ne\ufffdws", "U+FFFD"),
        ("Ne\nws", "U+000A"),
    ],
)
def test_an_oddity_is_named(subject: str, named: str) -> None:
    (found,) = odd_subject(issue(), replace(EMAIL, subject=(subject,)))

    assert named in found.message


def test_only_a_preheader_of_the_front_matter_can_be_too_long() -> None:
    long = issue(preheader="词" * 76)
    fits = issue(preheader="词" * 75)
    none = issue("Words and words. " * 30)

    assert [f.rule for f in long_preheader(long, rendered(long))] == ["long-preheader"]
    assert list(long_preheader(fits, rendered(fits))) == []
    assert list(long_preheader(none, rendered(none))) == []


def test_a_subject_and_a_preheader_are_told_at_their_lines() -> None:
    digest = issue("Text.\n", subject="a\u200bb {{ subscriber.team }}", preheader="word " * 50)
    email = rendered(digest)
    lines = digest.meta.lines

    places = {found.rule: found.position.line for found in check(digest, email)}

    assert places["odd-subject"] == lines["subject"]
    assert places["merge-field-without-default"] == lines["subject"]
    assert places["long-preheader"] == lines["preheader"]
    assert lines["subject"] != lines["preheader"]
