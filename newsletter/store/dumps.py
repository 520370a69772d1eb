"""Dumps of PostgreSQL by its own programs: pg_dump writes them, pg_restore and psql read them.

No password is an argument of theirs: it would be seen by everybody on the machine.
"""

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
from sqlalchemy.engine import URL, Engine

from newsletter.errors import StoreError, UsageError
from newsletter.masking import masked
from newsletter.store.engine import Store

MAGIC = b"PGDMP"
_LOCK_WAIT = "--lock-wait-timeout=60s"
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
    arguments = [program.path, "--format=custom", _LOCK_WAIT, f"--dbname={_target(engine)}"]
    with _running(arguments, _environment(engine), stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        yield process.stdout


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


def _environment(engine: Engine) -> Mapping[str, str]:
    password = dict(_arguments(engine)).get("password")
    return {**os.environ, "TZ": "UTC", **({"PGPASSWORD": str(password)} if password else {})}


def _arguments(engine: Engine) -> Sequence[tuple[str, Any]]:
    _, arguments = engine.dialect.create_connect_args(engine.url)
    return [(name, value) for name, value in arguments.items() if name != "context"]


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
            for pipe in (process.stdin, process.stdout):
                if pipe is not None:
                    pipe.close()
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
