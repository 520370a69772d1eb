"""Moving the store to another database: closed, copied, compared, and in force there.

It may be killed at any time and called again: newsletter.store.relocation.relocations says why.
"""

import datetime as dt
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.engine import URL

from newsletter.errors import NewsletterError, Refused, StoreAway, StoreError
from newsletter.project import Project
from newsletter.sending import generation, processes, restored
from newsletter.sending.state import is_lost
from newsletter.store import Store, jobs, open_any, open_target, resolve_url, state
from newsletter.store.ledger import sends, tenures
from newsletter.store.relocation import closing, comparing, copying, relocations, rows
from newsletter.store.relocation.relocations import Relocation
from newsletter.times import Clock

Tell = Callable[[int], None]

_CLOSED = (
    "This store stays closed until the same command has come to its end, or until you give the "
    "move up: newsletter db copy --cancel"
)
_LEFT = "Then run the same command again: nothing is sent from either store before."


@dataclass(frozen=True, slots=True)
class Moved:
    """`tables` has the rows of each table; it is empty where all was done before."""

    source: str
    target: str
    at: dt.datetime
    tables: dict[str, int]


class Move:
    """A move from the store of a project to a URL. Nothing is changed before `run`: a file that is
    missing is made by it, the tables of a database that has none before."""

    def __init__(self, project: Project, source: Store, url: str, clock: Clock) -> None:
        """Raises Refused where it may not be, and what opening the target raises."""
        self._source, self._clock = source, clock
        self._file = project.generation
        self._timezone = project.settings.newsletter.timezone
        self._url, self._root = url, project.root
        self._opened: Store | None = None
        self.from_place = relocations.place_of(source.engine.url)
        with _at("--to"):
            place = resolve_url(url, project.root)
            self.to_place = relocations.place_of(place)
            if _is_same_file(source.engine.url, place):  # by a link, too: opened it would break
                raise _itself()
        generation.check_place(self._file)
        with source.read() as connection:
            going = self._check_source(connection)
            self._store_id = state.store_id(connection)
        if not _is_missing_file(place) or (going and going.done_at):
            self._open(going)

    @property
    def _target(self) -> Store:
        assert self._opened is not None
        return self._opened

    def _open(self, going: Relocation | None) -> None:
        """Open the target, and look whether it may be one. Raises what `__init__` does."""
        with _at("--to"):
            self._opened = self._open_target(self._url, self._root, going)
        self._opened.where = self.to_place
        try:
            if going is None or not self._is_arriving(going):
                self._check_target(self._store_id)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        if self._opened is not None:
            self._opened.close()

    def _check_source(self, connection: sa.Connection) -> Relocation | None:
        """The move to this target that has begun already. Raises Refused where there is one to
        another, or where none may begin."""
        going = relocations.outgoing(connection)
        if going is None:
            if sign := restored.sign(connection, self._file, self._timezone):
                raise Refused(sign, hint=restored.ADVICE)
            self._check_rest(connection)
        elif going.place != self.to_place:
            raise Refused(f"this store {going.in_words}", hint=relocations.advice(going))
        return going

    def _check_rest(self, connection: sa.Connection) -> None:
        """Raises Refused where somebody takes part in a send."""
        now = self._clock()
        for number, among in tenures.of(connection, tenures.numbers(connection)).items():
            living = [tenure for tenure in among if not is_lost(tenure, now)]
            if living:
                send_id = sends.record(connection, number).id
                raise Refused(
                    f"the send {send_id} runs: {processes.describe(living[0].worker)}",
                    hint=f"Wait for its end, or: newsletter pause {send_id}",
                )

    def _open_target(self, url: str, root: Path, going: Relocation | None) -> Store:
        """The target, which is made where it is missing, unless the store has moved there."""
        if going is None or going.done_at is None:
            return open_target(url, root)
        try:
            return open_any(url, root)[0]
        except StoreAway:
            raise
        except StoreError as error:
            raise _gone(going, error.message) from error

    def _is_arriving(self, going: Relocation) -> bool:
        """Whether the target knows of the move. Raises Refused where it does not any more."""
        with self._target.read() as connection:
            is_known = relocations.incoming(connection, going.id) is not None
        if going.done_at is not None and not is_known:
            raise _gone(going, "another store is in its place")
        return is_known

    def _check_target(self, store_id: str) -> None:
        """Raises Refused where the target is not empty, and StoreError where it would not take the
        rows."""
        with _at(self.to_place), self._target.write() as connection:
            relocations.check_no_copy(connection)
            if state.store_id(connection) == store_id:
                raise _itself()
            relocations.check_empty(connection)
            trial = connection.begin_nested()
            rows.rehearse(connection)
            trial.rollback()
        jobs.upgrade(self._target)  # whoever made its tables may have been killed before that
        if self._source.is_sqlite and not self._target.is_sqlite:
            with self._source.read() as connection:
                copying.check_texts(connection)

    def rows(self) -> int:
        """How many rows there are to copy."""
        return copying.amount(self._source)

    def run(self, tell: Tell) -> Moved:
        """Move it. `tell` gets how many rows were copied, and then compared, again and again.

        Raises Refused where a send runs, or another process does the same, and what opening a new
        file raises.
        """
        if self._opened is None:
            with self._source.read() as connection:
                going = self._check_source(connection)
            self._open(going)
        relocation = self._close_source()
        with _going_on(_CLOSED if relocation.done_at is None else _LEFT):
            tables = self._fill(relocation, tell)
            at = self._leave(relocation)
        with _going_on(_LEFT), self._target.write() as connection:
            if relocations.arrive(connection, relocation.id, at):
                generation.advance(connection)  # whatever is restored of the old store is behind
        self._note_generation()
        return Moved(self.from_place, self.to_place, at, tables)

    def _close_source(self) -> Relocation:
        """What was found before may have changed while a person was asked."""
        with self._source.write() as connection:
            closing.lock(connection)
            going = self._check_source(connection)
            return going or relocations.begin(connection, self.to_place, self._clock())

    def _fill(self, relocation: Relocation, tell: Tell) -> dict[str, int]:
        """Copy all rows and compare them; returns how many each table has, and nothing where that
        was done before."""
        with self._target.write() as connection:
            arriving = relocations.receive(connection, relocation, self.from_place)
        if arriving.done_at is not None:
            return {}
        copying.copy(self._source, self._target, relocation.id, tell)
        tables = {}
        for table in rows.TABLES:
            try:
                tables[table.name] = comparing.check_equal(self._source, self._target, table)
            except StoreError:
                if self._arrived_at(relocation) is not None:  # it is in use, and goes on
                    return {}
                with self._source.read() as connection:  # or this store is, and goes on
                    relocations.going(connection, relocation.id)
                raise
            tell(tables[table.name])
        with self._target.write() as connection:
            if relocations.hold(connection, relocation.id).done_at is None:
                rows.set_sequences(connection)
        return tables

    def _arrived_at(self, relocation: Relocation) -> dt.datetime | None:
        """Since when the target is in force, if it is."""
        with self._target.read() as connection:
            arriving = relocations.incoming(connection, relocation.id)
        return None if arriving is None else arriving.done_at

    def _leave(self, relocation: Relocation) -> dt.datetime:
        """Mark the source as moved; returns since when it is."""
        at = self._arrived_at(relocation) or self._clock()
        with self._source.write() as connection:
            return relocations.leave(connection, relocation.id, at)

    def _note_generation(self) -> None:
        with self._target.read() as connection:
            store_id, current = state.store_id(connection), generation.of(connection)
        generation.note(self._file, store_id, current)


