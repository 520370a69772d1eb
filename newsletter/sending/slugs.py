"""Two issues with one slug: the ledger and the archive could not tell them apart."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from newsletter.digest import characters, front_matter, meta
from newsletter.digest.report import Report
from newsletter.digest.slugs import slug_of
from newsletter.model.finding import Finding, Position, Severity
from newsletter.project import Project

_HEAD_BYTES = 256 * 1024  # front matter has 64 K characters at most, of four bytes each


@dataclass(frozen=True, slots=True)
class Holder:
    """An issue of the project; `position` is where it gets its slug from."""

    path: Path
    position: Position


Slugs = Mapping[str, Sequence[Holder]]


def slugs(project: Project) -> Slugs:
    """The slugs of all files in `issues/`, each with who has it; reads only their front matter."""
    found: dict[str, list[Holder]] = defaultdict(list)
    for path in reversed(project.readable_issue_files()):
        slug, position = _slug(path, project.shown(path))
        found[slug].append(Holder(path.resolve(), position))
    return found


def duplicate_slug(path: Path, project: Project, taken: Slugs) -> Iterator[Finding]:
    """Two issues have one slug, or a file elsewhere has the slug of one in `issues/`."""
    slug, position = _slug(path, project.shown(path))
    others = [holder for holder in taken.get(slug, ()) if holder.path != path.resolve()]
    if others:
        yield Finding(
            "duplicate-slug",
            Severity.ERROR,
            position,
            f"{others[0].position} has the slug {slug!r} too",
            "Give one of them another, as `slug: …` in its front matter.",
        )


def slug_of_issue(project: Project, issue: str) -> str:
    """The slug of an issue, a path or a stem; UsageError where there is no such file."""
    path = project.issue_path(issue)
    return _slug(path, project.shown(path))[0]


def _slug(path: Path, shown: str) -> tuple[str, Position]:
    """The slug of a file as its digest has it, whatever else is wrong with the file."""
    try:
        with path.open("rb") as file:
            head = file.read(_HEAD_BYTES)
    except OSError:
        head = b""
    if b"slug" not in head.lower():  # spares most files of a large folder from being parsed
        return slug_of(None, path.stem, Report(shown, "", 1), 1), Position(shown, 1)
    text = head.decode("utf-8-sig", "replace")
    front = front_matter.split(characters.clean(text, shown)[0], shown)
    named = meta.read(front, shown, "")[0].meta.slug
    line = front.lines.get("slug", 1)
    return slug_of(named, path.stem, Report(shown, "", 1), line), Position(shown, line)
