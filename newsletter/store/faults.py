"""What a database says when it fails, as errors of ours.

Two kinds: it is away for a moment, so that the same step may be done again once it is back; or
something is wrong that a person has to mend. A message of PostgreSQL may hold a row, with its
address: only its first line is told. No part of a URL but host, port, database and user is.
"""

import re
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.engine import URL, Engine

from newsletter.config import FILE_NAME, variable_of
from newsletter.errors import NewsletterError, StoreAway, StoreError

_KEY = ("store", "url")
_BUSY = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)
# SQLSTATEs of PostgreSQL, by their beginning: a lost connection, a rollback for others' sake, too
# many connections, a lock that was not to be had in time, a server that stops, starts, or follows.
_AWAY = ("08", "40", "53300", "55P03", "57P01", "57P02", "57P03", "25006")
_CANNOT_OPEN = (sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM)
_AGAIN = "Nothing is damaged by that. Try again in a moment."


@contextmanager
def translated(engine: Engine) -> Iterator[None]:
    """Raises StoreAway or StoreError for whatever a database, or its driver alone, fails with."""
    try:
        yield
    except NewsletterError:
        raise
    except sa.exc.TimeoutError as error:
        raise StoreAway("all connections to the store are in use", hint=_AGAIN) from error
    except (sa.exc.DBAPIError, engine.dialect.loaded_dbapi.Error) as error:
        raise _translation(error, engine.url) from error


def source() -> str:
    """Where the store's URL comes from, for messages."""
    return variable_of(_KEY) or f"{FILE_NAME}, [store] url"


def _translation(error: Exception, url: URL) -> StoreError:
    cause = error.orig if isinstance(error, sa.exc.DBAPIError) else error
    is_lost = isinstance(error, sa.exc.DBAPIError) and error.connection_invalidated
    words = _first_line(cause)
    if is_lost or _is_away(cause):
        return StoreAway(f"the store is away: {words}", hint=_AGAIN)
    if _has_no_connection(error, cause):
        return _unreachable(words, url)
    if isinstance(cause, sqlite3.Error) and _code(cause) in _CANNOT_OPEN:
        return StoreError(
            f"the store failed: {words}",
            where=str(url.database),
            hint="Let the user who runs this read and write this file and its folder.",
        )
    return StoreError(
        f"the store failed: {words}",
        hint="Nothing of this step was written. Check disk space and access, "
        "run `newsletter db verify`, then try again.",
    )


def _has_no_connection(error: Exception, cause: object) -> bool:
    """Whether PostgreSQL was not even reached, or let nobody in: it gives no code for that."""
    is_before_any = (
        isinstance(error, sa.exc.OperationalError | sa.exc.ProgrammingError)
        and error.statement is None
    )
    return is_before_any and getattr(cause, "sqlstate", "none") is None


def _is_away(error: object) -> bool:
    if isinstance(error, sqlite3.Error):
        return _code(error) in _BUSY
    return str(getattr(error, "sqlstate", None) or "").startswith(_AWAY)


def _code(error: sqlite3.Error) -> int:
    return int(getattr(error, "sqlite_errorcode", 0)) & 0xFF


def _first_line(error: object) -> str:
    """The driver's own words, once: PostgreSQL repeats them for each address that it tried."""
    primary = getattr(getattr(error, "diag", None), "message_primary", None)
    text = str(primary or error).strip().splitlines()
    line = text[0] if text else type(error).__name__
    return re.sub(r"^.* failed: (?:FATAL:\s*)?", "", line)


@dataclass(frozen=True, slots=True)
class _Refusal:
    """One way not to get a connection: what PostgreSQL says then, and what we say.

    `{place}`, `{host}`, `{user}` and `{database}` are those of the URL.
    """

    words: str
    message: str
    hint: str
    is_away: bool = False


_REFUSALS = (
    _Refusal(
        r"connection option|invalid \w+ value",
        "the URL of PostgreSQL at {place} holds an option that means nothing",
        "Correct what stands behind the ? in the URL.",
    ),
    _Refusal(
        r"certificate|\bSSL\b|\bTLS\b|no encryption",
        "PostgreSQL at {place} refuses the connection over TLS",
        "Say in the URL how to connect: ?sslmode=require where it demands TLS, ?sslmode=disable "
        "where it has none, ?sslrootcert=FILE for its certificate.",
    ),
    _Refusal(
        r"password|authentication|role .* does not exist|pg_hba",
        "PostgreSQL at {place} refuses the user {user!r}",
        "Correct user and password in the URL; write %40 for @, %2F for / and %25 for % in them.",
    ),
    _Refusal(
        r"database .* does not exist",
        "PostgreSQL at {place} has no database {database!r}",
        "Correct the name at the end of the URL, or make it: createdb {database}",
    ),
    _Refusal(
        r"resolve|translate host name|name or service|nodename|temporary failure in name",
        "there is no host {host!r}",
        "Correct the host in the URL, and see whether the network works.",
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
        "Correct host and port in the URL, and see whether a firewall lets you through.",
        is_away=True,
    ),
    _Refusal(
        r"starting up|shutting down|recovery|not accepting|too many|remaining connection",
        "PostgreSQL at {place} takes no connection right now",
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
    host = str(url.host or url.query.get("host") or "localhost")
    parts = {
        "host": host,
        "place": host if host.startswith("/") else f"{host}:{url.port or 5432}",
        "user": url.username or "",
        "database": url.database or "",
    }
    kind = StoreAway if refusal.is_away else StoreError
    return kind(
        f"{refusal.message.format(**parts)}: {words.rstrip('.')}",
        where=source(),
        hint=refusal.hint.format(**parts),
    )
