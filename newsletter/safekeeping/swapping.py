"""Putting a restored SQLite store in the place of another, which is kept beside it.

At each moment the place holds either of the two as a whole.
"""

import datetime as dt
import glob
import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from newsletter.errors import Refused, UsageError
from newsletter.files import put_in_free_place, put_in_place
from newsletter.safekeeping.parts import BESIDE

_WAIT_SECONDS = 2


def is_taken(place: Path) -> bool:
    """Whether a store, or what one left beside its place, is there already. Raises UsageError for
    what is no file."""
    if place.exists() and not place.is_file():
        raise UsageError(
            "there is no room for a store: it is no file",
            where=str(place),
            hint="Name another place.",
        )
    return any(Path(f"{place}{ending}").exists() for ending in ("", *BESIDE))


@contextmanager
def alone_with(place: Path) -> Iterator[bool]:
    """Keep all others from a store, with all that was committed to it in its one file; False where
    it is too damaged for that, or gone. Raises Refused where another process has it open."""
    if not place.exists():  # SQLite would make one, and take what lies beside it for its log
        yield False
        return
    with closing(sqlite3.connect(place, timeout=_WAIT_SECONDS, isolation_level=None)) as connection:
        is_readable = True
        try:
            connection.execute("PRAGMA journal_mode=DELETE")  # only whoever is alone may
            connection.execute("BEGIN IMMEDIATE")
        except sqlite3.DatabaseError as error:
            if error.sqlite_errorcode & 0xFF in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
                raise Refused(
                    "another process has the store open",
                    where=str(place),
                    hint="Stop what runs: the web site, workers, sends. Then try again.",
                ) from error
            is_readable = False
        yield is_readable


def put_store(part: Path, place: Path, now: dt.datetime) -> Path | None:
    """Give a restored store its place; returns where the former one is now, None where there was
    none. Raises OSError."""
    if not is_taken(place):
        put_in_free_place(part, place)
        return None
    aside = _free_name(place, now)
    for ending in BESIDE:
        if (beside := Path(f"{place}{ending}")).exists():  # of one that could not be read
            beside.rename(f"{aside}{ending}")
    if not place.exists():
        put_in_free_place(part, place)
        return aside
    try:
        os.link(place, aside)
    except OSError:  # a file system without hard links
        place.rename(aside)
    put_in_place(part, place)
    return aside


def _free_name(place: Path, now: dt.datetime) -> Path:
    """A name beside a store, where none is yet; second names of it, which a kill left, go."""
    for path in place.parent.glob(f"{glob.escape(place.name)}.replaced-*"):
        if place.exists() and path.samefile(place):
            path.unlink()
    name = f"{place.name}.replaced-{now.astimezone(dt.UTC):%Y%m%dT%H%M%SZ}"
    aside, number = place.with_name(name), 1
    while aside.exists():
        number += 1
        aside = place.with_name(f"{name}-{number}")
    return aside
