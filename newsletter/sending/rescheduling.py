"""Another time, or other content, for a send that has not begun."""

import datetime as dt

from newsletter.config import WebSettings
from newsletter.errors import Refused
from newsletter.model.audit import Deed
from newsletter.model.send import Send, SendStatus
from newsletter.sending.foot import foot_of
from newsletter.sending.plan import Rendered, content
from newsletter.sending.reading import read
from newsletter.store import Store, audit
from newsletter.store.ledger import plans, sends, transitions


def find(store: Store, send_id: str) -> Send:
    """A send that has a time to come, or was paused before it began. Raises Refused for others."""
    send = read(store, send_id)
    _refuse_begun(send.id, send.status, is_planned=send.scheduled_at is not None, frozen=False)
    return send


def reschedule(
    store: Store,
    send_id: str,
    at: dt.datetime | None,
    issue: Rendered | None,
    web: WebSettings | None = None,
    deed: Deed | None = None,
) -> Send:
    """Move a send that has not begun to another time, give it other content, or both.

    One that was paused before it began waits for its time again. `deed` is what the audit log says
    of it. Raises Refused once it began.
    """
    send = read(store, send_id)
    with store.write() as connection:
        number = sends.number_of(connection, send.id)
        record = sends.record(connection, number, lock=True)
        _refuse_begun(
            send.id,
            record.status,
            is_planned=record.scheduled_at is not None,
            frozen=record.frozen,
        )
        if at is not None:
            transitions.schedule(connection, record, at)
        if issue is not None:
            foot = foot_of(connection, send.list, record.slug, web or WebSettings())
            plans.replace_content(connection, number, content(issue, foot))
        if deed is not None:
            audit.append(connection, deed)
    return read(store, send.id)


def _refuse_begun(send_id: str, status: SendStatus, *, is_planned: bool, frozen: bool) -> None:
    waits = status in (SendStatus.SCHEDULED, SendStatus.PAUSED)
    if waits and is_planned and not frozen:
        return
    raise Refused(
        f"{send_id} is {status}: time and content can only change before a send begins",
        hint=f"See: newsletter status {send_id}",
    )
