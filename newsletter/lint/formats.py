"""Findings as text, JSON, SARIF, or annotations of a forge.

https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html
https://docs.github.com/en/actions/reference/workflow-commands-for-github-actions
"""

import json
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import quote

from newsletter import __version__
from newsletter.gate import visible, visible_json
from newsletter.model.finding import Finding, Severity

_SARIF_LEVELS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.INFO: "note"}
_GITHUB_LEVELS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.INFO: "notice"}


_SHOWN_LINES = 5


def folded(findings: Sequence[Finding]) -> Iterator[Finding]:
    """Findings as people see them: several of one rule in a file with the same fix are shown once,
    with the lines of the others. Errors are all shown, since each has to be mended."""
    alike: dict[tuple[str, ...], list[Finding]] = defaultdict(list)
    for finding in findings:
        alike[_kind(finding)].append(finding)
    for finding in findings:
        group = alike[_kind(finding)]
        if finding.severity is Severity.ERROR:
            yield finding
        elif group[0] is finding:
            yield replace(finding, message=finding.message + _others(group[1:]))


def _kind(finding: Finding) -> tuple[str, ...]:
    return finding.rule, finding.position.file, finding.severity, finding.fix


def _others(findings: Sequence[Finding]) -> str:
    if not findings:
        return ""
    lines = sorted({finding.position.line for finding in findings})
    numbers = ", ".join(str(line) for line in lines[:_SHOWN_LINES])
    noun = "line" if len(lines) == 1 else "lines"
    more = ", …" if lines[_SHOWN_LINES:] else ""
    return f"; and {len(findings)} more in {noun} {numbers}{more}"


def as_json(finding: Finding) -> dict[str, Any]:
    return {
        "rule": finding.rule,
        "severity": finding.severity,
        "file": finding.position.file,
        "line": finding.position.line,
        "column": finding.position.column,
        "message": finding.message,
        "fix": finding.fix,
    }


def sarif(findings: Sequence[Finding]) -> str:
    """One SARIF 2.1.0 log."""
    results = [
        {
            "ruleId": finding.rule,
            "level": _SARIF_LEVELS[finding.severity],
            "message": {"text": f"{finding.message}. {finding.fix}".strip()},
            "locations": [{"physicalLocation": _location(finding)}],
        }
        for finding in findings
    ]
    rules = [{"id": rule} for rule in sorted({finding.rule for finding in findings})]
    driver = {"name": "newsletter", "version": __version__, "rules": rules}
    log = {
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [
            {
                "tool": {"driver": driver},
                "columnKind": "unicodeCodePoints",
                "results": results,
            }
        ],
    }
    return "\n".join(map(visible_json, json.dumps(log, ensure_ascii=False, indent=1).split("\n")))


def _location(finding: Finding) -> dict[str, Any]:
    region = {"startLine": finding.position.line}
    if finding.position.column is not None:
        region["startColumn"] = finding.position.column
    return {"artifactLocation": {"uri": _uri(finding.position.file)}, "region": region}


def _uri(file: str) -> str:
    """A file as a URI reference: names may hold spaces and any letters."""
    path = Path(file)
    return path.as_uri() if path.is_absolute() else quote(path.as_posix())


def github(finding: Finding) -> str:
    """A workflow command of GitHub Actions, on one line that holds no other command."""
    place = finding.position
    column = "" if place.column is None else f",col={place.column}"
    message = _escaped(f"{finding.message}. {finding.fix}".strip())
    file = _escaped(place.file).replace(":", "%3A").replace(",", "%2C")
    return (
        f"::{_GITHUB_LEVELS[finding.severity]} file={file},line={place.line}{column},"
        f"title={finding.rule}::{message}"
    )


def _escaped(text: str) -> str:
    return visible(text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A"))
