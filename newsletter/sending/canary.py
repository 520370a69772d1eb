"""A canary: a first share of a send goes out, and its reports decide about the rest."""

import datetime as dt
import math
from collections.abc import Callable
from dataclasses import dataclass

from newsletter.config import LEAST_COMPLAINTS, PolicySettings
from newsletter.model.send import StoppedBy, Wait
from newsletter.sending.core import LEASE, Assignment
from newsletter.sending.pace import Waiting
from newsletter.store.ledger import canary as shares
from newsletter.store.ledger import sends, tenures, transitions
from newsletter.store.ledger.canary import CanaryReports

_ENOUGH = 0.95  # of the accepted: a few mailboxes answer after hours
_LEAST = 0.5  # what must have come back when the patience is over


_POLICY = PolicySettings()


@dataclass(frozen=True, slots=True)
class CanaryLimits:
    """Shares of the accepted at which the rest stays, and how long to wait for reports."""

    complaints: float = _POLICY.complaint_pause
    bounces: float = _POLICY.bounce_pause
    patience: dt.timedelta = dt.timedelta(minutes=_POLICY.canary_minutes)
    poll_seconds: float = 1.0


def size_of(share: float, recipients: int) -> int:
    """How many recipients a share is, one at least."""
    return min(recipients, max(1, math.ceil(share * recipients)))


def is_out(work: Assignment) -> bool:
    """Whether the first share was claimed, and there is a rest that waits for its reports."""
    with work.store.read() as connection:
        send = sends.record(connection, work.number)
        goes_on = tenures.goes_on(connection, send, work.epoch)
    end = send.canary_end
    if end is None or not goes_on:
        return False
    return end <= send.cursor and end < send.recipients


def wait(
    work: Assignment, limits: CanaryLimits, poll: Callable[[], None], notify: Callable[[str], None]
) -> bool:
    """Wait for the reports of the first share; True where the rest may go now.

    Where it may not, the send is paused; a person who resumes it decides to go on. `poll` brings in
    reports, if this process can; another may do so as well.
    """
    notify("The canary is out; waiting for reports on it.")
    with work.store.write() as connection:
        until = sends.record(connection, work.number, lock=True).canary.until
        if until is None:
            until = work.clock() + limits.patience
            shares.wait_until(connection, work.number, until)
    while not work.stop.is_set():
        work.vitals.looks()
        poll()
        with work.store.write() as connection:
            send = sends.record(connection, work.number, lock=True)
            if not tenures.goes_on(connection, send, work.epoch):
                return False
            if send.canary_end is None:
                return True
            now = work.clock()
            if until - now > limits.patience:  # as by a clock that was ahead
                until = now + limits.patience
                shares.wait_until(connection, work.number, until)
            work.vitals.waiting = Waiting(Wait.CANARY, until)
            tenures.renew(
                connection,
                work.number,
                work.epoch,
                now + LEASE,
                waiting_for=Wait.CANARY,
                waiting_until=until,
            )
            is_over = now >= until
            reports = shares.reports(connection, work.number, send.canary_end)
            reason = _against(reports, limits, is_over=is_over)
            if reason:
                transitions.pause(connection, send, reason, StoppedBy.CANARY)
                return False
            is_well = is_over or 0 < _ENOUGH * reports.accepted <= reports.reported
            if is_well:
                shares.let_go_on(connection, work.number)
        if is_well:
            notify(
                f"The canary is well: {reports.reported} of {reports.accepted} were reported on."
            )
            return True
        work.stop.wait(limits.poll_seconds)
    return False


def _against(reports: CanaryReports, limits: CanaryLimits, *, is_over: bool) -> str:
    """Why the rest must not go, empty if nothing speaks against it."""
    if is_over and not reports.accepted:
        return "no mail of the canary is known to be out: nothing was learnt from it"
    for amount, name, limit, least in (
        (reports.complained, "complaints", limits.complaints, LEAST_COMPLAINTS),
        (reports.bounced, "hard bounces", limits.bounces, 1),
    ):
        if amount >= max(least, limit * reports.accepted):
            return f"the canary had {amount} {name} among {reports.accepted}"
    if is_over and reports.reported < _LEAST * reports.accepted:
        return (
            f"only {reports.reported} of the canary's {reports.accepted} were reported on in time: "
            "do events arrive?"
        )
    return ""
