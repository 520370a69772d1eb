"""`newsletter archive`: what was sent, as a static site."""

from pathlib import Path

import click

from newsletter.cli.frame import Session, command, examples
from newsletter.cli.serve import warn_of_english


@click.group()
def archive() -> None:
    """Write what was sent as a static site."""


@archive.command(epilog=examples("archive build public"))
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path, file_okay=False))
@command
def build(session: Session, folder: Path) -> None:
    """Write the archive and its feeds into DIR, for any static host."""
    from newsletter.web import static_site
    from newsletter.web.site import Site

    site = Site.of(session.project, session.store)
    warn_of_english(session, site)
    counts = static_site.build(site, folder)
    if session.json:
        session.emit({"folder": str(counts.folder), "pages": counts.pages, "files": counts.files})
    else:
        session.console.print(
            f"{counts.folder}: {counts.pages:,} issues, {counts.files:,} files in all."
        )
