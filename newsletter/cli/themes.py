"""`newsletter themes`: list, new, check, render."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from newsletter.cli.frame import Session, command, examples
from newsletter.model.finding import Severity

if TYPE_CHECKING:
    from newsletter.desk.themes import ThemeEntry
    from newsletter.model.finding import Finding


@click.group(invoke_without_command=True)
@command
def themes(session: Session) -> None:
    """Show, copy, check and try themes; without a subcommand, show all."""
    if click.get_current_context().invoked_subcommand is None:
        _show_all(session)


@themes.command(name="list")
@command
def list_(session: Session) -> None:
    """Show all themes: what each is for, where it lies, and what uses it."""
    _show_all(session)


def _show_all(session: Session) -> None:
    from newsletter.desk import themes as service
    from newsletter.operations import records

    entries = service.entries(session.project)
    if session.json:
        for entry in entries:
            session.emit(records.theme(entry))
        return
    table = session.table("theme", "description", "lies in", "used by")
    for entry in entries:
        place = session.project.name_of(entry.folder) if entry.is_own else "the program"
        table.add_row(entry.name, entry.fault or entry.description, place, _use_of(entry))
    session.console.print(table)


def _use_of(entry: "ThemeEntry") -> str:
    issues = f"{entry.issues:,} issue{'' if entry.issues == 1 else 's'}" if entry.issues else ""
    return ", ".join(filter(None, ["the newsletter" if entry.is_usual else "", issues]))


@themes.command(epilog=examples("themes new morning", "themes new morning --from letter"))
@click.argument("name")
@click.option(
    "--from",
    "source",
    default="digest",
    metavar="THEME",
    help="The theme to copy; digest if left out.",
)
@command
def new(session: Session, name: str, source: str) -> None:
    """Copy a theme into templates/, ready to be changed."""
    from newsletter.desk import themes as service

    files = service.new_theme(session.project, name, source)
    if session.json:
        session.emit({"name": name, "from": source, "files": [str(path) for path in files]})
        return
    for path in files:
        session.console.print(session.project.name_of(path))
    session.notes.print(
        "",
        "Change it, and see every block in it:",
        f"  newsletter themes render {name} --out out",
        f'Use it: theme = "{name}" in newsletter.toml, or theme: {name} in an issue.',
        sep="\n",
    )


@themes.command(epilog=examples("themes check", "themes check morning"))
@click.argument("names", metavar="[NAME]...", nargs=-1)
@command
def check(session: Session, names: tuple[str, ...]) -> None:
    """Check themes: their templates, their words, and what they make of every block."""
    from newsletter.desk import themes as service
    from newsletter.errors import FindingsError
    from newsletter.lint.formats import as_json

    errors: list[Finding] = []
    for name in service.names_or_all(session.project, names):
        findings = service.check(session.project, name)
        errors += [finding for finding in findings if finding.severity is Severity.ERROR]
        if session.json:
            session.emit({"name": name, "findings": [as_json(finding) for finding in findings]})
            continue
        session.console.print(f"{name}: {'as it should be' if not findings else ''}".rstrip(" :"))
        for finding in findings:
            is_error = finding.severity is Severity.ERROR
            session.console.print(f"  {finding}", style="red" if is_error else "yellow")
    if errors:
        raise FindingsError(errors, hint=errors[0].fix)


@themes.command(epilog=examples("themes render --out out", "themes render letter --out out"))
@click.argument("names", metavar="[NAME]...", nargs=-1)
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    required=True,
    help="The folder to write into; the files go to OUT/<theme>/.",
)
@command
def render(session: Session, names: tuple[str, ...], out: Path) -> None:
    """Write an issue that has every block, in each theme or in those named."""
    from newsletter.desk import themes as service
    from newsletter.desk.preview import write

    for name in service.names_or_all(session.project, names):
        output = write(service.kitchen_sink(session.project, name), session.project, out / name)
        if session.json:
            files = [str(path) for path in output.files]
            session.emit({"name": name, "files": files, "html_bytes": output.html_bytes})
        else:
            session.console.print(str(output.files[0]))
