"""`newsletter db`: the store itself; `backups` has the commands about copies of it."""

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from functools import partial
from typing import TYPE_CHECKING

import click

from newsletter.cli.asking import confirm
from newsletter.cli.backups import backup, restore, verify
from newsletter.cli.frame import Session, command, examples
from newsletter.cli.showing import who
from newsletter.errors import Interrupted, Refused, UsageError

if TYPE_CHECKING:
    from newsletter.operations.relocate import Move, Moved


@click.group()
def db() -> None:
    """Make, migrate, back up, move and check the store."""


for _command in (backup, restore, verify):
    db.add_command(_command)


@db.command()
@command
def upgrade(session: Session) -> None:
    """Make the store, or bring its tables to this version."""
    from newsletter import links, store
    from newsletter.safekeeping import room
    from newsletter.store.jobs import told

    project = session.project
    room.clear(project)
    make_keys = None if links.are_given() else partial(links.make_keys, project.root)
    before, after, jobs = store.upgrade(project.settings.store.url, project.root, make_keys)
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
    unknown = restored.adopt(session.store, file, session.clock(), who(session))
    if session.json:
        session.emit({"unknown": unknown})
        return
    session.console.print("Sending from this store is allowed again.")
    if unknown:
        session.console.print(
            f"{unknown:,} open deliveries may have been sent since: they are now unknown."
        )
    session.console.print("Sends that began after the backup are not known here: check by hand.")


@db.command(
    epilog=examples("db copy --to postgresql://news@db.example.com/letters", "db copy --cancel")
)
@click.option("--to", "url", metavar="URL", help="The new store: an empty database, or a new file.")
@click.option("--cancel", is_flag=True, help="Give up a move that has not ended.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@command
def copy(session: Session, url: str | None, cancel: bool, yes: bool) -> None:
    """Move the store to another database; the old one is closed for good."""
    from newsletter.operations import relocate

    if (url is None) != cancel:
        raise UsageError("no new store is named", hint="Name it with --to, or --cancel a move.")
    if url is None:
        place = relocate.cancel(session.store)
        if session.json:
            session.emit({"cancelled": place})
        else:
            session.console.print(f"The store is open again, and is not moved to {place}.")
        return
    with closing(relocate.Move(session.project, session.store, url, session.clock)) as move:
        if not yes:
            _ask(move)
        try:
            with _progress(session, move) as progress:
                moved = move.run(progress)
        except KeyboardInterrupt as error:
            raise Interrupted(
                "interrupted",
                hint="The store may be closed by now. Go on with the same command, or open it "
                "again: newsletter db copy --cancel",
            ) from error
    _show_moved(session, moved)


def _ask(move: "Move") -> None:
    """Raises Refused without a yes."""
    confirm(
        f"Move {move.rows():,} rows to {move.to_place}, and close this store?",
        Refused("the move was not confirmed", hint="Nothing was changed. Add --yes to do it."),
    )


@contextmanager
def _progress(session: Session, move: "Move") -> Iterator[Callable[[int], None]]:
    """A progress bar on a terminal; silence elsewhere."""
    if not session.notes.is_terminal:
        yield lambda rows: None
        return
    from rich.progress import Progress

    with Progress(console=session.notes, transient=True) as bar:
        task = bar.add_task("copying and comparing", total=2 * move.rows())
        yield lambda rows: bar.advance(task, rows)


def _show_moved(session: Session, moved: "Moved") -> None:
    from newsletter.config.editing import value_text

    if session.json:
        session.emit(
            {
                "from": moved.source,
                "to": moved.target,
                "tables": moved.tables,
                "verified": True,
                "moved_at": moved.at.isoformat(),
            }
        )
        return
    if moved.tables:
        rows = sum(moved.tables.values())
        session.console.print(f"{rows:,} rows are the same in {moved.target}.")
    else:
        session.console.print(f"This store was moved to {moved.target} already.")
    session.console.print(
        "The old store is closed. Let newsletter use the new one from now on, in newsletter.toml:",
        "  [store]",
        f"  url = {value_text(moved.target)}",
        "or in NEWSLETTER_STORE__URL, with its password, then restart what runs.",
        sep="\n",
    )
