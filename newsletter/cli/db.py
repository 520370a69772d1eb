"""`newsletter db`: the store itself."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from newsletter.cli.frame import Session, command
from newsletter.errors import Refused

if TYPE_CHECKING:
    from newsletter.store import Store


@click.group()
def db() -> None:
    """Make, migrate, back up and check the store."""


@db.command()
@command
def upgrade(session: Session) -> None:
    """Make the store, or bring its tables to this version."""
    from newsletter import links, store
    from newsletter.store.jobs import told

    project = session.project
    before, after, jobs = store.upgrade(project.settings.store.url, project.root)
    if before is None and not links.are_given():
        links.make_keys(project.root)
    if session.json:
        session.emit({"before": before, "after": after, "jobs": jobs and told(jobs)})
        return
    if before == after:
        session.console.print(f"The store is up to date (schema {after}).")
    else:
        session.console.print(f"The store now has schema {after}.")
    if jobs is not None:
        session.console.print(f"Workers are woken by jobs (schema {told(jobs)}).")


@db.command()
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@command
def backup(session: Session, file: Path) -> None:
    """Write a consistent copy of the store, even while a send runs."""
    from newsletter.project import utc_now
    from newsletter.store import maintenance

    with _of_any_schema(session) as store:
        size = maintenance.backup(store, file, utc_now())
    if session.json:
        session.emit({"file": str(file), "bytes": size})
    else:
        session.console.print(f"{file}: {size:,} bytes")


@db.command()
@command
def verify(session: Session) -> int:
    """Check the store: its pages, its references, and that every send's counts balance."""
    from newsletter.store import maintenance

    with _of_any_schema(session) as store:
        faults = maintenance.verify(store)
    if session.json:
        session.emit({"ok": not faults, "faults": faults})
    else:
        for fault in faults:
            session.console.print(fault)
        session.console.print("The store is damaged." if faults else "The store is sound.")
    return 1 if faults else 0


@contextmanager
def _of_any_schema(session: Session) -> Iterator["Store"]:
    """The store at whatever schema: an older one is copied and checked before it is upgraded."""
    from newsletter.store import open_any

    store, _ = open_any(session.project.settings.store.url, session.project.root)
    with closing(store):
        yield store


@db.command()
@click.option("--yes", is_flag=True, help="Even if nothing shows that the store was restored.")
@command
def adopt(session: Session, yes: bool) -> None:
    """Go on with a store that was restored from a backup."""
    from newsletter.sending import restored

    file, settings = session.project.generation, session.project.settings
    with session.store.read() as connection:
        sign = restored.sign(connection, file, settings.newsletter.timezone)
    if not yes and not sign:
        raise Refused(
            "nothing shows that this store was restored from a backup",
            hint="Adopting makes queued deliveries unknown. If it was restored after all, from a "
            "copy that `db backup` did not make: --yes",
        )
    unknown = restored.adopt(session.store, file, session.clock())
    if session.json:
        session.emit({"unknown": unknown})
        return
    session.console.print("Sending from this store is allowed again.")
    if unknown:
        session.console.print(
            f"{unknown:,} open deliveries may have been sent since: they are now unknown."
        )
    session.console.print("Sends that began after the backup are not known here: check by hand.")
