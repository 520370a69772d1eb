"""Another time or other content for a send that has not begun."""

import datetime as dt
from collections.abc import Callable

from newsletter.desk.prepare import Prepared, prepare_again
from newsletter.desk.publishing import publish
from newsletter.model.audit import Deed, DeedKind
from newsletter.model.listing import listing_of
from newsletter.model.send import Send
from newsletter.operations.content import check_content
from newsletter.operations.who import operator
from newsletter.project import Project, utc_now
from newsletter.sending import preflight, rescheduling
from newsletter.sending.plan import Rendered
from newsletter.sending.worker import Worker
from newsletter.store import Store
from newsletter.store.clock import clock_of
from newsletter.times import Clock, parse_time


def reschedule(project: Project, store: Store, send_id: str, time: str | None) -> Send:
    """Move a send to a time, as it was written. Raises UsageError and Refused."""
    send, clock = rescheduling.find(store, send_id), clock_of(store, utc_now)
    at = _at(project, clock, time)
    deed = _deed(project, clock, send, at, is_other=False)
    return rescheduling.reschedule(store, send.id, at, None, deed=deed)


def replace(
    project: Project,
    worker: Worker,
    send_id: str,
    time: str | None,
    *,
    show: Callable[[Prepared], None],
    warn: Callable[[str], None],
) -> Send:
    """Give a send what its issue says now, and perhaps another time.

    It passes the same checks as in `send`: `show` gets the prepared issue, and may refuse it;
    `warn` gets other reasons against it. Raises UsageError, Refused and FindingsError.
    """
    store, settings = worker.store, project.settings
    at = _at(project, worker.clock, time)
    send = rescheduling.find(store, send_id)
    hint = f"Give a file this slug again, or cancel the send: newsletter cancel {send.id}"
    prepared = prepare_again(project, send.slug, hint)
    show(prepared)
    preflight.check_store(worker)
    goes_out = at or send.scheduled_at or worker.clock()
    provenance = check_content(project, worker, prepared, send.list, goes_out, warn)
    for warning in worker.transport.check(prepared.email.sender):
        warn(f"{warning}.")
    publish(prepared.pictures, settings, store, worker.clock())
    issue = Rendered(
        prepared.email, prepared.parsed.source_hash, provenance, listing_of(prepared.digest)
    )
    deed = _deed(project, worker.clock, send, at, is_other=True)
    return rescheduling.reschedule(store, send.id, at, issue, settings.web, deed)


def _deed(
    project: Project, clock: Clock, send: Send, at: dt.datetime | None, *, is_other: bool
) -> Deed:
    time = "" if at is None else f"to {at:%Y-%m-%d %H:%M} UTC"
    detail = ", ".join(filter(None, (time, "other content" if is_other else "")))
    return Deed(clock(), str(operator(project)), DeedKind.RESCHEDULE, send.id, detail)


def _at(project: Project, clock: Clock, time: str | None) -> dt.datetime | None:
    timezone = project.settings.newsletter.timezone
    return None if time is None else parse_time(time, timezone, clock(), "TIME")
