"""What `newsletter worker` does: send what is due, and go on with what was interrupted."""

import logging
from collections.abc import Callable, Sequence

from newsletter.errors import Interrupted, RunElsewhere, UsageError
from newsletter.model.send import Send, StoppedBy
from newsletter.sending import control, taking_up
from newsletter.sending.preflight import check_store
from newsletter.sending.worker import Worker

_log = logging.getLogger(__name__)

_POLL_SECONDS = 1.0
_LEAVE_ALONE_SECONDS = 60.0  # what somebody else runs


def attend(worker: Worker, *, once: bool, settled: Callable[[Send], bool]) -> bool:
    """Take up what is due, until the worker is asked to stop, or for one round.

    `settled` gets each send as it stands after work on it. Where it returns False, no more are
    taken up, and this returns False too. Raises Refused where the store must not send, and
    StoreAway where it stays away.
    """
    elsewhere = dict[str, float]()  # when it was seen that somebody else runs it

    def due() -> Sequence[str]:
        since = worker.seconds() - _LEAVE_ALONE_SECONDS
        waiting = taking_up.due(worker.store, worker.clock())
        return [send_id for send_id in waiting if elsewhere.get(send_id, since) <= since]

    _log.info("attend worker=%s once=%s", worker.name, once)
    while not worker.stop.is_set():
        worker.patience.until_back(lambda: check_store(worker))
        for send_id in worker.patience.until_back(due):
            if worker.stop.is_set():
                return False
            after = _take_up(worker, send_id)
            if after is None:
                elsewhere[send_id] = worker.seconds()
            elif not settled(after):
                return False
        if once:
            return True
        worker.stop.wait(_POLL_SECONDS)
    return False


def _take_up(worker: Worker, send_id: str) -> Send | None:
    """Work on one send; None where another process does, or where this is stopped while it finds
    out."""
    _log.info("take_up send=%s worker=%s", send_id, worker.name)
    try:
        return taking_up.take_up(worker, send_id)
    except RunElsewhere as error:
        worker.notify(error.message)
        return None
    except Interrupted:
        return None
    except UsageError as error:  # its audience cannot be read, and other sends are due
        worker.notify(f"{send_id}: {error.message}. It is paused.")
        by = StoppedBy.SCHEDULE
        return control.pause(worker.store, send_id, worker.clock, error.message, by)
