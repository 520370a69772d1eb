"""Running a send: threads that call the core until nothing is claimable.

One owner runs a send at a time; the ledger says who, and a lease that it renews says for how long.
"""

import datetime as dt
import math
import random
import threading
import time
from collections.abc import Callable
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from pathlib import Path
from typing import assert_never
from urllib.parse import urlsplit

from sqlalchemy.engine import Connection

from newsletter.errors import (
    ConfigurationError,
    Interrupted,
    Refused,
    RunElsewhere,
    StoreError,
    TransportError,
    UsageError,
)
from newsletter.links import Links
from newsletter.model.email import Email
from newsletter.model.record import Owner, SendRecord
from newsletter.model.send import ENDED, OVER, Allowance, Send, SendStatus, StoppedBy, Wait
from newsletter.sending import canary, core, generation, owner, plan, restored
from newsletter.sending.compose import Audience, for_audience
from newsletter.sending.core import LEASE, Clock, Notify, NotSent, Paused, Run, Sent
from newsletter.sending.pace import LONG_WAIT_SECONDS, Pace, Tally, Vitals, Waiting
from newsletter.sending.patience import Patience, giving_up
from newsletter.store import Store, claims, deliveries, lists, ownership, sends, state, transitions
from newsletter.store import canary as shares
from newsletter.store.claims import NothingToClaim
from newsletter.store.conditions import Moment
from newsletter.times import shown
from newsletter.transports import Transport

_TICK_SECONDS = 0.2
_RENEW_SECONDS = 2.0
_ASK_AGAIN_SECONDS = 60.0  # what the account allows
_PATIENCE = 5  # calls in a row that never left, before a send pauses itself
_THROTTLED_PATIENCE = 30
_LONGEST_BACKOFF_SECONDS = 30.0

Progress = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class Runner:
    """What running any send of a project takes.

    `stop` asks it to finish what is in flight; `by_person` is set first where a person at the
    terminal asks, for then no worker goes on by itself. `clock` tells the time, `seconds` measures.
    """

    store: Store
    transport: Transport
    links: Links
    base_url: str
    max_rate: int
    clock: Clock
    stop: threading.Event
    notify: Notify
    backoff_seconds: float = 1.0
    chance: Callable[[], float] = random.random
    stale_after: dt.timedelta = dt.timedelta(hours=12)  # a schedule that is later asks a person
    generation: Path | None = None  # see newsletter.sending.generation
    timezone: str = "UTC"  # in which times are shown, and whose days the rule of a segment means
    canary_limits: canary.Limits = field(default_factory=canary.Limits)
    refresh: Callable[[], None] = lambda: None  # before each send: who else must not be mailed
    poll_events: Callable[[], None] = lambda: None  # brings in what was reported, if it can
    check_events: Callable[[], None] = lambda: None  # now and then: tells where none come
    name: str = field(default_factory=owner.this_process)
    by_person: threading.Event = field(default_factory=threading.Event)
    seconds: Callable[[], float] = time.monotonic
    vitals: Vitals = field(default_factory=Vitals)
    patience: Patience = field(default_factory=Patience)
    warned: str = ""  # of the account, before this run

    @property
    def host(self) -> str:
        """The web site's host, which names lists in headers."""
        return urlsplit(self.base_url).hostname or "localhost"


def run(
    runner: Runner,
    send_id: str,
    progress: Progress = lambda settled: None,
    *,
    waits_for_its_time: bool = True,
) -> Send:
    """Own a send and send what is queued; returns where it stands then.

    Waits for a scheduled send's time, or leaves it to that; for another owner's lease, and for a
    store that is away, and says so. `progress` gets the number of recipients settled by each batch.
    A paused send stays paused: `control.reopen` comes first. Raises Refused where somebody else
    runs it, or where the account may not send, and Stopped where the store stays away.
    """
    with giving_up("send", f"newsletter resume {send_id}"):
        return _run(runner, send_id, progress, waits_for_its_time=waits_for_its_time)


