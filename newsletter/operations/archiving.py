"""Archiving sends: their deliveries go into a file, and leave the store.

What the store keeps of them is in newsletter.store.ledger.archived. Each step is a transaction or a
whole file, so that a process may die between any two: the next call goes on.

1. The store notes the name of the file.
2. The file is written, read again, and put under its name.
3. The store notes its hash: from here on the send is archived.
4. The deliveries are packed, some thousands in a transaction, so that nobody waits for long.
5. On PostgreSQL the partition of the send is dropped.
"""

import datetime as dt
import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy.engine import Connection

from newsletter.errors import NewsletterError, Refused, StoreAway, UsageError
from newsletter.files import folder_lock, make_folder, part_of
from newsletter.model.record import SendRecord
from newsletter.model.send import ENDED, Send, SendStatus
from newsletter.operations import archives
from newsletter.operations.archives import Format
from newsletter.project import Project
from newsletter.sending.core import Notify
from newsletter.sending.reading import read
from newsletter.store import Store
from newsletter.store.ledger import archiving, sends, transitions
from newsletter.times import Clock

_log = logging.getLogger(__name__)

_PAUSE_SECONDS = 0.1


@dataclass(frozen=True, slots=True)
class Archived:
    """What became of one send; `is_cleared` says whether the store holds none of its rows."""

    send_id: str
    slug: str
    file: Path
    rows: int
    is_cleared: bool


def due(store: Store, older_than: dt.timedelta, now: dt.datetime) -> Sequence[Send]:
    """The sends that ended so long ago, and those that an earlier call has left half archived."""
    with store.read() as connection:
        ids = [*archiving.unfinished(connection), *archiving.due(connection, now - older_than)]
    return [read(store, send_id) for send_id in ids]


def archive_one(project: Project, store: Store, clock: Clock, notify: Notify) -> bool:
    """Archive the oldest send that is due by `[policy] archive_after_days`, as a worker does each
    hour; False where none was. What is wrong with one is told, and keeps none of the others."""
    days = project.settings.policy.archive_after_days
    chosen = due(store, dt.timedelta(days=days), clock()) if days else ()
    for send in chosen:
        try:
            done = archive(store, send, project.archive, Format.JSONL, clock)
        except StoreAway:
            raise
        except UsageError as error:  # of the folder, so of each send
            notify(f"Nothing is archived: {error.message}: {error.where}. {error.hint}")
            return False
        except NewsletterError as error:
            notify(f"{send.id} is not archived: {error.message}")
            continue
        notify(f"Archived {send.id}: {done.rows:,} deliveries in {done.file}.")
        return done.is_cleared
    return False


def check(send: Send) -> None:
    """Raises Refused for a send that has not ended."""
    if send.status in ENDED:
        return
    ending = f"newsletter cancel {send.id}"
    if send.status is SendStatus.UNRESOLVED:
        ending = f"newsletter resolve {send.id} --unknown accept"
    raise Refused(
        f"only a send that has ended can be archived: {send.id} is {send.status}",
        hint=f"To end it: {ending}",
    )


def archive(store: Store, send: Send, folder: Path, kind: Format, clock: Clock) -> Archived:
    """Archive a send into a folder, or go on where that was interrupted.

    Raises Refused where it has not ended, or where a file of another store has its name, UsageError
    where the store cannot note the name of the folder, and NewsletterError where the file cannot be
    written.
    """
    check(send)
    with store.read() as connection:
        number = sends.number_of(connection, send.id)
        record = sends.record(connection, number)
        noted = archiving.file_of(connection, number) if record.is_archived else None
    if not record.frozen:
        raise Refused(
            f"send {send.id} has no deliveries: it was cancelled before it began",
            hint="Nothing of it takes room: leave it as it is.",
        )
    file = folder.resolve() / f"{send.id}.{kind}.gz"
    if noted is not None:
        file = Path(noted)
    else:
        _check_name(file.parent)
        _write_down(store, record, file, kind, clock)
    is_cleared = _clear(store, number)
    _log.info("archive", {"send": send.id, "rows": record.recipients, "cleared": is_cleared})
    return Archived(send.id, send.slug, file, record.recipients, is_cleared)


