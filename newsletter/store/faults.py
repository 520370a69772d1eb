"""The failures of a database, as our own errors.

There are three kinds: the store is away for a moment, so that the same step may be repeated once it
is back; it is closed for good; or something is wrong that a person has to mend. A message of
PostgreSQL may hold a row with an address, so only its first line is shown, and of a URL only host,
port, database and user.
"""

import os
import re
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.engine import URL, Engine

from newsletter.config import FILE_NAME, variable_of
from newsletter.errors import NewsletterError, StoreAway, StoreBusy, StoreClosed, StoreError
from newsletter.masking import masked
from newsletter.pasting import joined

_KEY = ("store", "url")
_BUSY = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)
# Beginnings of PostgreSQL's SQLSTATEs: a lost connection, a rollback in favour of others, too many
# connections, a lock that was not free in time, a transaction that was idle for too long, a server
# that stops or starts.
_AWAY = ("08", "40", "53300", "55P03", "25P03", "57P01", "57P02", "57P03")
_NO_LOCKS_LEFT = "53200"
_FULL = ("53100", sqlite3.SQLITE_FULL)
_FAILING = ("58030", sqlite3.SQLITE_IOERR)
_NO_SHARED_MEMORY = sqlite3.SQLITE_IOERR_SHMSIZE  # the index of its log, a file too, did not fit
_NOT_ALLOWED = "42501"
_ONLY_READ = "25006"
_OTHER_TABLES = ("42P01", "42703")
_CANNOT_OPEN = (sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM)
CLOSED_STATE = "NL001"  # what the triggers of a closed store raise: newsletter.store.relocation
_AGAIN = "Nothing is damaged by that. Try again in a moment."


@contextmanager
def translated(engine: Engine, where: str = "") -> Iterator[None]:
    """Raises StoreAway or StoreError for any failure of a database or its driver.

    `where` names a store that is not the one of the settings.
    """
    try:
        yield
    except NewsletterError:
        raise
    except sa.exc.TimeoutError as error:
        raise StoreBusy("all connections to the store are in use", hint=_AGAIN) from error
    except (sa.exc.DBAPIError, engine.dialect.loaded_dbapi.Error) as error:
        failure = _translation(error, engine)
        failure.where = where or failure.where
        raise failure from error


def source() -> str:
    """Where the store's URL comes from, for messages."""
    return variable_of(_KEY) or f"{FILE_NAME}, [store] url"


def _translation(error: Exception, engine: Engine) -> StoreError:
    cause = error.orig if isinstance(error, sa.exc.DBAPIError) else error
    if isinstance(error, sa.exc.DBAPIError):
        is_lost = error.connection_invalidated
    else:  # from the bare driver, whose only failures without a code are those of a connection
        is_operational = isinstance(error, engine.dialect.loaded_dbapi.OperationalError)
        is_lost = is_operational and _code(error) == ""
    words = _first_line(cause)
    if _is_closed(cause):
        return StoreClosed(
            words, hint="Nothing was written. Once it was moved, set [store] url to the new one."
        )
    if _code(cause) == _ONLY_READ:
        return StoreAway(
            f"the store is away: {words}",
            hint="Nothing is damaged by that. A server that only follows another one takes no "
            "writes: try again once it leads, or name the one that does. Else look for "
            "default_transaction_read_only, which the user or the database may have.",
        )
    if is_lost or _is_away(cause):
        error_class = StoreBusy if _code(cause) in _BUSY else StoreAway
        return error_class(f"the store is away: {words}", hint=_AGAIN)
    if _has_no_connection(error, cause):
        return _unreachable(words, engine.url)
    if fault := _disk_fault(words, cause, engine.url):
        return fault
    if _code(cause) in _OTHER_TABLES or re.match("no such (table|column)", words):
        return StoreError(
            f"the store has other tables than this process expects: {words}",
            hint="If it was upgraded meanwhile, restart what ran before that.",
        )
    if _code(cause) in _CANNOT_OPEN:
        return StoreError(
            f"the store failed: {words}",
            where=_file(engine.url),
            hint="Let the user who runs this read and write this file and its folder.",
        )
    if _code(cause) == _NOT_ALLOWED:
        return StoreError(
            f"PostgreSQL does not let the user {engine.url.username or ''!r} do this: {words}",
            hint="Nothing of this step was written. Connect as the user to whom the tables belong, "
            "and who may make more of them in this database.",
        )
    if _code(cause) == _NO_LOCKS_LEFT:
        return StoreError(
            f"the store failed: {words}",
            hint="Nothing of this step was written. Archive old sends (newsletter sends archive), "
            "or raise PostgreSQL's max_locks_per_transaction.",
        )
    return StoreError(
        f"the store failed: {words}",
        where=_file(engine.url),
        hint="Nothing of this step was written. Check disk space and access, "
        "run `newsletter db verify`, then try again.",
    )


