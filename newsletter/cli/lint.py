"""`newsletter lint`: what is wrong with issues, where, and what to do."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from newsletter.cli.frame import Session, command, examples, show_error
from newsletter.cli.options import IssueName
from newsletter.errors import NewsletterError, UnreadableIssue, UsageError
from newsletter.gate import visible
from newsletter.model.finding import Finding, Severity

if TYPE_CHECKING:
    from newsletter.desk.prepare import Prepared

_COLOURS = {Severity.ERROR: "red", Severity.WARNING: "yellow", Severity.INFO: "cyan"}


@click.command(
    epilog=examples("lint", "lint 2026-01-06-welcome --links --tools", "lint --format github")
)
@click.argument("issues", metavar="ISSUE...", nargs=-1, type=IssueName())
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "json", "sarif", "github"]),
    default="text",
    show_default=True,
    help="`github` makes annotations of GitHub Actions.",
)
@click.option("--strict", is_flag=True, help="Let warnings fail too.")
@click.option("--fix", is_flag=True, help="Mend what is mechanical first, and say what it was.")
@click.option("--dry-run", is_flag=True, help="With --fix: show the changes, and make none.")
@click.option(
    "--links", is_flag=True, help="Ask for each link and picture, a server once a second."
)
@click.option("--tools", is_flag=True, help="Ask SpamAssassin, axe in Chromium and hunspell, too.")
@command
def lint(
    session: Session,
    issues: tuple[str, ...],
    form: str,
    strict: bool,
    fix: bool,
    dry_run: bool,
    links: bool,
    tools: bool,
) -> int:
    """Check issues: what, where, and what to do. Without ISSUE, all of them."""
    from newsletter.lint.formats import sarif

    if dry_run and not fix:
        raise UsageError("--dry-run belongs to --fix", hint="newsletter lint --fix --dry-run")
    form = "json" if session.json else form
    names = issues or tuple(str(path) for path in session.project.issue_files())
    failed = _fixed(session, names, form, dry_run) if fix else 0
    if dry_run:
        return failed
    found, unchecked = _checked(session, names, form, links, tools)
    if form == "sarif":
        click.echo(sarif(found))
    if form == "text":
        session.notes.print(_summary(found, len(names)))
    failing = {Severity.ERROR, Severity.WARNING} if strict else {Severity.ERROR}
    bad = any(finding.severity in failing for finding in found)
    return failed or unchecked or (3 if bad else 0)


def _checked(
    session: Session, names: Sequence[str], form: str, links: bool, tools: bool
) -> tuple[list[Finding], int]:
    """What lint finds, each shown at once, and the exit code of what could not be checked."""
    from newsletter.desk.prepare import prepare
    from newsletter.desk.slugs import Slugs
    from newsletter.lint.formats import folded

    slugs = Slugs(session.project)
    found: list[Finding] = []
    checked: list[Prepared] = []
    failed = 0

    def show(findings: Sequence[Finding]) -> None:
        found.extend(findings)
        for finding in folded(findings) if form == "text" else findings:
            _show(session, finding, form)

    for name in names:
        try:
            checked.append(prepare(session.project, name, slugs=slugs))
        except NewsletterError as error:
            show_error(error, form == "json")
            failed = failed or error.exit_code
            continue
        show(checked[-1].findings)
    if links or tools:
        from newsletter.desk.tools import checked_with, tools_for

        if links and checked:
            session.notes.print("Asking for links and pictures: some three minutes at most.")
        show(list(checked_with(tools_for(links=links, tools=tools), checked, session.project)))
    return found, failed


def _fixed(session: Session, names: Sequence[str], form: str, dry_run: bool) -> int:
    """Mend issues, and return the exit code of what could not be mended. Why an issue cannot be
    read, the check that follows says."""
    failed = 0
    for name in names:
        try:
            _fix(session, name, form, dry_run)
        except NewsletterError as error:
            if dry_run or not isinstance(error, UsageError | UnreadableIssue):
                show_error(error, form == "json")
            failed = failed or error.exit_code
    return failed


def _fix(session: Session, name: str, form: str, dry_run: bool) -> None:
    """Mend an issue and say what was changed: as findings that are `fixed`, or as a diff."""
    from newsletter.desk import mending
    from newsletter.desk.mending.secure import why_not
    from newsletter.lint.formats import as_json

    project = session.project
    path = project.issue_path(name)
    mended = mending.mend(project, path, why_not)
    if mended.changes and not dry_run:
        mending.write(mended)
    for change in mended.changes:
        if form == "json":
            session.emit(as_json(change) | {"fixed": not dry_run})
        elif not dry_run:
            screen = session.console if form == "text" else session.notes
            screen.print(f"{change.position}: fixed: {change.message} [{change.rule}]")
    if dry_run and form == "text":
        for line in mended.diff(project.name_of(path)).split("\n")[:-1]:
            click.echo(visible(line.removesuffix("\r")) + ("\r" if line.endswith("\r") else ""))
    for url, why in mended.left.items():
        session.notes.print(f"{project.name_of(path)}: {url} stays: {why}")


def _show(session: Session, finding: Finding, form: str) -> None:
    from newsletter.lint.formats import as_json, github

    match form:
        case "json":
            session.emit(as_json(finding))
        case "github":
            click.echo(github(finding))
        case "text":
            session.console.print(str(finding), style=_COLOURS[finding.severity])
            if finding.fix:
                session.console.print(f"    {finding.fix}")
        case _:
            pass


def _summary(findings: list[Finding], files: int) -> str:
    counts = {level: sum(f.severity is level for f in findings) for level in Severity}
    numbers = {
        "issue": files,
        "error": counts[Severity.ERROR],
        "warning": counts[Severity.WARNING],
        "note": counts[Severity.INFO],
    }
    issues, *rest = (
        f"{number} {noun}" if number == 1 else f"{number} {noun}s"
        for noun, number in numbers.items()
    )
    return f"{issues} checked: {', '.join(rest)}"