def _check_name(folder: Path) -> None:
    try:
        str(folder).encode()
    except UnicodeEncodeError as error:
        raise UsageError(
            "the path of this folder is not UTF-8, so that the store cannot note it",
            where=str(folder),
            hint="Archive into a folder with another path: --out, or [store] archive.",
        ) from error


def _write_down(store: Store, record: SendRecord, file: Path, kind: Format, clock: Clock) -> None:
    """Write the file of a send, and note that it is archived."""
    try:
        make_folder(file.parent, private=True)
        with folder_lock(file.parent):
            with store.write() as connection:
                _hold(connection, record)
                if file.exists() and archiving.file_of(connection, record.number) != str(file):
                    raise Refused(
                        f"{file} exists already, and this store did not write it",
                        hint="Move it away, or name another folder with --out.",
                    )
                _remove_other(connection, record.number, file)
                transitions.settle(connection, record, clock())
                archiving.note_file(connection, record.number, str(file))
            file_hash = archives.write(store, record, file, kind)
            try:
                with store.write() as connection:
                    _hold(connection, record, file)
                    _remove_other(connection, record.number, file)
                    archiving.note_archived(
                        connection, record.number, str(file), file_hash, clock()
                    )
            except Refused:
                _remove_unnoted(store, record.number, file)
                raise
    except OSError as error:
        raise NewsletterError(
            f"the archive cannot be written: {error.strerror}",
            where=str(file),
            hint="Nothing was archived. Name a folder with room for it that you may write to.",
        ) from error


def _remove_unnoted(store: Store, number: int, file: Path) -> None:
    """Remove a file that nobody would find: another process has noted another one."""
    with store.read() as connection:
        noted = archiving.file_of(connection, number)
    if noted != str(file):
        file.unlink(missing_ok=True)


def _remove_other(connection: Connection, number: int, file: Path) -> None:
    """Remove what another process, which died as a rule, has written of a send elsewhere: nobody
    would find it, nor would who is erased be told of it. The caller holds the send."""
    noted = archiving.file_of(connection, number)
    if noted in (None, str(file)):
        return
    other = Path(noted)
    for each in (other, part_of(other)):
        try:
            each.unlink(missing_ok=True)
        except NotADirectoryError:
            pass
        except OSError as error:
            raise NewsletterError(
                f"what an earlier call has written cannot be removed: {error.strerror}",
                where=str(each),
                hint="Nothing was archived. Remove it, or archive into its folder again.",
            ) from error


def _hold(connection: Connection, before: SendRecord, file: Path | None = None) -> None:
    """Hold the row of a send. Raises Refused where it goes on after all, or is being recorded, or
    where another process has removed the file that was written."""
    now = sends.record(connection, before.number, lock=True)
    is_same = (now.status, now.finished_at) == (before.status, before.finished_at)
    is_there = file is None or file.exists()
    is_busy = now.is_archived or archiving.is_busy(connection, before.number)
    if not is_same or not is_there or is_busy:
        raise Refused(
            f"send {before.id} is being worked on by another process",
            hint=f"See: newsletter status {before.id}",
        )


def _clear(store: Store, number: int) -> bool:
    """Pack the deliveries of an archived send and remove them; False where others read the ledger
    for so long that the last step has to be done another time."""
    is_left = True
    while is_left:
        began = time.monotonic()
        with store.write() as connection:
            is_left = archiving.pack_some(connection, number)
        if store.is_sqlite and is_left:  # others may write meanwhile, who do not queue for it
            time.sleep(min(_PAUSE_SECONDS, time.monotonic() - began))
    try:
        with store.write() as connection:
            sends.record(connection, number, lock=True)
            archiving.clear(connection, number)
    except StoreAway:
        return False
    return True
