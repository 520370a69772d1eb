"""The drill: whether a backup can be restored, shown in a place that is gone afterwards."""

import datetime as dt
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy.engine import URL

from newsletter.errors import UsageError
from newsletter.safekeeping.parts import DRILL
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
from newsletter.store import dumps, open_any, resolve_url


@dataclass(frozen=True, slots=True)
class Drill:
    """What a backup held once it was restored; `made_at` is as exact as the backup says."""

    where: str
    size_bytes: int
    made_at: dt.datetime
    contents: CopyContents


def drill(place: BackupPlace, keys: Keys, url: str, root: Path, room: Path) -> Drill:
    """Restore a backup beside the store of a URL, check and count what is in it, and delete it.

    A copy of SQLite becomes a file in `room`, a dump of PostgreSQL a database on the server of the
    URL. Raises UsageError where that cannot be, and what `fetched` and `examine` raise.
    """
    with fetched(place, keys, room / f"backup{DRILL}") as copy:
        size_bytes = copy.file.stat().st_size
        if copy.is_sqlite:
            contents = examine(copy)
            made_at = contents.made_at or copy.put_at
        else:
            with about(copy.where):
                made_at = dumps.made_at(copy.file) or copy.put_at
            with _database(resolve_url(url, root), copy) as target:
                contents = _restored(target, copy, made_at)
        return Drill(copy.where, size_bytes, made_at, contents)


@contextmanager
def _database(url: URL, copy: FetchedCopy) -> Iterator[URL]:
    """A database beside that of a URL, for as long as the drill takes."""
    if url.get_backend_name() == "sqlite":
        raise UsageError(
            "a dump of PostgreSQL needs a server to be restored to, and the store is SQLite",
            where=copy.where,
            hint="Set NEWSLETTER_STORE__URL to a database beside which the user may make others.",
        )
    with dumps.temporary_database(url) as target:
        yield target


def _restored(target: URL, copy: FetchedCopy, made_at: dt.datetime) -> CopyContents:
    with about(copy.where):
        dumps.restore(target, copy.file, made_at)
        store, _ = open_any(target.render_as_string(hide_password=False), Path())
        with closing(store):
            return contents_of(store)
