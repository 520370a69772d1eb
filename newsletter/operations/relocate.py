"""Moving the store to another database: closed, copied, compared, and in force there.

It may be killed at any time and called again: newsletter.store.relocation.relocations says why.
"""

import datetime as dt
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import sqlalchemy as sa

from newsletter.errors import NewsletterError, Refused
from newsletter.project import Project
from newsletter.sending import generation, processes, restored
from newsletter.sending.state import is_lost
from newsletter.store import Store, open_target, resolve_url, state
from newsletter.store.ledger import sends, tenures
from newsletter.store.relocation import closing, comparing, copying, relocations, rows
from newsletter.store.relocation.relocations import Relocation
from newsletter.times import Clock

Tell = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class Moved:
    """`tables` has the rows of each table; it is empty where all was done before."""

    source: str
    target: str
    at: dt.datetime
    tables: dict[str, int]


class Move:
    """A move from the store of a project to a URL. Nothing is changed before `run`."""

    def __init__(self, project: Project, source: Store, url: str, clock: Clock) -> None:
        """Raises Refused where it may not be, and what opening the target raises."""
        self._source, self._clock = source, clock
        self._file = project.generation
        self._timezone = project.settings.newsletter.timezone
        self.from_place = relocations.place_of(source.engine.url)
        with _at("--to"):
            self.to_place = relocations.place_of(resolve_url(url, project.root))
        generation.check_place(self._file)
        self._check_source()
        with _at("--to"):
            self._target = open_target(url, project.root)
        try:
            with _at(self.to_place):
                self._check_target()
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        self._target.close()

    def _check_source(self) -> None:
        with self._source.read() as connection:
            going = relocations.outgoing(connection)
            if going is not None and going.place != self.to_place:
                raise Refused(f"this store {going.in_words}", hint=relocations.advice(going))
            if going is not None:
                return
            if sign := restored.sign(connection, self._file, self._timezone):
                raise Refused(sign, hint=restored.ADVICE)
            self._check_rest(connection)

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

    def _check_target(self) -> None:
        with self._source.read() as here, self._target.read() as there:
            going = relocations.outgoing(here)
            if going is not None and relocations.incoming(there, going.id):
                return
            if going is not None and going.done_at is not None:
                raise Refused(
                    f"this store was moved to {going.place}, and that is not there any more",
                    hint="Restore a backup of it.",
                )
            if state.store_id(here) == state.store_id(there):
                raise Refused(
                    "it is this very store, or a copy of it",
                    hint="Name a new database, or a new file.",
                )
            relocations.check_empty(there)
            if self._source.is_sqlite and not self._target.is_sqlite:
                copying.check_texts(here)

    def rows(self) -> int:
        """How many rows there are to copy."""
        return copying.amount(self._source)

    def run(self, tell: Tell) -> Moved:
        """Move it. `tell` gets how many rows were copied, and then compared, again and again.

        Raises Refused where a send runs, or another process does the same.
        """
        relocation = self._close_source()
        with self._target.write() as connection:
            arriving = relocations.incoming(connection, relocation.id)
            if arriving is None:
                relocations.receive(connection, relocation, self.from_place)
        if arriving is not None and arriving.done_at is not None:
            self._leave(relocation, arriving.done_at)
            self._note_generation()
            return Moved(self.from_place, self.to_place, arriving.done_at, {})
        copying.copy(self._source, self._target, relocation.id, tell)
        tables = {}
        for table in rows.TABLES:
            tables[table.name] = comparing.check_equal(self._source, self._target, table)
            tell(tables[table.name])
        with self._target.write() as connection:
            rows.set_sequences(connection)
        now = relocation.done_at or self._clock()
        self._leave(relocation, now)
        with self._target.write() as connection:
            relocations.arrive(connection, relocation.id, now)
            generation.advance(connection)  # whatever is restored of the old store is behind
        self._note_generation()
        return Moved(self.from_place, self.to_place, now, tables)

    def _close_source(self) -> Relocation:
        with self._source.write() as connection:
            closing.lock(connection)
            if going := relocations.outgoing(connection):
                return going
            self._check_rest(connection)
            return relocations.begin(connection, self.to_place, self._clock())

    def _leave(self, relocation: Relocation, at: dt.datetime) -> None:
        with self._source.write() as connection:
            relocations.leave(connection, relocation.id, at)

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
