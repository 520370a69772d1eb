"""How much a rule matters: to a newsletter by its settings, to an issue by its front matter."""

from dataclasses import replace
from pathlib import Path

import pytest

from newsletter.config import load
from newsletter.desk.prepare import prepare
from newsletter.errors import ConfigurationError
from newsletter.lint import check
from newsletter.model.finding import Severity
from newsletter.project import Project
from newsletter.rules import rules
from tests.unit.lint.examples import PROSE, findings, front, parsed_issue
from tests.unit.lint.test_command import SETTINGS

VAGUE = PROSE + "\n[here](https://example.com/1)\n"


def told(level: str, *lines: str, rule: str = "vague-link") -> list[Severity]:
    """The severities of what lint says of an issue with a vague link at this level of the rule."""
    parsed = parsed_issue(front(*lines) + VAGUE)
    found = check(parsed.digest, None, parsed.findings, {rule: level} if level else {})
    return [finding.severity for finding in found]


@pytest.mark.parametrize("level", ["info", "warning", "error"])
def test_a_newsletter_says_how_much_a_rule_matters(level: str) -> None:
    assert told(level) == [Severity(level)]


def test_a_newsletter_switches_a_rule_off() -> None:
    assert told("off") == []
    assert told("off", rule="no-cover") == [Severity.WARNING]


def test_an_error_among_the_findings_of_a_rule_stays_one() -> None:
    """Of a misspelt subject, where other unknown keys are notes."""
    for level in ("off", "info", "warning"):
        assert told(level, "subjet: x", rule="unknown-key") == [Severity.ERROR, Severity.WARNING]
        assert told(level, "pages: 3", rule="unknown-key").count(Severity.ERROR) == 0


@pytest.mark.parametrize(
    "ignored",
    [
        "lint-ignore: {vague-link: It is a quote.}",
        "lint-ignore:\n  vague-link: It is a quote.",
        "lint-ignore: [no-cover, vague-link: It is a quote.]",
    ],
)
def test_a_reason_silences_even_what_was_raised_to_an_error(ignored: str) -> None:
    assert told("", ignored) == told("error", ignored) == []


@pytest.mark.parametrize(
    "ignored", ["[vague-link]", "vague-link", "{vague-link: }", "{vague-link: true}"]
)
def test_without_a_reason_only_what_was_not_raised_is_silenced(ignored: str) -> None:
    assert told("", f"lint-ignore: {ignored}") == []
    assert told("error", f"lint-ignore: {ignored}") == [Severity.ERROR]


@pytest.mark.parametrize("ignored", ["[vage-link]", "{vage-link: a quote}", "vage-link"])
def test_an_unknown_rule_in_the_front_matter_is_told_with_the_nearest(ignored: str) -> None:
    (found,) = findings(front(f"lint-ignore: {ignored}") + PROSE)

    assert (found.rule, found.severity) == ("unknown-rule", Severity.WARNING)
    assert found.position.line == 6
    assert "'vage-link'" in found.message
    assert found.fix == "Did you mean 'vague-link'?"


def load_rules(folder: Path, lines: str, environment: dict[str, str] | None = None) -> object:
    path = folder / "newsletter.toml"
    path.write_text(f"{SETTINGS}\n[lint.rules]\n{lines}\n", "utf-8")
    return load(path, environment or {}).lint.rules


def test_settings_name_rules_and_levels(tmp_path: Path) -> None:
    assert load_rules(tmp_path, 'no-cover = "off"\nunfinished-text = "error"') == {
        "no-cover": "off",
        "unfinished-text": "error",
    }
    environment = {"NEWSLETTER_LINT__RULES": '{"no-cover": "off"}'}
    assert load_rules(tmp_path, "", environment) == {"no-cover": "off"}


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        (
            'no-covr = "off"',
            "lint.rules.no-covr (line 9): there is no such rule. Did you mean 'no-cover'?",
        ),
        ('qqqq = "off"', "lint.rules.qqqq (line 9): there is no such rule. docs/lint.md"),
        ('no-cover = "of"', "lint.rules.no-cover (line 9): must be 'off', 'info', 'warning' or"),
        ("no-cover = false", "lint.rules.no-cover (line 9): must be 'off', 'info', 'warning' or"),
        ('draft-issue = "off"', "lint.rules.draft-issue (line 9): finds what must not be sent"),
        ('draft-issue = "info"', "lint.rules.draft-issue (line 9): finds what must not be sent"),
    ],
)
def test_a_wrong_rule_or_level_is_refused_with_its_line(
    tmp_path: Path, line: str, fault: str
) -> None:
    with pytest.raises(ConfigurationError) as caught:
        load_rules(tmp_path, line)

    assert caught.value.exit_code == 2
    assert caught.value.message.startswith(fault)


def test_only_a_rule_that_always_finds_errors_cannot_be_lowered(tmp_path: Path) -> None:
    always = {name for name, rule in rules().items() if rule.is_always_error}

    assert "draft-issue" in always
    assert not always & {"unknown-key", "unfinished-text", "no-cover"}
    kept = "\n".join(f'{name} = "error"' for name in rules())
    assert load_rules(tmp_path, kept) == dict.fromkeys(rules(), "error")


def test_a_raised_finding_keeps_an_issue_from_being_sent(tmp_path: Path) -> None:
    load_rules(tmp_path, 'vague-link = "error"')
    (tmp_path / "issues").mkdir()
    (tmp_path / "issues" / "2026-01-07-valley.md").write_text(front() + VAGUE)

    project = Project.open(tmp_path)
    raised = prepare(project, "2026-01-07-valley")

    assert [finding.rule for finding in raised.errors] == ["vague-link"]
    assert raised.refusals == raised.errors
    lint = replace(project.settings.lint, rules={})
    usual = replace(project, settings=replace(project.settings, lint=lint))
    assert prepare(usual, "2026-01-07-valley").errors == ()
