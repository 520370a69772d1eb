"""`newsletter db backup`, `db verify` and `db restore`: copies of the store."""

from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from newsletter.cli.asking import confirm
from newsletter.cli.frame import Session, command, examples
from newsletter.errors import Refused, StoreError, UsageError

if TYPE_CHECKING:
    import datetime as dt

    from newsletter.operations.carrying import Carried
    from newsletter.operations.restoring import Restoration, Restored
    from newsletter.safekeeping.drill import Drill
    from newsletter.safekeeping.sealing import Keys
    from newsletter.safekeeping.vaults import BackupPlace
    from newsletter.store import Store


@click.command(
    epilog=examples(
        "db backup /backups/ --keep 14",
        "db backup s3://my-backups/letter/ --recipient age1…",
    )
)
@click.argument("target", required=False)
@click.option("--keep", type=click.IntRange(1), metavar="N", help="Keep the N newest there.")
@click.option(
    "--recipient", "recipients", multiple=True, metavar="KEY", help="Encrypt for this key of age."
)
@click.option(
    "--passphrase-file", type=click.Path(path_type=Path), help="Encrypt by what this file says."
)
@command
def backup(
    session: Session,
    target: str | None,
    keep: int | None,
    recipients: tuple[str, ...],
    passphrase_file: Path | None,
) -> None:
    """Write a consistent copy of the store, even while a send runs."""
    from newsletter.files import make_folder
    from newsletter.project import utc_now
    from newsletter.safekeeping.backing_up import back_up
    from newsletter.safekeeping.room import room_of

    place = _backup_place(session, target)
    if place.name and keep:
        raise UsageError(
            "a file is one backup: old ones are deleted in a folder only",
            hint="Name a folder, with a / at its end, or leave out --keep.",
        )
    settings, room = session.project.settings.backup, room_of(session.project)
    if keep is None:  # what is kept elsewhere than in the place of the settings, they do not say
        keep = settings.keep if target is None else 0
    keys = _locks(session, recipients, passphrase_file)
    with _of_any_schema(session) as store:
        make_folder(room, private=True)
        done = back_up(store, place, keys, keep, room, utc_now())
    if session.json:
        session.emit(
            {
                "file": done.where,
                "bytes": done.size_bytes,
                "encrypted": done.is_encrypted,
                "removed": done.removed,
            }
        )
        return
    encrypted = ", encrypted" if done.is_encrypted else ""
    session.console.print(f"{done.where}: {done.size_bytes:,} bytes{encrypted}")
    for old in done.removed:
        session.console.print(f"Deleted: {old}")


def _locks(session: Session, recipients: tuple[str, ...], passphrase_file: Path | None) -> "Keys":
    """What a backup is encrypted with: what was named, or else what the settings say."""
    from newsletter.safekeeping import sealing

    if not recipients and passphrase_file is None:
        settings = session.project.settings.backup
        recipients = settings.recipients
        if settings.passphrase_file:
            passphrase_file = session.project.root / settings.passphrase_file
    return sealing.locks(recipients, passphrase_file)


def _backup_place(session: Session, text: str | None) -> "BackupPlace":
    """Where a backup goes to, or comes from. Raises UsageError."""
    from newsletter.safekeeping.vaults import place_of

    settings = session.project.settings.backup
    if text is not None:
        return place_of(text, Path(), settings)
    if not settings.to:
        raise UsageError(
            "no place for the backup is named",
            hint="Name a file or a folder, or set [backup] to in newsletter.toml.",
        )
    return place_of(settings.to, session.project.root, settings, is_vault=True)


_OPENERS = (
    click.option(
        "--identity", type=click.Path(path_type=Path), help="The secret key of age that opens it."
    ),
    click.option(
        "--passphrase-file", type=click.Path(path_type=Path), help="Open it by what this file says."
    ),
)


