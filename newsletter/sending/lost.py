"""Workers that are lost: who notices one ends its tenure, and what it held is unknown."""

import datetime as dt
import logging
from collections.abc import Callable, Mapping, Sequence

from sqlalchemy.engine import Connection

from newsletter.model.record import SendRecord
from newsletter.model.send import Tenure
from newsletter.sending.core import LEASE, Notify
from newsletter.sending.state import is_lost
from newsletter.store import Store
from newsletter.store.ledger import sends, tenures, transitions
from newsletter.times import Clock

# Deletes what a killed run of a send left behind.
Clear = Callable[[str], None]

_log = logging.getLogger(__name__)


def tell(notify: Notify, unknown: int) -> None:
    if unknown:
        notify(f"{unknown} deliveries were in flight when a worker was lost: they are unknown.")


class LeaseWatch:
    """Watches leases, for those that clocks say nothing about: a worker that has not renewed its
    lease for as long as one lasts is lost, by whatever clock it was set. `seconds` measures that;
    `epoch` is that of the worker who watches.
    """

    def __init__(self, seconds: Callable[[], float], epoch: int | None = None) -> None:
        self._seconds, self._epoch = seconds, epoch
        self._renewed: dict[tuple[int, int], tuple[dt.datetime, float]] = {}

    def lost(self, number: int, among: Sequence[Tenure], now: dt.datetime) -> list[int]:
        """The epochs of those who are lost among the tenures of a send."""
        return [
            tenure.epoch
            for tenure in among
            if tenure.epoch != self._epoch
            and (is_lost(tenure, now) or self._is_silent(number, tenure))
        ]

    def forget_all_but(self, among: Mapping[int, Sequence[Tenure]]) -> None:
        """Those that have ended need no watching: a worker watches for months."""
        going_on = {(number, tenure.epoch) for number, some in among.items() for tenure in some}
        self._renewed = {key: seen for key, seen in self._renewed.items() if key in going_on}

    def _is_silent(self, number: int, tenure: Tenure) -> bool:
        key, seconds = (number, tenure.epoch), self._seconds()
        lease_until, renewed_at = self._renewed.get(key, (None, seconds))
        if lease_until != tenure.lease_until:
            self._renewed[key] = (tenure.lease_until, seconds)
            return False
        return seconds - renewed_at > LEASE.total_seconds()


def give_up(
    connection: Connection,
    send: SendRecord,
    now: dt.datetime,
    clear: Clear,
    watch: LeaseWatch | None = None,
) -> tuple[int, bool]:
    """End the tenures of a send whose workers are lost. The caller holds the row of the send.

    Returns how many recipients became unknown by that, and whether the last worker is lost.
    """
    number = send.number
    among = tenures.of(connection, [number])[number]
    if watch is None:
        epochs = [tenure.epoch for tenure in among if is_lost(tenure, now)]
    else:
        epochs = watch.lost(number, among, now)
    if not epochs:
        return 0, False
    _log.info("lose", {"send_number": number, "epochs": epochs})
    return end(connection, send, epochs, now, clear)


def end(
    connection: Connection, send: SendRecord, epochs: Sequence[int], now: dt.datetime, clear: Clear
) -> tuple[int, bool]:
    """`tenures.end`, and with the last of a send what its runs left behind."""
    unknown, is_last = tenures.end(connection, send.number, epochs, now)
    if is_last:
        clear(send.id)
    return unknown, is_last


def look_for(
    store: Store,
    numbers: Sequence[int] | None,
    clock: Clock,
    watch: LeaseWatch,
    clear: Clear = lambda send_id: None,
) -> int:
    """Give up the lost workers of some sends, or of all; returns how many recipients are unknown by
    that. Settles a send whose last worker was lost; locks nothing where nobody is.
    """
    now, unknown = clock(), 0
    with store.read() as connection:
        chosen = tenures.numbers(connection) if numbers is None else numbers
        among = tenures.of(connection, chosen)
    watch.forget_all_but(among)
    for number in (number for number, some in among.items() if watch.lost(number, some, now)):
        with store.write() as connection:
            send = sends.record(connection, number, lock=True)
            amount, is_last = give_up(connection, send, now, clear, watch)
            if is_last:
                transitions.settle(connection, send, now)
        unknown += amount
    return unknown
