"""Rules on the final email: its size, its subject, how to leave, and its merge fields."""

from dataclasses import replace

import pytest

from newsletter.lint import DIGEST_RULES, EMAIL_RULES, EmailRule, check, mail, rule_id
from newsletter.model.email import Email, MergeField, MergeText, Place
from newsletter.model.finding import Finding, Severity
from tests.unit.lint.examples import FRONT, PROSE, parsed_issue

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


def findings(email: Email) -> list[Finding]:
    digest = parsed_issue(FRONT + PROSE).digest
    return list(check(digest, email))


def of_size(size: int) -> Email:
    """An email whose HTML takes this many bytes when its links are empty."""
    return replace(EMAIL, html=("x" * size, LEAVE))


EXAMPLES = {
    "html-too-large": (of_size(85_001), Severity.WARNING),
    "subject-empty": (replace(EMAIL, subject=(" ",)), Severity.ERROR),
    "subject-too-long": (replace(EMAIL, subject=("x" * 990,)), Severity.ERROR),
    "unsubscribe-missing": (replace(EMAIL, text=("bye",)), Severity.ERROR),
    "merge-field-without-default": (replace(EMAIL, subject=(NAME, ", hello")), Severity.WARNING),
}


def test_an_email_in_order_has_no_finding() -> None:
    assert findings(EMAIL) == []


def test_every_rule_on_the_email_has_an_example() -> None:
    assert EXAMPLES.keys() == {rule_id(rule) for rule in EMAIL_RULES}


@pytest.mark.parametrize("rule", EMAIL_RULES, ids=rule_id)
def test_a_rule_finds_its_fault_and_says_what_to_do(rule: EmailRule) -> None:
    email, severity = EXAMPLES[rule_id(rule)]

    (found,) = findings(email)

    assert (found.rule, found.severity) == (rule_id(rule), severity)
    line = 2 if rule is mail.subject_too_long else 1  # that of the title
    assert (found.position.file, found.position.line) == ("issues/2026-01-07-valley.md", line)
    assert found.message
    assert found.fix.endswith(".")


def test_html_is_measured_in_bytes_against_what_gmail_clips() -> None:
    """Three bytes a Chinese character; merge fields count nothing."""
    assert findings(of_size(85_000)) == []
    assert "cuts mails near 102,000" in findings(of_size(102_000))[0].message
    assert "cuts it off" in findings(of_size(102_001))[0].message
    assert findings(replace(EMAIL, html=("织" * 28_333, LEAVE))) == []
    assert findings(replace(EMAIL, html=("织" * 28_334, LEAVE))) != []


def test_a_subject_of_a_merge_field_with_a_default_is_not_empty() -> None:
    assert findings(replace(EMAIL, subject=(replace(NAME, default="reader"),))) == []


@pytest.mark.parametrize(("part", "named"), [("html", "HTML"), ("text", "text")])
def test_each_part_lets_a_reader_leave(part: str, named: str) -> None:
    """Another of the links is not enough."""
    web: MergeText = (MergeField("web_url", Place.URL),)

    (found,) = findings(replace(EMAIL, html=web) if part == "html" else replace(EMAIL, text=web))

    assert f"the {named} part" in found.message


def test_a_field_without_a_default_is_told_once_wherever_it_stands() -> None:
    both = replace(EMAIL, preheader=(NAME,), text=(NAME, LEAVE))

    (found,) = findings(both)

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
