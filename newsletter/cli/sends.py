"""`newsletter status`, `sends` and `deliveries`: what the ledger says."""

from collections.abc import Mapping
from typing import Any

import click

from newsletter.cli.frame import Session, command
from newsletter.errors import UsageError
from newsletter.model.send import Delivery, DeliveryStatus, Send, SendStatus

EXIT_CODES = {
    SendStatus.FINISHED: 0,
    SendStatus.SCHEDULED: 0,
    SendStatus.SENDING: 4,
    SendStatus.PAUSED: 4,
    SendStatus.UNRESOLVED: 4,
    SendStatus.CANCELLED: 1,
}


class SendId(click.ParamType[str]):
    """A send's id or a beginning of it, but not of every id: an unset variable names no send."""

    name = "send"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        if not value.strip():
            self.fail("it is empty; see: newsletter sends", param, ctx)
        return value.strip()


@click.command()
@click.argument("send", type=SendId(), required=False)
@command
def status(session: Session, send: str | None) -> None:
    """Show one send: the newest, or the one named."""
    from newsletter.cli.events import unknown_words_told
    from newsletter.feedback import silence
    from newsletter.project import utc_now

    found = _find(session, send)
    warn_if_restored(session)
    alarm = silence(session.store, session.project.settings, utc_now())
    words = _unknown_words(session, found)
    if session.json:
        session.emit(as_json(found, alarm, words))
        return
    show(session, found)
    if words:
        session.console.print(unknown_words_told(words))
    if alarm:
        session.console.print(f"Alarm: {alarm}.")


@click.command()
@command
def sends(session: Session) -> None:
    """Show all sends, newest first."""
    from newsletter.store import sends as queries

    with session.store.read() as connection:
        found = list(queries.newest_first(connection))
    warn_if_restored(session)
    if session.json:
        for send in found:
            session.emit(as_json(send))
        return
    table = session.table("send", "issue", "list", "status", "recipients", "accepted", "unknown")
    table.columns[0].no_wrap = True  # it is copied into the next command
    for send in found:
        balance = send.counts
        table.add_row(
            send.id,
            send.slug,
            f"{send.list} ({send.segment})" if send.segment else send.list,
            send.status,
            f"{balance.recipients:,}",
            f"{balance.accepted:,}",
            f"{balance.unknown:,}",
        )
    session.console.print(table if found else "Nothing was sent yet.")


@click.command()
@click.argument("send", type=SendId())
@click.option(
    "--status",
    "wanted",
    type=click.Choice([status.value for status in DeliveryStatus]),
    help="Only these.",
)
@command
def deliveries(session: Session, send: str, wanted: str | None) -> None:
    """Show what became of each recipient of a send."""
    from newsletter.store import deliveries as queries
    from newsletter.store import sends as send_queries

    found = _find(session, send)
    only = DeliveryStatus(wanted) if wanted else None
    with session.store.read() as connection:
        number = send_queries.number_of(connection, found.id)
        for delivery in queries.newest_first(connection, number, only):
            if session.json:
                session.emit(delivery_json(delivery))
            else:
                notes = " ".join(filter(None, (delivery.reported, delivery.reason)))
                address = delivery.address or "(erased)"
                session.console.print(f"{delivery.status:9} {address}  {notes}")


def warn_if_restored(session: Session) -> None:
    """Tell on stderr that nothing is sent from this store, and what to do."""
    from newsletter.sending import restored

    with session.store.read() as connection:
        sign = restored.sign(connection, session.project.generation)
    if sign:
        session.notes.print(
            f"Nothing is sent from here: {sign}.", f"  {restored.ADVICE}", sep="\n", style="yellow"
        )


def _find(session: Session, send: str | None) -> Send:
    from newsletter.sending.run import read
    from newsletter.store import sends as queries

    if send is not None:
        return read(session.store, send)
    with session.store.read() as connection:
        newest = queries.newest(connection)
    if newest is None:
        raise UsageError("nothing was sent yet", hint="newsletter send ISSUE --list LIST")
    return newest


def _unknown_words(session: Session, send: Send) -> Mapping[str, int]:
    from newsletter.store import events
    from newsletter.store import sends as queries

    with session.store.read() as connection:
        return events.unknown_words(connection, queries.number_of(connection, send.id))


def as_json(
    send: Send, alarm: str | None = None, unknown_words: Mapping[str, int] | None = None
) -> dict[str, Any]:
    """A send as every command prints it; `status` alone looks for an alarm and unknown words."""
    balance = send.counts
    return {
        "send_id": send.id,
        "status": send.status,
        "recipients": balance.recipients,
        "accepted": balance.accepted,
        "rejected": balance.rejected,
        "skipped": balance.skipped,
        "unknown": balance.unknown,
        "queued": balance.queued,
        "slug": send.slug,
        "list": send.list,
        "segment": send.segment,
        "subject": send.subject,
        "from": send.sender,
        "content_hash": send.content_hash,
        "git_commit": send.git_commit,
        "again": send.again,
        "pause_reason": send.pause_reason,
        "resume_at": send.resume_at.isoformat() if send.resume_at else None,
        "created_at": send.created_at.isoformat(),
        "scheduled_at": send.scheduled_at.isoformat() if send.scheduled_at else None,
        "finished_at": send.finished_at.isoformat() if send.finished_at else None,
        "alarm": alarm,
        "unknown_words": dict(unknown_words or {}),
    }


def delivery_json(delivery: Delivery) -> dict[str, Any]:
    return {
        "address": delivery.address,
        "subscriber_id": delivery.subscriber_id,
        "status": delivery.status,
        "message_id": delivery.message_id,
        "attempts": delivery.attempts,
        "reason": delivery.reason,
        "at": delivery.at.isoformat() if delivery.at else None,
        "delivery": delivery.id,
        "reported": delivery.reported,
    }


def show(session: Session, send: Send) -> None:
    """A send for people: its balance, and what to do next."""
    balance = send.counts
    table = session.table("", "", header=False)
    table.add_row("send", send.id)
    table.add_row("issue", send.slug)
    table.add_row("subject", send.subject)
    table.add_row("list", send.list)
    if send.segment:
        table.add_row("segment", send.segment)
    table.add_row(
        "status", f"{send.status}" + (f" ({send.pause_reason})" if send.pause_reason else "")
    )
    for name in ("recipients", "accepted", "rejected", "skipped", "unknown", "queued"):
        table.add_row(name, f"{getattr(balance, name):,}")
    session.console.print(table)
    if advice := next_step(send):
        session.console.print(advice)


def next_step(send: Send) -> str:
    """The command that an operator most likely wants now."""
    match send.status:
        case SendStatus.SENDING | SendStatus.PAUSED:
            when = f", from {send.resume_at:%Y-%m-%d %H:%M} UTC on" if send.resume_at else ""
            return f"Go on with: newsletter resume {send.id}{when}"
        case SendStatus.UNRESOLVED:
            return (
                "Whether the unknown ones were sent, nobody can tell from here. Decide with: "
                f"newsletter resolve {send.id} --unknown resend|accept|reject"
            )
        case SendStatus.SCHEDULED:
            return f"It starts with: newsletter worker, or newsletter resume {send.id}"
        case SendStatus.FINISHED | SendStatus.CANCELLED:
            return ""