def _run(runner: Runner, send_id: str, progress: Progress, *, waits_for_its_time: bool) -> Send:
    until_back = runner.patience.until_back
    send = until_back(lambda: read(runner.store, send_id))
    if waits_for_its_time:
        send = _wait_until_due(runner, send)
    if send.status is SendStatus.SCHEDULED and _is_stale(runner, send):
        return until_back(lambda: _ask_a_person(runner, send))
    work = None
    try:
        if not runner.stop.is_set() and send.status not in (*ENDED, SendStatus.PAUSED):
            allowance = allowed(runner.transport)
            until_back(lambda: restored.compare(runner.store, allowance, runner.clock()))
            until_back(runner.refresh)
            work = until_back(lambda: _take(runner, send))
    finally:
        if work is None:
            until_back(lambda: _give_back(runner, send))
    if work is None:
        send = until_back(lambda: read(runner.store, send_id))
        is_moved = send.status is SendStatus.SCHEDULED and not runner.stop.is_set()
        if is_moved and waits_for_its_time:
            return _run(runner, send_id, progress, waits_for_its_time=True)
        return send
    if allowance.warning not in ("", runner.warned):
        runner.notify(f"Warning: {allowance.warning}.")
    work.pace.follow(allowance)
    try:
        until_back(lambda: restored.note_others(runner.store, allowance, runner.clock()))
        _work_off(runner, work, progress)
    finally:
        until_back(lambda: _leave(runner, work))
    return until_back(lambda: read(runner.store, send_id))


def _work_off(runner: Runner, work: Run, progress: Progress) -> None:
    """Send what is queued; of a send with a canary that first, and the rest if it is well."""
    until_back = runner.patience.until_back
    _drain(runner, work, progress)

    def look() -> None:
        """Bring in what is reported: also that the store is a copy."""
        runner.poll_events()
        _pause_if_restored(runner, work)

    if until_back(lambda: canary.is_out(work)) and until_back(
        lambda: canary.wait(work, runner.canary_limits, look, runner.notify)
    ):
        _drain(runner, work, progress)


def allowed(transport: Transport) -> Allowance:
    """What the account allows. Raises Refused where it may not send at all, or only to itself."""
    allowance = transport.allowance()
    if allowance.problem:
        raise Refused(allowance.problem, hint=f"Nothing was sent. {allowance.hint}".strip())
    if allowance.sandbox:
        raise Refused(
            f"the account at {allowance.service} is in the sandbox: it may send to verified "
            "addresses only",
            hint=allowance.hint,
        )
    return allowance


def read(store: Store, send_id: str) -> Send:
    """A send by its id, or by a beginning of it that only one has."""
    with store.read() as connection:
        send = sends.find(connection, send_id)
    if send is None:
        raise UsageError(f"there is no send {send_id!r}", hint="See: newsletter sends")
    return send


def _wait_until_due(runner: Runner, send: Send) -> Send:
    if send.status is not SendStatus.SCHEDULED or send.scheduled_at is None:
        return send
    send_id, told = send.id, None
    while not runner.stop.is_set() and send.status is SendStatus.SCHEDULED:
        assert send.scheduled_at is not None
        if send.scheduled_at != told:  # it may be moved meanwhile
            told = send.scheduled_at
            runner.notify(f"Waiting until {shown(told, runner.timezone)}.")
            runner.vitals.waiting = Waiting(Wait.SCHEDULE, told)
        if (missing := (send.scheduled_at - runner.clock()).total_seconds()) <= 0:
            break
        runner.stop.wait(min(missing, 1.0))
        send = runner.patience.until_back(lambda: read(runner.store, send_id))
    return send


def _is_stale(runner: Runner, send: Send) -> bool:
    late = send.scheduled_at is not None and runner.clock() - send.scheduled_at
    return bool(late and late > runner.stale_after)


