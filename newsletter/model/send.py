"""Sends and deliveries: one decision to mail, and what we did with each recipient."""

import datetime as dt
from dataclasses import dataclass, field
from enum import StrEnum


class SendStatus(StrEnum):
    """`unresolved`: nothing left to send but unknown rows; `finished`: none of those either."""

    SCHEDULED = "scheduled"
    SENDING = "sending"
    PAUSED = "paused"
    UNRESOLVED = "unresolved"
    FINISHED = "finished"
    CANCELLED = "cancelled"


ENDED = (SendStatus.FINISHED, SendStatus.CANCELLED)
OVER = (*ENDED, SendStatus.UNRESOLVED)  # nothing of them is queued


class StoppedBy(StrEnum):
    """Who or what stopped a send, so that a worker knows whether to go on with it by itself."""

    PERSON = "person"
    QUOTA = "quota"  # it goes on by itself, at `resume_at`
    BREAKER = "breaker"
    CANARY = "canary"
    TRANSPORT = "transport"
    SCHEDULE = "schedule"  # its time passed long ago, or its audience is empty or cannot be read
    STORE = "store"  # restored from a backup


class State(StrEnum):
    """What goes on with a send that is not over: see newsletter.sending.state."""

    RUNNING = "running"
    WAITING = "waiting"
    INTERRUPTED = "interrupted"  # nobody runs it


class Wait(StrEnum):
    """What a send waits for."""

    SLOT = "slot"  # of the rate
    QUOTA = "quota"
    LEASE = "lease"  # of a worker that was not heard from lately
    CLOCK = "clock"  # to see whether a worker still renews a lease that a wrong clock set
    SCHEDULE = "schedule"
    CANARY = "canary"
    TRANSPORT = "transport"


class DeliveryStatus(StrEnum):
    """What *we* did: queued -> sending -> accepted | rejected | unknown, or skipped."""

    QUEUED = "queued"
    SENDING = "sending"
    ACCEPTED = "accepted"
    REJECTED = "rejected"
    UNKNOWN = "unknown"
    SKIPPED = "skipped"


class Reported(StrEnum):
    """What the provider said later about an accepted delivery."""

    DELIVERED = "delivered"
    DELAYED = "delayed"
    BOUNCED = "bounced"
    COMPLAINED = "complained"
    REJECTED = "rejected"
    RENDERING_FAILED = "rendering_failed"


class SkipReason(StrEnum):
    """Why a frozen recipient got nothing."""

    SUPPRESSED = "suppressed"
    UNSUBSCRIBED = "unsubscribed"
    ALREADY_RECEIVED = "already_received"
    CANCELLED = "cancelled"
    ERASED = "erased"
    PAUSED = "paused"  # at their own wish


@dataclass(frozen=True, slots=True)
class Counts:
    """The balance of a send; `queued` includes those in flight."""

    accepted: int = 0
    rejected: int = 0
    skipped: int = 0
    unknown: int = 0
    queued: int = 0

    @property
    def recipients(self) -> int:
        return self.accepted + self.rejected + self.skipped + self.unknown + self.queued


@dataclass(frozen=True, slots=True)
class Reports:
    """How many deliveries of a send have which report; each counts by its furthest one."""

    delivered: int = 0
    bounced: int = 0
    complained: int = 0


@dataclass(frozen=True, slots=True)
class Tenure:
    """A worker's part in a send, and what it says of itself; times are UTC."""

    worker: str  # as newsletter.sending.processes names them
    epoch: int
    since: dt.datetime
    lease_until: dt.datetime
    waiting_for: Wait | None = None
    waiting_until: dt.datetime | None = None
    speed: float | None = None  # recipients a second, lately


@dataclass(frozen=True, slots=True)
class Foot:
    """What all mails of a send say about its list, sealed with it.

    `list_title` is empty where the list has none; `is_open` says whether anybody may ask to join
    it; `previous_slug` and `previous_title` are those of the issue before, empty where the web
    shows none.
    """

    list_title: str = ""
    is_open: bool = False
    previous_slug: str = ""
    previous_title: str = ""


@dataclass(frozen=True, slots=True)
class Send:
    """One decision to mail one issue to one audience; times are UTC."""

    id: str
    slug: str
    list: str
    segment: str | None
    status: SendStatus
    subject: str
    sender: str
    content_hash: str
    git_commit: str | None
    again: str | None
    rate: int | None  # recipients per second asked for by --rate
    created_at: dt.datetime
    scheduled_at: dt.datetime | None
    finished_at: dt.datetime | None
    stopped_by: StoppedBy | None
    pause_reason: str | None
    resume_at: dt.datetime | None  # when a pause may end, if that is known
    counts: Counts
    reports: Reports
    unsubscribed: int  # people who left by the link of one of its mails
    rests_since: dt.datetime | None  # when the last worker left
    tenures: tuple[Tenure, ...]
    archived_at: dt.datetime | None = None
    archive_file: str | None = None  # where its deliveries are since then
    archive_hash: str | None = None  # the SHA-256 of that file
    branch: str | None = None  # that its content was on, where one is required
    approved_by: str | None = None
    approved_at: dt.datetime | None = None

    @property
    def is_as_if_never_made(self) -> bool:
        """Whether it was cancelled before any of its mails left or may have left."""
        balance = self.counts
        may_have_mailed = balance.accepted or balance.unknown or balance.queued
        return self.status is SendStatus.CANCELLED and not may_have_mailed


@dataclass(frozen=True, slots=True)
class Delivery:
    """One (send, subscriber); `number` is dense per send and starts at 1."""

    send_id: str
    number: int
    subscriber_id: int
    address: str | None  # None after erasure
    status: DeliveryStatus
    attempts: int
    message_id: str | None
    reason: str | None
    reported: Reported | None
    at: dt.datetime | None

    @property
    def id(self) -> str:
        """What the tag `delivery` carries."""
        return f"{self.send_id}-{self.number}"


# --- what a transport says of each message
# ---------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Accepted:
    """Handed over; `message_id` is the name the outside gave it."""

    message_id: str


@dataclass(frozen=True, slots=True)
class Rejected:
    """Refused for good; nobody got it."""

    reason: str


@dataclass(frozen=True, slots=True)
class RetryLater:
    """Provably not sent, and worth another attempt.

    `is_failure` is False where it was not about this message, e.g. for the rate: such attempts are
    not counted.
    """

    reason: str
    is_failure: bool = True


@dataclass(frozen=True, slots=True)
class Unknown:
    """It may have been sent: never repeated by itself."""

    reason: str


Outcome = Accepted | Rejected | RetryLater | Unknown


@dataclass(frozen=True, slots=True)
class Allowance:
    """What the outside allows right now; None is no limit.

    `rate` in recipients a second, `remaining` and `daily` in recipients of the rolling 24 hours.
    `sent` is how many the account has mailed in these, if that says something about this
    newsletter. `problem` says why nothing at all may be sent, `warning` what may lead to that.
    `service` is the name of the outside for people, `hint` what to do about the problem or the
    sandbox, and `if_shared` what to do where `sent` counts mails of other programs too.
    """

    rate: float | None = None
    remaining: int | None = None
    daily: int | None = None
    sent: int | None = None
    sandbox: bool = False
    problem: str = ""
    warning: str = ""
    # Words for people, which do not count in comparisons.
    service: str = field(default="the provider", compare=False)
    hint: str = field(default="", compare=False)
    if_shared: str = field(default="", compare=False)
