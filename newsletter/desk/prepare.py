"""An issue made ready: read, checked and rendered, the same way for render, test and send."""

import datetime as dt
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from newsletter import digest, lint, render
from newsletter.desk.brand import Brand, brand_of, branded
from newsletter.desk.clients import unsupported_features
from newsletter.desk.dates import date_far
from newsletter.desk.headers import header_findings
from newsletter.desk.languages import language_findings
from newsletter.desk.mjml import mjml_findings
from newsletter.desk.neighbours import no_source_link
from newsletter.desk.slugs import Slugs, duplicate_slug, repeated_title
from newsletter.digest import Parsed, front_matter
from newsletter.errors import FindingsError, UsageError
from newsletter.model.digest import Digest
from newsletter.model.email import Email
from newsletter.model.finding import Finding, Severity
from newsletter.model.picture import Picture
from newsletter.pasting import quoted_path
from newsletter.pictures import PictureFolder
from newsletter.project import Project, utc_now
from newsletter.render import Masthead, Theme


@dataclass(frozen=True, slots=True)
class Prepared:
    """`findings` are those of the source, of the digest and of the final email.

    `pictures` are those from beside the issue, and the logo; the email has their public addresses.
    `sources` are the newsletter's files and folders that the content comes from, but for its
    settings: the issue, the files of the pictures, the theme, and what links in it lead to.
    `marked` is the email with the lines of its blocks, for a preview that asked for them.
    """

    path: Path
    parsed: Parsed
    email: Email
    findings: tuple[Finding, ...]
    pictures: tuple[Picture, ...] = ()
    sources: tuple[Path, ...] = ()
    marked: Email | None = None

    @property
    def digest(self) -> Digest:
        return self.parsed.digest

    @property
    def errors(self) -> tuple[Finding, ...]:
        return tuple(f for f in self.findings if f.severity is Severity.ERROR)

    @property
    def refusals(self) -> tuple[Finding, ...]:
        """What keeps the issue from being sent: errors, and what was left for later, as errors."""
        return lint.refusals(self.findings)


def prepare(
    project: Project,
    issue: str,
    *,
    slugs: Slugs | None = None,
    today: dt.date | None = None,
    theme: str | None = None,
    draft: bytes | None = None,
    marks: bool = False,
) -> Prepared:
    """Read and render an issue (a path, or a stem in `issues/`).

    `slugs` are the project's slugs, for a caller that prepares many issues; `today` is by default
    the day in UTC; `theme` is the name of one to look at the issue in, whatever it says itself;
    `draft` is what its file would hold, which is read instead; `marks` asks for the marked email
    beside the other. Raises UsageError where the issue or its theme is missing, UnreadableIssue,
    and RenderError; all else that is wrong with it comes back as findings.
    """
    path = project.issue_path(issue)
    settings = project.settings
    folder = PictureFolder(path, project.root, settings.pictures_url)
    name = project.name_of(path)
    parsed = digest.parse(
        digest.read(path, file=name) if draft is None else draft,
        file=name,
        stem=path.stem,
        base_url=settings.newsletter.base_url,
        section_labels=settings.digest.section_labels,
        smart_in=settings.newsletter.language if settings.digest.smart else "",
        pictures=folder,
    )
    brand = brand_of(project)
    look = branded(_theme(project, parsed, theme), project)
    head = masthead(project, brand)
    email, mjml = render.render_with_mjml(parsed.digest, look, head)
    of_the_project = {folder.resolve() for folder in project.templates.glob("*/")}
    own_theme = [place for place in look.folders if place in of_the_project]
    slugs = Slugs(project) if slugs is None else slugs
    own = duplicate_slug(path, project, slugs)
    usual = settings.newsletter.language
    language = language_findings(parsed.digest, look, email.language, usual)
    around = (
        *no_source_link(path, parsed.digest),
        *repeated_title(path, parsed.digest, project, slugs),
        *date_far(parsed.digest, today or utc_now().date(), partial(_line_of, parsed)),
        *unsupported_features(parsed.digest, email, look, project),
        *header_findings(email, settings, parsed.digest.position, parsed.digest.subject_place),
        *(mjml_findings(mjml, look) if own_theme else ()),
    )
    source = (*parsed.findings, *own, *language, *around)
    findings = lint.check(parsed.digest, email, source, settings.lint.rules)
    return Prepared(
        path,
        parsed,
        email,
        findings,
        (*folder.pictures, *brand.pictures),
        (path.resolve(), *folder.files, *brand.files, *own_theme, *_linked(own_theme)),
        render.render(parsed.digest, look, head, marks=True) if marks else None,
    )


def _linked(folders: Sequence[Path]) -> Iterator[Path]:
    """What links in some folders lead to."""
    for folder in folders:
        yield from (path.resolve() for path in folder.rglob("*") if path.is_symlink())


def prepare_again(project: Project, slug: str, hint: str) -> Prepared:
    """The issue of this slug as it is now. Raises UsageError with `hint` where no file has it."""
    slugs = Slugs(project)
    holders = slugs.holders(slug)
    if not holders:
        raise UsageError(f"no issue has the slug {slug!r} any more", hint=hint)
    return prepare(project, str(holders[0].path), slugs=slugs)


def refuse(
    prepared: Prepared, findings: Sequence[Finding], outcome: str = "Nothing was sent."
) -> None:
    """Raises FindingsError if there is any, whose hint says what came of it."""
    if findings:
        place = quoted_path(str(prepared.path))
        raise FindingsError(
            findings, hint=f"{outcome} {findings[0].fix} See: newsletter lint {place}"
        )


@contextmanager
def blamed_on(place: str) -> Iterator[None]:
    """Say of a UsageError from within where the wrong name was written."""
    try:
        yield
    except UsageError as error:
        raise UsageError(
            error.lines[0], where=place, hint=error.hint, details=error.lines[1:]
        ) from error


def place_of(key: str, parsed: Parsed) -> str:
    """The `file:line` of a key of an issue's front matter."""
    return f"{parsed.digest.position.file}:{_line_of(parsed, key)}"


def _line_of(parsed: Parsed, key: str) -> int:
    return front_matter.split(parsed.source, parsed.digest.position.file).lines.get(key, 1)


def masthead(project: Project, brand: Brand | None = None) -> Masthead:
    newsletter, wish = project.settings.newsletter, project.settings.brand
    return Masthead(
        name=newsletter.name,
        language=newsletter.language,
        timezone=newsletter.timezone,
        sender=newsletter.sender,
        reply_to=newsletter.reply_to,
        base_url=newsletter.base_url,
        postal_address=newsletter.postal_address,
        description=wish.description,
        author=wish.author,
        links=wish.links,
        logo=brand.logo if brand else None,
    )


def _theme(project: Project, parsed: Parsed, wanted: str | None) -> Theme:
    search = [project.templates, render.packaged_templates()]
    if wanted is not None:
        return render.load_theme(wanted, search)
    name = parsed.digest.meta.theme
    with blamed_on(place_of("theme", parsed) if name else "newsletter.theme"):
        return render.load_theme(name or project.settings.newsletter.theme, search)