def _ask_a_person(runner: Runner, send: Send) -> Send:
    """Pause a send whose time passed long ago: nobody knows whether it is still wanted."""
    assert send.scheduled_at is not None
    late = runner.clock() - send.scheduled_at
    with runner.store.write() as connection:
        number = sends.number_of(connection, send.id)
        record = sends.record(connection, number, lock=True)
        if record.status is SendStatus.SCHEDULED:
            reason = f"its time passed {late.total_seconds() / 3600:.0f} hours ago"
            transitions.pause(connection, record, reason, StoppedBy.SCHEDULE)
    return read(runner.store, send.id)


# --- ownership ------------------------------------------------------------------------------------


def _take(runner: Runner, send: Send) -> Run | None:
    """Become the owner of a send; what a lost owner left in flight becomes unknown.

    None where the send was paused or cancelled meanwhile, or moved to another time, or where nobody
    would get it: then it is paused.

    An owner that is provably dead is followed at once, and one that lives on this host is not, but
    where its lease has ended: then, or on another host, it is given until that ends, or as long as
    a lease lasts, whatever the clocks say. If it renews it meanwhile, the send is refused.
    """
    first: Owner | None = None
    began = runner.seconds()
    while True:
        with runner.store.write() as connection:
            number = sends.number_of(connection, send.id)
            record = sends.record(connection, number, lock=True)
            held_by = record.owner
            now = runner.clock()
            if not _is_to_run(record, now):
                return None
            restored.check(connection, runner.generation, runner.timezone)
            is_silent = held_by == first and runner.seconds() - began > LEASE.total_seconds()
            is_mine = held_by.name == runner.name
            if free := is_mine or is_silent or is_free(held_by, now):
                work = _own(runner, connection, record, now)
                store_id, current = state.store_id(connection), generation.advance(connection)
        if free:
            if runner.generation is not None:
                generation.note(runner.generation, store_id, current)
            return work
        renewed = first is not None and held_by != first
        assert held_by.name is not None
        assert held_by.lease_until is not None
        if renewed or (owner.is_here(held_by) and held_by.lease_until > now):
            raise RunElsewhere(
                f"{send.id} is being sent by {owner.describe(held_by.name)}",
                hint=f"Watch it: newsletter status {send.id}",
            )
        if first is None:
            first = held_by
            _tell_who_held_it(runner, held_by.name, held_by.lease_until, now)
        if runner.stop.wait(1.0):
            raise Interrupted(f"stopped waiting for {owner.describe(held_by.name)}")


def _tell_who_held_it(
    runner: Runner, name: str, lease_until: dt.datetime, now: dt.datetime
) -> None:
    until = min(lease_until, now + LEASE) if lease_until > now else now + LEASE
    runner.vitals.waiting = Waiting(Wait.LEASE, until)
    runner.notify(
        f"{owner.describe(name)} held this send last; waiting for its lease to end "
        f"({LEASE.seconds} seconds at most)."
    )
    if owner.is_of_a_wrong_clock(lease_until, now):
        runner.notify(
            f"It says {shown(lease_until, runner.timezone)}, as by a clock that is or was "
            "ahead: check the clocks of all machines."
        )


def _is_to_run(send: SendRecord, now: dt.datetime) -> bool:
    """Whether a send still is what its runner has found: a person may have decided otherwise."""
    if send.status is SendStatus.SCHEDULED:
        return send.scheduled_at is not None and send.scheduled_at <= now
    return send.status not in (*ENDED, SendStatus.PAUSED)


def is_free(held_by: Owner, now: dt.datetime) -> bool:
    """Whether a send may be taken at once: nobody holds it, or its owner is gone."""
    if held_by.name is None or held_by.lease_until is None or owner.is_dead(held_by.name):
        return True
    return held_by.lease_until <= now and not owner.is_neighbour(held_by)


def _give_back(runner: Runner, send: Send) -> None:
    """Give up a send that was kept for this process, and not begun."""
    with runner.store.write() as connection:
        number = sends.number_of(connection, send.id)
        ownership.release(connection, number, runner.name, runner.clock(), _stopped_by(runner))


def _stopped_by(runner: Runner) -> StoppedBy | None:
    return StoppedBy.PERSON if runner.by_person.is_set() else None


