"""A simulated provider: what it took is the truth that the ledger is compared with."""

import datetime as dt
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from newsletter.errors import (
    MachineFault,
    OutcomeUnknown,
    QuotaReached,
    SendingStopped,
    Throttled,
    TransportDown,
)
from newsletter.feedback.base import Incoming
from newsletter.model.email import Message
from newsletter.model.event import Cause, Event, EventType, Ref
from newsletter.model.send import Accepted, Allowance, Outcome, Rejected, RetryLater
from newsletter.times import Clock
from tests.simulation import faults
from tests.simulation.faults import Faults
from tests.simulation.scheduler import Process, Scheduler

_TIMEOUT_SECONDS = 30.0
_QUOTA_SECONDS = 20.0
_LATENCIES = (0.05, 0.3, 2.0)
_KINDS = (EventType.DELIVERY, EventType.BOUNCE, EventType.COMPLAINT, EventType.REJECT)

Attempt = tuple[str, int, int]  # id of the send, number of the delivery, attempt


@dataclass
class Mail:
    """One message that the provider took. It may find later that it does not send it."""

    attempt: Attempt
    reader: int
    message_id: str
    is_dropped: bool = False


@dataclass
class Ses:
    """`unanswered` are the attempts of calls whose answer did not arrive, or said nothing."""

    scheduler: Scheduler
    faults: Faults
    clock: Clock
    mails: list[Mail] = field(default_factory=list)
    unanswered: set[Attempt] = field(default_factory=set)
    refused: set[tuple[str, int]] = field(default_factory=set)  # deliveries, for good
    failures: Counter[tuple[str, int]] = field(default_factory=Counter)  # that may pass
    unreported: list[Incoming] = field(default_factory=list)
    takes: Callable[[Mail], None] = lambda mail: None
    network: Process = field(default_factory=lambda: Process("network/1/1:1/a"))

    def take(self, message: Message) -> Accepted:
        """Take a message; what it reports of it waits."""
        mail = Mail(attempt_of(message), int(message.name), f"m{len(self.mails) + 1:04}")
        self.mails.append(mail)
        self.takes(mail)
        self._report(mail, EventType.SEND)
        kind = _KINDS[self.scheduler.choices.sometimes(0.2, len(_KINDS) - 1)]
        mail.is_dropped = kind is EventType.REJECT
        self._report(mail, kind)
        return Accepted(mail.message_id)

    def _report(self, mail: Mail, kind: EventType) -> None:
        send_id, number, attempt = mail.attempt
        is_named = not self.scheduler.choices.sometimes(0.1)
        now = self.clock()
        event = Event(
            key=f"{mail.message_id} {kind}",
            type=kind,
            at=now,
            message_id=mail.message_id,
            ref=Ref(send_id, number, attempt) if is_named else None,
            detail="",
            payload="",
            cause={
                EventType.BOUNCE: Cause.HARD,
                EventType.COMPLAINT: Cause.COMPLAINT,
            }.get(kind),
            sent_at=now,
        )
        self.unreported.append(Incoming("simulated", event.key, event))


def attempt_of(message: Message) -> Attempt:
    tags = dict(message.tags)
    return tags["send"], int(tags["delivery"].rpartition("-")[2]), int(tags["attempt"])


