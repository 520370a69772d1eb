"""Running a send in the foreground: what it takes, and its progress bar."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from newsletter.cli.frame import Session
from newsletter.cli.sends import EXIT_CODES
from newsletter.cli.showing import next_step, pulse, send_record, show
from newsletter.model.send import SendStatus
from newsletter.stopping import stopping

if TYPE_CHECKING:
    from newsletter.sending.pace import Vitals
    from newsletter.sending.threads import Progress
    from newsletter.sending.worker import Worker


def run_and_show(session: Session, worker: "Worker", send_id: str) -> int:
    """Run a send in the foreground with a progress bar; returns the command's exit code."""
    from newsletter.feedback.warning import many_bounces
    from newsletter.sending.reading import read
    from newsletter.sending.run import run

    with stopping(worker.stop, worker.by_person) as signals:
        before = worker.patience.until_back(lambda: read(session.store, send_id))
        with _bar(session, worker.vitals, before.counts.queued) as progress:
            after = run(worker, send_id, progress)
    if session.json:
        session.emit(send_record(session, after))
    else:
        show(session, after)
    policy = session.project.settings.policy
    if warning := worker.patience.until_back(lambda: many_bounces(session.store, after, policy)):
        session.notes.print(f"Warning: {warning}.")
    if signals and after.status in (SendStatus.SENDING, SendStatus.SCHEDULED):
        session.notes.print(f"Interrupted. {next_step(session, after)}")
        return 130
    return EXIT_CODES[after.status]


def open_worker(session: Session) -> "Worker":
    """A worker for the sends of this project, which reports on stderr.

    Raises UsageError or ConfigurationError where a part of it is missing.
    """
    from newsletter.operations.worker import open_worker

    return open_worker(session.project, session.store, session.notes.print, session.clock)


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
