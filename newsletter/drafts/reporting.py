"""What became of an archive: counts for people, and a line for each change in a CSV file."""

import csv
import io
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from newsletter.audience.spreadsheet import guard
from newsletter.drafts.adopting import Adopted
from newsletter.drafts.escaping import line_of
from newsletter.drafts.posts import ChangeKind
from newsletter.files import write_new
from newsletter.model.finding import Severity

_COLUMNS = ("place", "what", "detail")

WORDS = {
    ChangeKind.CONVERTED: "converted",
    ChangeKind.DROPPED: "left out",
    ChangeKind.UNKNOWN: "unknown markup, which stays as it stands",
    ChangeKind.KEPT_HTML: "kept as HTML",
    ChangeKind.PICTURE_MISSING: "missing pictures",
    ChangeKind.PICTURE_REMOTE: "pictures that stay on the web",
    ChangeKind.RENAMED: "renamed",
    ChangeKind.NOTED: "to look at",
    ChangeKind.LEFT: "posts that were not adopted",
}


def counted(adopted: Adopted) -> dict[str, int]:
    """How many changes there were of each kind."""
    counts = Counter(change.kind for change in adopted.changes)
    return {str(kind): counts[kind] for kind in ChangeKind if counts[kind]}


def by_rule(adopted: Adopted) -> dict[str, int]:
    """How many errors and warnings lint has of each rule, the most frequent first."""
    serious = (each for each in adopted.findings if each.severity is not Severity.INFO)
    return dict(Counter(finding.rule for finding in serious).most_common())


def write(adopted: Adopted, path: Path) -> None:
    """Write the report. Raises FileExistsError where one is there."""
    text = io.StringIO(newline="")
    table = csv.writer(text)
    table.writerow(_COLUMNS)
    table.writerows(_rows(adopted))
    write_new(path, text.getvalue().encode(), follows=True)


def _rows(adopted: Adopted) -> Iterator[list[str]]:
    for issue in adopted.issues:
        yield _row(issue.source, "adopted", issue.path.name)
    for change in adopted.changes:
        yield _row(change.place, str(change.kind), change.detail)
    for finding in adopted.findings:
        detail = f"{finding.severity}: {finding.message} {finding.fix}".strip()
        yield _row(str(finding.position), finding.rule, detail)


def _row(*cells: str) -> list[str]:
    return [guard(line_of(cell)) for cell in cells]
