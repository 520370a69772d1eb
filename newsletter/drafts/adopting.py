"""The archive of another system -> issues with their pictures, all of them or none.

They are written into a folder beside `issues/`, checked there, and moved only when all are whole.
Nothing that stands in `issues/` is ever replaced.
"""

import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import yaml

from newsletter.desk.prepare import prepare
from newsletter.desk.slugs import Slugs
from newsletter.digest import characters
from newsletter.drafts import archives, converting, notes, resolving
from newsletter.drafts.archives import ForeignArchive
from newsletter.drafts.escaping import line_of
from newsletter.drafts.posts import Change, ChangeKind, ForeignPost
from newsletter.drafts.resolving import PostPictures, Shelf
from newsletter.drafts.systems import system_of
from newsletter.drafts.systems.base import MOST_OF_A_POST
from newsletter.errors import NewsletterError, RenderError, UnreadableIssue
from newsletter.files import folder_lock, make_folder, put_folder, write_new, write_whole
from newsletter.model.finding import Finding, Position, Severity
from newsletter.project import Project

_STAGE = ".adopting"
_ORDER = ("title", "subject", "slug", "date", "draft", "category", "tags", "author", "description")
_MOST_FRONT = 60_000  # characters; front matter has 64 KB at most
# What HTML loses when it is read; all else is only told.
_LOSSES = ("html-dropped", "unsafe-link", "unknown-scheme", "not-a-url", "broken-link")
_COVERS = ("coverImage", "cover_image", "cover", "image")


@dataclass(frozen=True, slots=True)
class AdoptedIssue:
    """`path` is where it stands, or would; `source` its file in the archive."""

    path: Path
    source: str
    is_draft: bool
    pictures: int


@dataclass(frozen=True, slots=True)
class Adopted:
    """`changes` are those of the archive's files, `findings` those of the new issues."""

    system: str
    issues: tuple[AdoptedIssue, ...]
    changes: tuple[Change, ...]
    findings: tuple[Finding, ...]

    @property
    def left(self) -> tuple[Change, ...]:
        return tuple(change for change in self.changes if change.kind is ChangeKind.LEFT)


def adopt(
    project: Project,
    source: Path,
    *,
    system_name: str = "",
    dry_run: bool = False,
    fetch: Callable[[str], bytes] | None = None,
) -> Adopted:
    """Make issues of all posts of an archive; with `fetch`, pictures on the web come along.

    Raises UsageError where it is none, or unsafe, and NewsletterError where they cannot be written;
    then nothing is there.
    """
    with archives.opened(source) as archive, _stage(project) as stage:
        system, archive = system_of(archive, system_name, str(source))
        run = _Run(project, archive, Shelf(archive), Slugs(project), stage, fetch)
        issues: list[AdoptedIssue] = []
        changes: list[Change] = []
        for post in system.posts(archive):
            if isinstance(post, Change):
                changes.append(post)
                continue
            issue, own = _adopted(post, run)
            changes += (*post.changes, *own)
            if issue is not None:
                issues.append(issue)
        findings = tuple(_findings(project, stage, run.slugs))
        if not dry_run:
            _move(run)
    return Adopted(system.NAME, tuple(issues), tuple(changes), findings)


@dataclass(frozen=True, slots=True)
class _Run:
    """One adoption: what it reads, where it writes, and the slugs that are taken. `folders` are
    those of pictures, by the name of their issue's file."""

    project: Project
    archive: ForeignArchive
    shelf: Shelf
    slugs: Slugs
    stage: Path
    fetch: Callable[[str], bytes] | None
    taken: set[str] = field(default_factory=set)
    folders: dict[str, str] = field(default_factory=dict)


def _adopted(post: ForeignPost, run: _Run) -> tuple[AdoptedIssue | None, list[Change]]:
    """Write one issue and its pictures into the stage; None where an issue of it is there."""
    changes: list[Change] = []
    issues = run.project.issues
    if len(post.body) > MOST_OF_A_POST:
        return None, [_left(post, f"it has more than {MOST_OF_A_POST // 1024**2} MB")]
    if run.slugs.holders(post.slug):
        return None, [_left(post, f"an issue has the slug {post.slug!r} already")]
    slug, number = post.slug, 1
    while slug in run.taken or run.slugs.holders(slug):
        number += 1
        slug = f"{post.slug}-{number}"
    name = f"{post.day}-{slug}.md" if post.day else f"{slug}.md"
    if (issues / name).exists():
        return None, [_left(post, f"{name} is there already")]
    if slug != post.slug:
        changes.append(Change(post.name, ChangeKind.RENAMED, f"the slug {post.slug} is {slug}"))
    folder = _free_folder(run.project, slug)
    pictures = PostPictures(run.shelf, post, folder, run.fetch)
    text = _issue(post, slug, pictures, run.project.settings.newsletter.base_url, changes)
    if len(data := text.encode()) > characters.MAX_BYTES:
        return None, [_left(post, f"it has more than {characters.MAX_BYTES // 1024} KB")]
    run.taken.add(slug)
    write_whole(run.stage / name, data)
    if count := _copy(pictures, run.archive, run.stage):
        run.folders[name] = folder
    issue = AdoptedIssue(issues / name, post.name, bool(post.keys.get("draft")), count)
    return issue, [*changes, *pictures.changes]