def _has_no_connection(error: Exception, cause: object) -> bool:
    """Whether PostgreSQL was not reached, or refused the connection: there is no code for that."""
    is_before_any = (
        isinstance(error, sa.exc.OperationalError | sa.exc.ProgrammingError)
        and error.statement is None
    )
    return is_before_any and getattr(cause, "sqlstate", "none") is None


def _is_closed(error: object) -> bool:
    extended = getattr(error, "sqlite_errorcode", 0)
    return extended == sqlite3.SQLITE_CONSTRAINT_TRIGGER or _code(error) == CLOSED_STATE


def _disk_fault(words: str, cause: object, url: URL) -> StoreAway | None:
    extended = getattr(cause, "sqlite_errorcode", 0)
    if extended == _NO_SHARED_MEMORY or _code(cause) in _FULL:
        return StoreAway(
            f"the disk of the store is full: {words}",
            where=_file(url),
            hint="Nothing is damaged by that. Make room on it, then try again.",
        )
    if extended == sqlite3.SQLITE_IOERR_SHMMAP:
        return StoreAway(
            "the index of the store's log cannot be mapped into memory",
            where=_file(url),
            hint="Nothing of this step was written. Where memory is left, this file system cannot "
            "share it: copy the store's files to an ordinary disk of this machine, and name that "
            "in [store] url or NEWSLETTER_STORE__URL.",
        )
    if _code(cause) in _FAILING:
        return StoreAway(
            f"the disk of the store fails: {words}",
            where=_file(url),
            hint="Nothing of this step was written. Check that disk and the limit on the size of "
            "files, run `newsletter db verify`, then try again.",
        )
    return None


def _file(url: URL) -> str:
    """The file of a SQLite store."""
    return str(url.database) if url.get_backend_name() == "sqlite" else ""


def _is_away(error: object) -> bool:
    code = _code(error)
    return code in _BUSY if isinstance(code, int) else code.startswith(_AWAY)


def _code(error: object) -> int | str:
    """SQLite's primary result code, or PostgreSQL's SQLSTATE."""
    if isinstance(error, sqlite3.Error):
        return int(getattr(error, "sqlite_errorcode", 0)) & 0xFF
    return str(getattr(error, "sqlstate", None) or "")


def _first_line(error: object) -> str:
    """The driver's message, once, for it is repeated for each address that was tried; without the
    secrets that it may repeat."""
    primary = getattr(getattr(error, "diag", None), "message_primary", None)
    text = str(primary or error).strip().splitlines()
    line = text[0] if text else type(error).__name__
    return masked(re.sub(r"^.* failed: (?:FATAL:\s*)?", "", line))


@dataclass(frozen=True, slots=True)
class _Refusal:
    """One reason for no connection: what PostgreSQL says then, and what we say.

    `{place}`, `{host}`, `{user}` and `{database}` are those of the URL, whose database
    `{createdb}` makes; without a user it is that of this system.
    """

    words: str
    message: str
    hint: str
    is_away: bool = False


