"""The sending core: the one function that decides about duplicates.

Take a rate slot, claim a batch (committed as `sending`), call the transport, commit all outcomes.
SES has no idempotency token, so a claim that was committed is never taken back on a guess: what is
not known to have failed becomes `unknown`.
"""

import datetime as dt
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import assert_never

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
from newsletter.model.send import Outcome, RetryLater, StoppedBy, Unknown, Wait
from newsletter.sending.compose import Audience, compose
from newsletter.sending.pace import LONG_WAIT_SECONDS, Pace, Tally, Vitals, was_too_fast
from newsletter.sending.patience import Patience
from newsletter.store import Store, claims, deliveries, limiter, sends, transitions
from newsletter.store.claims import Claim, NothingToClaim
from newsletter.times import shown
from newsletter.transports import Transport

LEASE = dt.timedelta(seconds=60)
_DAY = dt.timedelta(days=1)
_QUOTA_POLL = dt.timedelta(minutes=10)
_SOONEST = dt.timedelta(minutes=1)  # a pause for the quota is no shorter
_LOOK_SECONDS = 5.0  # a long wait for a slot ends by a pause, too
_RETRY_AFTER = dt.timedelta(seconds=5)

Clock = Callable[[], dt.datetime]
Notify = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Run:
    """One owner's hold on one send: all that the core needs. `stop` ends waiting early.

    `spread` lets a send wait for tomorrow's quota, rather than pause. `in_hand` holds what this
    process has claimed and not recorded yet, by batch.
    """

    store: Store
    transport: Transport
    number: int
    email: Email
    audience: Audience
    owner: str
    epoch: int
    pace: Pace
    tally: Tally
    spread: bool
    clock: Clock
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
class Paused:
    """The send was paused by what the transport said."""

    reason: str


Step = Sent | NotSent | Paused | NothingToClaim


def send_batch(run: Run) -> Step:
    """Send one batch of a run; at most `Pace.call_size` recipients are in flight meanwhile.

    Raises StoreAway where nothing was handed over, or all is recorded: it can be called again. Who
    gives up leaves what is in flight to become unknown.
    """
    if (hold := run.pace.hold_until) is not None and hold > run.clock():
        run.vitals.waits(Wait.QUOTA, hold)
        run.stop.wait(min(1.0, (hold - run.clock()).total_seconds()))
        return _taken_away(run) or Sent((), 0)
    size = run.pace.call_size(run.transport.batch_size)
    if (rate := run.pace.rate) is not None and (taken_away := _wait_for_slot(run, size, rate)):
        return taken_away
    run.vitals.works()
    if run.stop.is_set():
        return NotSent("asked to stop")
    claim = _claim(run, size)
    match claim:
        case NothingToClaim():
            return claim
        case Claim(rows=()):
            return Sent((), claim.skipped)
        case Claim():
            return _deliver(run, claim)
        case _:
            assert_never(claim)


def _taken_away(run: Run) -> NothingToClaim | None:
    """Who waits claims nothing, but a pause or a new owner ends the waiting."""
    with run.store.read() as connection:
        send = sends.record(connection, run.number)
    if send.is_run_by(run.epoch):
        return None
    return NothingToClaim(send.status, owned=send.owner.epoch == run.epoch)


def _wait_for_slot(run: Run, recipients: int, rate: float) -> NothingToClaim | None:
    """Taken before the claim, so that nothing claimed waits; a lost slot harms nobody."""
    with run.store.write(durable=False) as connection:
        slot = limiter.reserve(connection, recipients, rate, run.clock())
    if slot.was_booked_until is not None:
        run.notify(
            "The rate of this store was booked until "
            f"{shown(slot.was_booked_until, run.timezone)}, "
            "as by a clock that was ahead. It begins anew now; check the clocks of all machines."
        )
    seconds = (slot.begins - run.clock()).total_seconds()
    if seconds > LONG_WAIT_SECONDS:
        run.vitals.waits(Wait.SLOT, slot.begins)
    ends = time.monotonic() + seconds
    while (left := ends - time.monotonic()) > 0 and not run.stop.wait(min(left, _LOOK_SECONDS)):
        if left > _LOOK_SECONDS and (taken_away := _taken_away(run)):
            return taken_away
    return None


def _claim(run: Run, size: int) -> Claim | NothingToClaim:
    """Claim the next batch. One whose commit nobody answered may be claimed all the same: since
    nothing of it was handed over, it is put back as soon as the store answers."""
    claim: Claim | NothingToClaim | None = None
    now = run.clock()
    try:
        with run.store.write() as connection:
            claim = claims.claim(
                connection,
                run.number,
                owner=run.owner,
                epoch=run.epoch,
                size=size,
                now=now,
                lease_until=now + LEASE,
            )
            if isinstance(claim, Claim) and claim.rows:
                run.in_hand[claim.batch] = claim  # before the commit: see _take_back
    except StoreAway:
        if isinstance(claim, Claim) and claim.rows:
            _take_back(run, claim)
        raise
    return claim


