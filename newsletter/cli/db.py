"""`newsletter db`: the store itself."""

import click

from newsletter.cli.frame import Session, command


@click.group()
def db() -> None:
    """Make, migrate, back up and check the store."""


@db.command()
@command
def upgrade(session: Session) -> None:
    """Make the store, or bring its tables to this version."""
    from newsletter import links, store

    project = session.project
    before, after = store.upgrade(project.settings.store.url, project.root)
    if before is None:
        links.make_keys(project.root)
    if session.json:
        session.emit({"before": before, "after": after})
    elif before == after:
        session.console.print(f"The store is up to date (schema {after}).")
    else:
        session.console.print(f"The store now has schema {after}.")
