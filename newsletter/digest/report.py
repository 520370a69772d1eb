"""What the parts of the parser share: their place in the file, and where findings go."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol
from urllib.parse import unquote

from newsletter.digest import typography, urls
from newsletter.digest.places import HeadingAnchor, name_of
from newsletter.digest.urls import Use
from newsletter.languages import Signs
from newsletter.model.finding import Finding, Position, Severity
from newsletter.model.inline import Image
from newsletter.model.picture import COLUMN_PIXELS, PictureResult

if TYPE_CHECKING:
    from newsletter.digest.foreign import Occurrences


class Pictures(Protocol):
    """The pictures that lie beside an issue."""

    def find(self, target: str, shown_width: int) -> PictureResult:
        """The picture of a relative target, shown at most this wide in CSS pixels; never raises."""
        ...


@dataclass
class Report:
    """The file that is being read, and the findings so far; `offset` maps body to file lines."""

    file: str
    base_url: str
    offset: int
    pictures: Pictures | None = None
    findings: list[Finding] = field(default_factory=list)
    unresolved: list[tuple[str, Position]] = field(default_factory=list)  # links without a target
    places: Mapping[str, HeadingAnchor] = field(
        default_factory=dict
    )  # headings that links of the issue may lead to
    asked_for: frozenset[str] = frozenset()  # the names of headings in targets
    anchors: dict[int, str] = field(default_factory=dict)  # by the line of their heading
    fragments: list[tuple[str, Position]] = field(default_factory=list)  # those that lead nowhere
    foreign: "dict[str, Occurrences]" = field(default_factory=dict)  # by the name of a construct
    contents: list[Position] = field(default_factory=list)  # tables of contents
    quotes: tuple[str, str, str, str] = ("“", "”", "‘", "’")  # of <q>, outer and inner ones
    signs: Signs | None = None  # what straight quotes and hyphens become, if anything
    components: set[str] = field(default_factory=set)  # whose link is shown
    positions: dict[int, Position] = field(default_factory=dict)  # by their line in the file

    def at(self, body_line: int) -> Position:
        """The place of a line of the body, counted from 0."""
        line = body_line + self.offset
        if line not in self.positions:
            self.positions[line] = Position(self.file, line)
        return self.positions[line]

    def add(
        self, rule: str, severity: Severity, place: Position, message: str, fix: str = ""
    ) -> None:
        self.findings.append(Finding(rule, severity, place, message, fix))

    def tell_of_fragments(self) -> None:
        """One finding for all links to headings that are not there."""
        if not self.fragments:
            return
        first, place = self.fragments[0]
        leads_nowhere = " leads nowhere" if first == "#" else ": no heading has this name"
        more = f", and {len(self.fragments) - 1} more" if self.fragments[1:] else ""
        self.add(
            "broken-link",
            Severity.WARNING,
            place,
            f"{unquote(first)!r}{more}{leads_nowhere}; its text stays, its link does not",
            "Name a heading as it is written, in lower case with hyphens, or remove the link.",
        )

    def tell_of_unresolved(self) -> None:
        """One finding for all links such as [text][name] whose name is not defined."""
        if not self.unresolved:
            return
        first, place = self.unresolved[0]
        more = f", and {len(self.unresolved) - 1} more" if self.unresolved[1:] else ""
        self.add(
            "unresolved-reference",
            Severity.WARNING,
            place,
            f"{first[:60]!r}{more}: no target is defined, and readers see the brackets",
            "Define it on a line of its own: [name]: https://…",
        )

    def url(self, raw: str, place: Position, use: Use = Use.LINK) -> str | None:
        """The safe form of a target, None where only its text may stay; reports what was wrong."""
        if use is Use.LINK and raw.strip().startswith("#"):
            return self._within_the_issue(raw.strip(), place)
        target = urls.check(raw, self.base_url, use)
        if target.rule:
            self.add(target.rule, target.severity, place, target.problem, target.fix)
        return target.url

    def _within_the_issue(self, target: str, place: Position) -> str | None:
        heading = self.places.get(name_of(target))
        if heading is None:
            self.fragments.append((target, place))
            return None
        self.anchors[heading.line] = heading.anchor
        return f"#{heading.anchor}"

    def image(
        self,
        raw: str,
        alt: str,
        title: str,
        place: Position,
        width: int | None = None,
        height: int | None = None,
    ) -> Image | None:
        """The picture of a target, None where it is refused or missing; reports what was wrong.

        One that lies beside the issue knows its size, and keeps its proportions. Its title may be a
        caption, with quotes as the text has them.
        """
        title = typography.typeset(title, self.signs)
        if self.pictures is None or not urls.names_a_file(raw):
            url = self.url(raw, place, Use.RESOURCE)
            return None if url is None else Image(url, alt, title, width, height, position=place)
        result = self.pictures.find(raw, min(width or COLUMN_PIXELS, COLUMN_PIXELS))
        for problem in result.problems:
            self.add(problem.rule, problem.severity, place, problem.message, problem.fix)
        if result.url is None:
            return None
        return Image(result.url, alt, title, result.width, result.height, raw, position=place)
