"""A send as every command prints it: one JSON object, or a table and what to do next."""

import datetime as dt
from typing import TYPE_CHECKING, Any

from newsletter.cli.frame import Session
from newsletter.model.send import Send, SendStatus, State, StoppedBy, Wait

if TYPE_CHECKING:
    from newsletter.desk.prepare import Prepared
    from newsletter.sending.pace import Vitals
    from newsletter.sending.progress import SendProgress
    from newsletter.sending.state import Activity

_WAITS = {
    Wait.SLOT: "its turn at the rate",
    Wait.QUOTA: "the account's quota",
    Wait.LEASE: "the lease of a process that was not heard from lately",
    Wait.CLOCK: "a process whose lease was set by a wrong clock",
    Wait.SCHEDULE: "its time",
    Wait.CANARY: "the reports on its canary",
    Wait.TRANSPORT: "the transport, to try again",
}


def standing_of(session: Session, send: Send) -> "Activity":
    """Where a send stands now."""
    from newsletter.sending.state import activity_of

    return activity_of(send, session.clock())


def send_record(session: Session, send: Send, **extras: Any) -> dict[str, Any]:
    """A send as every command prints it with --json; `extras` are the findings of `status`."""
    from newsletter.operations import records

    return records.send(send, standing_of(session, send), **extras)


def who(session: Session) -> str:
    """Who runs this, for the audit log."""
    from newsletter.operations.who import operator

    return str(operator(session.project))


def show(session: Session, send: Send) -> None:
    """A send for people: where it stands, its balance, and what to do next."""
    table = session.table("", "", header=False)
    table.add_row("send", send.id)
    table.add_row("issue", send.slug)
    table.add_row("subject", send.subject)
    table.add_row("list", send.list)
    if send.segment:
        table.add_row("segment", send.segment)
    if send.branch:
        table.add_row("branch", f"{send.branch}, {(send.git_commit or '')[:12]}")
    if send.approved_by and send.approved_at:
        table.add_row("approved by", f"{send.approved_by}, {in_zone(session, send.approved_at)}")
    table.add_row("status", status_in_words(session, send))
    times = (("planned", send.created_at), ("at", send.scheduled_at), ("ended", send.finished_at))
    for name, at in times:
        if at is not None:
            table.add_row(name, in_zone(session, at))
    for name in ("recipients", "accepted", "rejected", "skipped", "unknown", "queued"):
        table.add_row(name, f"{getattr(send.counts, name):,}")
    for name in ("delivered", "bounced", "complained"):
        table.add_row(name, f"{getattr(send.reports, name):,}")
    table.add_row("unsubscribed", f"{send.unsubscribed:,}")
    session.console.print(table)
    if advice := next_step(session, send):
        session.console.print(advice)


def in_zone(session: Session, at: dt.datetime, *, to_the_second: bool = False) -> str:
    """A time in the newsletter's zone, and in UTC."""
    from newsletter.times import time_text

    timezone = session.project.settings.newsletter.timezone
    return time_text(at, timezone, to_the_second=to_the_second)


def status_in_words(session: Session, send: Send) -> str:
    """`sending: running by process 4711 on host since …, 120 a second, 0:02:10 left`."""
    now = standing_of(session, send)
    words = [str(now.state or "")]
    if now.state is State.INTERRUPTED:
        is_begun = send.rests_since is not None
        words = ["interrupted: nobody runs it" if is_begun else "waiting: nobody has begun it yet"]
    if now.waiting_for is not None:
        words = [_waiting(session, now.waiting_for, now.until)]
    if now.workers is not None:
        since = f" since {in_zone(session, now.since)}" if now.since else ""
        words[0] += f", by {now.workers}{since}"
    if now.rate is not None and now.time_left is not None:
        words.append(_speed(now.rate, now.time_left))
    reason = f" ({send.pause_reason})" if send.pause_reason else ""
    described = ", ".join(filter(None, words))
    return f"{send.status}{reason}" + (f": {described}" if described else "")


