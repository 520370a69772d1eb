"""`newsletter pause`, `resume`, `cancel` and `resolve`."""

import click

from newsletter.cli.frame import Session, command
from newsletter.cli.running import run_and_show, runner
from newsletter.cli.sends import SendId
from newsletter.cli.showing import as_json, show
from newsletter.model.send import Send, SendStatus


@click.command()
@click.argument("send", type=SendId())
@command
def pause(session: Session, send: str) -> None:
    """Stop a running send after the batches in flight."""
    from newsletter.project import utc_now
    from newsletter.sending import control

    _print(session, control.pause(session.store, send, utc_now))


@click.command()
@click.argument("send", type=SendId())
@command
def resume(session: Session, send: str) -> int:
    """Go on with a paused or interrupted send."""
    from newsletter.project import utc_now
    from newsletter.sending import control, preflight
    from newsletter.sending.run import allowed, read

    sender = runner(session)
    preflight.check_store(sender)
    if read(session.store, send).status is SendStatus.PAUSED:
        allowed(sender.transport)  # where it may not send, the pause and its reason stay
    return run_and_show(session, sender, control.reopen(session.store, send, utc_now).id)


@click.command()
@click.argument("send", type=SendId())
@command
def cancel(session: Session, send: str) -> None:
    """End a send: what is still queued is never sent."""
    from newsletter.project import utc_now
    from newsletter.sending import control

    _print(session, control.cancel(session.store, send, utc_now))


@click.command()
@click.argument("send", type=SendId())
@click.option(
    "--unknown",
    "decision",
    type=click.Choice(["resend", "accept", "reject"]),
    required=True,
    help="resend: queue them again (some may get it twice); accept or reject: count them so.",
)
@command
def resolve(session: Session, send: str, decision: str) -> None:
    """Decide about the unknown deliveries of a send."""
    from newsletter.project import utc_now
    from newsletter.sending import control

    _print(session, control.resolve(session.store, send, control.Decision(decision), utc_now))


def _print(session: Session, send: Send) -> None:
    if session.json:
        session.emit(as_json(send))
    else:
        show(session, send)
