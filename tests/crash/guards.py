"""The guards that make the promises true, and how each is switched off to see the campaign fail.

A guard is switched off inside the process that sends, before its command begins.
"""

import datetime as dt
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from botocore.config import Config
from sqlalchemy.engine import Connection

from newsletter.errors import OutcomeUnknown, TransportDown
from newsletter.model.email import Message
from newsletter.model.send import Outcome
from newsletter.sending import core
from newsletter.sending.compose import compose
from newsletter.sending.core import Assignment, NotSent, Sent, Step
from newsletter.sending.pace import Pace
from newsletter.store import schema
from newsletter.store.ledger import claims, recording, tenures
from newsletter.store.ledger.choosing import Claimed
from newsletter.store.ledger.claims import Claim, NothingToClaim
from newsletter.store.schema import batches, deliveries
from newsletter.store.schema.columns import microseconds
from newsletter.transports.ses import transport as ses
from newsletter.transports.ses.transport import Ses


@dataclass(frozen=True, slots=True)
class Guard:
    what: str
    switch_off: Callable[[], None]


def switch_off(name: str) -> None:
    GUARDS[name].switch_off()


def _let_the_sdk_retry() -> None:
    def config(**options: Any) -> Config:
        options["retries"] = {"total_max_attempts": 3, "mode": "standard"}
        return Config(**options)

    ses.Config = config  # type: ignore[assignment, attr-defined]


def _claim_after_the_send() -> None:
    def send_batch(work: Assignment) -> Step:
        now = work.clock()
        with work.store.write() as connection:
            claim = claims.claim(
                connection,
                work.number,
                worker=work.worker,
                epoch=work.epoch,
                size=work.pace.call_size(work.transport.batch_size),
                now=now,
            )
            if isinstance(claim, NothingToClaim):
                return claim
            messages = [
                compose(work.email, row.subscriber, work.context, row.number, row.attempt)
                for row in claim.rows
            ]
            outcomes = work.transport.deliver(work.context.send_id, messages)
            answers = list(zip(claim.rows, outcomes, strict=True))
            recording.record(connection, work.number, claim.batch, answers, now, now)
        return Sent(tuple(outcomes), claim.skipped) if claim.rows else NotSent("nobody")

    core.send_batch = send_batch


def _queue_what_was_in_flight() -> None:
    def mark_lost(connection: Connection, number: int, now: dt.datetime) -> int:
        epochs = sa.select(schema.tenures.c.epoch).where(schema.tenures.c.send == number)
        held = sa.select(batches.c.id).where(
            batches.c.send == number, batches.c.open, batches.c.epoch.not_in(epochs)
        )
        for batch in connection.execute(held).scalars().all():
            recording.put_back(connection, number, batch, now)
        return 0

    tenures._mark_lost = mark_lost


def _retry_the_unknown() -> None:
    deliver = Ses.deliver

    def again(self: Ses, send_id: str, batch: Sequence[Message]) -> list[Outcome]:
        try:
            return deliver(self, send_id, batch)
        except OutcomeUnknown as error:
            raise TransportDown(error.message) from error

    Ses.deliver = again  # type: ignore[method-assign]


def _record_one_by_one() -> None:
    def record(
        work: Assignment, claim: Claim, outcomes: Sequence[Outcome], *, slower: bool | None = None
    ) -> None:
        for answer in zip(claim.rows, outcomes, strict=True):
            with work.store.write() as connection:
                now = work.clock()
                recording.record(connection, work.number, claim.batch, [answer], now, now)

    core._record = record


def _claim_after_the_end() -> None:
    def is_active(connection: Connection, number: int, epoch: int) -> bool:
        return True

    tenures.is_active = is_active


def _record_over_other_batches() -> None:
    def record(
        connection: Connection,
        number: int,
        batch: int,
        outcomes: Sequence[tuple[Claimed, Outcome]],
        now: dt.datetime,
        retry_at: dt.datetime,
    ) -> bool:
        for row, outcome in outcomes:
            status, message_id, reason, retries, again = recording._columns(
                outcome, row.retries, microseconds(retry_at)
            )
            values = {
                "status": status,
                "message_id": message_id,
                "reason": reason,
                "retries": retries,
                "at": now,
                "retry_at": retry_at if again else None,
            }
            connection.execute(
                sa.update(deliveries)
                .where(deliveries.c.send == number, deliveries.c.number == row.number)
                .values(values)
            )
        connection.execute(sa.update(batches).where(batches.c.id == batch).values(open=False))
        return True

    recording.record = record


def _always_call_with_a_full_batch() -> None:
    def call_size(self: Pace, batch_size: int) -> int:
        return batch_size

    Pace.call_size = call_size  # type: ignore[method-assign]


GUARDS = {
    "no-sdk-retries": Guard("the SDK does not repeat a call that sends", _let_the_sdk_retry),
    "no-retry-of-unknown": Guard("a call without an answer is not made again", _retry_the_unknown),
    "claim-before-send": Guard("a claim is committed before the call", _claim_after_the_send),
    "lost-is-unknown": Guard("what a lost worker held is not queued", _queue_what_was_in_flight),
    "one-transaction": Guard("a batch is recorded in one transaction", _record_one_by_one),
    "small-calls": Guard("a call carries a tenth of a second", _always_call_with_a_full_batch),
    "claim-fence": Guard("who was given up claims no more", _claim_after_the_end),
    "record-fence": Guard("a worker records its own batches only", _record_over_other_batches),
}
