"""`newsletter resolve`."""

from functools import partial
from typing import TYPE_CHECKING

import click

from newsletter.cli.asking import confirm
from newsletter.cli.frame import Session, command, examples
from newsletter.cli.options import SendId
from newsletter.cli.showing import in_zone, send_record, show, who
from newsletter.errors import Refused, UsageError

if TYPE_CHECKING:
    from newsletter.operations.inquiry import Inquiry

_SHOWN = 20


@click.command(
    epilog=examples("resolve 20260106-a1b2c3 --unknown accept", "resolve 20260106-a1b2c3 --ask-ses")
)
@click.argument("send", type=SendId())
@click.option(
    "--unknown",
    "decision",
    type=click.Choice(["resend", "accept", "reject"]),
    help="resend: queue them again (some may get it twice); accept or reject: count them as such.",
)
@click.option(
    "--ask-ses",
    "asks",
    is_flag=True,
    help="Ask SES what became of them, show it, and record it after a yes.",
)
@click.option("--yes", is_flag=True, help="Record what SES says without a question.")
@command
def resolve(session: Session, send: str, decision: str | None, asks: bool, yes: bool) -> None:
    """Decide about the unknown deliveries of a send."""
    from newsletter.sending import control
    from newsletter.sending.reading import read
    from newsletter.transports import clear

    if asks == (decision is not None):
        raise UsageError("what is to become of them?", hint="Use one of --unknown and --ask-ses.")
    if decision is not None:
        extra = {}
        after = control.resolve(
            session.store,
            send,
            control.Decision(decision),
            session.clock,
            who(session),
            partial(clear, session.project),
        )
    else:
        extra = {"found": _asked(session, send, yes=yes)}
        after = read(session.store, send)
    if session.json:
        session.emit(send_record(session, after) | extra)
    else:
        show(session, after)


def _asked(session: Session, send_id: str, *, yes: bool) -> dict[str, int]:
    """How many the provider knew, once that is recorded. Raises Refused without a yes."""
    from newsletter.operations import inquiry as service
    from newsletter.sending.reading import read

    settings, send = session.project.settings, read(session.store, send_id)
    inquiry = service.ask(session.store, settings, send, session.clock())
    _show_found(session, inquiry)
    if inquiry.messages:
        if not yes:
            confirm(
                f"Record this of {len(inquiry.traces):,} deliveries?",
                Refused("it was not confirmed", hint="Nothing was recorded. Add --yes to do it."),
            )
        service.settle(session.store, settings, inquiry, session.clock(), who(session))
    return inquiry.counts


def _show_found(session: Session, inquiry: "Inquiry") -> None:
    if inquiry.traces:
        table = session.table("address", "is", "message", "at")
        for trace in inquiry.traces[:_SHOWN]:
            table.add_row(trace.address, trace.status, trace.message_id, in_zone(session, trace.at))
        session.notes.print(table)
        if (more := len(inquiry.traces) - _SHOWN) > 0:
            session.notes.print(f"and {more:,} more")
    counts = inquiry.counts
    session.notes.print(
        f"Of {counts['asked']:,} unknown deliveries {counts['accepted']:,} were accepted and "
        f"{counts['rejected']:,} rejected; SES has no trace of {counts['no_trace']:,}."
    )