_REFUSALS = (
    _Refusal(
        r"connection option|invalid \w+ value|bad value for",
        "the URL of PostgreSQL at {place} holds an invalid option",
        "Correct what follows the ? in the URL.",
    ),
    _Refusal(
        r"invalid port number",
        "the URL of PostgreSQL names no port",
        "Correct the port in the URL.",
    ),
    _Refusal(
        r"certificate|\bSSL\b|\bTLS\b|no encryption",
        "PostgreSQL at {place} refuses the connection over TLS",
        "Say in the URL how to connect: ?sslmode=require where it requires TLS, ?sslmode=disable "
        "where it has none, ?sslrootcert=FILE for its certificate.",
    ),
    _Refusal(
        r"no password supplied",
        "PostgreSQL at {place} wants a password for the user {user}",
        "Put it into the URL, as postgresql://USER:PASSWORD@HOST/DATABASE; write %40 for @, %2F "
        "for / and %25 for % in it.",
    ),
    _Refusal(
        r"unrecognized configuration parameter|parameter .* cannot be",
        "PostgreSQL at {place} refuses the options of the connection",
        "Correct `options` in the URL, or PGOPTIONS.",
    ),
    _Refusal(
        r"password|authentication|role .* does not exist|pg_hba",
        "PostgreSQL at {place} refuses the user {user}",
        "Correct user and password in the URL; write %40 for @, %2F for / and %25 for % in them.",
    ),
    _Refusal(
        r"permission denied for database",
        "PostgreSQL at {place} does not let {user} into the database {database!r}",
        "Correct user and database in the URL, or let that user CONNECT to it.",
    ),
    _Refusal(
        r"database .* does not exist",
        "PostgreSQL at {place} has no database {database!r}",
        "Correct the name at the end of the URL, or make it: {createdb}",
    ),
    _Refusal(
        r"resolve|translate host name|name or service|nodename|temporary failure in name",
        "there is no host {host!r}",
        "Correct the host in the URL, and check whether the network works.",
        is_away=True,
    ),
    _Refusal(
        r"refused|no such file|no route|unreachable|reset by peer|closed the connection",
        "nobody listens at {place}",
        "Start PostgreSQL there, or correct host and port in the URL.",
        is_away=True,
    ),
    _Refusal(
        r"time-?out|timed out",
        "PostgreSQL at {place} does not answer",
        "Correct host and port in the URL, and check whether a firewall lets you through.",
        is_away=True,
    ),
    _Refusal(
        r"starting up|shutting down|recovery|not accepting|too many|remaining connection",
        "PostgreSQL at {place} takes no connections right now",
        _AGAIN,
        is_away=True,
    ),
    _Refusal(
        "",
        "PostgreSQL at {place} cannot be connected to",
        "Compare the URL with how you connect by `psql`.",
        is_away=True,
    ),
)


def _unreachable(words: str, url: URL) -> StoreError:
    refusal = next(one for one in _REFUSALS if re.search(one.words, words, re.IGNORECASE))
    host = str(url.host or url.query.get("host") or os.environ.get("PGHOST") or "")
    user = url.username or url.query.get("user") or os.environ.get("PGUSER")
    address = host if host.startswith("/") else f"{host}:{url.port or 5432}"
    parts = {
        "host": host,
        "place": address if host else "the socket of this machine",
        "user": repr(user) if user else "of this system",
        "database": url.database or "",
        "createdb": _createdb(url),
    }
    kind = StoreAway if refusal.is_away else StoreError
    return kind(
        f"{refusal.message.format(**parts)}: {words.rstrip('.')}",
        where=source(),
        hint=refusal.hint.format(**parts),
    )


def _createdb(url: URL) -> str:
    """The command that makes the database of a URL, there and for its user."""
    options = {
        "-h": url.host or url.query.get("host"),
        "-p": url.port or url.query.get("port"),
        "-U": url.username or url.query.get("user"),
    }
    given = [(name, str(value)) for name, value in options.items() if value]
    return joined(["createdb", *(word for pair in given for word in pair), url.database or ""])