@click.command()
@click.option(
    "--backup", "source", metavar="PLACE", help="Check this backup, by restoring it for a moment."
)
@_OPENERS[0]
@_OPENERS[1]
@command
def verify(
    session: Session, source: str | None, identity: Path | None, passphrase_file: Path | None
) -> int:
    """Check the store, or a backup: pages, references, and that the counts of sends balance."""
    from newsletter.store import maintenance

    if source is not None:
        return _drill(session, source, _openers(session, identity, passphrase_file))
    if identity or passphrase_file:
        raise UsageError("no backup is named", hint="Name one with --backup PLACE.")
    with _of_any_schema(session) as store:
        faults = maintenance.verify(store)
    if session.json:
        session.emit({"ok": not faults, "faults": faults})
    else:
        for fault in faults:
            session.console.print(fault)
        session.console.print("The store is damaged." if faults else "The store is sound.")
    return 1 if faults else 0


def _openers(session: Session, identity: Path | None, passphrase_file: Path | None) -> "Keys":
    """What opens a backup; without an option the passphrase of the settings."""
    from newsletter.safekeeping import sealing

    named = session.project.settings.backup.passphrase_file
    if named and identity is None and passphrase_file is None:
        passphrase_file = session.project.root / named
    return sealing.openers(identity, passphrase_file)


@contextmanager
def _of_any_schema(session: Session) -> Iterator["Store"]:
    """The store at whatever schema: an older one is copied and checked before it is upgraded."""
    from newsletter.safekeeping import room
    from newsletter.store import dumps, open_any

    room.clear(session.project)
    store, _ = open_any(session.project.settings.store.url, session.project.root)
    with closing(store):
        dumps.drop_abandoned(store)
        yield store


def _drill(session: Session, source: str, keys: "Keys") -> int:
    """Restore a backup for a moment, and compare it with the store, if there is one."""
    from newsletter.files import make_folder
    from newsletter.project import utc_now
    from newsletter.safekeeping.drill import drill
    from newsletter.safekeeping.room import room_of

    room, url = room_of(session.project), session.project.settings.store.url
    make_folder(room, private=True)
    done = drill(_backup_place(session, source), keys, url, session.project.root, room)
    contents, age = done.contents, utc_now() - done.made_at
    own, is_same = _own(session, contents.store_id)
    if session.json:
        session.emit(
            {
                "ok": not contents.faults,
                "faults": contents.faults,
                "file": done.where,
                "bytes": done.size_bytes,
                "made_at": done.made_at.isoformat(),
                "age_hours": round(age.total_seconds() / 3600, 1),
                "schema": contents.schema,
                "same_store": is_same,
                "tables": contents.tables,
                "tables_now": own,
            }
        )
        return 1 if contents.faults else 0
    _show_drill(session, done, age, own)
    if is_same is False:
        session.console.print("It is a backup of another store than the one here.")
    return 1 if contents.faults else 0


def _own(session: Session, store_id: str) -> tuple[Mapping[str, int] | None, bool | None]:
    """The rows of the store here, and whether the backup is of it; None where there is none."""
    from newsletter.safekeeping.reading import identity_of, rows_of

    try:
        with _of_any_schema(session) as store, store.read() as connection:
            return rows_of(connection), identity_of(connection) == store_id
    except StoreError:
        return None, None


def _show_drill(
    session: Session, done: "Drill", age: "dt.timedelta", own: Mapping[str, int] | None
) -> None:
    from newsletter.times import time_text

    contents, timezone = done.contents, session.project.settings.newsletter.timezone
    session.console.print(
        f"{done.where}: of {time_text(done.made_at, timezone)}, "
        f"{age.total_seconds() / 3600:,.1f} hours ago; schema {contents.schema}"
    )
    table = session.table("table", "in the backup", "in the store now")
    for name, rows in contents.tables.items():
        now = "" if own is None else f"{own.get(name, 0):,}"
        if rows or now not in ("", "0"):
            table.add_row(name, f"{rows:,}", now)
    session.console.print(table)
    for fault in contents.faults:
        session.console.print(fault)
    session.console.print(
        "The backup is damaged." if contents.faults else "The backup is sound, and can be restored."
    )


