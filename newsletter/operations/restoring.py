"""Restoring a backup: looked at, then put in the place of the store, marked as a copy.

It may be killed at any time: then the store is what it was, or the restored one as a whole. Either
way nothing is sent from a restored store before a person adopts it.
"""

import datetime as dt
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import sqlalchemy as sa
from sqlalchemy.engine import URL

from newsletter.errors import NewsletterError, Refused, StoreError, UsageError
from newsletter.files import make_folder
from newsletter.operations import carrying
from newsletter.operations.carrying import Carried
from newsletter.project import Project
from newsletter.safekeeping import swapping
from newsletter.safekeeping.parts import RESTORED
from newsletter.safekeeping.reading import (
    CopyContents,
    FetchedCopy,
    about,
    contents_of,
    examine,
    fetched,
)
from newsletter.safekeeping.sealing import Keys
from newsletter.safekeeping.vaults import BackupPlace
from newsletter.store import dumps, maintenance, open_any, resolve_url, revisions
from newsletter.store.engine import open_or_make
from newsletter.store.relocation import relocations


@dataclass(frozen=True, slots=True)
class Restored:
    """`aside` is where the former store is now, `carried` what was brought over from it."""

    contents: CopyContents
    aside: Path | None = None
    carried: Carried | None = None


class Restoration(Protocol):
    """A backup that was looked at, and where it goes. Nothing is changed before `run`."""

    where: str
    place: str
    made_at: dt.datetime
    replaces: bool

    def run(self, now: dt.datetime) -> Restored:
        """Raises Refused where another process uses the former store, StoreError."""


@contextmanager
def restoring(
    project: Project, source: BackupPlace, keys: Keys, url: str, *, replace: bool
) -> Iterator[Restoration]:
    """Fetch a backup and look at it, and at the place where it goes.

    Raises NewsletterError where it is not sound, UsageError where it does not fit the place,
    Refused where there is a store already, which only `replace` puts aside.
    """
    place = resolve_url(url, project.root)
    is_file = place.get_backend_name() == "sqlite"
    if is_file:
        file = Path(str(place.database))
        beside = file.with_name(f"{file.name}{RESTORED}")
        is_taken = swapping.is_taken(file)
    else:
        beside = project.generation.with_name(f"backup{RESTORED}")
        is_taken = False
    if is_taken and source.folder and _is_same(source.folder / source.name, place):
        raise UsageError(
            "this is the store itself, and no backup of it",
            where=relocations.place_of(place),
            hint="Name a backup.",
        )
    if is_taken and not replace:
        _refuse_used(url, project.root, place)
    make_folder(beside.parent, private=True)
    with fetched(source, keys, beside) as copy:
        if copy.is_sqlite != is_file:
            raise UsageError(
                f"this is a backup of {_KINDS[copy.is_sqlite]}, and the place is one for "
                f"{_KINDS[is_file]}",
                where=copy.where,
                hint="Restore it to its own kind with --to URL, and then: newsletter db copy",
            )
        yield ToFile(project, copy, place) if is_file else ToDatabase(copy, place)


_KINDS = ("PostgreSQL", "SQLite")


class ToFile:
    """A copy of SQLite, which becomes the file of the store."""

    def __init__(self, project: Project, copy: FetchedCopy, url: URL) -> None:
        self._project, self._copy = project, copy
        self._file = Path(str(url.database))
        self.where, self.place = copy.where, relocations.place_of(url)
        self.replaces = swapping.is_taken(self._file)
        self._contents = examine(copy)
        self.made_at = self._contents.made_at or copy.put_at
        if self._contents.is_damaged:
            raise NewsletterError(
                f"the backup is damaged: {self._contents.faults[0]}",
                where=copy.where,
                hint="Take another copy.",
            )

    def run(self, now: dt.datetime) -> Restored:
        if self._contents.made_at is None:  # by cp, say
            with closing(sqlite3.connect(self._copy.file)) as connection:
                maintenance.mark(connection, self.made_at)
        if not self.replaces:
            return Restored(self._contents, self._put(now))
        with swapping.alone_with(self._file) as is_readable:
            carried = None
            if is_readable:
                carried = carrying.carry(self._project, self._file, self._copy.file, now)
            return Restored(self._contents, self._put(now), carried)

    def _put(self, now: dt.datetime) -> Path | None:
        with closing(sqlite3.connect(self._copy.file)) as connection:
            connection.execute("PRAGMA journal_mode=DELETE")  # all of it in its one file
        return swapping.put_store(self._copy.file, self._file, now)


class ToDatabase:
    """A dump of PostgreSQL, which goes into an empty database."""

    replaces = False

    def __init__(self, copy: FetchedCopy, url: URL) -> None:
        self._copy, self._url = copy, url
        self.where, self.place = copy.where, relocations.place_of(url)
        with about(copy.where):
            self.made_at = dumps.made_at(copy.file) or copy.put_at
            schema = dumps.schema_of(copy.file)
            if schema is None:
                raise StoreError(
                    "this dump holds no store of newsletter",
                    hint="Name a backup that `newsletter db backup` has written.",
                )
            revisions.refuse_newer(schema)
        with closing(open_or_make(self._text, Path())) as target, target.read() as connection:
            if tables := sorted(sa.inspect(connection).get_table_names()):
                raise Refused(
                    f"the database is not empty: it has a table {tables[0]}",
                    where=self.place,
                    hint="Make an empty one (createdb), and name it with --to URL, or as "
                    "NEWSLETTER_STORE__URL.",
                )

    @property
    def _text(self) -> str:
        return self._url.render_as_string(hide_password=False)

    def run(self, now: dt.datetime) -> Restored:
        dumps.restore(self._url, self._copy.file, self.made_at)
        store, _ = open_any(self._text, Path())
        with closing(store):
            return Restored(contents_of(store))


def _is_same(file: Path, place: URL) -> bool:
    store = Path(str(place.database))
    return file.exists() and store.exists() and file.samefile(store)


def _refuse_used(url: str, root: Path, place: URL) -> None:
    """Raises Refused unless the store that is there is as empty as a new one."""
    try:
        store, _ = open_any(url, root)
        with closing(store), store.read() as connection:
            relocations.check_empty(connection)
            return
    except (StoreError, Refused) as error:
        raise Refused(
            f"there is a store already: {relocations.place_of(place)}",
            hint="Nothing was changed. To put it aside, and restore in its place: --replace",
        ) from error
