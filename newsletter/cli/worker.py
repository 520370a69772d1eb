"""`newsletter worker`: takes part in what is due, shared or was interrupted, until stopped."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

import click

from newsletter import garbage
from newsletter.cli.frame import Session, command, examples
from newsletter.cli.running import open_worker
from newsletter.cli.sends import EXIT_CODES
from newsletter.cli.showing import next_step, send_record, status_in_words
from newsletter.model.send import Send, SendStatus
from newsletter.stopping import stopping

if TYPE_CHECKING:
    from newsletter.sending.worker import Worker


@click.command(epilog=examples("worker", "worker --threads 8 --health 8081"))
@click.option("--once", is_flag=True, help="Send what is due or was interrupted, then exit.")
@click.option(
    "--threads", type=click.IntRange(min=1), help="Calls of the transport at once, at most."
)
@click.option(
    "--health", metavar="FILE|PORT", help="Tell supervisors whether it lives and is ready."
)
@command
def worker(session: Session, once: bool, threads: int | None, health: str | None) -> int:
    """Take part in sends that are due, shared or interrupted, until stopped."""
    worker = replace(open_worker(session), threads=threads)
    if health is None:
        return attend(session, worker, once=once)
    from newsletter.workers.health import told

    with told(worker, health) as place:
        session.notes.print(f"Health: {place}")
        return attend(session, worker, once=once)


def attend(session: Session, worker: "Worker", *, once: bool) -> int:
    """Work as a worker does; returns its exit code. Raises Stopped where the store stays away."""
    from newsletter.sending.patience import giving_up

    codes = [0]
    garbage.look_often()

    def settled(after: Send) -> bool:
        _show(session, after)
        if worker.stop.is_set() and after.status is SendStatus.SENDING:
            session.notes.print(f"Interrupted. {next_step(session, after)}")
            codes.append(130)
            return False
        codes.append(EXIT_CODES[after.status])
        return True

    with giving_up("worker", "newsletter worker"), stopping(worker.stop), _telling(session, once):
        is_done = _work(session, worker, once, settled)
    return max(codes) if is_done or codes[-1] == 130 else 0


@contextmanager
def _telling(session: Session, once: bool) -> Iterator[None]:
    """Tell other programs what happens meanwhile, or at the end of a worker that works once."""
    if not session.project.settings.webhooks:
        yield
        return
    from newsletter.webhooks import delivering

    deliveries = delivering.deliveries(session.project, session.store, session.clock)
    if once:
        yield
        delivering.deliver_due(deliveries)
        return
    with delivering.delivering(deliveries):
        yield


def _work(session: Session, worker: "Worker", once: bool, settled: Callable[[Send], bool]) -> bool:
    """Whether it has worked off all that was due."""
    if once or session.store.is_sqlite:
        from newsletter.operations import attend as service

        return service.attend(worker, once=once, settled=settled)
    from newsletter.workers.starting import start

    start(worker, settled)
    return False


def _show(session: Session, send: Send) -> None:
    if session.json:
        session.emit(send_record(session, send))
    else:
        session.console.print(f"{send.id}: {status_in_words(session, send)}")
