"""Going on with sends that rest."""

from collections.abc import Sequence
from functools import partial

from newsletter.model.send import Send, SendStatus
from newsletter.sending import control, preflight, taking_up
from newsletter.sending.reading import read
from newsletter.sending.run import allowed
from newsletter.sending.worker import Worker


def check(worker: Worker) -> None:
    """Raises Refused where the store must not send."""
    worker.patience.until_back(lambda: preflight.check_store(worker))


def resting(worker: Worker) -> Sequence[str]:
    """The sends that nobody runs, and those that wait for the quota."""
    until_back = worker.patience.until_back
    unattended = until_back(lambda: taking_up.unattended(worker.store, worker.clock()))
    return [send.id for send in unattended]


def is_cancelled(worker: Worker, send_id: str) -> bool:
    """Whether a send was cancelled meanwhile."""
    send = worker.patience.until_back(partial(read, worker.store, send_id))
    return send.status is SendStatus.CANCELLED


def reopen(
    worker: Worker, send_id: str, rate: int | None, *, cancelled: bool = False, who: str = ""
) -> Send:
    """Let a send go on, reserved for this worker; returns it as it stood.

    Raises Refused where it cannot be resumed, or where the account may not send: then it stays as
    it is. `rate`, `cancelled` and `who` are those of `control.reopen`.
    """
    until_back = worker.patience.until_back
    before = until_back(lambda: read(worker.store, send_id))
    if before.status in (SendStatus.PAUSED, SendStatus.CANCELLED):
        allowed(worker.transport)
    until_back(
        lambda: control.reopen(
            worker.store,
            before.id,
            worker.clock,
            worker=worker.name,
            rate=rate,
            cancelled=cancelled,
            who=who,
        )
    )
    return before


def hand_over(worker: Worker, send_id: str, *, who: str = "") -> Send:
    """Let a send go on, by whichever worker takes it up: this process does not run it.

    Raises Refused as `reopen` does, and where the store must not send.
    """
    preflight.check_store(worker)
    before = read(worker.store, send_id)
    if before.status is SendStatus.PAUSED:
        allowed(worker.transport)
    return control.reopen(worker.store, before.id, worker.clock, who=who)
