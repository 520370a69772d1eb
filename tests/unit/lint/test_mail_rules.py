"""Rules on the final email: its size, its subject, how to leave, and its merge fields."""

from dataclasses import replace

import pytest

from newsletter.lint import DIGEST_RULES, EMAIL_RULES, check, mail, rule_id
from newsletter.lint.reading import as_read
from newsletter.model.email import Email, MergeField, MergeText, Place
from newsletter.model.finding import Finding, Severity
from tests.unit.lint.examples import FRONT, PROSE, front, parsed_issue

LEAVE = MergeField("unsubscribe_url", Place.URL)
NAME = MergeField("subscriber.name", Place.TEXT)
EMAIL = Email(
    sender="Valley <news@example.com>",
    reply_to="",
    language="en",
    subject=("News of the valley",),
    preheader=("Looms came",),
    html=("<a href='", LEAVE, "'>leave</a>"),
    text=("leave: ", LEAVE),
)


def findings(email: Email, rule: str = "") -> list[Finding]:
    """What lint says about an email, of one rule or of all."""
    digest = parsed_issue(front("preheader: Looms came") + PROSE).digest
    return [found for found in check(digest, email) if rule in ("", found.rule)]


def of_size(size: int) -> Email:
    """An email whose HTML has this many bytes."""
    html: MergeText = ("<a href='", LEAVE, "'>leave</a><!--", "-->")
    padding = "x" * (size - len(as_read(replace(EMAIL, html=html)).html))
    return replace(EMAIL, html=(*html[:-1], padding, html[-1]))


def of_html(html: str) -> Email:
    return replace(EMAIL, html=(*EMAIL.html, html))


PALE = "<p style='color:#999999'>leave</p>"
ODD = "News \U0001d5ff\U0001d5ee"
EXAMPLES = (
    ("html-too-large", of_size(85_001), Severity.WARNING),
    ("html-too-large", of_size(100_001), Severity.ERROR),
    ("subject-empty", replace(EMAIL, subject=(" ",)), Severity.ERROR),
    ("subject-too-long", replace(EMAIL, subject=("x" * 990,)), Severity.ERROR),
    ("unsubscribe-missing", replace(EMAIL, text=("bye",)), Severity.ERROR),
    ("merge-field-without-default", replace(EMAIL, subject=(NAME, ", hello")), Severity.WARNING),
    (
        "late-news",
        replace(EMAIL, html=(f"<p>{'word ' * 51}</p>Looms came to the valley", LEAVE)),
        Severity.INFO,
    ),
    ("old-copyright", replace(EMAIL, text=("© 2024 Valley ", LEAVE)), Severity.WARNING),
    ("low-contrast", of_html(PALE), Severity.WARNING),
    ("text-html-parity", of_html("<p>More</p>"), Severity.WARNING),
    ("odd-subject", replace(EMAIL, subject=(ODD,)), Severity.WARNING),
    ("long-preheader", replace(EMAIL, preheader=("x" * 151,)), Severity.INFO),
    ("long-sender", replace(EMAIL, sender=f"{'Valley ' * 6}<news@example.com>"), Severity.WARNING),
)
RULES = set(map(rule_id, EMAIL_RULES))


def test_an_email_in_order_has_no_finding() -> None:
    assert findings(EMAIL) == []


def test_every_rule_on_the_email_has_an_example() -> None:
    assert {rule for rule, _, _ in EXAMPLES} == RULES


@pytest.mark.parametrize(("rule", "email", "severity"), EXAMPLES)
def test_a_rule_finds_its_fault_and_says_what_to_do(
    rule: str, email: Email, severity: Severity
) -> None:
    (found,) = findings(email, rule)

    assert found.severity == severity
    in_front = {"subject-too-long": 2, "odd-subject": 2, "long-preheader": 6}
    line = in_front.get(rule, 1)
    assert (found.position.file, found.position.line) == ("issues/2026-01-07-valley.md", line)
    assert found.message
    assert found.fix.endswith(".")


def test_html_is_measured_in_bytes_against_what_gmail_clips() -> None:
    """Three bytes a Chinese character, and links as long as readers get them."""
    assert findings(of_size(85_000)) == []
    assert findings(of_size(100_000))[0].severity is Severity.WARNING

    (found,) = findings(
        replace(EMAIL, html=("<!--", "织" * 28_333, "-->", LEAVE)), "html-too-large"
    )

    assert found.message == "85,126 bytes of HTML: Gmail cuts mails near 102,000"


def test_a_subject_of_a_merge_field_with_a_default_is_not_empty() -> None:
    assert findings(replace(EMAIL, subject=(replace(NAME, default="reader"),))) == []


@pytest.mark.parametrize(("part", "named"), [("html", "HTML"), ("text", "text")])
def test_each_part_lets_a_reader_leave(part: str, named: str) -> None:
    """Another of the links is not enough."""
    web: MergeText = (MergeField("web_url", Place.URL),)

    email = replace(EMAIL, html=web) if part == "html" else replace(EMAIL, text=web)

    (found,) = findings(email, "unsubscribe-missing")

    assert f"the {named} part" in found.message


def test_a_field_without_a_default_is_told_once_wherever_it_stands() -> None:
    both = replace(EMAIL, preheader=(NAME,), text=(NAME, LEAVE))

    (found,) = findings(both, "merge-field-without-default")

    assert found.rule == "merge-field-without-default"
    assert "{{ subscriber.name }}" in found.message
    assert found.fix == 'Write {{ subscriber.name | default("reader") }}.'


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("Dear {{ subscriber.name }},\n", 9),
        ("Text.\n\n- Dear\n  {{subscriber.name}}\n", 12),
        ('![Cranes](https://e.example/x.png "For {{ subscriber.name }}")\n', 9),
        ("Dear {{ subscriber.names }}, `{{ subscriber.name }}`\n", 1),
    ],
)
def test_a_field_without_a_default_is_told_where_it_stands(text: str, line: int) -> None:
    digest = parsed_issue(FRONT + PROSE + "\n" + text).digest
    email = replace(EMAIL, text=(NAME, LEAVE))

    (found,) = mail.merge_field_without_default(digest, email)

    assert found.position.line == line


def test_no_id_names_two_rules() -> None:
    ids = [*map(rule_id, DIGEST_RULES), *map(rule_id, EMAIL_RULES)]

    assert len(ids) == len(set(ids))