@dataclass
class Line:
    """The transport of one process: its calls to the provider."""

    ses: Ses
    process: Process
    concurrency: int
    batch_size: int
    strike: Callable[[str | None], None]
    called: "Callable[[Line, Sequence[Message]], None]"
    kind: str = "simulated"
    reaches_readers: bool = False
    held_until: float = 0.0
    calls_in_spite: int = 0

    def allowance(self) -> Allowance:
        return Allowance(remaining=0 if self.ses.scheduler.now < self.held_until else None)

    def check(self, sender: str) -> Sequence[str]:
        return ()

    def deliver(self, send_id: str, batch: Sequence[Message]) -> list[Outcome]:
        ses, scheduler = self.ses, self.ses.scheduler
        scheduler.point("calls")
        self.strike(ses.faults.strikes(faults.CRASH, faults.ASLEEP))
        scheduler.progress()
        self.called(self, batch)
        attempts = [attempt_of(message) for message in batch]
        scheduler.note(f"calls for {told(attempts)}")
        self._fail(batch)
        refused = self._refused(batch)
        outcomes = [
            answer or ses.take(message) for message, answer in zip(batch, refused, strict=True)
        ]
        scheduler.sleep(scheduler.choices.pick(_LATENCIES))
        self.strike(ses.faults.strikes(faults.CRASH, faults.ASLEEP))
        if ses.faults.strikes(faults.UNANSWERED):
            ses.unanswered.update(attempts)
            scheduler.note("gets no answer, though it was taken")
            raise OutcomeUnknown("no answer")
        if ses.faults.strikes(faults.MISFIT):
            ses.unanswered.update(attempts)
            scheduler.note("gets too few answers, or too many")
            return scheduler.choices.pick((outcomes[:-1], [*outcomes, Accepted("m0")]))
        scheduler.note(f"is answered: {', '.join(type(o).__name__ for o in outcomes)}")
        return outcomes

    def _fail(self, batch: Sequence[Message]) -> None:
        """Raises what concerns the whole call, if anything does."""
        ses, scheduler = self.ses, self.ses.scheduler
        struck = ses.faults.strikes(
            *(faults.DOWN, faults.THROTTLED, faults.QUOTA, faults.STOPPED, faults.MACHINE),
            *(faults.NOT_TAKEN, faults.LATE),
        )
        if struck is None:
            return
        scheduler.note(struck)
        match struck:
            case faults.DOWN:
                raise TransportDown("no connection")
            case faults.THROTTLED:
                raise Throttled("too fast")
            case faults.QUOTA:
                self.held_until = scheduler.now + _QUOTA_SECONDS
                later = ses.clock() + dt.timedelta(seconds=_QUOTA_SECONDS)
                raise QuotaReached("the quota is used up", resume_at=later)
            case faults.STOPPED:
                raise SendingStopped("the account is closed")
            case faults.MACHINE:
                done = [ses.take(message) for message in batch[: len(batch) // 2]]
                rest = [None] * (len(batch) - len(done))
                raise MachineFault("the disk is full", outcomes=[*done, *rest])
        ses.unanswered.update(attempt_of(message) for message in batch)
        if struck == faults.LATE:
            scheduler.start("the network", ses.network, lambda: self._arrive(batch))
        scheduler.sleep(_TIMEOUT_SECONDS)
        raise OutcomeUnknown("no answer in time")

    def _arrive(self, batch: Sequence[Message]) -> None:
        scheduler = self.ses.scheduler
        scheduler.sleep(scheduler.choices.pick((1.0, 40.0, 300.0)))
        scheduler.note(f"brings what was sent {told([attempt_of(m) for m in batch])}")
        for message in batch:
            self.ses.take(message)

    def _refused(self, batch: Sequence[Message]) -> list[Outcome | None]:
        """What the provider refuses of a call, None for each that it takes."""
        ses = self.ses
        if not ses.faults.strikes(faults.SOME_FAIL):
            return [None] * len(batch)
        answers: tuple[Outcome | None, ...] = (
            None,
            Rejected("no such mailbox"),
            RetryLater("a passing failure"),
            RetryLater("too fast", is_failure=False),
        )
        chosen = [answers[ses.scheduler.choices.below(len(answers))] for _ in batch]
        for message, answer in zip(batch, chosen, strict=True):
            send_id, number, _ = attempt_of(message)
            if isinstance(answer, Rejected):
                ses.refused.add((send_id, number))
            if isinstance(answer, RetryLater):
                ses.failures[send_id, number] += answer.is_failure
        return chosen


def told(attempts: Sequence[Attempt]) -> str:
    """Deliveries as a trace names them: number.attempt."""
    return " ".join(f"{number}.{attempt}" for _, number, attempt in attempts)
