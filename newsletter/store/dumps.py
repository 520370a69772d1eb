"""Dumps of PostgreSQL by its own programs: pg_dump writes them, pg_restore and psql read them.

No password is an argument of theirs: it would be seen by everybody on the machine.
"""

import datetime as dt
import hashlib
import os
import re
import shlex
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import sqlalchemy as sa
from sqlalchemy.engine import URL, Connection, Engine

from newsletter.errors import Refused, StoreError, UsageError
from newsletter.masking import masked
from newsletter.store import locks, postgresql, state
from newsletter.store.engine import Store
from newsletter.store.faults import translated
from newsletter.store.schema import microseconds

MAGIC = b"PGDMP"
_ENCODING = "--encoding=UTF8"  # not that of the role, which may lack letters
_LOCK_WAIT = "--lock-wait-timeout=60s"
_CREATED = re.compile(r"Archive created at (\d{4}-\d\d-\d\d \d\d:\d\d:\d\d) UTC")
_SCHEMA = re.compile(r"^COPY \S+alembic_version .*\n(\d+)$", re.MULTILINE)
_TEMPORARY = "_newsletter_drill"  # ends the name of a database that nobody else makes
_LONGEST_NAME = 63 - len(_TEMPORARY)  # PostgreSQL takes 63 bytes
_VERSION = re.compile(r"\(PostgreSQL\) (\d+)")
_INSTALL = "Install the programs of PostgreSQL (Debian: postgresql-client)."


@dataclass(frozen=True, slots=True)
class Program:
    """A program of PostgreSQL on this machine, and the major version it is of."""

    path: str
    version: int


