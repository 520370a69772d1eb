"""`newsletter segments`: create, show, list, update, delete, check."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from newsletter.cli.frame import Session, command, examples
from newsletter.errors import UsageError

if TYPE_CHECKING:
    from newsletter.audience.segments import Members
    from newsletter.store.segments.conditions import Moment

_SAMPLE = 10

F = TypeVar("F", bound=Callable[..., Any])


def _rule(function: F) -> F:
    function = click.option(
        "--file",
        "file",
        type=click.Path(path_type=Path, exists=True, dir_okay=False),
        help="Read the rule from this file.",
    )(function)
    return click.argument("rule", required=False)(function)


_sample = click.option(
    "--sample",
    type=click.IntRange(min=0, max=10_000),
    default=_SAMPLE,
    show_default=True,
    help="How many addresses to show.",
)


@click.group(invoke_without_command=True)
@command
def segments(session: Session) -> None:
    """Save filters over lists, and see who is in them; without a subcommand, show all."""
    if click.get_current_context().invoked_subcommand is None:
        _show_all(session)


@segments.command(name="list")
@command
def list_(session: Session) -> None:
    """Show all segments, newest first."""
    _show_all(session)


@segments.command(epilog=examples("segments create berlin 'city = \"Berlin\"'"))
@click.argument("name")
@_rule
@command
def create(session: Session, name: str, rule: str | None, file: Path | None) -> None:
    """Save a rule under a name."""
    from newsletter.audience import segments as service

    text, source = _read(rule, file)
    warnings = service.create(session.store, name, text, session.clock(), source)
    _show_saved(session, name, text, warnings, "Made")


@segments.command()
@click.argument("name")
@_rule
@command
def update(session: Session, name: str, rule: str | None, file: Path | None) -> None:
    """Give a segment another rule; sends that are planned keep theirs."""
    from newsletter.audience import segments as service

    text, source = _read(rule, file)
    warnings = service.update(session.store, name, text, session.clock(), source)
    _show_saved(session, name, text, warnings, "Changed")


@segments.command()
@click.argument("name")
@click.option("--list", "list_name", help="Only members of this list; of any list if left out.")
@_sample
@command
def show(session: Session, name: str, list_name: str | None, sample: int) -> None:
    """Show the rule of a segment, how many are in it, and some of them."""
    from newsletter.audience import segments as service
    from newsletter.operations import records

    segment, members = service.show(session.store, name, list_name, sample, moment_of(session))
    if session.json:
        session.emit({**records.segment(segment), **records.members(members, list_name)})
        return
    session.console.print(segment.rule)
    _show_members(session, members, list_name)


@segments.command()
@_rule
@click.option("--list", "list_name", required=True, help="The list to look at.")
@_sample
@command
def check(
    session: Session, rule: str | None, file: Path | None, list_name: str, sample: int
) -> None:
    """Show who is in a segment of this rule, without saving it."""
    from newsletter.audience import segments as service
    from newsletter.operations import records

    text, source = _read(rule, file)
    members = service.check(session.store, text, list_name, sample, moment_of(session), source)
    if session.json:
        session.emit({"rule": text, **records.members(members, list_name)})
    else:
        _show_members(session, members, list_name)


@segments.command()
@click.argument("name")
@command
def delete(session: Session, name: str) -> None:
    """Delete a segment; sends to it stay."""
    from newsletter.audience import segments as service

    service.delete(session.store, name)
    if session.json:
        session.emit({"name": name, "deleted": True})
    else:
        session.console.print(f"Deleted the segment {name!r}.")


def _show_members(session: Session, members: "Members", list_name: str | None) -> None:
    _warn(session, members.warnings)
    place = f"on {list_name}" if list_name else "on any list"
    people = "person" if members.count == 1 else "people"
    session.console.print(f"{members.count:,} {people} {place}")
    for address in members.sample:
        session.console.print(f"  {address}")
    if (more := members.count - len(members.sample)) and members.sample:
        session.console.print(f"  … and {more:,} more")


def _show_all(session: Session) -> None:
    from newsletter.operations import records
    from newsletter.store.segments import segments as queries

    with session.store.read() as connection:
        saved = queries.newest_first(connection)
    if session.json:
        for segment in saved:
            session.emit(records.segment(segment))
        return
    table = session.table("segment", "rule")
    for segment in saved:
        table.add_row(segment.name, segment.rule)
    session.console.print(table if saved else "There are no segments.")


def _read(rule: str | None, file: Path | None) -> tuple[str, str]:
    """The text of a rule, and what its errors call it."""
    if (rule is None) == (file is None):
        raise UsageError(
            "which rule?", hint="""Write it in quotes, 'city = "Berlin"', or name a --file."""
        )
    if file is None:
        return rule or "", "rule"
    try:
        return file.read_text("utf-8-sig").rstrip(), str(file)
    except UnicodeDecodeError as error:
        raise UsageError("it is not UTF-8", where=str(file)) from error


def _show_saved(session: Session, name: str, rule: str, warnings: Sequence[str], verb: str) -> None:
    _warn(session, warnings)
    if session.json:
        session.emit({"name": name, "rule": rule, "warnings": list(warnings)})
    else:
        session.console.print(f"{verb} the segment {name!r}.")


def _warn(session: Session, warnings: Sequence[str]) -> None:
    for warning in warnings:
        session.notes.print(warning, style="yellow")


def moment_of(session: Session) -> "Moment":
    """Now, in the days of the newsletter."""
    from newsletter.store.segments.conditions import Moment

    return Moment(session.clock(), session.project.settings.newsletter.timezone)
