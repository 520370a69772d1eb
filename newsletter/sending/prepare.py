"""An issue made ready: read, checked and rendered, the same way for render, test and send."""

from dataclasses import dataclass
from pathlib import Path

from newsletter import digest, lint, render
from newsletter.model.digest import Digest
from newsletter.model.email import Email
from newsletter.model.finding import Finding, Severity
from newsletter.project import Project
from newsletter.render import Masthead


@dataclass(frozen=True, slots=True)
class Prepared:
    """`findings` are those of the source, of the digest and of the final email."""

    path: Path
    digest: Digest
    email: Email
    findings: tuple[Finding, ...]

    @property
    def errors(self) -> tuple[Finding, ...]:
        return tuple(f for f in self.findings if f.severity is Severity.ERROR)


def prepare(project: Project, issue: str, *, list_name: str = "") -> Prepared:
    """Read and render an issue (a path, or a stem in `issues/`).

    Raises UsageError where it is missing, UnreadableIssue, and RenderError; all else that is wrong
    with it comes back as findings.
    """
    path = project.issue_path(issue)
    settings = project.settings
    parsed = digest.load(
        path,
        base_url=settings.newsletter.base_url,
        section_labels=settings.digest.section_labels,
        file=shown(path, project),
    )
    theme = render.load_theme(
        parsed.digest.meta.theme or settings.newsletter.theme,
        [project.templates, render.packaged_templates()],
    )
    email = render.render(parsed.digest, theme, masthead(project), list_name=list_name)
    found = lint.check(parsed.digest, email, parsed.findings)
    return Prepared(path, parsed.digest, email, found)


def masthead(project: Project) -> Masthead:
    newsletter = project.settings.newsletter
    return Masthead(
        name=newsletter.name,
        language=newsletter.language,
        timezone=newsletter.timezone,
        sender=newsletter.sender,
        reply_to=newsletter.reply_to,
        base_url=newsletter.base_url,
        postal_address=newsletter.postal_address,
    )


def shown(path: Path, project: Project) -> str:
    """How messages name a file: from the current folder where it lies below it."""
    for base in (Path.cwd(), project.root):
        if path.resolve().is_relative_to(base):
            return str(path.resolve().relative_to(base))
    return str(path)