@contextmanager
def dumping(store: Store, target: str) -> Iterator[IO[bytes]]:
    """The bytes of a dump of a database, as they are written. Raises UsageError where there is no
    pg_dump, or one older than the server, and StoreError where it fails.

    `target` is where the dump will be, for what a person is told to run instead.
    """
    engine = store.engine
    command = _dump_command(engine.url, target)
    program = find("pg_dump", f"{_INSTALL} Or run where it is installed: {command}")
    with store.read() as connection:
        number = connection.execute(sa.text("SHOW server_version_num")).scalar_one()
    server = int(number) // 10_000
    if program.version < server:
        raise UsageError(
            f"pg_dump is of version {program.version}, and the server of {server}: an older "
            "program cannot read it",
            where=program.path,
            hint=f"Install that of the server's version. Or run where it is installed: {command}",
        )
    options = ["--format=custom", _ENCODING, _LOCK_WAIT, f"--dbname={_target(engine)}"]
    with _running(
        [program.path, *options], _environment(engine), stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        yield process.stdout


def made_at(file: Path) -> dt.datetime | None:
    """When a dump was made, None where it does not say. Raises StoreError where it is no dump that
    could be read."""
    match = _CREATED.search(_read_by(find("pg_restore"), ["--list", str(file)]))
    return dt.datetime.fromisoformat(f"{match[1]}+00:00") if match else None


def schema_of(file: Path) -> str | None:
    """The schema of the store in a dump, None where it holds no store. Raises StoreError."""
    options = ["--data-only", "--table=alembic_version", "--file=-", str(file)]
    match = _SCHEMA.search(_read_by(find("pg_restore"), options))
    return match[1] if match else None


def _read_by(program: Program, options: Sequence[str]) -> str:
    with _running([program.path, *options], _in_utc(), stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        return process.stdout.read().decode(errors="replace")


def restore(url: URL, file: Path, copied_at: dt.datetime) -> None:
    """Bring a dump back into an empty database, marked as a copy, in one transaction: whatever
    happens, all of it is there afterwards, or nothing. Raises UsageError where a program is
    missing, StoreError.

    psql is told to begin and to commit: where this process is killed, its input ends before that.
    """
    engine = postgresql.open_engine(url, None)
    reader, writer = find("pg_restore"), find("psql")
    script = [reader.path, "--no-owner", "--no-privileges", "--file=-", str(file)]
    client = [writer.path, "--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1"]
    client.append(f"--dbname={_target(engine)}")
    null = subprocess.DEVNULL
    with (
        _closing(engine),
        _running(client, _environment(engine), stdin=subprocess.PIPE, stdout=null) as target,
    ):
        assert target.stdin is not None
        try:
            target.stdin.write(b"BEGIN;\n")
            with _running(script, _in_utc(), stdout=subprocess.PIPE) as source:
                assert source.stdout is not None
                shutil.copyfileobj(source.stdout, target.stdin, 1 << 20)
            names = {"copied": state.COPIED_AT, "backed_up": state.BACKED_UP_AT}
            target.stdin.write(_MARK.format(at=microseconds(copied_at), **names).encode())
        except BrokenPipeError:  # psql has ended, and is asked why
            return


# The script has emptied the search path, and a store that was moved takes no writes.
_MARK = """
RESET search_path;
ALTER TABLE state DISABLE TRIGGER USER;
INSERT INTO state (name, value) VALUES ('{copied}', {at}), ('{backed_up}', {at})
    ON CONFLICT (name) DO UPDATE SET value = EXCLUDED.value;
ALTER TABLE state ENABLE TRIGGER USER;
COMMIT;
"""


@contextmanager
def temporary_database(url: URL) -> Iterator[URL]:
    """A database beside another, of one process at a time. One that a kill left is dropped before.

    Raises StoreError where this user may make none, Refused where another process has it.
    """
    engine = postgresql.open_engine(url, None)
    name = _temporary_name(url)
    with (
        translated(engine),
        _closing(engine),
        engine.begin() as held,
        postgresql.without_idle_limit(held),
        _at_once(engine) as connection,
    ):
        if not locks.drilling(held):
            raise Refused("another process restores a backup there", hint="Wait for its end.")
        try:
            _drop(connection, name)
            quoted = connection.dialect.identifier_preparer.quote(name)
            connection.exec_driver_sql(f"CREATE DATABASE {quoted} TEMPLATE template0")
        except sa.exc.DBAPIError as error:
            raise StoreError(
                f"no database can be made for the drill: {masked(str(error.orig)).splitlines()[0]}",
                hint="Let the user make databases (ALTER ROLE … CREATEDB), or name a server where "
                "it may: NEWSLETTER_STORE__URL",
            ) from error
        try:
            yield url.set(database=name)
        finally:
            _drop(connection, name)


def drop_abandoned(store: Store) -> None:
    """Drop the temporary database of a process that was killed, which holds all that a backup did.

    That of one which lives stays, and so does what this user may not drop.
    """
    if store.is_sqlite:
        return
    name = _temporary_name(store.engine.url)
    with translated(store.engine), store.engine.begin() as held:
        if held.execute(_IS_OURS, {"name": name}).scalar() and locks.drilling(held):
            with _at_once(store.engine) as connection:
                _drop(connection, name)


_IS_OURS = sa.text("SELECT pg_has_role(datdba, 'USAGE') FROM pg_database WHERE datname = :name")


def _temporary_name(url: URL) -> str:
    name = str(url.database)
    if len(name.encode()) > _LONGEST_NAME:
        name = hashlib.sha256(name.encode()).hexdigest()[:_LONGEST_NAME]
    return f"{name}{_TEMPORARY}"


def _at_once(engine: Engine) -> Connection:
    """A connection without transactions, within which databases can be neither made nor dropped."""
    return engine.execution_options(isolation_level="AUTOCOMMIT").connect()


def _drop(connection: Connection, name: str) -> None:
    """Also under what a killed process has left running."""
    quoted = connection.dialect.identifier_preparer.quote(name)
    connection.exec_driver_sql(f"DROP DATABASE IF EXISTS {quoted} WITH (FORCE)")


def find(name: str, hint: str = _INSTALL) -> Program:
    """A program on PATH. Raises UsageError where it is missing."""
    path = shutil.which(name)
    if path is None:
        raise UsageError(
            f"backups of a PostgreSQL store need its program {name}, which is not here", hint=hint
        )
    answer = subprocess.run(  # noqa: S603 -- one of PostgreSQL's own
        [path, "--version"], capture_output=True, text=True, check=False
    )
    match = _VERSION.search(answer.stdout)
    if match is None:
        raise UsageError(f"{name} does not run: {_words(answer.stderr)}", where=path, hint=hint)
    return Program(path, int(match[1]))


def _target(engine: Engine) -> str:
    """Where to connect, as libpq reads it, without the password."""
    from psycopg.conninfo import make_conninfo  # noqa: PLC0415 -- of the extra `postgresql`

    return make_conninfo(
        **{name: value for name, value in _arguments(engine) if name != "password"}
    )


def _in_utc() -> dict[str, str]:
    return {**os.environ, "TZ": "UTC"}


def _environment(engine: Engine) -> Mapping[str, str]:
    password = dict(_arguments(engine)).get("password")
    return {**_in_utc(), **({"PGPASSWORD": str(password)} if password else {})}


def _arguments(engine: Engine) -> Sequence[tuple[str, Any]]:
    _, arguments = engine.dialect.create_connect_args(engine.url)
    return [(name, value) for name, value in arguments.items() if name != "context"]


@contextmanager
def _closing(engine: Engine) -> Iterator[None]:
    try:
        yield
    finally:
        engine.dispose()


@contextmanager
def _running(
    arguments: Sequence[str], environment: Mapping[str, str], **pipes: Any
) -> Iterator[subprocess.Popen[bytes]]:
    """A child process that is gone at the end, and was asked how it ended. Raises StoreError."""
    with tempfile.TemporaryFile() as words:
        process = subprocess.Popen(  # noqa: S603 -- one of PostgreSQL's own, no shell
            arguments, env=environment, stderr=words, **pipes
        )
        try:
            yield process
            _close(process.stdin)
            _close(process.stdout)
            process.wait()
        finally:
            if process.poll() is None:
                process.kill()
                process.wait()
            _close(process.stdin)
            _close(process.stdout)
        if process.returncode:
            words.seek(0)
            name = Path(arguments[0]).name
            raise StoreError(
                f"{name} failed: {_words(words.read().decode(errors='replace'))}",
                hint="Nothing is damaged by that. Mend what it says, then try again.",
            )


def _close(pipe: IO[bytes] | None) -> None:
    """A pipe whose other end is gone keeps what it could not write, and says so again."""
    try:
        if pipe is not None:
            pipe.close()
    except BrokenPipeError:
        return


def _words(text: str) -> str:
    """The first line that is an error: the rest may hold rows with addresses."""
    lines = text.strip().splitlines() or ["it says nothing"]
    first = next((line for line in lines if "error" in line.lower()), lines[0])
    return masked(re.sub(r"^.*?error:\s*", "", first, flags=re.IGNORECASE))


def _dump_command(url: URL, target: str) -> str:
    """The command that copies this database; it asks for the password itself."""
    host = url.host or url.query.get("host")
    parts = {"file": target, "host": host, "port": url.port, "username": url.username}
    options = [f"--{name}={value}" for name, value in parts.items() if value]
    return shlex.join(["pg_dump", "--format=custom", *options, str(url.database or "")])
