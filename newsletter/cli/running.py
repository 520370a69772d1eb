"""Running a send in the foreground: what it takes, and its progress bar."""

import datetime as dt
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING

from newsletter.cli.frame import Session
from newsletter.cli.sends import EXIT_CODES
from newsletter.cli.showing import as_json, next_step, pulse, show
from newsletter.cli.subscribers import hashes_of
from newsletter.errors import ConfigurationError, Interrupted
from newsletter.stopping import stopping

if TYPE_CHECKING:
    from newsletter.feedback.base import Queue
    from newsletter.sending.pace import Vitals
    from newsletter.sending.threads import Progress
    from newsletter.sending.worker import Worker
    from newsletter.transports import Transport


_DRAINED_FOR = dt.timedelta(seconds=10)  # well within the lease of a send


def run_and_show(session: Session, worker: "Worker", send_id: str) -> int:
    """Run a send in the foreground with a progress bar; returns the command's exit code."""
    from newsletter.feedback.warning import many_bounces
    from newsletter.sending.run import read, run

    with stopping(worker.stop, worker.by_person) as signals:
        before = worker.patience.until_back(lambda: read(session.store, send_id))
        with _bar(session, worker.vitals, before.counts.queued) as progress:
            try:
                after = run(worker, send_id, progress)
            except Interrupted as error:
                raise Interrupted(error.message, hint=next_step(session, before)) from error
    if session.json:
        session.emit(as_json(after))
    else:
        show(session, after)
    policy = session.project.settings.policy
    if warning := worker.patience.until_back(lambda: many_bounces(session.store, after, policy)):
        session.notes.print(f"Warning: {warning}.")
    if signals and after.status in ("sending", "scheduled"):
        session.notes.print(f"Interrupted. {next_step(session, after)}")
        return 130
    return EXIT_CODES[after.status]


def open_worker(session: Session) -> "Worker":
    """What running a send of this project takes.

    Raises UsageError or ConfigurationError where a part of it is missing.
    """
    from newsletter.links import Links, load_keys
    from newsletter.project import utc_now
    from newsletter.sending.canary import Limits
    from newsletter.sending.patience import Patience
    from newsletter.sending.worker import Worker
    from newsletter.transports import open_transport

    settings = session.project.settings
    base_url, policy = settings.newsletter.base_url, settings.policy
    transport = open_transport(session.project)
    stop = threading.Event()
    return Worker(
        store=session.store,
        transport=transport,
        links=Links(base_url, load_keys(session.project.root)),
        base_url=base_url,
        max_rate=settings.transport.max_rate,
        clock=utc_now,
        stop=stop,
        notify=lambda line: session.notes.print(line),
        stale_after=dt.timedelta(hours=policy.stale_schedule_hours),
        generation=session.project.generation,
        refresh=lambda: _pull_suppressions(session, transport),
        timezone=settings.newsletter.timezone,
        canary_limits=Limits(
            policy.complaint_pause, policy.bounce_pause, dt.timedelta(minutes=policy.canary_minutes)
        ),
        poll_events=_drained(session, stop),
        check_events=_alarmed(session),
        patience=Patience(session.notes.print),
    )


def _drained(session: Session, stop: threading.Event) -> Callable[[], None]:
    """Drains the queue of events for a while, if there is one: what a canary waits for comes in by
    itself. Where this process cannot, it says so once; another may."""
    from newsletter.feedback.sources import source_of

    settings = session.project.settings
    source = source_of(settings.events)
    open_queue = source.open_queue
    if open_queue is None or not source.has_queue(settings):
        return lambda: None

    @cache
    def queue() -> "Queue":
        return open_queue(settings)

    tell = _once(session)

    def drain() -> None:
        from newsletter.feedback.apply import Applied
        from newsletter.feedback.base import QueueUnreachable
        from newsletter.feedback.drain import Drain
        from newsletter.project import utc_now

        try:
            drained = Drain(queue(), session.store, settings, utc_now, stop, tell, Applied())
            drained.run(once=True, at_most=_DRAINED_FOR)
        except (ConfigurationError, QueueUnreachable) as error:
            tell(error.message)

    return drain


def _alarmed(session: Session) -> Callable[[], None]:
    """Tells, once, that nothing is reported of what is being sent, or too many bounces."""

    tell = _once(session)
    warned: set[str] = set()

    def check() -> None:
        from newsletter.feedback import silence
        from newsletter.feedback.warning import of_running
        from newsletter.project import utc_now

        settings = session.project.settings
        if alarm := silence(session.store, settings, utc_now()):
            tell(f"Alarm: {alarm}.")
        for send_id, warning in of_running(session.store, settings.policy).items():
            if send_id not in warned:  # its numbers change
                warned.add(send_id)
                tell(f"Warning about {send_id}: {warning}.")

    return check


def _once(session: Session) -> Callable[[str], None]:
    """Tells each line the first time only."""

    @cache
    def tell(line: str) -> None:
        session.notes.print(line)

    return tell


def _pull_suppressions(session: Session, transport: "Transport") -> None:
    """Take over whom the provider has listed since the last send.

    Where it does not tell, that is told and the send goes on: it mails none of them by itself.
    """
    from newsletter.audience import syncing
    from newsletter.errors import ConfigurationError, TransportError
    from newsletter.project import utc_now
    from newsletter.transports.base import HasAccountList

    if not isinstance(transport, HasAccountList):
        return
    account = transport.account_list
    try:
        new = syncing.pull(session.store, account, hashes_of(session), utc_now())
    except (ConfigurationError, TransportError) as error:
        session.notes.print(error.message)
        return
    if new:
        session.notes.print(
            f"Newly suppressed by the list of the {account.service} account: {new:,}."
        )


@contextmanager
def _bar(session: Session, vitals: "Vitals", total: int) -> Iterator["Progress"]:
    """A progress bar on a terminal, with the rate, the time left and what the send waits for;
    silence elsewhere."""
    if not session.notes.is_terminal:
        yield lambda settled: None
        return
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, ProgressColumn, Task
    from rich.text import Text

    class Pulse(ProgressColumn):
        def render(self, task: Task) -> Text:
            return Text(pulse(session, vitals, (task.total or 0) - task.completed))

    with Progress(BarColumn(), MofNCompleteColumn(), Pulse(), console=session.notes) as bar:
        task = bar.add_task("sending", total=total)
        yield lambda settled: bar.advance(task, settled)
