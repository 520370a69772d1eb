"""Making a backup: copied, proven whole, encrypted if asked, put in its place, old ones deleted.

A kill leaves what was there before, and at most parts of files, for their owner alone:
`parts.clear` deletes them.
"""

import datetime as dt
from dataclasses import dataclass
from pathlib import Path

from newsletter.errors import NewsletterError
from newsletter.files import filled
from newsletter.safekeeping import parts, record, sealing
from newsletter.safekeeping.parts import written
from newsletter.safekeeping.reading import identity_of
from newsletter.safekeeping.room import name_of
from newsletter.safekeeping.sealing import Keys
from newsletter.safekeeping.vaults import BackupPlace, Naming, put_in_order, taken
from newsletter.store import Store, dumps, maintenance

_NO_ID = "0"  # of stores from before they had ids


@dataclass(frozen=True, slots=True)
class Backup:
    """`where` is the new backup, `removed` are the old ones that were deleted for it."""

    where: str
    size_bytes: int
    is_encrypted: bool
    removed: tuple[str, ...]


def back_up(
    store: Store, place: BackupPlace, keys: Keys, keep: int, room: Path, now: dt.datetime
) -> Backup:
    """Back up a store of any schema while it is in use, and keep the `keep` newest backups of it
    there, all where that is 0. `room` is a private folder of this machine.

    Raises Refused where the file exists or another process does the same, UsageError where pg_dump
    is missing, StoreError, NewsletterError.
    """
    folder = place.folder
    naming = _naming(store)
    mine = f"{naming.store}-{naming.store_id}"
    if folder:
        parts.clear(folder, mine)
    if place.name and folder and (folder / place.name).exists():
        raise taken(place)
    suffix = (".db" if store.is_sqlite else ".dump") + (sealing.SUFFIX if keys else "")
    name = f"{mine}-{place.name}" if place.name else mine
    unfinished = (folder or room) / f"{name}{parts.BACKUP}"
    with written(unfinished) as part:
        if store.is_sqlite:
            _copy_file(store, part, keys, room, now)
        else:
            _dump(store, part, keys, place)
        size_bytes = part.stat().st_size
        name = put_in_order(place, part, naming, now, suffix)
    record.note_backup(store, now)
    removed = _rotate(place, naming, name, keep)
    return Backup(place.vault.where(name), size_bytes, bool(keys), removed)


def _naming(store: Store) -> Naming:
    with store.read() as connection:
        store_id = identity_of(connection) or _NO_ID
    return Naming(name_of(store.engine.url), store_id)


def _copy_file(store: Store, part: Path, keys: Keys, room: Path, now: dt.datetime) -> None:
    """What is to be encrypted lies beside the store meanwhile, where it lies anyway."""
    if not keys:
        maintenance.copy_into(store, part, now)
        return
    with written(room / f"{Path(str(store.engine.url.database)).name}{parts.BACKUP}") as plain:
        maintenance.copy_into(store, plain, now)
        with plain.open("rb") as source, filled(part) as target:
            sealing.seal(source, target, keys)


def _dump(store: Store, part: Path, keys: Keys, place: BackupPlace) -> None:
    with (
        filled(part) as target,
        dumps.dumping(store, place.vault.where(place.name)) as source,
    ):
        if keys:
            sealing.seal(source, target, keys)
            return
        while piece := source.read(1 << 20):
            target.write(piece)


def _rotate(place: BackupPlace, naming: Naming, newest: str, keep: int) -> tuple[str, ...]:
    """Delete the oldest backups of this very store beyond `keep`, never the new one."""
    if not keep or place.name or naming.store_id == _NO_ID:
        return ()
    mine = naming.mine(place.vault.names())
    if newest not in mine:
        raise NewsletterError(
            "the new backup is not there",
            where=place.vault.where(newest),
            hint="No old backup was deleted. Look at the place of the backups.",
        )
    old = [name for name in mine[keep:] if name != newest]
    for name in old:
        try:
            place.vault.remove(name)
        except NewsletterError as error:
            error.hint = f"{error.hint} The new backup is whole: {place.vault.where(newest)}"
            raise
    return tuple(place.vault.where(name) for name in old)
