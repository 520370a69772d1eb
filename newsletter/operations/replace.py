"""A send that has not begun, with another time or another content."""

from collections.abc import Callable

from newsletter.desk.prepare import Prepared, prepare_again
from newsletter.desk.publishing import publish
from newsletter.model.send import Send
from newsletter.project import Project, utc_now
from newsletter.sending import preflight, rescheduling
from newsletter.sending.plan import Rendered, git_commit
from newsletter.store import Store
from newsletter.times import parse_time


def reschedule(
    project: Project,
    store: Store,
    send_id: str,
    time: str | None,
    show: Callable[[Prepared], None] | None = None,
) -> Send:
    """Move a send to a time, as it was written, or give it what its issue says now, or both.

    With `show` the issue is rendered again: it gets what was found, and may refuse it. Raises
    UsageError and Refused.
    """
    settings = project.settings
    timezone = settings.newsletter.timezone
    at = None if time is None else parse_time(time, timezone, utc_now(), "TIME")
    send = rescheduling.find(store, send_id)
    issue = None
    if show is not None:
        gone = f"Give it back to its file, or cancel the send: newsletter cancel {send.id}"
        prepared = prepare_again(project, send.slug, gone)
        show(prepared)
        if settings.policy.require_test:
            preflight.check_tested(store, prepared.email.content_hash, send.slug)
        publish(prepared.pictures, settings, store, utc_now())
        issue = Rendered(prepared.email, prepared.parsed.source_hash, git_commit(prepared.path))
    return rescheduling.reschedule(store, send.id, at, issue, settings.web)
