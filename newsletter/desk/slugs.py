"""Two issues with one slug, which the ledger and the archive could not tell apart, or with one
title, which readers could not."""

import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from newsletter.desk.glance import glance
from newsletter.digest import characters, front_matter, meta
from newsletter.digest.report import Report
from newsletter.digest.slugs import slug_of
from newsletter.files import version_of
from newsletter.lint.visible import spoken
from newsletter.model.digest import Digest
from newsletter.model.finding import Finding, Position, Severity
from newsletter.project import Project

_HEAD_BYTES = 256 * 1024  # front matter has 64 K characters at most, of four bytes each


@dataclass(frozen=True, slots=True)
class SlugSource:
    """An issue of the project; `position` is where it gets its slug from."""

    path: Path
    position: Position


class Slugs:
    """The slugs and titles of all files in `issues/`; most of these files are glanced at and not
    read."""

    def __init__(self, project: Project) -> None:
        self._project = project
        self._may_have: dict[str, list[Path]] = defaultdict(list)
        self._may_be_titled: dict[str, list[Path]] = defaultdict(list)
        for path in reversed(project.readable_issue_files()):
            try:
                slugs, titles = _names(path, version_of(path))
            except OSError:  # it was removed at this moment
                continue
            for slug in slugs:
                self._may_have[slug].append(path)
            for title in titles:
                self._may_be_titled[title].append(path)

    def holders(self, slug: str) -> list[SlugSource]:
        """Who has this slug, the oldest name first."""
        sources = [
            (path, *_slug(path, _head(path), self._project.name_of(path)))
            for path in self._may_have.get(slug, ())
        ]
        return [
            SlugSource(path.resolve(), position) for path, its, position in sources if its == slug
        ]

    def last_titled(self, title: str, before: str) -> Path | None:
        """The last issue before this file name with this subject, as it is spoken."""
        paths = reversed(self._may_be_titled.get(title, ()))
        earlier = (path for path in paths if path.name < before)
        return next((path for path in earlier if spoken(_subject(path)) == title), None)


def is_taken(project: Project, slug: str) -> bool:
    """Whether a file in `issues/` has this slug."""
    return bool(Slugs(project).holders(slug))


def duplicate_slug(path: Path, project: Project, slugs: Slugs) -> Iterator[Finding]:
    """Two issues have one slug, or a file elsewhere has the slug of one in `issues/`."""
    slug, position = _slug(path, _head(path), project.name_of(path))
    others = [holder for holder in slugs.holders(slug) if holder.path != path.resolve()]
    if others:
        yield Finding(
            "duplicate-slug",
            Severity.ERROR,
            position,
            f"{others[0].position} has the slug {slug!r} too",
            "Give one of them another, as `slug: …` in its front matter.",
        )


def repeated_title(path: Path, digest: Digest, project: Project, slugs: Slugs) -> Iterator[Finding]:
    """An issue has a title of its own: mail programs show those of one subject as one thread."""
    subject = digest.meta.subject or digest.title_text
    title = spoken(subject)
    earlier = slugs.last_titled(title, path.name) if title else None
    if earlier is not None:
        titled = digest.title and digest.meta.subject is None
        yield Finding(
            "repeated-title",
            Severity.WARNING,
            digest.title[0].position if titled else digest.position,
            f"{project.name_of(earlier)} has the title {subject!r} too",
            "Say what is new in this one, or write another subject: in the front matter.",
        )


def slug_of_issue(project: Project, issue: str) -> str:
    """The slug of an issue, a path or a stem; UsageError where there is no such file."""
    path = project.issue_path(issue)
    return _slug(path, _head(path), project.name_of(path))[0]


def front_matter_of(project: Project, path: Path, key: str) -> str | None:
    """The text that an issue has for a key such as `theme`; most files are glanced at alone."""
    head = _head(path)
    if key.encode() not in head:
        return None
    value = front_of(head, project.name_of(path)).values.get(key)
    return value if isinstance(value, str) else None


@lru_cache(maxsize=4096)
def _names(path: Path, version: tuple[int, int]) -> tuple[frozenset[str], frozenset[str]]:
    """The slugs and the titles that a version of a file may have: while one issue is written, the
    many others need not be read each time."""
    head = _head(path)
    names = glance(head, path.stem)
    return names.slugs or frozenset({_slug(path, head, "")[0]}), names.titles


def _head(path: Path) -> bytes:
    try:
        return head_of(path)
    except OSError:
        return b""


def head_of(path: Path) -> bytes:
    """The beginning of a file, with all of its front matter. Raises OSError."""
    with path.open("rb") as file:
        return file.read(_HEAD_BYTES)


def front_of(head: bytes, file: str) -> front_matter.FrontMatter:
    """The front matter of a file with this beginning, whatever else is wrong with it."""
    return front_matter.split(characters.clean(head.decode("utf-8-sig", "replace")), file)


def _subject(path: Path) -> str:
    """The subject of a file as its digest has it; that of one without a title is its heading."""
    front = front_of(_head(path), "")
    read = meta.read(front, "", "")[0]
    heading = re.search(r"^#[ \t]+(.+)$", front.body, re.MULTILINE)
    return read.meta.subject or read.title or (heading[1] if heading else "")


def _slug(path: Path, head: bytes, file: str) -> tuple[str, Position]:
    """The slug of a file as its digest has it, whatever else is wrong with the file."""
    front = front_of(head, file)
    key = meta.read(front, file, "")[0].meta.slug
    line = front.lines.get("slug", 1)
    return slug_of(key, path.stem, Report(file, "", 1), line), Position(file, line)