@click.command(
    epilog=examples("db restore /backups/", "db restore letter.db.age --identity backup-key.txt")
)
@click.argument("source", metavar="FILE")
@click.option("--to", "url", metavar="URL", help="Another place than that of the settings.")
@click.option("--replace", is_flag=True, help="Put the store aside that is there (SQLite).")
@_OPENERS[0]
@_OPENERS[1]
@click.option("--yes", is_flag=True, help="Do not ask.")
@command
def restore(
    session: Session,
    source: str,
    url: str | None,
    replace: bool,
    identity: Path | None,
    passphrase_file: Path | None,
    yes: bool,
) -> None:
    """Bring a backup back as the store; it sends nothing until it is adopted."""
    from newsletter.operations.restoring import restoring
    from newsletter.project import utc_now
    from newsletter.safekeeping import room
    from newsletter.times import time_text

    room.clear(session.project)
    keys = _openers(session, identity, passphrase_file)
    project = session.project
    target = url or project.settings.store.url
    with restoring(
        project, _backup_place(session, source), keys, target, replace=replace
    ) as restoration:
        at = time_text(restoration.made_at, project.settings.newsletter.timezone)
        if not yes:
            instead = ", in place of the store that is there" if restoration.replaces else ""
            confirm(
                f"Restore the backup of {at} to {restoration.place}{instead}?",
                Refused(
                    "the restore was not confirmed",
                    hint="Nothing was changed. Add --yes to do it.",
                ),
            )
        done = restoration.run(utc_now())
    if session.json:
        session.emit(_as_object(restoration, done))
        return
    _show_restored(session, restoration, done, at)


def _show_restored(session: Session, restoration: "Restoration", done: "Restored", at: str) -> None:
    from newsletter.store.schema import REVISION

    contents, carried = done.contents, done.carried
    session.console.print(
        f"Restored: the backup of {at}, with {contents.subscribers:,} subscribers and "
        f"{contents.sends:,} sends, is in {restoration.place}."
    )
    if done.aside:
        session.console.print(
            f"The former store is {done.aside}: whoever joined since is only in there."
        )
    if carried and not carried.reason:
        session.console.print(
            f"Carried over from it: {carried.left:,} who left, {carried.suppressed:,} suppressed, "
            f"{carried.erased:,} erased, {carried.sends:,} sends that are new or went on."
        )
    elif carried:
        session.console.print(f"Not all was carried over from it: {carried.reason}.")
    for fault in contents.faults:
        session.notes.print(fault)
    session.console.print(*_what_next(contents.schema != REVISION, carried), sep="\n")


def _what_next(is_older: bool, carried: "Carried | None") -> Iterator[str]:
    """What a person does before anything is sent from a restored store."""
    yield "It sends nothing until you adopt it:"
    if is_older:
        yield "  newsletter db upgrade             its tables are of an earlier version"
    if carried is None or carried.reason:
        yield "  newsletter events replay FILE     what was reported since, if you have it"
        yield "  newsletter suppressions sync      what your account has suppressed since"
        yield "  newsletter subscribers remove     whoever left since, as far as you know"
        yield "  newsletter subscribers forget     whoever was erased since"
    yield "  newsletter db adopt"


def _as_object(restoration: "Restoration", done: "Restored") -> dict[str, object]:
    carried = done.carried
    return {
        "file": restoration.where,
        "store": restoration.place,
        "made_at": restoration.made_at.isoformat(),
        "schema": done.contents.schema,
        "subscribers": done.contents.subscribers,
        "sends": done.contents.sends,
        "faults": done.contents.faults,
        "aside": done.aside and str(done.aside),
        "carried": carried
        and {
            "left": carried.left,
            "suppressed": carried.suppressed,
            "erased": carried.erased,
            "sends": carried.sends,
            "reason": carried.reason,
        },
    }
