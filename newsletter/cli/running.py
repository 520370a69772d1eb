"""Running a send in the foreground: what it takes, and its progress bar."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from newsletter import garbage
from newsletter.cli.frame import Session
from newsletter.cli.sends import EXIT_CODES
from newsletter.cli.showing import next_step, pulse, send_record, show
from newsletter.model.send import SendStatus
from newsletter.stopping import stopping

if TYPE_CHECKING:
    from newsletter.model.send import Send
    from newsletter.sending.progress import SendProgress
    from newsletter.sending.worker import Worker


_LAST_LOOK_SECONDS = 2.0  # a store that is away holds nobody up who leaves


def run_and_show(session: Session, worker: "Worker", send_id: str) -> int:
    """Run a send in the foreground with a progress bar; returns the command's exit code."""
    from newsletter.feedback.warning import many_bounces
    from newsletter.sending.patience import giving_up
    from newsletter.sending.reading import read
    from newsletter.sending.run import run

    garbage.look_often()
    with (
        giving_up("send", f"newsletter resume {send_id}"),
        stopping(worker.stop, worker.by_person) as signals,
    ):
        before = worker.patience.until_back(lambda: read(session.store, send_id))
        with _bar(session, worker, before) as progress:
            after = run(worker, before.id, progress.add)
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
def _bar(session: Session, worker: "Worker", send: "Send") -> Iterator["SendProgress"]:
    """A progress bar of the whole send on a terminal, with the rate, the time left, how many
    workers share it and what this one waits for; silence elsewhere."""
    from newsletter.sending.progress import SendProgress, follow

    if not session.notes.is_terminal:
        yield SendProgress(send, lambda _: None)
        return
    import threading

    from rich.progress import BarColumn, MofNCompleteColumn, Progress, ProgressColumn, Task
    from rich.text import Text

    class Pulse(ProgressColumn):
        def render(self, task: Task) -> Text:
            return Text(pulse(session, worker.vitals, progress))

    def show(progress: SendProgress) -> None:
        bar.update(task, completed=progress.settled, total=progress.total)

    progress, over = SendProgress(send, show), threading.Event()
    looking = (progress, session.store, send.id, worker.clock, over)
    follower = threading.Thread(target=follow, args=looking, name="progress", daemon=True)
    with Progress(BarColumn(), MofNCompleteColumn(), Pulse(), console=session.notes) as bar:
        task = bar.add_task("sending", completed=progress.settled, total=progress.total)
        follower.start()
        try:
            yield progress
        finally:
            over.set()
            follower.join(_LAST_LOOK_SECONDS)
