"""What `newsletter worker` does: take part in what is due, shared or was interrupted."""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from newsletter.errors import SendingStopped, StoreError, UsageError
from newsletter.model.send import Send, StoppedBy
from newsletter.sending import control, lost, taking_up
from newsletter.sending.preflight import check_store
from newsletter.sending.worker import Worker
from newsletter.store.ledger import workers
from newsletter.supervising import SideThread

_log = logging.getLogger(__name__)

_POLL_SECONDS = 1.0
_ARCHIVE_SECONDS = 3_600.0
_REPORT_SECONDS = 600.0
_SAY_SECONDS = 10.0  # that it lives
_EVENTS_SECONDS, _ALARM_SECONDS, _HOUSE_SECONDS = 10.0, 60.0, 3_600.0
_ACCOUNT_SECONDS = 10.0  # until somebody who did not tell what the account allows is asked again
# What is in hand takes about a second; a queue that is silent would hold up the end for minutes,
# and gives again what was not deleted.
_LEAVING_SECONDS = 10.0


def attend(worker: Worker, *, once: bool, settled: Callable[[Send], bool]) -> bool:
    """Take up what is due, until the worker is asked to stop, or for one round.

    `settled` gets each send as it stands after work on it. Where it returns False, no more are
    taken up, and this returns False too. Raises Refused where the store must not send, and
    StoreAway where it stays away.
    """
    _log.info("attend", {"worker": worker.name, "once": once})
    if once:
        is_done = _round(worker, lost.LeaseWatch(worker.seconds), settled)
        mail_reports(worker)
        return is_done
    try:
        with _fetching(worker):
            return _attend(worker, settled)
    finally:
        with suppress(StoreError), worker.store.write() as connection:
            workers.vanish(connection, worker.name)


def _attend(worker: Worker, settled: Callable[[Send], bool]) -> bool:
    watch, said_at = lost.LeaseWatch(worker.seconds), -_SAY_SECONDS
    archive_at = report_at = worker.seconds()
    while not worker.stop.is_set():
        worker.vitals.looks()
        if (now := worker.seconds()) - said_at >= _SAY_SECONDS:
            worker.patience.until_back(lambda: _say_that_it_lives(worker))
            said_at = now
        with waiting_for_account(worker):
            if not _round(worker, watch, settled):
                return False
        if now >= archive_at and not worker.patience.until_back(worker.archive_one):
            archive_at = now + _ARCHIVE_SECONDS  # else another one may be due
        if now >= report_at:
            worker.patience.until_back(lambda: mail_reports(worker))
            report_at = now + _REPORT_SECONDS
        worker.stop.wait(_POLL_SECONDS)
    return False


@contextmanager
def _fetching(worker: Worker) -> Iterator[None]:
    """Beside sending, so that a bounce counts while a send goes out: bring in what was reported,
    warn where nothing is, and forget what is old."""
    side = SideThread("events", lambda side: _fetch(worker, side))
    side.start()
    try:
        yield
    finally:
        side.leave(_LEAVING_SECONDS)


def _fetch(worker: Worker, side: SideThread) -> None:
    alarm_at = house_at = worker.seconds()
    while not side.stop.is_set():
        side.beat()
        with suppress(StoreError):  # it is away, which sending tells
            worker.poll_events()
            now = worker.seconds()
            if now >= alarm_at:
                worker.check_events()
                alarm_at = now + _ALARM_SECONDS
            if now >= house_at:
                worker.keep_house()
                house_at = now + _HOUSE_SECONDS
        side.stop.wait(_EVENTS_SECONDS)


@contextmanager
def waiting_for_account(worker: Worker) -> Iterator[None]:
    """Where nobody tells what the account allows, say so once and wait for a moment: that may pass,
    and a worker that ended would not fetch events any more."""
    try:
        yield
        worker.account.pass_over()
    except SendingStopped as error:
        if worker.account.is_news(error.message):
            _log.info("wait", {"error": error.code, "seconds": _ACCOUNT_SECONDS})
            again = f"trying again every {_ACCOUNT_SECONDS:g} seconds"
            worker.notify(f"No send is taken up: {error.message}; {again}")
        worker.stop.wait(_ACCOUNT_SECONDS)


def mail_reports(worker: Worker) -> None:
    """Mail all reports that are due."""
    while not worker.stop.is_set() and worker.mail_report():
        pass


def _say_that_it_lives(worker: Worker) -> None:
    with worker.store.write(durable=False) as connection:
        workers.appear(connection, worker.name, worker.clock())


def _round(worker: Worker, watch: lost.LeaseWatch, settled: Callable[[Send], bool]) -> bool:
    """Take up what is due now; False where no more is to be taken up."""
    until_back = worker.patience.until_back
    until_back(lambda: check_store(worker))
    unknown = until_back(
        lambda: lost.look_for(worker.store, None, worker.clock, watch, worker.clear)
    )
    lost.tell(worker.notify, unknown)
    for send_id in until_back(lambda: taking_up.due(worker.store, worker.clock())):
        if worker.stop.is_set() or not settled(take_up(worker, send_id)):
            return False
    return True


def take_up(worker: Worker, send_id: str) -> Send:
    """Take part in a send that is due; returns where it stands then."""
    _log.info("take_up", {"send": send_id, "worker": worker.name})
    try:
        return taking_up.take_up(worker, send_id)
    except UsageError as error:  # its audience cannot be read, and other sends are due
        worker.notify(f"{send_id}: {error.message}. It is paused.")
        by = StoppedBy.SCHEDULE
        return control.pause(worker.store, send_id, worker.clock, error.message, by)
