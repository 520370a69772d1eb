"""A send as its row in the ledger has it: the code decides by this while the send runs."""

import datetime as dt
from dataclasses import dataclass

from newsletter.model.send import Foot, SendStatus, StoppedBy


@dataclass(frozen=True, slots=True)
class Canary:
    """The share of a send that goes first, the number of its last delivery, and when the wait for
    its reports ends; size and time are None before they are known."""

    share: float | None
    size: int | None
    until: dt.datetime | None
    passed: bool


@dataclass(frozen=True, slots=True)
class SendRecord:
    """The row of a send without its email and its balance; times are UTC."""

    number: int
    id: str
    slug: str
    list_id: int
    segment: str  # empty for the whole list
    segment_rule: str
    only_missing: bool
    status: SendStatus
    stopped_by: StoppedBy | None
    pause_reason: str | None
    resume_at: dt.datetime | None
    scheduled_at: dt.datetime | None
    finished_at: dt.datetime | None
    frozen: bool
    recipients: int
    cursor: int  # the last delivery that was claimed in turn
    rate: int | None
    spread: bool
    canary: Canary
    breaker_from: dt.datetime | None
    foot: Foot
    is_archived: bool  # its deliveries are no longer in the ledger

    @property
    def canary_end(self) -> int | None:
        """The last delivery that may go before the canary's reports are in; None where all may."""
        return None if self.canary.passed else self.canary.size
