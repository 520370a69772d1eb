"""The sending core: the one function that decides about duplicates.

Take a rate slot, claim a batch (committed as `sending`), call the transport, commit all outcomes.
SES has no idempotency token, so a claim that was committed is never taken back on a guess: whatever
is not known to have failed becomes `unknown`.
"""

import datetime as dt
import logging
import threading
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import assert_never

from sqlalchemy.engine import Connection

from newsletter.errors import (
    MachineFault,
    NewsletterError,
    OutcomeUnknown,
    QuotaReached,
    SendingStopped,
    StoreAway,
    StoreError,
    Throttled,
    TransportDown,
)
from newsletter.model.email import Email
from newsletter.model.send import OVER, Outcome, RetryLater, SendStatus, StoppedBy, Unknown, Wait
from newsletter.sending.compose import Composer, SendContext
from newsletter.sending.pace import LONG_WAIT_SECONDS, Pace, Tally, Vitals, was_too_fast
from newsletter.sending.patience import Patience
from newsletter.store import Store
from newsletter.store.ledger import (
    claims,
    deliveries,
    limiter,
    recording,
    sends,
    tenures,
    transitions,
)
from newsletter.store.ledger.claims import Claim, NothingToClaim
from newsletter.store.ledger.limiter import Slot
from newsletter.times import Clock, time_text
from newsletter.transports import Transport

_log = logging.getLogger(__name__)

LEASE = dt.timedelta(seconds=60)
_DAY = dt.timedelta(days=1)
QUOTA_POLL = dt.timedelta(minutes=10)
_SOONEST = dt.timedelta(minutes=1)  # a pause for the quota is no shorter
_LOOK_SECONDS = 5.0  # a long wait for a slot ends by a pause, too
_RETRY_AFTER = dt.timedelta(seconds=5)

Notify = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Assignment:
    """A worker's part in one send: all that the core needs. `stop` ends waiting early.

    `spread` lets a send wait for tomorrow's quota, rather than pause. `seconds` measures time.
    `in_hand` holds what this process has claimed and not recorded yet, by batch.
    """

    store: Store
    transport: Transport
    number: int
    email: Email
    context: SendContext
    worker: str
    epoch: int
    pace: Pace
    tally: Tally
    spread: bool
    clock: Clock
    seconds: Callable[[], float]
    stop: threading.Event
    notify: Notify
    vitals: Vitals
    patience: Patience
    timezone: str
    in_hand: dict[int, Claim] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Sent:
    """A batch went through: the outcomes of those handed over, and how many were skipped."""

    outcomes: tuple[Outcome, ...]
    skipped: int


@dataclass(frozen=True, slots=True)
class NotSent:
    """A batch provably never left and is queued again; `throttled` if it only came too fast."""

    reason: str
    throttled: bool = False


@dataclass(frozen=True, slots=True)
class SendPaused:
    """The send was paused by what the transport said."""

    reason: str


Step = Sent | NotSent | SendPaused | NothingToClaim


def send_batch(work: Assignment) -> Step:
    """Send one batch of an assignment; at most `Pace.call_size` recipients are in flight meanwhile.

    Raises StoreAway where nothing was handed over, or all is recorded: it can be called again. For
    a caller that gives up, what is in flight becomes unknown.
    """
    if (hold := work.pace.hold_until) is not None and hold > work.clock():
        work.vitals.waits(Wait.QUOTA, hold)
        work.stop.wait(min(1.0, (hold - work.clock()).total_seconds()))
        return _taken_away(work) or Sent((), 0)
    size = work.pace.call_size(work.transport.batch_size)
    if (rate := work.pace.rate) is not None and (taken_away := _wait_for_slot(work, size, rate)):
        return taken_away
    work.vitals.works()
    if work.stop.is_set():
        return NotSent("asked to stop")
    claim = _claim(work, size)
    match claim:
        case NothingToClaim():
            return claim
        case Claim(rows=()):
            return Sent((), claim.skipped)
        case Claim():
            return _deliver(work, claim)
        case _:
            assert_never(claim)


