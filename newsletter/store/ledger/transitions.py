"""The transitions of a send: the only place that writes its status.

Each transition names the statuses that it may start from; docs/architecture.md draws them. The
caller holds the row (`sends.record(…, lock=True)`) and passes what it read there.
"""

import datetime as dt
import logging
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from newsletter.gate import masked
from newsletter.model.record import SendRecord
from newsletter.model.send import ENDED, Counts, SendStatus, StoppedBy
from newsletter.model.webhook import WebhookEvent
from newsletter.store import webhooks
from newsletter.store.ledger import balance, deliveries
from newsletter.store.schema import sends
from newsletter.store.transition import Transition, step

_log = logging.getLogger(__name__)

_UNPAUSED = {"stopped_by": None, "pause_reason": None, "resume_at": None}

_SCHEDULED, _SENDING, _PAUSED = SendStatus.SCHEDULED, SendStatus.SENDING, SendStatus.PAUSED
_UNRESOLVED, _FINISHED, _CANCELLED = (
    SendStatus.UNRESOLVED,
    SendStatus.FINISHED,
    SendStatus.CANCELLED,
)

BEGIN = step(_SCHEDULED, _SENDING, _UNRESOLVED, to=_SENDING)
PAUSE = step(_SCHEDULED, _SENDING, _PAUSED, to=_PAUSED)
RESUME = step(_SCHEDULED, _SENDING, _PAUSED, _CANCELLED, to=_SENDING)
SCHEDULE = step(_SCHEDULED, _PAUSED, _CANCELLED, to=_SCHEDULED)
CANCEL = step(_SCHEDULED, _SENDING, _PAUSED, _UNRESOLVED, to=_CANCELLED)
REOPEN = step(_UNRESOLVED, to=_PAUSED)
UNRESOLVE = step(_SENDING, _PAUSED, _UNRESOLVED, to=_UNRESOLVED)
FINISH = step(_SENDING, _PAUSED, _UNRESOLVED, to=_FINISHED)

_TOLD = {
    _FINISHED: WebhookEvent.SEND_FINISHED,
    _UNRESOLVED: WebhookEvent.SEND_UNRESOLVED,
    _PAUSED: WebhookEvent.SEND_PAUSED,
}


def begin(connection: Connection, send: SendRecord) -> None:
    """Let a send be on its way: a worker has just begun to take part in it."""
    _move(connection, send, BEGIN, _UNPAUSED)


def pause(
    connection: Connection,
    send: SendRecord,
    reason: str,
    by: StoppedBy,
    resume_at: dt.datetime | None = None,
) -> None:
    """Let a send rest; `reason` is for people, and `resume_at` is when it may go on by itself.

    StoppedBy lists who and what pauses a send.
    """
    rests = {"stopped_by": by, "pause_reason": reason, "resume_at": resume_at}
    _move(connection, send, PAUSE, rests)


def resume(connection: Connection, send: SendRecord) -> None:
    """Let a send be on its way again, by whoever takes part in it."""
    _move(connection, send, RESUME, {**_UNPAUSED, **balance.UNKEPT, "finished_at": None})


def rest(connection: Connection, send: SendRecord, by: StoppedBy) -> None:
    """Say who stopped a send on its way, which nobody takes part in any more."""
    if send.status is SendStatus.SENDING:
        connection.execute(
            sa.update(sends).where(sends.c.number == send.number).values(stopped_by=by)
        )


def schedule(connection: Connection, send: SendRecord, at: dt.datetime) -> None:
    """Let a send that has not begun wait for a time."""
    _move(connection, send, SCHEDULE, {**_UNPAUSED, "scheduled_at": at, "finished_at": None})


def cancel(connection: Connection, send: SendRecord, now: dt.datetime) -> None:
    """End a send for good; the caller skips what is queued."""
    _move(connection, send, CANCEL, {**_UNPAUSED, "finished_at": now})


def reopen(connection: Connection, send: SendRecord, reason: str, by: StoppedBy) -> None:
    """Let an unresolved send rest until it is resumed: some of it is queued again."""
    _move(connection, send, REOPEN, {"stopped_by": by, "pause_reason": reason})
    balance.forget(connection, send.number)


def settle(connection: Connection, send: SendRecord, now: dt.datetime) -> None:
    """End a send if nothing of it is queued or in flight any more; of a cancelled one, what came
    back since is skipped.

    Counts the ledger again rather than trust a stored sum: the balance is a promise.
    """
    if not send.frozen or send.is_archived:
        return
    if send.status is SendStatus.CANCELLED:
        deliveries.cancel_queued(connection, send.number, now)
    counts = balance.keep(connection, send.number)
    if send.status in ENDED:
        return
    if counts.queued:
        if send.status is SendStatus.UNRESOLVED:  # its lost worker woke, and could not send them
            reopen(connection, send, "some were put back late", StoppedBy.TRANSPORT)
    elif counts.unknown:
        _move(connection, send, UNRESOLVE, {"stopped_by": None, "pause_reason": None}, counts)
    else:
        values = {"stopped_by": None, "pause_reason": None, "finished_at": now}
        _move(connection, send, FINISH, values, counts)


def _move(
    connection: Connection,
    send: SendRecord,
    transition: Transition[SendStatus],
    values: Mapping[str, Any],
    counts: Counts | None = None,
) -> None:
    transition.check(send.id, send.status)
    connection.execute(
        sa.update(sends)
        .where(sends.c.number == send.number)
        .values(status=transition.target, **values)
    )
    by = values.get("stopped_by") or "none"
    about = {"send": send.id, "from": send.status, "to": transition.target, "by": by}
    _log.info("move", about)
    event = _TOLD.get(transition.target) if transition.target else None
    if event is not None and send.status is not transition.target:
        facts = {"send": send.id, "slug": send.slug, "list_id": send.list_id}
        if event is WebhookEvent.SEND_PAUSED:
            facts |= {"by": by, "reason": masked(values.get("pause_reason") or "")}
        webhooks.tell(connection, event, [facts | (asdict(counts) if counts else {})])
