"""`newsletter db`: the store itself."""

from pathlib import Path

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


@db.command()
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@command
def backup(session: Session, file: Path) -> None:
    """Write a consistent copy of the store, also while a send runs."""
    from newsletter.store import maintenance

    size = maintenance.backup(session.store, file)
    if session.json:
        session.emit({"file": str(file), "bytes": size})
    else:
        session.console.print(f"{file}: {size:,} bytes")


@db.command()
@command
def verify(session: Session) -> int:
    """Check the store: its pages, its references, and that every send's counts balance."""
    from newsletter.store import maintenance

    faults = maintenance.verify(session.store)
    if session.json:
        session.emit({"ok": not faults, "faults": faults})
    else:
        for fault in faults:
            session.console.print(fault)
        session.console.print("The store is damaged." if faults else "The store is sound.")
    return 1 if faults else 0
