"""docs/lint.md has an entry for every rule that the code can emit, and for nothing else."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from newsletter.digest.keys import KNOWN
from newsletter.lint import DIGEST_RULES, EMAIL_RULES, DigestRule, EmailRule, rule_id
from newsletter.model.finding import Severity
from newsletter.rules import rules
from tests.unit.lint import examples
from tests.unit.lint.test_mail_rules import EXAMPLES as MAIL_EXAMPLES

ROOT = Path(__file__).parents[3]
TEXT = (ROOT / "docs" / "lint.md").read_text("utf-8")
ENTRIES = {
    match["rule"]: (match["severity"], " ".join(match["text"].split()))
    for match in re.finditer(
        r"^### `(?P<rule>[^`]+)` · (?P<severity>.+)\n(?P<text>(?:(?!#).+\n)+)", TEXT, re.MULTILINE
    )
}
LINK = re.compile(r"\[([^\]]+)\]\([^)]+\)")
ID = re.compile(r"[a-z0-9]+(-[a-z0-9]+)+")
# Rules on an issue within its project, or on a day: tests/integration has them, in
# test_cli_slugs.py, test_cli_languages.py, test_cli_neighbours.py and test_cli_unfinished.py, and
# tests/unit/desk, in test_clients.py and test_mjml.py; header-invalid is in test_headers.py.
PROJECT_RULES = {
    "date-far": Severity.WARNING,
    "duplicate-slug": Severity.ERROR,
    "header-invalid": Severity.ERROR,
    "language-inferred": Severity.WARNING,
    "language-mismatch": Severity.WARNING,
    "mjml-invalid": Severity.WARNING,
    "no-source-link": Severity.WARNING,
    "repeated-title": Severity.WARNING,
    "scaffold-text": Severity.ERROR,
    "unsupported-by-clients": Severity.WARNING,
    "words-missing": Severity.WARNING,
}
# Rules on pictures that lie beside an issue; tests/unit/pictures and tests/integration have them.
PICTURE_RULES = {
    "picture-missing": Severity.ERROR,
    "picture-outside": Severity.ERROR,
    "picture-stands-still": Severity.WARNING,
    "picture-too-large": Severity.WARNING,
    "picture-unreadable": Severity.ERROR,
}
# Rules of tools; tests/unit/desk has them, in test_tools.py and test_dead_links.py.
TOOL_RULES = (
    ("accessibility", Severity.WARNING),
    ("dead-link", Severity.WARNING),
    ("misspelling", Severity.INFO),
    ("moved-link", Severity.INFO),
    ("spam-points", Severity.INFO),
    ("spam-points", Severity.WARNING),
    ("tool-missing", Severity.INFO),
    ("unknown-link", Severity.INFO),
)
NO_RULES = {"lint-ignore", "utf-8-sig"}  # of the literals that look like an id


def literals(folder: Path) -> Iterator[str]:
    """What stands in the code as text and has the form of a rule's id."""
    for path in sorted(folder.glob("*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if (
                isinstance(node, ast.Constant)
                and isinstance(node.value, str)
                and ID.fullmatch(node.value)
            ):
                yield node.value


def composed() -> set[str]:
    """The ids that the parser makes of the name of a key, or of a rule on addresses."""
    keys = (
        finding.rule
        for key in KNOWN
        for finding in examples.findings(f"---\n{key}: {{a: 1}}\n---\n")
        if finding.rule.endswith("-invalid")
    )
    urls = (f"cover-{rule}" for rule in literals_of("urls.py"))
    return {*keys, *urls}


def literals_of(name: str) -> set[str]:
    text = (ROOT / "newsletter" / "digest" / name).read_text("utf-8")
    constants = (node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Constant))
    return {str(node.value) for node in constants if ID.fullmatch(str(node.value))}


def emitted() -> set[str]:
    own = {
        *map(rule_id, DIGEST_RULES),
        *map(rule_id, EMAIL_RULES),
        *PROJECT_RULES,
        *dict(TOOL_RULES),
    }
    read = {
        rule for folder in ("digest", "pictures") for rule in literals(ROOT / "newsletter" / folder)
    }
    return (read | own | composed()) - NO_RULES


def test_every_rule_is_documented_and_nothing_else_is() -> None:
    assert set(ENTRIES) == emitted()


def test_the_list_of_rules_says_what_the_documentation_says() -> None:
    """By it newsletters switch rules off, and programs show them."""
    listed = {rule.id: rule for rule in rules().values()}

    assert listed.keys() == ENTRIES.keys()
    for name, (severities, text) in ENTRIES.items():
        assert " or ".join(listed[name].severities) == severities
        assert LINK.sub(r"\1", text).startswith(listed[name].says.rstrip(".")), listed[name].says


def test_no_entry_is_written_twice_or_in_a_form_of_its_own() -> None:
    assert len(re.findall(r"^###", TEXT, re.MULTILINE)) == len(ENTRIES)


@pytest.mark.parametrize("rule", sorted(ENTRIES))
def test_the_documented_severity_is_the_one_that_is_emitted(rule: str) -> None:
    """Every rule of the documentation has an example that triggers it."""
    shown = (
        {
            example.severity
            for example in (*examples.DIGEST_RULES, *examples.PARSER_RULES)
            if example.rule == rule
        }
        | {severity for name, _, severity in MAIL_EXAMPLES if name == rule}
        | {
            severity
            for name, severity in (*PROJECT_RULES.items(), *PICTURE_RULES.items(), *TOOL_RULES)
            if name == rule
        }
    )

    assert set(ENTRIES[rule][0].split(" or ")) == {str(severity) for severity in shown}


@pytest.mark.parametrize("rule", [*DIGEST_RULES, *EMAIL_RULES], ids=lambda rule: rule.__name__)
def test_an_entry_begins_with_what_the_rule_says_of_itself(rule: DigestRule | EmailRule) -> None:
    first = (rule.__doc__ or "").strip().splitlines()[0].rstrip(".")

    assert ENTRIES[rule_id(rule)][1].startswith(first)