def pulse(session: Session, vitals: "Vitals", progress: "SendProgress") -> str:
    """What a run is doing, for its progress bar, and how fast all workers of the send are."""
    words = []
    speed = progress.rate or vitals.speed
    if (waiting := vitals.waiting) is not None:
        words.append(_waiting(session, waiting.what, waiting.until))
    elif speed:
        remaining = progress.total - progress.settled
        words.append(_speed(speed, dt.timedelta(seconds=remaining / speed)))
    if progress.workers > 1:
        words.append(f"{progress.workers} workers")
    return ", ".join(words)


def _waiting(session: Session, wait: Wait, until: dt.datetime | None) -> str:
    return f"waiting for {_WAITS[wait]}" + (f" until {in_zone(session, until)}" if until else "")


def _speed(rate: float, time_left: dt.timedelta) -> str:
    return f"{rate:,.1f} a second, {dt.timedelta(seconds=round(time_left.total_seconds()))} left"


def next_step(session: Session, send: Send) -> str:
    """What an operator most likely wants to do now, with the command."""
    match send.status:
        case SendStatus.SENDING:
            return _while_sending(session, send)
        case SendStatus.PAUSED if send.stopped_by is StoppedBy.QUOTA and (
            at := standing_of(session, send).until
        ):
            return (
                f"From {in_zone(session, at)} on, newsletter worker goes on with it by "
                f"itself, or: newsletter resume {send.id}"
            )
        case SendStatus.PAUSED if send.stopped_by is StoppedBy.STORE and send.counts.queued:
            return f"After that: newsletter status {send.id}"
        case SendStatus.PAUSED:
            return f"Go on with: newsletter resume {send.id}"
        case SendStatus.UNRESOLVED:
            return _about_unknown(session, send)
        case SendStatus.SCHEDULED:
            return f"It starts with: newsletter worker, or newsletter resume {send.id}"
        case SendStatus.CANCELLED if send.counts.skipped and not send.is_as_if_never_made:
            return f"To send it to the rest after all: newsletter resume {send.id} --cancelled"
        case SendStatus.FINISHED | SendStatus.CANCELLED:
            return ""


def _while_sending(session: Session, send: Send) -> str:
    now = standing_of(session, send)
    if now.state is State.INTERRUPTED and send.stopped_by is StoppedBy.PERSON:
        return f"Go on with: newsletter resume {send.id}"
    if now.state is State.INTERRUPTED:
        return f"newsletter worker goes on with it, or: newsletter resume {send.id}"
    if now.waiting_for is Wait.CLOCK:
        lease_until = max(tenure.lease_until for tenure in send.tenures)
        return (
            f"Its lease ends at {in_zone(session, lease_until)}, "
            "set by a clock that is or was ahead: check the clocks of all machines. "
            f"If that process renews it, it lives; if not, a worker goes on within minutes, "
            f"or: newsletter resume {send.id}"
        )
    if now.waiting_for is Wait.LEASE:
        return f"If that process is gone: newsletter resume {send.id}"
    return f"It goes on by itself. To stop it: newsletter pause {send.id}"


def _about_unknown(session: Session, send: Send) -> str:
    from newsletter.transports import kind_of

    decide = f"newsletter resolve {send.id} --unknown resend|accept|reject"
    kind = kind_of(session.project.settings.transport)
    if not kind.reports:
        return f"Check whether the unknown ones are in {kind.record}, then decide with: {decide}"
    return (
        "Events will tell whether the unknown ones were sent, mostly within minutes: "
        f"newsletter events pull --once. What is still unknown a day later, decide with: {decide}"
    )


def show_findings(
    session: Session,
    prepared: "Prepared",
    *,
    is_test: bool = False,
    outcome: str = "Nothing was sent.",
) -> None:
    """Show what is wrong with an issue that is to be sent; errors refuse it, and `outcome` says
    what came of it.

    What its author left for later refuses it too, except in a test, which shows how far it is.
    """
    from newsletter.desk.prepare import refuse
    from newsletter.lint.formats import folded

    refuse(prepared, prepared.errors if is_test else prepared.refusals, outcome)
    for finding in folded(prepared.findings):
        session.notes.print(str(finding), style="yellow")


def warn(session: Session, warning: str) -> None:
    """Show a warning that does not keep an issue from being sent."""
    session.notes.print(f"Warning: {warning}", style="yellow")
