"""`newsletter pause`, `resume`, `reschedule` and `cancel`."""

from functools import partial
from typing import TYPE_CHECKING

import click

from newsletter.cli.frame import Session, command, examples
from newsletter.cli.options import SendId
from newsletter.cli.running import open_worker, run_and_show
from newsletter.cli.showing import send_record, show, show_findings, warn, who
from newsletter.errors import UsageError
from newsletter.model.send import Send

if TYPE_CHECKING:
    from newsletter.sending.worker import Worker


@click.command()
@click.argument("send", type=SendId())
@command
def pause(session: Session, send: str) -> None:
    """Stop a running send after the batches in flight."""
    from newsletter.sending import control

    _print(session, control.pause(session.store, send, session.clock, who=who(session)))


@click.command(epilog=examples("resume 20260106-a1b2c3", "resume --all"))
@click.argument("send", type=SendId(), required=False)
@click.option(
    "--all",
    "every",
    is_flag=True,
    help="Every interrupted send, and every one that waits for quota.",
)
@click.option(
    "--cancelled", is_flag=True, help="Send a cancelled one to those who have not had it."
)
@click.option("--rate", type=click.IntRange(min=0), help="Recipients a second; 0 lifts the limit.")
@command
def resume(
    session: Session, send: str | None, every: bool, cancelled: bool, rate: int | None
) -> int:
    """Go on with a paused or interrupted send."""
    from newsletter.operations.resume import check
    from newsletter.sending.patience import giving_up

    if (send is None) != every:
        raise UsageError("which send?", hint="Name one, or resume all of them: --all")
    if every and cancelled:
        raise UsageError(
            "--cancelled is about one send", hint="Name the send, and leave out --all."
        )
    worker = open_worker(session)
    with giving_up("send", f"newsletter resume {send or '--all'}"):
        check(worker)
        if send is None:
            return _resume_all(session, worker, rate)
        return _resume(session, worker, send, rate, cancelled=cancelled)


def _resume_all(session: Session, worker: "Worker", rate: int | None) -> int:
    from newsletter.operations import resume as service

    code, resting = 0, service.resting(worker)
    for send_id in resting:
        if service.is_cancelled(worker, send_id):
            continue
        code = max(code, _resume(session, worker, send_id, rate))
        if worker.stop.is_set():
            break
    if not resting and not session.json:
        session.console.print("Nothing was interrupted.")
    return code


def _resume(
    session: Session, worker: "Worker", send_id: str, rate: int | None, *, cancelled: bool = False
) -> int:
    from newsletter.operations.resume import reopen

    before = reopen(worker, send_id, rate, cancelled=cancelled, who=who(session))
    return run_and_show(session, worker, before.id)


@click.command()
@click.argument("send", type=SendId())
@click.argument("time", required=False)
@click.option("--replace", is_flag=True, help="Render the issue again, and send what it says now.")
@command
def reschedule(session: Session, send: str, time: str | None, replace: bool) -> None:
    """Move a scheduled send to another time, or give it other content, before it begins."""
    from newsletter.operations import replace as service

    project = session.project
    if time is None and not replace:
        raise UsageError(
            "to what time?", hint='Write one such as "2026-11-24 08:00", or use --replace.'
        )
    if not replace:
        _print(session, service.reschedule(project, session.store, send, time))
        return
    show, notify = partial(show_findings, session), partial(warn, session)
    worker = open_worker(session)
    _print(session, service.replace(project, worker, send, time, show=show, warn=notify))


@click.command()
@click.argument("send", type=SendId())
@command
def cancel(session: Session, send: str) -> None:
    """End a send: what is still queued is never sent."""
    from newsletter.sending import control
    from newsletter.transports import clear

    clearing = partial(clear, session.project)
    _print(session, control.cancel(session.store, send, session.clock, who(session), clearing))


def _print(session: Session, send: Send) -> None:
    if session.json:
        session.emit(send_record(session, send))
    else:
        show(session, send)