def _taken_away(work: Assignment) -> NothingToClaim | None:
    """Whether a pause or the end of its tenure ends this wait, in which nothing is claimed."""
    with work.store.read() as connection:
        send = sends.record(connection, work.number)
        is_active = tenures.is_active(connection, work.number, work.epoch)
    if send.status is SendStatus.SENDING and is_active:
        return None
    return NothingToClaim(send.status, is_active)


def _wait_for_slot(work: Assignment, recipients: int, rate: float) -> NothingToClaim | None:
    """Taken before the claim, so that nothing claimed waits; a lost slot harms nobody."""

    def reserve(recipients: int) -> Slot:
        with work.store.write(durable=False) as connection:
            return limiter.reserve(connection, recipients, rate, work.clock)

    slot = work.pace.slots.next(recipients, rate, reserve, work.clock)
    if slot.was_booked_until is not None:
        work.notify(
            "The rate of this store was booked until "
            f"{time_text(slot.was_booked_until, work.timezone)}, "
            "probably by a clock that was ahead. It starts again from now; "
            "check the clocks of all machines."
        )
    seconds = (slot.begins - work.clock()).total_seconds()
    if seconds > LONG_WAIT_SECONDS:
        work.vitals.waits(Wait.SLOT, slot.begins)
    ends = work.seconds() + seconds
    while (remaining := ends - work.seconds()) > 0 and not work.stop.wait(
        min(remaining, _LOOK_SECONDS)
    ):
        if remaining > _LOOK_SECONDS and (taken_away := _taken_away(work)):
            return taken_away
    return None


def _claim(work: Assignment, size: int) -> Claim | NothingToClaim:
    """Claim the next batch. One whose commit nobody answered may be claimed all the same: since
    nothing of it was handed over, it is put back as soon as the store answers."""
    claim: Claim | NothingToClaim | None = None
    try:
        with work.store.write() as connection:
            claim = claims.claim(
                connection,
                work.number,
                worker=work.worker,
                epoch=work.epoch,
                size=size,
                now=work.clock(),
            )
            if isinstance(claim, Claim) and claim.rows:
                work.in_hand[claim.batch] = claim  # before the commit: see _take_back
    except StoreAway:
        if isinstance(claim, Claim) and claim.rows:
            _take_back(work, claim)
        raise
    if isinstance(claim, Claim):
        _note("claim", work, claim, {"skipped": claim.skipped})
    return claim


def _note(action: str, work: Assignment, claim: Claim, more: Mapping[str, object]) -> None:
    """Log a line about a batch; its recipients are in the ledger alone."""
    batch = {"send": work.context.send_id, "batch": claim.batch, "recipients": len(claim.rows)}
    _log.debug(action, {**batch, **more})


def _take_back(work: Assignment, claim: Claim) -> None:
    """Put back a claim that only this thread knows of, if there is one.

    A database that crashed may give its batch number to another claim: that one is not touched,
    whether it is of another process (the worker tells) or of this one (it has taken its place).
    """

    def take_back() -> None:
        with work.store.write() as connection:
            sends.record(connection, work.number, lock=True)
            is_ours = recording.is_open(connection, claim.batch, work.worker, work.epoch)
            if is_ours and work.in_hand.get(claim.batch) is claim:
                recording.put_back(connection, work.number, claim.batch, work.clock())

    work.patience.until_back(take_back)