def _free_folder(project: Project, slug: str) -> str:
    """The name of a folder of pictures that is not there yet."""
    folder, number = slug, 1
    while (project.issues / resolving.FOLDER / folder).exists():
        number += 1
        folder = f"{slug}-{number}"
    return folder


def _issue(
    post: ForeignPost, slug: str, pictures: PostPictures, base_url: str, changes: list[Change]
) -> str:
    keys = {key: value for key, value in post.keys.items() if key not in _COVERS}
    if cover := resolving.cover_of(post.keys):
        keys["coverImage"] = pictures.target(cover, post.name)
    keys["slug"] = slug
    body = pictures.moved(post.body)
    if post.is_html:
        converted = converting.markdown_of(body, base_url=base_url)
        body = notes.placed(converted.markdown)
        for finding in converted.findings:
            kind = ChangeKind.DROPPED if finding.rule in _LOSSES else ChangeKind.NOTED
            told = f"{finding.message} [{finding.rule}]"
            changes.append(Change(post.name, kind, told))
        if converted.as_html:
            told = f"{converted.as_html} blocks that Markdown has no words for"
            changes.append(Change(post.name, ChangeKind.KEPT_HTML, told))
    front = _front_matter(keys)
    if len(front) > _MOST_FRONT:
        changes.append(Change(post.name, ChangeKind.DROPPED, "front matter of more than 60 KB"))
        front = _front_matter({key: str(keys[key])[:1000] for key in _ORDER if key in keys})
    return f"---\n{front}---\n\n{body.strip()}\n"


def _front_matter(keys: Mapping[str, Any]) -> str:
    ordered = [*(key for key in _ORDER if key in keys), *(k for k in keys if k not in _ORDER)]
    plain = {key: _plain(keys[key]) for key in ordered}
    return str(yaml.safe_dump(plain, allow_unicode=True, sort_keys=False, width=10_000))


def _plain(value: object, depth: int = 0) -> object:
    """A value that YAML can write as it is: dates as text, and no text of several lines."""
    if isinstance(value, bool | int | float) or value is None:
        return value
    if isinstance(value, Mapping) and depth < 8:
        return {line_of(str(key)): _plain(each, depth + 1) for key, each in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str) and depth < 8:
        return [_plain(each, depth + 1) for each in value]
    return line_of(str(value))


def _copy(pictures: PostPictures, archive: ForeignArchive, stage: Path) -> int:
    """Copy the pictures of a post; one that cannot be read is told and stays missing."""
    count = 0
    for path, name in pictures.files.items():
        try:
            content = pictures.fetched.get(path) or archive.read(name)
        except archives.TooLarge:
            reason = f"{name} is too large"
        except OSError as error:
            reason = f"{name} cannot be read: {error.strerror}"
        else:
            make_folder((stage / path).parent)
            write_whole(stage / path, content)
            count += 1
            continue
        pictures.changes.append(Change(pictures.post.name, ChangeKind.PICTURE_MISSING, reason))
    return count


def _left(post: ForeignPost, reason: str) -> Change:
    return Change(post.name, ChangeKind.LEFT, reason)


def _findings(project: Project, stage: Path, slugs: Slugs) -> Iterator[Finding]:
    """What lint says of each issue, with the names that their files get."""
    before, after = project.name_of(stage), project.name_of(project.issues)
    for path in sorted(stage.glob("*.md")):
        name = f"{after}/{path.name}"
        try:
            for finding in prepare(project, str(path), slugs=slugs).findings:
                place = finding.position
                file = place.file.replace(f"{before}/", f"{after}/")
                message = finding.message.replace(f"{before}/", f"{after}/")
                yield replace(finding, position=replace(place, file=file), message=message)
        except (UnreadableIssue, RenderError) as error:
            yield Finding(error.code, Severity.ERROR, Position(name, 1), error.lines[0], error.hint)


@contextmanager
def _stage(project: Project) -> Iterator[Path]:
    """A folder beside the issues, on the same disk, that is gone in the end whatever happens; what
    a run left there that was killed is removed."""
    stage = project.root / _STAGE
    try:
        make_folder(stage)
        with folder_lock(stage, gives_up_after=0):
            try:
                _empty(stage)
                yield stage
            finally:
                shutil.rmtree(stage, ignore_errors=True)
    except OSError as error:
        raise _cannot_write(error, project.root) from error


def _empty(folder: Path) -> None:
    for path in folder.iterdir():
        shutil.rmtree(path) if path.is_dir() else path.unlink()


def _cannot_write(error: OSError, place: Path) -> NewsletterError:
    return NewsletterError(
        f"cannot write: {error.strerror}",
        where=str(error.filename or place),
        hint="Nothing was adopted. Make room or give access, then run it again.",
    )


def _move(run: _Run) -> None:
    """Give all files their names, and each issue its pictures first, so that a run that is killed
    leaves one folder without its issue at most. What was moved is taken back if one cannot be."""
    issues, made = run.project.issues, list[Path]()
    pictures = issues / resolving.FOLDER
    try:
        make_folder(pictures if run.folders else issues)
        for file in sorted(run.stage.glob("*.md")):
            if folder := run.folders.get(file.name):
                put_folder(run.stage / resolving.FOLDER / folder, pictures / folder)
                made.append(pictures / folder)
            write_new(issues / file.name, file.read_bytes())
            made.append(issues / file.name)
    except BaseException:
        for path in reversed(made):
            shutil.rmtree(path, ignore_errors=True) if path.is_dir() else path.unlink()
        raise
