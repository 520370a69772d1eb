"""`newsletter subscribers import`: files of people, of other systems too."""

import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from newsletter.cli.frame import Session, command, examples
from newsletter.cli.showing import who
from newsletter.errors import UsageError
from newsletter.model.subscriber import SubscriptionStatus, SuppressionReason

if TYPE_CHECKING:
    from newsletter.audience.columns import Choice
    from newsletter.audience.importing import ImportResult
    from newsletter.audience.systems import System
    from newsletter.model.standing import Standing

_SYSTEMS = ("listmonk", "mailchimp", "substack", "ghost", "sendy", "buttondown", "newsletter")
_REASONS = (
    SuppressionReason.HARD_BOUNCE.value,
    SuppressionReason.COMPLAINT.value,
    SuppressionReason.MANUAL.value,
)


@click.command(
    name="import",
    epilog=examples(
        "subscribers import subscribers/example.csv --list readers --dry-run",
        "subscribers import subscribers/example.csv --list readers --rejects rejects.csv",
        "subscribers import subscribers/example.csv --list readers --from mailchimp",
        "subscribers import subscribers/example.csv --list readers --as unsubscribed",
    ),
)
@click.argument(
    "files",
    metavar="FILE...",
    nargs=-1,
    required=True,
    type=click.Path(path_type=Path, exists=True, dir_okay=False, allow_dash=True),
)
@click.option("--list", "list_name", help="The list they join; made if missing.")
@click.option(
    "--confirmed/--pending",
    "confirmed",
    default=True,
    help="Whether these people have said yes (default), or still have to.",
)
@click.option(
    "--from", "system", type=click.Choice(_SYSTEMS), help="The system whose export this is."
)
@click.option(
    "--as",
    "everybody",
    type=click.Choice(["unsubscribed", "suppressed"]),
    help="What the files say of everybody in them.",
)
@click.option("--reason", type=click.Choice(_REASONS), help="Why, with --as suppressed.")
@click.option(
    "--map",
    "mapped",
    multiple=True,
    metavar="COLUMN=FIELD",
    help="Which field a column is; repeatable.",
)
@click.option(
    "--only", multiple=True, metavar="COLUMN", help="Keep only this attribute; repeatable."
)
@click.option(
    "--ignore", multiple=True, metavar="COLUMN", help="Leave out this column; repeatable."
)
@click.option("--encoding", help="The encoding of files that are not UTF-8, such as windows-1252.")
@click.option("--dry-run", is_flag=True, help="Show what would become of the rows; write nothing.")
@click.option(
    "--rejects",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write the rows that were left out to this CSV file, with line and reason.",
)
@command
def import_(
    session: Session,
    files: tuple[Path, ...],
    list_name: str | None,
    confirmed: bool,
    system: str | None,
    everybody: str | None,
    reason: str | None,
    mapped: tuple[str, ...],
    only: tuple[str, ...],
    ignore: tuple[str, ...],
    encoding: str | None,
    dry_run: bool,
    rejects: Path | None,
) -> None:
    """Let the people of CSV files join a list, all of them or none; record who left."""
    from newsletter.audience.importing import ImportOptions, import_csv
    from newsletter.cli.subscribers import hashes_of

    order = ImportOptions(
        _system(system),
        _choice(mapped, only, ignore, _everybody(everybody, reason)),
        _known_encoding(encoding),
        dry_run,
    )
    with _progress(session, files) as progress:
        result = import_csv(
            session.store,
            files,
            list_name,
            status=SubscriptionStatus.CONFIRMED if confirmed else SubscriptionStatus.PENDING,
            now=session.clock(),
            hashes=hashes_of(session),
            order=order,
            rejects=rejects,
            progress=progress,
            who=who(session),
        )
    _show_notes(session, result, rejects, dry_run)
    _show(session, result, dry_run)


@click.command(name="import undo")
@click.argument("import_id", metavar="ID", type=click.IntRange(min=1))
@command
def undo(session: Session, import_id: int) -> None:
    """Take back what an import wrote and nobody has changed since."""
    from newsletter.store.people import imports as queries

    now = session.clock()
    with session.store.write() as connection:
        undone = queries.undo(connection, import_id, now, who(session))
    counts = {name: getattr(undone, name) for name in _UNDONE}
    if session.json:
        session.emit({"import_id": import_id, **counts})
        return
    table = session.table(*(name.replace("_", " ") for name in counts))
    table.add_row(*(f"{count:,}" for count in counts.values()))
    session.console.print(table)
    if undone.left:
        session.notes.print("The rest was mailed or changed since, and stays.")


@click.command(name="imports")
@command
def list_(session: Session) -> None:
    """Show all imports, the newest first."""
    from newsletter.operations import records
    from newsletter.store.people import imports as queries

    with session.store.read() as connection:
        imports = list(queries.newest_first(connection))
    if session.json:
        for each in imports:
            session.emit(records.import_(each))
        return
    table = session.table("import", "at", "file", "rows", "undone")
    for each in imports:
        rows = ", ".join(f"{count:,} {name}" for name, count in each.counts.items() if count)
        undone = "" if each.undone_at is None else f"{each.undone_at:%Y-%m-%d %H:%M}"
        table.add_row(str(each.id), f"{each.at:%Y-%m-%d %H:%M}", each.file, rows, undone)
    session.console.print(table if imports else "There are no imports.")


