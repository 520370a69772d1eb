"""`newsletter lint`: what is wrong with issues, where, and what to do."""

import click

from newsletter.cli.frame import Session, command, examples, show_error
from newsletter.errors import NewsletterError
from newsletter.model.finding import Finding, Severity

_COLOURS = {Severity.ERROR: "red", Severity.WARNING: "yellow", Severity.INFO: "cyan"}


@click.command(epilog=examples("lint", "lint 2026-01-06-welcome --strict", "lint --format github"))
@click.argument("issues", metavar="ISSUE...", nargs=-1)
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "json", "sarif", "github"]),
    default="text",
    show_default=True,
    help="`github` makes annotations of GitHub Actions.",
)
@click.option("--strict", is_flag=True, help="Let warnings fail too.")
@command
def lint(session: Session, issues: tuple[str, ...], form: str, strict: bool) -> int:
    """Check issues: what, where, and what to do. Without ISSUE, all of them."""
    from newsletter.desk.prepare import prepare
    from newsletter.desk.slugs import Slugs
    from newsletter.lint.formats import folded, sarif

    form = "json" if session.json else form
    names = issues or tuple(str(path) for path in session.project.issue_files())
    slugs = Slugs(session.project)
    all_findings: list[Finding] = []
    failed = 0
    for name in names:
        try:
            findings = prepare(session.project, name, slugs=slugs).findings
        except NewsletterError as error:
            show_error(error, form == "json")
            failed = failed or error.exit_code
            continue
        all_findings += findings
        for finding in folded(findings) if form == "text" else findings:
            _show(session, finding, form)
    if form == "sarif":
        click.echo(sarif(all_findings))
    if form == "text":
        session.notes.print(_summary(all_findings, len(names)))
    failing = {Severity.ERROR, Severity.WARNING} if strict else {Severity.ERROR}
    bad = any(finding.severity in failing for finding in all_findings)
    return failed or (3 if bad else 0)


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
    issues = "1 issue" if files == 1 else f"{files} issues"
    return (
        f"{issues} checked: {counts[Severity.ERROR]} errors, {counts[Severity.WARNING]} warnings, "
        f"{counts[Severity.INFO]} notes"
    )
