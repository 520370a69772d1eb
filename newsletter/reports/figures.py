"""What a report on a send says, as frozen data. Nothing in it names a reader."""

import datetime as dt
from dataclasses import dataclass

from newsletter.model.event import Cause
from newsletter.model.send import ENDED, Send, SendStatus


@dataclass(frozen=True, slots=True)
class Reason:
    """Why so many recipients were rejected or skipped."""

    reason: str
    recipients: int


@dataclass(frozen=True, slots=True)
class ReportedCause:
    """What so many bounces or complaints say, and the provider's word for it."""

    cause: Cause
    word: str
    recipients: int


@dataclass(frozen=True, slots=True)
class Provider:
    """What became of the mails to the mailboxes of one provider."""

    name: str
    recipients: int
    accepted: int
    delivered: int
    delayed: int
    bounced: int
    hard: int  # of the bounces, those that say that nobody is there
    complained: int
    unknown: int


@dataclass(frozen=True, slots=True)
class TimeStep:
    """What happened in one step of a time line, which begins `at`."""

    at: dt.datetime
    accepted: int = 0
    delivered: int = 0
    bounced: int = 0
    complained: int = 0
    unsubscribed: int = 0


@dataclass(frozen=True, slots=True)
class TimeLine:
    """Steps of time without a gap, each as long as `step`; `later` is what came after the last."""

    step: dt.timedelta
    steps: tuple[TimeStep, ...]
    later: int = 0


@dataclass(frozen=True, slots=True)
class Speed:
    """How long mails took from the provider to a mailbox, in seconds: half of them at most `half`,
    and 95 of 100 at most `most`."""

    half: float
    most: float


@dataclass(frozen=True, slots=True)
class Tracked:
    """How many recipients, and how often, by who did it; somebody may be in several of them."""

    human: int = 0
    machine: int = 0
    unknown: int = 0
    human_times: int = 0
    machine_times: int = 0
    unknown_times: int = 0


@dataclass(frozen=True, slots=True)
class LinkClicks:
    """How a link was followed: as it was sealed, without what is a reader's own."""

    link: str
    clicks: Tracked


@dataclass(frozen=True, slots=True)
class Compared:
    """A send beside others to the same audience."""

    send_id: str
    slug: str
    at: dt.datetime
    recipients: int
    accepted: int
    delivered: int
    bounced: int
    hard: int
    complained: int
    unsubscribed: int

    @property
    def is_reported(self) -> bool:
        return bool(self.delivered or self.bounced or self.complained)


@dataclass(frozen=True, slots=True)
class SendReport:
    """All about one send, as it stood `at` a time; times are UTC.

    Time lines are None where there is nothing to show. `opens` and `clicks` are None where the
    operator has not switched tracking on; `links` are the most followed ones, the rest as one.
    `compared` begins with the oldest and ends with this one; it is empty where that was not asked.
    `notes` say what a reader of the figures should know.
    """

    newsletter: str
    timezone: str
    send: Send
    at: dt.datetime
    began_at: dt.datetime | None
    last_at: dt.datetime | None  # when the last recipients were claimed
    delayed: int
    hard: int
    soft: int
    rejected: tuple[Reason, ...]
    skipped: tuple[Reason, ...]
    bounces: tuple[ReportedCause, ...]
    complaints: tuple[ReportedCause, ...]
    providers: tuple[Provider, ...]
    sending: TimeLine | None
    after: TimeLine | None
    speed: Speed | None
    opens: Tracked | None
    clicks: Tracked | None
    links: tuple[LinkClicks, ...]
    compared: tuple[Compared, ...]
    notes: tuple[str, ...]

    @property
    def is_final(self) -> bool:
        """Whether nothing of it is to be sent any more; reports may still come."""
        return self.send.status in (*ENDED, SendStatus.UNRESOLVED)

    @property
    def is_reported(self) -> bool:
        """Whether anything was reported about its mails: else no share of the reported ones says
        anything."""
        reports = self.send.reports
        return bool(reports.delivered or reports.bounced or reports.complained or self.delayed)

    @property
    def unreported(self) -> int:
        """Accepted deliveries of which nothing was reported yet."""
        reports = self.send.reports
        known = reports.delivered + reports.bounced + reports.complained + self.delayed
        return max(0, self.send.counts.accepted - known)

    @property
    def seconds(self) -> float | None:
        """From the first claim to the last."""
        if self.began_at is None or self.last_at is None:
            return None
        return (self.last_at - self.began_at).total_seconds()