_UNDONE = ("people", "subscriptions", "put_back", "suppressions", "left")


def _show(session: Session, result: "ImportResult", dry_run: bool) -> None:
    from newsletter.operations import records

    if session.json:
        value: dict[str, Any] = {**result.counts, "import_id": result.import_id}
        if dry_run:
            value |= {"dry_run": True, "sample": [records.sample(each) for each in result.preview]}
        session.emit(value)
        return
    table = session.table(*result.counts)
    table.add_row(*(f"{count:,}" for count in result.counts.values()))
    session.console.print(table)
    if not dry_run:
        undo = f"newsletter subscribers import undo {result.import_id}"
        session.notes.print(f"This was import {result.import_id}. To take it back: {undo}")
        return
    table = session.table("line", "address", "name", "would be", "attributes")
    for each in result.preview:
        attributes = ", ".join(f"{name}={value}" for name, value in each.attributes.items())
        place = f"{each.file}:{each.line}"
        table.add_row(place, each.address, each.name, each.standing, attributes)
    session.console.print(table)
    session.notes.print("Nothing was written. Leave --dry-run out to import.")


def _show_notes(
    session: Session, result: "ImportResult", rejects: Path | None, dry_run: bool
) -> None:
    for name in result.systems:
        session.notes.print(f"Read as an export of {name}.")
    made = "Would make" if dry_run else "Made"
    for name in result.lists_created:
        session.notes.print(f"{made} the list {name!r}.")
    if result.unread_times:
        session.notes.print(
            f"{result.unread_times:,} times of consent could not be read; "
            "the time of this import stands instead."
        )
    show_rejects(session, result, rejects)


def show_rejects(session: Session, result: "ImportResult", rejects: Path | None) -> None:
    """Show which rows were left out, and why."""
    if not result.rejected:
        return
    for reject in result.samples:
        session.notes.print(f"{reject.file}:{reject.line}: {reject.reason}")
    if more := result.rejected - len(result.samples):
        session.notes.print(f"… and {more:,} more")
    if rejects is None:
        session.notes.print("Get all rejected rows with --rejects FILE.")
    else:
        session.notes.print(
            f"The rejected rows are in {rejects}; correct them and import that file."
        )


def _system(name: str | None) -> "System | None":
    from newsletter.audience.systems import SYSTEMS

    return None if name is None else SYSTEMS[name]


def _everybody(everybody: str | None, reason: str | None) -> "Standing | None":
    from newsletter.model.standing import Standing

    if reason is not None and everybody != "suppressed":
        raise UsageError("--reason goes with --as suppressed", where="--reason")
    if everybody == "suppressed":
        return Standing(reason or SuppressionReason.MANUAL.value)
    return None if everybody is None else Standing(everybody)


def _choice(
    mapped: tuple[str, ...],
    only: tuple[str, ...],
    ignore: tuple[str, ...],
    everybody: "Standing | None",
) -> "Choice":
    from newsletter.audience.columns import IGNORED, Choice, column_name

    fields = {}
    for pair in mapped:
        column, equals, field = pair.rpartition("=")
        if not (equals and column.strip() and field.strip()):
            raise UsageError(f"{pair!r} is not COLUMN=FIELD", where="--map")
        field = field.strip()
        fields[column_name(column)] = IGNORED if field.lower() == "ignore" else field
    fields |= {column_name(column): IGNORED for column in ignore}
    return Choice(fields, frozenset(map(column_name, only)), everybody, _is_vouched())


def _is_vouched() -> bool:
    """Whether --confirmed or --pending was typed."""
    source = click.get_current_context().get_parameter_source("confirmed")
    return source is click.core.ParameterSource.COMMANDLINE


def _known_encoding(name: str | None) -> str | None:
    import codecs

    if name is None:
        return None
    try:
        return codecs.lookup(name).name
    except LookupError as error:
        raise UsageError(f"there is no encoding {name!r}", where="--encoding") from error


@contextmanager
def _progress(session: Session, files: tuple[Path, ...]) -> Iterator[Callable[[int], None]]:
    """A progress bar over the bytes of the file, when somebody watches."""
    sizes = [file.stat() for file in files if str(file) != "-"]
    if session.json or not session.notes.is_terminal or len(files) > 1 or not sizes:
        yield lambda position_bytes: None
        return
    from rich.progress import Progress

    total = sizes[0].st_size if stat.S_ISREG(sizes[0].st_mode) else None
    with Progress(console=session.notes, transient=True) as bar:
        task = bar.add_task("reading", total=total)

        def show_position(position_bytes: int) -> None:
            bar.update(task, completed=position_bytes)

        yield show_position