def _own(runner: Runner, connection: Connection, send: SendRecord, now: dt.datetime) -> Run | None:
    """None where nobody would get it: then it is paused."""
    runner.vitals.begin()
    number = send.number
    epoch = ownership.take(connection, number, runner.name, now, now + LEASE)
    lost = [batch for batch, _, _ in claims.open_batches(connection, number)]
    if unknown := claims.mark_lost(connection, number, lost, now):
        runner.notify(f"{unknown} were in flight when the last run was lost: they are unknown.")
    if not _freeze(runner, connection, send, now):
        return None
    transitions.begin(connection, send)
    send = sends.record(connection, number)
    if send.canary.share is not None and send.canary.size is None:
        size = canary.size_of(send.canary.share, send.recipients)
        shares.set_size(connection, number, size)
    audience = Audience(
        send_id=send.id,
        slug=send.slug,
        list_id=send.list_id,
        list_name=lists.name_of(connection, send.list_id),
        host=runner.host,
        links=runner.links,
        store_id=state.store_id(connection),
        foot=send.foot,
    )
    return Run(
        store=runner.store,
        transport=runner.transport,
        number=number,
        email=for_audience(Email.from_json(sends.email_of(connection, number)), audience),
        audience=audience,
        owner=runner.name,
        epoch=epoch,
        pace=Pace(min((rate for rate in (send.rate, runner.max_rate) if rate), default=None)),
        tally=Tally(),
        spread=send.spread,
        clock=runner.clock,
        stop=runner.stop,
        notify=runner.notify,
        vitals=runner.vitals,
        patience=runner.patience,
        timezone=runner.timezone,
    )


def _freeze(runner: Runner, connection: Connection, send: SendRecord, now: dt.datetime) -> bool:
    """Freeze the audience of a schedule whose time has come.

    False where nobody would get it: then it asks a person, as one that is late does, and a later
    `resume` looks again who is there.
    """
    if send.frozen:
        return True
    deliveries.freeze(connection, send.number, Moment(now, runner.timezone))
    if deliveries.is_anybody_queued(connection, send.number):
        return True
    audience = plan.audience_told(lists.name_of(connection, send.list_id), send.segment)
    reason = plan.nobody_gets_it(audience, deliveries.skipped(connection, send.number))
    deliveries.unfreeze(connection, send.number)
    transitions.pause(connection, send, reason, StoppedBy.SCHEDULE)
    return False


def _leave(runner: Runner, work: Run) -> None:
    """Settle and release a send; what this owner still has in flight becomes unknown.

    Also for an owner that slept while another followed it and ended the send: the answers that it
    recorded since may have settled all that was unknown.
    """
    with work.store.write() as connection:
        # before its deliveries: as events do
        send = sends.record(connection, work.number, lock=True)
        mine = [
            batch
            for batch, name, _ in claims.open_batches(connection, work.number)
            if name == work.owner
        ]
        now = work.clock()
        claims.mark_lost(connection, work.number, mine, now)
        if send.status is SendStatus.CANCELLED:
            deliveries.cancel_queued(connection, work.number, now)
        is_mine = send.owner.epoch == work.epoch
        if is_mine or send.status in OVER:
            transitions.settle(connection, send, now)
        if is_mine:
            ownership.release(connection, work.number, work.owner, now, _stopped_by(runner))
        store_id, current = state.store_id(connection), generation.advance(connection)
    if runner.generation is not None:
        generation.note(runner.generation, store_id, current)


# --- the threads ----------------------------------------------------------------------------------


def _drain(runner: Runner, work: Run, progress: Progress) -> None:
    """Let the transport's number of threads call the core, and renew the lease meanwhile."""
    rate = work.pace.rate
    # Each thread takes a slot of the rate ahead: at a low one few threads are enough, and a pause
    # does not wait for many slots.
    calls = work.transport.concurrency if rate is None else math.ceil(rate)
    amount = max(1, min(work.transport.concurrency, calls))
    with ThreadPoolExecutor(amount, "sender") as pool:
        threads = [pool.submit(_send_all, runner, work, progress) for _ in range(amount)]
        _watch(runner, work, threads)
    for thread in threads:
        thread.result()