def _deliver(work: Assignment, claim: Claim) -> Step:
    composer = Composer(work.email, work.context)
    messages = [composer.message(row.subscriber, row.number, row.attempt) for row in claim.rows]
    _note("deliver", work, claim, {})
    try:
        outcomes = work.transport.deliver(work.context.send_id, messages)
    except Throttled as error:
        _put_back(work, claim, slower=True)
        return NotSent(error.message, throttled=True)
    except MachineFault as error:
        queued = RetryLater(error.message, is_failure=False)
        outcomes_so_far = error.outcomes or [None] * len(messages)
        _record(work, claim, [outcome or queued for outcome in outcomes_so_far], slower=False)
        return pause(work, _in_words(error), StoppedBy.TRANSPORT)
    except TransportDown as error:
        _put_back(work, claim)
        return NotSent(error.message)
    except QuotaReached as error:
        _put_back(work, claim)
        return _wait_for_quota(work, error)
    except SendingStopped as error:
        _put_back(work, claim)
        return pause(work, _in_words(error), StoppedBy.TRANSPORT)
    except OutcomeUnknown as error:
        outcomes = [Unknown(error.message)] * len(messages)
    if len(outcomes) != len(messages):
        reason = f"{len(outcomes)} answers to {len(messages)} messages"
        _record(work, claim, [Unknown(reason)] * len(messages))
        return pause(work, reason, StoppedBy.TRANSPORT)
    _record(work, claim, outcomes)
    if reason := work.tally.count(outcomes):
        return pause(work, reason, StoppedBy.TRANSPORT)
    return Sent(tuple(outcomes), claim.skipped)


def _in_words(error: NewsletterError) -> str:
    return f"{error.message.rstrip('.')}. {error.hint}" if error.hint else error.message


def _wait_for_quota(work: Assignment, error: QuotaReached) -> Step:
    """Pause until the rolling day frees some quota; a spread send waits instead."""
    now = work.clock()
    if work.spread:
        work.pace.hold_until = error.resume_at or now + QUOTA_POLL
        return Sent((), 0)

    def first_of_the_day() -> dt.datetime | None:
        with work.store.read() as connection:
            return deliveries.first_claimed(connection, now - _DAY)

    first = work.patience.until_back(first_of_the_day)
    resume_at = error.resume_at or max((first or now) + _DAY, now + _SOONEST)
    return pause(work, error.message, StoppedBy.QUOTA, resume_at)


def _record(
    work: Assignment, claim: Claim, outcomes: Sequence[Outcome], *, slower: bool | None = None
) -> None:
    """Commit what became of a batch; a store that fails is asked again for a while.

    `slower` is whether it came too fast, if the outcomes do not tell.
    """
    answers = list(zip(claim.rows, outcomes, strict=True))

    def record() -> None:
        with work.store.write() as connection:
            now = work.clock()
            is_in_time = recording.record(
                connection, work.number, claim.batch, answers, now, now + _RETRY_AFTER
            )
            _settle_late(connection, work, now, is_in_time=is_in_time)
            if was_too_fast(outcomes) if slower is None else slower:
                limiter.slow_down(connection, work.clock)

    work.patience.until_back(record, StoreError)
    work.in_hand.pop(claim.batch, None)
    if _log.isEnabledFor(logging.DEBUG):
        counts = Counter(type(outcome).__name__.lower() for outcome in outcomes)
        _note("record", work, claim, counts)


def _put_back(work: Assignment, claim: Claim, *, slower: bool = False) -> None:
    def put_back() -> None:
        with work.store.write() as connection:
            now = work.clock()
            is_in_time = recording.put_back(connection, work.number, claim.batch, now)
            _settle_late(connection, work, now, is_in_time=is_in_time)
            if slower:
                limiter.slow_down(connection, work.clock)

    work.patience.until_back(put_back, StoreError)
    work.in_hand.pop(claim.batch, None)
    _note("put_back", work, claim, {"slower": slower})


def _settle_late(
    connection: Connection, work: Assignment, now: dt.datetime, *, is_in_time: bool
) -> None:
    """Settle a send that is over by the time that a lost worker records: its last unknown may be
    known now, or be queued again."""
    if not is_in_time:
        send = sends.record(connection, work.number, lock=True)
        if send.status in OVER:
            transitions.settle(connection, send, now)


def pause(
    work: Assignment, reason: str, by: StoppedBy, resume_at: dt.datetime | None = None
) -> SendPaused:
    """Pause the send in hand, unless it was already paused or cancelled, or its worker given up."""

    def pause_it() -> None:
        with work.store.write() as connection:
            send = sends.record(connection, work.number, lock=True)
            if tenures.goes_on(connection, send, work.epoch):
                transitions.pause(connection, send, reason, by, resume_at)

    work.patience.until_back(pause_it)
    return SendPaused(reason)
