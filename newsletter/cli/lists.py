"""`newsletter lists`: list, create, edit, show, delete."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from newsletter.cli.frame import Session, command

if TYPE_CHECKING:
    from rich.table import Table

    from newsletter.store.people.lists import ListCounts


@click.group(invoke_without_command=True)
@command
def lists(session: Session) -> None:
    """Create, edit, show and delete lists; without a subcommand, show all."""
    if click.get_current_context().invoked_subcommand is None:
        _show_all(session)


@lists.command(name="list")
@command
def list_(session: Session) -> None:
    """Show all lists, newest first."""
    _show_all(session)


@lists.command()
@click.argument("name")
@click.option("--title", default="", help="What readers call it, up to 80 characters.")
@click.option("--description", default="", help="What it is, up to 300 characters.")
@command
def create(session: Session, name: str, title: str, description: str) -> None:
    """Make a list, named in lower-case letters, digits and hyphens."""
    from newsletter.audience import lists as service

    created = service.create(
        session.store, name, session.clock(), title=title, description=description
    )
    if session.json:
        session.emit({"name": name, "created": created})
    elif created:
        session.console.print(f"Made the list {name!r}.")
    else:
        session.console.print(f"The list {name!r} is there already.")
        if title or description:
            session.notes.print(f"It was not changed. To change it: newsletter lists edit {name}")


@lists.command()
@click.argument("name")
@click.option("--title", help="What readers call it; an empty one removes it.")
@click.option("--description", help="What it is; an empty one removes it.")
@command
def edit(session: Session, name: str, title: str | None, description: str | None) -> None:
    """Give a list another title or description."""
    from newsletter.audience import lists as service

    counts = service.edit(session.store, name, title=title, description=description)
    _show(session, counts)


@lists.command()
@click.argument("name")
@command
def show(session: Session, name: str) -> None:
    """Show how many people stand where on one list."""
    from newsletter.audience import lists as service

    counts = service.find(session.store, name)
    _show(session, counts)


@lists.command()
@click.argument("name")
@click.option("--yes", is_flag=True, help="Even if it has members; their consent for it goes too.")
@command
def delete(session: Session, name: str, yes: bool) -> None:
    """Delete a list that was never mailed, and its lines in the consent log; its people stay."""
    from newsletter.audience import lists as service

    deleted = service.delete(session.store, name, confirmed=yes)
    if session.json:
        session.emit({"name": name, "deleted": True, "members": deleted.members})
    else:
        session.console.print(f"Deleted the list {name!r} with {deleted.members:,} members.")


def lists_table(session: Session, rows: "Sequence[ListCounts]") -> "Table":
    """One row for each list; a column for title or description only where some list has one."""
    words = [word for word in ("title", "description") if any(getattr(c, word) for c in rows)]
    table = session.table("list", "confirmed", "pending", "unsubscribed", "sends", *words)
    for counts in rows:
        numbers = (counts.confirmed, counts.pending, counts.unsubscribed, counts.sends)
        cells = (getattr(counts, word) for word in words)
        table.add_row(counts.name, *(f"{number:,}" for number in numbers), *cells)
    return table


def _show_all(session: Session) -> None:
    from newsletter.operations import records
    from newsletter.store.people import lists

    with session.store.read() as connection:
        rows = lists.newest_first(connection)
    if session.json:
        for counts in rows:
            session.emit(records.mailing_list(counts))
    else:
        session.console.print(lists_table(session, rows) if rows else "There are no lists.")


def _show(session: Session, counts: "ListCounts") -> None:
    from newsletter.operations import records

    if session.json:
        session.emit(records.mailing_list(counts))
    else:
        session.console.print(lists_table(session, [counts]))