def _take_back(run: Run, claim: Claim) -> None:
    """Put a claim back that this thread alone knows of, if there is one.

    A database that crashed may give its batch number to another claim: that one is not touched,
    whether it is of another process (the owner tells) or of this one (it has taken its place).
    """

    def take_back() -> None:
        with run.store.write() as connection:
            sends.record(connection, run.number, lock=True)
            is_ours = claims.is_open(connection, claim.batch, run.owner, run.epoch)
            if is_ours and run.in_hand.get(claim.batch) is claim:
                claims.put_back(connection, run.number, claim.batch, run.clock())

    run.patience.until_back(take_back)


def _deliver(run: Run, claim: Claim) -> Step:
    messages = [
        compose(run.email, row.subscriber, run.audience, row.number, row.attempt)
        for row in claim.rows
    ]
    try:
        outcomes = run.transport.deliver(run.audience.send_id, messages)
    except Throttled as error:
        _put_back(run, claim, slower=True)
        return NotSent(error.message, throttled=True)
    except MachineFault as error:
        queued = RetryLater(error.message, is_failure=False)
        left = error.outcomes or [None] * len(messages)
        _record(run, claim, [outcome or queued for outcome in left], slower=False)
        return pause(run, _told(error), StoppedBy.TRANSPORT)
    except TransportDown as error:
        _put_back(run, claim)
        return NotSent(error.message)
    except QuotaReached as error:
        _put_back(run, claim)
        return _wait_for_quota(run, error)
    except SendingStopped as error:
        _put_back(run, claim)
        return pause(run, _told(error), StoppedBy.TRANSPORT)
    except OutcomeUnknown as error:
        outcomes = [Unknown(error.message)] * len(messages)
    if len(outcomes) != len(messages):
        reason = f"{len(outcomes)} answers to {len(messages)} messages"
        _record(run, claim, [Unknown(reason)] * len(messages))
        return pause(run, reason, StoppedBy.TRANSPORT)
    _record(run, claim, outcomes)
    if reason := run.tally.count(outcomes):
        return pause(run, reason, StoppedBy.TRANSPORT)
    return Sent(tuple(outcomes), claim.skipped)


def _told(error: NewsletterError) -> str:
    return f"{error.message.rstrip('.')}. {error.hint}" if error.hint else error.message


def _wait_for_quota(run: Run, error: QuotaReached) -> Step:
    """Pause until the rolling day frees some quota; a send that is spread waits by itself."""
    now = run.clock()
    if run.spread:
        run.pace.hold_until = error.resume_at or now + _QUOTA_POLL
        return Sent((), 0)

    def first_of_the_day() -> dt.datetime | None:
        with run.store.read() as connection:
            return deliveries.first_claimed(connection, now - _DAY)

    first = run.patience.until_back(first_of_the_day)
    resume_at = error.resume_at or max((first or now) + _DAY, now + _SOONEST)
    return pause(run, error.message, StoppedBy.QUOTA, resume_at)


def _record(
    run: Run, claim: Claim, outcomes: Sequence[Outcome], *, slower: bool | None = None
) -> None:
    """Commit what became of a batch; a store that fails is asked again for a while.

    `slower` is whether it came too fast, if the outcomes do not tell.
    """
    answers = list(zip(claim.rows, outcomes, strict=True))

    def record() -> None:
        with run.store.write() as connection:
            now = run.clock()
            claims.record(connection, run.number, claim.batch, answers, now, now + _RETRY_AFTER)
            if was_too_fast(outcomes) if slower is None else slower:
                limiter.slow_down(connection, now)

    run.patience.until_back(record, StoreError)
    run.in_hand.pop(claim.batch, None)


def _put_back(run: Run, claim: Claim, *, slower: bool = False) -> None:
    def put_back() -> None:
        with run.store.write() as connection:
            now = run.clock()
            claims.put_back(connection, run.number, claim.batch, now)
            if slower:
                limiter.slow_down(connection, now)

    run.patience.until_back(put_back, StoreError)
    run.in_hand.pop(claim.batch, None)


def pause(run: Run, reason: str, by: StoppedBy, resume_at: dt.datetime | None = None) -> Paused:
    """Pause the send of a run, unless it was paused or cancelled or taken over already."""

    def pause_it() -> None:
        with run.store.write() as connection:
            send = sends.record(connection, run.number, lock=True)
            if send.is_run_by(run.epoch):
                transitions.pause(connection, send, reason, by, resume_at)

    run.patience.until_back(pause_it)
    return Paused(reason)
