"""`newsletter init` and `newsletter new`."""

from pathlib import Path
from typing import Any

import click

from newsletter.cli import adopting, drafting
from newsletter.cli.frame import Session, command, examples
from newsletter.pasting import quoted_path


@click.command(epilog=examples("init letters"))
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path, file_okay=False))
@command
def init(session: Session, folder: Path) -> None:
    """Start a new newsletter that sends to the outbox at once."""
    from newsletter.project import utc_now
    from newsletter.scaffold import start

    files = start(folder, utc_now().date())
    if session.json:
        session.emit({"folder": str(folder), "files": [str(path) for path in files]})
        return
    for path in files:
        session.console.print(str(path))
    issue = next(path for path in files if path.parent.name == "issues")
    session.notes.print(
        "",
        "Your newsletter is ready. Try it:",
        *([] if str(folder) == "." else [f"  cd {quoted_path(str(folder))}"]),
        "  newsletter subscribers import subscribers/example.csv --list readers",
        f"  newsletter send {issue.stem} --list readers",
        sep="\n",
    )


@click.command(
    epilog=examples(
        'new "Quiet machines"',
        'new "Quiet machines" --date 2026-11-24',
        'new "Dear reader" --theme letter',
        'new "This week" --from-feed https://example.com/feed.xml --since 7d',
        "new --from export.zip --dry-run",
    )
)
@click.argument("title", required=False)
@click.option("--date", type=click.DateTime(["%Y-%m-%d"]), help="Its date; today if left out.")
@click.option("--theme", metavar="NAME", help="The theme of the issue; the usual if left out.")
@drafting.feed_options
@adopting.adopting_options
@command
def new(
    session: Session, /, title: str | None, date: object, theme: str | None, **wishes: Any
) -> None:
    """Write a new issue from a scaffold or from feeds, or adopt those of another system."""
    import datetime as dt
    import zoneinfo

    from newsletter.desk.themes import load
    from newsletter.errors import UsageError
    from newsletter.project import utc_now
    from newsletter.scaffold import new_issue

    day = date.date() if isinstance(date, dt.datetime) else None
    if theme and (drafting.wants_feeds(wishes) or adopting.wants_archive(wishes)):
        raise UsageError(
            "only a new issue begins as its theme does",
            where="--theme",
            hint=f"Leave it out, and add theme: {theme} to the front matter afterwards.",
        )
    if adopting.wants_archive(wishes):
        adopting.refuse_beside_archive(title=title, date=day, feeds=drafting.wants_feeds(wishes))
        adopting.adopt_archive(session, wishes)
        return
    if drafting.wants_feeds(wishes):
        drafting.draft_from_feeds(session, title or "", day, wishes)
        return
    zone = zoneinfo.ZoneInfo(session.project.settings.newsletter.timezone)
    day = day or utc_now().astimezone(zone).date()
    look = load(session.project, theme)
    path = new_issue(session.project.issues, title or "", day, look, names_theme=theme is not None)
    if session.json:
        session.emit({"file": str(path), "slug": path.stem})
    else:
        session.console.print(str(path))
