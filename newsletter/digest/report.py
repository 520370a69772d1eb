"""What the parts of the parser share: where they are, and whom they tell."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from newsletter.digest import urls
from newsletter.digest.urls import Use
from newsletter.model.finding import Finding, Position, Severity

if TYPE_CHECKING:
    from newsletter.digest.foreign import Occurrences


@dataclass
class Report:
    """The file that is being read, and the findings so far; `offset` maps body to file lines."""

    file: str
    base_url: str
    offset: int
    findings: list[Finding] = field(default_factory=list)
    unresolved: int = 0
    foreign: "dict[str, Occurrences]" = field(default_factory=dict)  # by the name of a construct
    components: set[str] = field(default_factory=set)  # of which the link is shown

    def at(self, body_line: int) -> Position:
        """The place of a line of the body, counted from 0."""
        return Position(self.file, body_line + self.offset)

    def add(
        self, rule: str, severity: Severity, place: Position, message: str, fix: str = ""
    ) -> None:
        self.findings.append(Finding(rule, severity, place, message, fix))

    def url(self, raw: str, place: Position, use: Use = Use.LINK) -> str | None:
        """The safe form of a target, None where only its text may stay; tells what was wrong."""
        target = urls.check(raw, self.base_url, use)
        if target.rule:
            self.add(target.rule, target.severity, place, target.problem, target.fix)
        return target.url
