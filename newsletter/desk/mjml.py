"""MJML of a theme that its compiler accepts and gets wrong, by the lines of its templates."""

import re
from collections.abc import Iterator
from pathlib import Path

from newsletter.lint.mjml import MjmlFault, mjml_faults
from newsletter.model.finding import Finding, Position, Severity
from newsletter.render import Theme

_MAIN = "email.mjml.j2"


def mjml_findings(mjml: str, theme: Theme) -> Iterator[Finding]:
    """What is wrong with the MJML that a theme has written, each fault once."""
    reported = set()
    for fault in mjml_faults(mjml):
        if (key := (fault.tag, fault.attribute, fault.message)) not in reported:
            reported.add(key)
            yield Finding(
                "mjml-invalid", Severity.WARNING, _place_of(fault, theme), fault.message, fault.fix
            )


def _place_of(fault: MjmlFault, theme: Theme) -> Position:
    """Where a template has such a tag; else the beginning of the one that all begins with."""
    attribute = rf"[^<]*?\b{re.escape(fault.attribute)}\s*=" if fault.attribute else r"[\s/>]"
    pattern = re.compile(rf"<{re.escape(fault.tag)}\b{attribute}")
    for path in _templates(theme):
        source = path.read_text("utf-8")
        if match := pattern.search(source):
            line = source.count("\n", 0, match.end()) + 1
            return Position(f"templates/{path.parent.name}/{path.name}", line)
    return Position(f"templates/{theme.name}/{_MAIN}", 1)


def _templates(theme: Theme) -> list[Path]:
    """The templates of MJML, the main one first; a project's own file stands for the theme's."""
    paths = {path.name: path for folder in reversed(theme.folders) for path in folder.glob("*.j2")}
    return [paths[name] for name in sorted(paths, key=lambda name: (name != _MAIN, name))]
