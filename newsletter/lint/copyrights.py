"""A year of copyright that nobody has changed since."""

import re
from collections.abc import Iterator

from newsletter.lint.reading import as_read
from newsletter.lint.visible import runs
from newsletter.model.digest import Digest
from newsletter.model.email import Email
from newsletter.model.finding import Finding, Position, Severity

_YEARS = re.compile(
    r"(?:©|&copy;|&#169;|\(c\)|\bcopyright\b|版权所有|版權所有)[\s:©]*(?:\(c\)\s*)?"
    r"(?:(?:19|20)\d\d\s*[-–—]\s*)?(?P<last>(?:19|20)\d\d)(?!\d)(?!\s*[-–—]\s*\S)",
    re.IGNORECASE,
)
_LAST_RUNS = 3  # where an issue's own line of copyright stands; above, it is that of a picture
_FOOT_CHARACTERS = 6_000


def old_copyright(digest: Digest, email: Email) -> Iterator[Finding]:
    """A line of copyright at the end has the year of the issue."""
    year = digest.meta.day.year if digest.meta.day else None
    parts = as_read(email)
    foot = parts.html[-_FOOT_CHARACTERS:] + parts.text[-_FOOT_CHARACTERS:]
    if year is None or not _YEARS.search(foot):
        return
    own = list(runs(digest))
    for run in [run for run in own if not run.is_plain][-_LAST_RUNS:]:
        match = _YEARS.match(run.text.lstrip("*_ \0"))
        if match and int(match["last"]) < year:
            yield _finding(match, run.place(0), year, "Write the year of the issue.")
            return
    written = {match[0] for run in own for match in _YEARS.finditer(run.text)}
    for match in _YEARS.finditer(foot):
        if match[0] not in written and int(match["last"]) < year:
            fix = "Let the theme write {{ digest.meta.day.year }}, or correct it."
            yield _finding(match, digest.position, year, fix)
            return


def _finding(match: re.Match[str], place: Position, year: int, fix: str) -> Finding:
    return Finding(
        "old-copyright",
        Severity.WARNING,
        place,
        f"{' '.join(match[0].split())!r} in an issue of {year}",
        fix,
    )
