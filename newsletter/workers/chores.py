"""What one worker at a time does now and then, beside sending."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from newsletter.operations.attend import mail_reports
from newsletter.sending.worker import Worker


@dataclass(frozen=True, slots=True)
class Chore:
    """`cron` says when: minute, hour, day, month, day of the week, and the second if it matters."""

    name: str
    cron: str
    work: Callable[[], None]


def chores_of(worker: Worker) -> Sequence[Chore]:
    return (
        Chore("pull-events", "* * * * * */10", worker.poll_events),
        Chore("raise-alarms", "* * * * *", worker.check_events),
        Chore("keep-house", "17 * * * *", worker.keep_house),
        Chore("archive-sends", "47 * * * *", lambda: _until_none_is_due(worker)),
        Chore("mail-reports", "*/10 * * * *", lambda: mail_reports(worker)),
    )


def _until_none_is_due(worker: Worker) -> None:
    while not worker.stop.is_set() and worker.archive_one():
        pass
