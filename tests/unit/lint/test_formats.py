"""Findings as JSON, SARIF and annotations of a forge."""

import json
from typing import Any

import pytest

from newsletter.lint.formats import as_json, github, sarif
from newsletter.model.finding import Finding, Position, Severity

WARNING = Finding(
    "vague-link", Severity.WARNING, Position("issues/a.md", 9), "says nothing", "Name it."
)
ERROR = Finding(
    "front-matter-invalid",
    Severity.ERROR,
    Position("issues/b c.md", 3, 8),
    "is not YAML",
    "Mend it.",
)
NOTE = Finding("no-cover", Severity.INFO, Position("/tmp/新闻.md", 1), "has no cover")


def only_run(*findings: Finding) -> Any:
    log = json.loads(sarif(findings))
    (run,) = log["runs"]
    return run


def test_json_has_the_seven_keys_of_the_contract() -> None:
    assert as_json(ERROR) == {
        "rule": "front-matter-invalid",
        "severity": "error",
        "file": "issues/b c.md",
        "line": 3,
        "column": 8,
        "message": "is not YAML",
        "fix": "Mend it.",
    }


def test_json_says_null_where_a_finding_is_about_a_whole_line() -> None:
    assert json.loads(json.dumps(as_json(WARNING)))["column"] is None


def test_sarif_is_a_log_of_version_2_1_0_with_one_run() -> None:
    """SARIF 2.1.0 (OASIS, 2020): what must be there, and of which type."""
    log = json.loads(sarif([WARNING, ERROR]))
    (run,) = log["runs"]

    assert log["version"] == "2.1.0"
    assert log["$schema"].endswith("sarif-2.1.0.json")
    assert run["tool"]["driver"]["name"] == "newsletter"
    assert run["columnKind"] == "unicodeCodePoints"
    assert len(run["results"]) == 2


def test_each_sarif_result_names_a_rule_of_the_driver_once() -> None:
    run = only_run(WARNING, ERROR, WARNING)

    rules = [rule["id"] for rule in run["tool"]["driver"]["rules"]]
    assert rules == ["front-matter-invalid", "vague-link"]
    assert {result["ruleId"] for result in run["results"]} == set(rules)


def test_a_sarif_result_holds_level_message_and_place() -> None:
    (result,) = only_run(ERROR)["results"]

    assert result["level"] == "error"
    assert result["message"] == {"text": "is not YAML. Mend it."}
    (location,) = result["locations"]
    assert location["physicalLocation"]["region"] == {"startLine": 3, "startColumn": 8}


@pytest.mark.parametrize(
    ("finding", "level"), [(ERROR, "error"), (WARNING, "warning"), (NOTE, "note")]
)
def test_sarif_has_levels_of_its_own(finding: Finding, level: str) -> None:
    assert only_run(finding)["results"][0]["level"] == level


def test_a_sarif_region_without_a_column_is_a_whole_line() -> None:
    (result,) = only_run(WARNING)["results"]

    assert result["locations"][0]["physicalLocation"]["region"] == {"startLine": 9}


@pytest.mark.parametrize(
    ("finding", "uri"),
    [
        (WARNING, "issues/a.md"),
        (ERROR, "issues/b%20c.md"),
        (NOTE, "file:///tmp/%E6%96%B0%E9%97%BB.md"),
    ],
)
def test_sarif_names_files_as_uri_references(finding: Finding, uri: str) -> None:
    """A space is no part of a URI (RFC 3986): readers of SARIF refuse such a log."""
    (result,) = only_run(finding)["results"]

    assert result["locations"][0]["physicalLocation"]["artifactLocation"] == {"uri": uri}


def test_sarif_without_findings_has_an_empty_run() -> None:
    """A forge takes an empty list as all clear, a missing one as a broken tool."""
    assert only_run()["results"] == []


def test_github_annotations_name_level_place_rule_and_message() -> None:
    assert github(ERROR) == (
        "::error file=issues/b c.md,line=3,col=8,title=front-matter-invalid::is not YAML. Mend it."
    )
    assert github(WARNING).startswith("::warning file=issues/a.md,line=9,title=vague-link::")
    assert github(NOTE) == "::notice file=/tmp/新闻.md,line=1,title=no-cover::has no cover."


def test_github_properties_escape_what_would_end_them() -> None:
    """actions/toolkit, command.ts: % first, then line ends, and in properties also : and ,"""
    finding = Finding("x-y", Severity.ERROR, Position("50%,a:b\r\n.md", 1), "m", "F.")

    assert github(finding).startswith("::error file=50%25%2Ca%3Ab%0D%0A.md,line=1,")


def test_github_messages_escape_line_ends_and_percent_signs_alone() -> None:
    """A message may hold a workflow command on a line of its own: that must not be one."""
    finding = Finding("x-y", Severity.ERROR, Position("a.md", 1), "50%: a,b\n::stop::", "F.")

    assert github(finding).endswith("::50%25: a,b%0A::stop::. F.")
    assert len(github(finding).splitlines()) == 1