def _watch(runner: Runner, work: Run, threads: list[Future[None]]) -> None:
    """Renew the lease and ask what the account allows, until the threads are done.

    Whatever ends this early ends the threads too: no send goes on unwatched.
    """
    try:
        _watch_over(runner, work, threads)
    except BaseException:
        work.stop.set()
        raise


def _watch_over(runner: Runner, work: Run, threads: list[Future[None]]) -> None:
    began = renewed = asked = runner.seconds()
    while True:
        done, running = wait(threads, timeout=_TICK_SECONDS, return_when=FIRST_EXCEPTION)
        if not running:
            return
        if any(thread.exception() for thread in done):
            work.stop.set()  # what broke one thread would break the others
        now = runner.seconds()
        work.vitals.look(len(running), work.tally.settled, now - began)
        if now - renewed >= _RENEW_SECONDS:
            try:
                if not _renew(work):
                    return  # somebody else owns the send now, and our claims are refused
                renewed = now
                _pause_if_restored(runner, work)
            except StoreError:
                if runner.seconds() - renewed >= LEASE.total_seconds():
                    raise  # others may take the send by now
        if now - asked >= _ASK_AGAIN_SECONDS:
            _ask(runner, work)
            asked = now


def _renew(work: Run) -> bool:
    waiting = work.vitals.waiting
    with work.store.write() as connection:
        return ownership.renew(
            connection,
            work.number,
            work.epoch,
            work.clock() + LEASE,
            speed=work.vitals.speed,
            waiting_for=waiting.what if waiting else None,
            waiting_until=waiting.until if waiting else None,
        )


def _pause_if_restored(runner: Runner, work: Run) -> None:
    """What shows it may come only after the send was taken, as a report does."""
    with work.store.read() as connection:
        sign = restored.sign(connection, runner.generation, runner.timezone)
    if sign:
        core.pause(work, f"{sign}. {restored.ADVICE}", StoppedBy.STORE)


def _ask(runner: Runner, work: Run) -> None:
    """What the account allows, and whether events come; a store that is away is asked again."""
    try:
        _follow_account(runner, work)
        runner.check_events()
    except StoreError as error:
        runner.notify(error.message)


def _follow_account(runner: Runner, work: Run) -> None:
    """Go by what the account allows now; where it does not tell, go on as before."""
    try:
        allowance = work.transport.allowance()
    except (ConfigurationError, TransportError) as error:
        runner.notify(error.message)
        return
    if allowance.problem:
        core.pause(work, allowance.problem, StoppedBy.TRANSPORT)
    work.pace.follow(allowance)


def _send_all(runner: Runner, work: Run, progress: Progress) -> None:
    """One thread: batch after batch until nothing is claimable or it is asked to stop."""
    failures = 0
    while not work.stop.is_set():
        step = work.patience.until_back(lambda: core.send_batch(work))
        match step:
            case Sent():
                failures = 0
                progress(len(step.outcomes) + step.skipped)
            case NotSent():
                failures += 1
                if failures == (_THROTTLED_PATIENCE if step.throttled else _PATIENCE):
                    core.pause(work, step.reason, StoppedBy.TRANSPORT)
                    return
                longest = min(_LONGEST_BACKOFF_SECONDS, runner.backoff_seconds * 2**failures)
                seconds = longest * (0.5 + runner.chance() / 2)
                if seconds > LONG_WAIT_SECONDS:
                    until = work.clock() + dt.timedelta(seconds=seconds)
                    work.vitals.waits(Wait.TRANSPORT, until)
                work.stop.wait(seconds)
            case NothingToClaim(
                status=SendStatus.SENDING, owned=True, retry_at=dt.datetime() as at
            ):
                work.stop.wait(min(1.0, max(0.0, (at - work.clock()).total_seconds())))
            case Paused() | NothingToClaim():
                return
            case _:
                assert_never(step)