def cancel(store: Store) -> str:
    """Open a store again that is being moved; returns where it was going to."""
    with store.write() as connection:
        return relocations.cancel(connection).place


@contextmanager
def _at(place: str) -> Iterator[None]:
    """Say of errors that they are about the target, which is not the store of the settings."""
    try:
        yield
    except NewsletterError as error:
        error.where = place
        raise


@contextmanager
def _going_on(advice: str) -> Iterator[None]:
    """Say of failures that come once the source is closed how the move goes on."""
    try:
        yield
    except StoreError as error:
        error.hint = f"{error.hint} {advice}"
        raise


def _is_same_file(source: URL, target: URL) -> bool:
    files = [Path(str(url.database)) for url in (source, target) if url.database]
    are_files = source.get_backend_name() == target.get_backend_name() == "sqlite"
    return are_files and all(file.exists() for file in files) and files[0].samefile(files[1])


def _is_missing_file(place: URL) -> bool:
    return place.get_backend_name() == "sqlite" and not Path(str(place.database)).exists()


def _itself() -> Refused:
    return Refused(
        "it is this very store, or a copy of it", hint="Name a new database, or a new file."
    )


def _gone(going: Relocation, reason: str) -> Refused:
    return Refused(
        f"this store was moved to {going.place}, and that is not there any more: {reason}",
        hint="Restore a backup of it.",
    )
