"""What all tools have: how they are called, and what is said where one is missing."""

import shutil
from collections.abc import Callable, Iterator, Sequence

from newsletter import config
from newsletter.desk.prepare import Prepared
from newsletter.model.finding import Finding, Position, Severity
from newsletter.project import Project

Tool = Callable[[Sequence[Prepared], Project], Iterator[Finding]]


def program(name: str) -> str | None:
    """Where a program is installed."""
    return shutil.which(name)


def missing(what: str, package: str) -> Finding:
    """The note that a check was left out."""
    reason = f"{package} is not installed"
    return _unchecked(what, reason, f"Install {package}, or check without it.")


def failed(what: str, reason: str) -> Finding:
    """The note that a tool broke off."""
    return _unchecked(what, reason, "Run the tool by itself to see why.")


def _unchecked(what: str, reason: str, fix: str) -> Finding:
    place = Position(config.FILE_NAME, 1)
    message = f"{what} was not checked: {reason}"
    return Finding("tool-missing", Severity.INFO, place, message, fix)
