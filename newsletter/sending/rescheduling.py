"""Another time, or another content, for a send that has not begun."""

import datetime as dt

from newsletter.config import WebSettings
from newsletter.errors import Refused, UsageError
from newsletter.model.send import Send, SendStatus
from newsletter.project import Project
from newsletter.sending import plan
from newsletter.sending.foot import foot_of
from newsletter.sending.prepare import Prepared, prepare
from newsletter.sending.run import read
from newsletter.sending.slugs import Slugs
from newsletter.store import Store, sends, transitions


def find(store: Store, send_id: str) -> Send:
    """A send that has a time to come, or was paused before it began. Raises Refused for others."""
    send = read(store, send_id)
    _refuse_begun(send.id, send.status, is_planned=send.scheduled_at is not None, frozen=False)
    return send


def render_again(project: Project, send: Send) -> Prepared:
    """The issue of a send as it is now. Raises UsageError where no file has its slug any more."""
    taken = Slugs(project)
    holders = taken.holders(send.slug)
    if not holders:
        raise UsageError(
            f"no issue has the slug {send.slug!r} any more",
            hint=f"Give it back to its file, or cancel the send: newsletter cancel {send.id}",
        )
    return prepare(project, str(holders[0].path), taken=taken)


def reschedule(
    store: Store,
    send_id: str,
    at: dt.datetime | None,
    prepared: Prepared | None,
    web: WebSettings | None = None,
) -> Send:
    """Move a send that has not begun to another time, give it another content, or both.

    One that was paused before it began waits for its time again. Raises Refused once it began.
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
        if prepared is not None:
            content = plan.content(
                prepared.email,
                source_hash=prepared.parsed.source_hash,
                git_commit=plan.git_commit(prepared.path),
                foot=foot_of(connection, send.list, record.slug, web or WebSettings()),
            )
            sends.replace_content(connection, number, content)
    return read(store, send.id)


def _refuse_begun(send_id: str, status: SendStatus, *, is_planned: bool, frozen: bool) -> None:
    waits = status in (SendStatus.SCHEDULED, SendStatus.PAUSED)
    if waits and is_planned and not frozen:
        return
    raise Refused(
        f"{send_id} is {status}: only what has not begun has a time and a content to change",
        hint=f"See: newsletter status {send_id}",
    )
