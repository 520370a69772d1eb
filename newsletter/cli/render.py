"""`newsletter render`: an issue as the files that a reader's mail program would get."""

from pathlib import Path

import click

from newsletter.cli.frame import Session, command, examples
from newsletter.cli.options import IssueName
from newsletter.model.finding import Severity


@click.command(epilog=examples("render 2026-01-06-welcome --out out"))
@click.argument("issue", type=IssueName())
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    required=True,
    help="The folder to write into; the files go to OUT/<file stem>/.",
)
@command
def render(session: Session, issue: str, out: Path) -> None:
    """Write an issue as email.html, email.txt, email.eml and digest.json."""
    from newsletter.desk.prepare import prepare
    from newsletter.desk.preview import write
    from newsletter.lint.formats import as_json, folded

    prepared = prepare(session.project, issue)
    output = write(prepared, session.project, out / prepared.digest.stem)
    for finding in folded(prepared.findings):
        is_error = finding.severity is Severity.ERROR
        session.notes.print(str(finding), style="red" if is_error else "yellow")
    if session.json:
        session.emit(
            {
                "slug": prepared.digest.stem,
                "files": [str(path) for path in output.files],
                "html_bytes": output.html_bytes,
                "findings": [as_json(finding) for finding in prepared.findings],
            }
        )
        return
    for path in output.files:
        session.console.print(str(path))
    session.notes.print(f"{output.html_bytes:,} bytes of HTML")
