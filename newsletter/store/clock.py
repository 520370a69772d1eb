"""The clock of a store: machines that share it agree by it about leases, rates and schedules."""

import datetime as dt
import threading
import time
from collections.abc import Callable

import sqlalchemy as sa

from newsletter.errors import StoreError
from newsletter.store.engine import Store
from newsletter.times import Clock

_LOOK_SECONDS = 30.0  # in which no machine counts far astray


def clock_of(store: Store, local: Clock) -> Clock:
    """PostgreSQL's own clock; with SQLite, which one machine uses, that machine's clock `local`."""
    return local if store.is_sqlite else ServerClock(store)


def _seconds() -> float:
    """A clock that no step changes, and that goes on while the machine sleeps: `time.monotonic`
    does not, and a worker that woke would take all slots of the rate for booked by a wrong clock.
    """
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))


class ServerClock:
    """Asks the server now and then, and counts on from there by a clock that no step changes, also
    where the server is away. Only the first who asks waits for the server, and gets its StoreError;
    later it is asked in a thread beside, since an event loop or a transaction reads the clock, too.
    """

    def __init__(self, store: Store, seconds: Callable[[], float] = _seconds) -> None:
        self._store, self._seconds = store, seconds
        self._asking = threading.Lock()
        self._known: tuple[dt.datetime, float] | None = None

    def __call__(self) -> dt.datetime:
        if self._known is None:
            with self._asking:
                self._known = self._known or self._ask()
        elif self._seconds() - self._known[1] >= _LOOK_SECONDS:
            self._look_beside()
        return self._now(*self._known)

    def _look_beside(self) -> None:
        if not self._asking.acquire(blocking=False):
            return  # one does so already
        try:
            threading.Thread(target=self._look, name="clock", daemon=True).start()
        except RuntimeError:  # this machine starts no more threads
            self._asking.release()

    def _look(self) -> None:
        assert self._known is not None
        try:
            self._known = self._ask()
        except StoreError:
            self._known = (self._now(*self._known), self._seconds())
        finally:
            self._asking.release()

    def _now(self, at: dt.datetime, asked: float) -> dt.datetime:
        return at + dt.timedelta(seconds=self._seconds() - asked)

    def _ask(self) -> tuple[dt.datetime, float]:
        """The server's time, and when that was: in the middle of the time that asking took."""
        began = self._seconds()
        with self._store.read() as connection:
            at: dt.datetime = connection.execute(
                sa.select(sa.func.clock_timestamp(type_=sa.DateTime(timezone=True)))
            ).scalar_one()
            return at.astimezone(dt.UTC), (began + self._seconds()) / 2
