"""Reports that are mailed by themselves, and their tables as CSV.

Each report is mailed once: it is counted first, then taken in hand in the store, then mailed, and
that is noted. A worker that dies before the last of these leaves a report of which nobody can tell
whether it was mailed: it is not mailed again, and the report itself and the doctor say so.
"""

import csv
import datetime as dt
import io
import logging
import threading
from collections.abc import Sequence
from dataclasses import dataclass

from newsletter.audience.spreadsheet import guard
from newsletter.errors import (
    Interrupted,
    NewsletterError,
    QuotaReached,
    StoreAway,
    Throttled,
    TransportDown,
)
from newsletter.gate import masked, visible
from newsletter.links import Links
from newsletter.model.address import Address
from newsletter.model.email import Message
from newsletter.model.notice import Notice
from newsletter.model.send import Accepted, Outcome, RetryLater
from newsletter.notices.post import Post
from newsletter.notices.report import email_of, report_mail
from newsletter.project import Project
from newsletter.reports import counting
from newsletter.reports.tables import ReportTable
from newsletter.sending import restored
from newsletter.sending.core import Notify
from newsletter.sending.pace import Pace
from newsletter.sending.run import unbarred
from newsletter.store import Store
from newsletter.store.ledger import reporting
from newsletter.times import Clock
from newsletter.transports import Transport

_log = logging.getLogger(__name__)

# How late a report may be: a worker that rested mails it after all, and nobody who switches this on
# gets the reports of years.
_LATE = dt.timedelta(days=2)


def csv_of(table: ReportTable) -> bytes:
    """A table as CSV in UTF-8, with cells that no terminal obeys and no spreadsheet runs as a
    formula."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(table.columns)
    for row in table.rows:
        writer.writerow(guard(visible(cell)) if isinstance(cell, str) else cell for cell in row)
    return text.getvalue().encode()


@dataclass(frozen=True, slots=True)
class ReportPost:
    """What it takes to mail reports; `notify` says each line once."""

    project: Project
    store: Store
    transport: Transport
    links: Links
    clock: Clock
    stop: threading.Event
    notify: Notify

    def mail_one(self) -> bool:
        """Mail the report that is due for the longest, as `[reports]` says; False where none is, or
        none can be mailed now."""
        settings = self.project.settings.reports
        if not settings.mail_to:
            return False
        ended_until = self.clock() - dt.timedelta(hours=settings.after_hours)
        with self.store.read() as connection:
            due = reporting.due(connection, ended_until - _LATE, ended_until)
        for send_id in due:
            try:
                if self._mail(send_id):
                    return True
            except StoreAway:
                raise
            except Interrupted:
                return False
            except NewsletterError as error:
                self.notify(f"The report on {send_id} is not mailed: {error.message}")
        return False

    def _mail(self, send_id: str) -> bool:
        """Count a report and mail it to everybody; False where it has to wait.

        Where only some can be mailed now, the others never get it: it is not mailed twice.
        """
        settings, now = self.project.settings, self.clock()
        allowance = unbarred(self.transport)
        counted = counting.count(
            self.store, settings, send_id, now, compared=counting.COMPARED, stop=self.stop
        )
        email = email_of(counted, settings.newsletter)
        with self.store.write() as connection:
            restored.check(connection, self.project.generation, settings.newsletter.timezone)
            if not reporting.take(connection, send_id, now):
                return True  # another worker was faster
        pace = Pace(settings.transport.max_rate or None, allowance.rate)
        post = Post(self.store, self.transport, pace, self.clock, self.stop)
        outcomes: list[Outcome] = []
        for number, text in enumerate(settings.reports.mail_to, start=1):
            message = report_mail(email, send_id, number, Address(text), self.links)
            outcomes.append(self._deliver(post, message))
            if isinstance(outcomes[-1], RetryLater):
                break
        if len(outcomes) == 1 and isinstance(outcomes[0], RetryLater):
            with self.store.write() as connection:
                reporting.put_back(connection, send_id)
            self.notify(f"The report on {send_id} waits: {outcomes[0].reason}")
            return False
        self._note(send_id, outcomes)
        return True

    def _note(self, send_id: str, outcomes: Sequence[Outcome]) -> None:
        """Note and say who got a report, and why somebody did not."""
        wanted = len(self.project.settings.reports.mail_to)
        reasons = [outcome.reason for outcome in outcomes if not isinstance(outcome, Accepted)]
        mailed = len(outcomes) - len(reasons)
        with self.store.write() as connection:
            reporting.note_mailed(connection, send_id, wanted - mailed)
        _log.info("report", {"send": send_id, "mailed": mailed, "missed": wanted - mailed})
        why = f"; the first of the others: {masked(reasons[0])}" if reasons else ""
        self.notify(f"Mailed the report on {send_id} to {mailed} of {wanted}{why}.")

    def _deliver(self, post: Post, message: Message) -> Outcome:
        """Hand one mail over at its turn; RetryLater where it provably did not leave."""
        post.wait()
        if self.stop.is_set():
            return RetryLater("this worker is stopping", is_failure=False)
        try:
            return post.deliver(Notice.REPORT, message)
        except (Throttled, TransportDown, QuotaReached) as error:
            return RetryLater(error.message, is_failure=False)
