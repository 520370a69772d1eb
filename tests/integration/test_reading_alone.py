"""A user who may only read a SQLite store: what a long process of theirs sees of others' writes."""

import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

# Each line that it reads is a step, which it answers with a line.
_READER = """
import os, sys
from pathlib import Path
import sqlalchemy as sa
from newsletter.errors import NewsletterError
from newsletter.store import open_store
os.setuid(65534)
store = open_store(sys.argv[1], Path())
def titles(connection):
    return ",".join(connection.scalars(sa.text("SELECT title FROM lists ORDER BY title")))
def read():
    with store.read() as connection:
        return titles(connection)
def read_twice():
    with store.read() as connection:
        print(titles(connection), flush=True)
        sys.stdin.readline()
        return titles(connection)
for line in sys.stdin:
    try:
        print({"read": read, "read twice": read_twice}[line.strip()](), flush=True)
    except NewsletterError as error:
        print(type(error).__name__, error.message, flush=True)
"""


@dataclass(frozen=True)
class Reader:
    process: subprocess.Popen[str]

    def __call__(self, step: str) -> str:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(f"{step}\n")
        self.process.stdin.flush()
        return self.process.stdout.readline().rstrip("\n")


@pytest.fixture
def database(sqlite_url: str) -> Path:
    """A store that others may read, and not write."""
    file = Path(sqlite_url.removeprefix("sqlite:///"))
    for folder in file.parents:
        folder.chmod(folder.stat().st_mode | 0o055)
    file.chmod(0o644)
    return file


@pytest.fixture
def reader(sqlite_url: str, database: Path) -> Iterator[Reader]:
    if os.geteuid() != 0:
        pytest.skip("only root can become another user here")
    command = [sys.executable, "-c", _READER, sqlite_url]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True) as process:
        yield Reader(process)


def opened(database: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(database, isolation_level=None)
    connection.execute("PRAGMA secure_delete = ON")
    return connection


def add(writer: sqlite3.Connection, title: str) -> None:
    writer.execute(
        "INSERT INTO lists (name, title, description, created_at) VALUES (:t, :t, '', 0)",
        {"t": title},
    )


def test_what_others_write_is_seen_once_they_have_closed_the_store(
    reader: Reader, database: Path
) -> None:
    """Closing empties the log into the file, and removes it."""
    seen = [reader("read")]

    for title in ("a", "b"):
        writer = opened(database)
        add(writer, title)
        writer.close()
        seen.append(reader("read"))

    assert seen == ["", "a", "a,b"]
    assert not database.with_name(f"{database.name}-wal").exists()


def test_what_others_write_is_seen_while_they_have_the_store_open(
    reader: Reader, database: Path
) -> None:
    seen = [reader("read")]

    writer = opened(database)
    add(writer, "a")
    seen.append(reader("read"))
    add(writer, "b")
    seen.append(reader("read"))
    writer.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    seen.append(reader("read"))
    add(writer, "c")
    seen.append(reader("read"))
    writer.close()
    seen.append(reader("read"))
    writer = opened(database)
    add(writer, "d")
    writer.close()
    seen.append(reader("read"))

    assert seen == ["", "a", "a,b", "a,b", "a,b,c", "a,b,c", "a,b,c,d"]


def test_a_store_that_was_put_in_the_place_of_another_is_seen(
    reader: Reader, database: Path
) -> None:
    """As a restored backup is."""
    seen = [reader("read")]
    other = database.with_name("other.db")
    other.write_bytes(database.read_bytes())
    writer = opened(other)
    add(writer, "a")
    writer.close()
    other.chmod(0o644)

    other.replace(database)
    seen.append(reader("read"))

    assert seen == ["", "a"]


def test_a_store_that_is_written_while_it_is_read_without_locks_is_read_again(
    reader: Reader, database: Path
) -> None:
    """Of the pages some may be old, and others new."""
    first = reader("read twice")
    writer = opened(database)
    add(writer, "a")
    writer.close()
    mixed = reader("go on")

    assert (first, mixed) == (
        "",
        "StoreAway the store was written while it was read without locks",
    )
    assert reader("read") == "a"


def test_what_stands_in_a_log_alone_changes_nothing_of_what_is_read(
    reader: Reader, database: Path
) -> None:
    first = reader("read twice")
    writer = opened(database)
    add(writer, "a")
    unchanged = reader("go on")
    afterwards = reader("read")
    writer.close()

    assert (first, unchanged, afterwards) == ("", "", "a")
