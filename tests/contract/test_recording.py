"""Recording the outcomes of a batch, on both databases, each of which does it in its own way."""

import datetime as dt

import pytest
import sqlalchemy as sa

from newsletter.model.send import Accepted, DeliveryStatus, Outcome, Rejected, RetryLater, Unknown
from newsletter.sending.plan import plan
from newsletter.store import Store
from newsletter.store.ledger import recording, tenures
from newsletter.store.ledger.claims import Claim, claim
from newsletter.store.schema import deliveries
from tests.integration.sending import NOW, fill_list, order

LATER = NOW + dt.timedelta(seconds=9)


@pytest.fixture
def batch(store: Store) -> Claim:
    """Four recipients in flight."""
    fill_list(store, 4)
    plan(store, order(), NOW)
    with store.write() as connection:
        epoch = tenures.begin(connection, 1, "w", NOW, LATER)
        found = claim(connection, 1, worker="w", epoch=epoch, size=4, now=NOW)
    assert isinstance(found, Claim)
    return found


def record(store: Store, batch: Claim, *outcomes: Outcome) -> bool:
    with store.write() as connection:
        pairs = list(zip(batch.rows, outcomes, strict=True))
        return recording.record(connection, 1, batch.batch, pairs, LATER, LATER)


def rows(store: Store) -> list[tuple[object, ...]]:
    columns = deliveries.c
    query = sa.select(
        columns.status, columns.message_id, columns.reason, columns.retries, columns.retry_at
    )
    with store.read() as connection:
        return [tuple(row) for row in connection.execute(query.order_by(columns.number))]


def change(store: Store, number: int, **values: object) -> None:
    with store.write() as connection:
        connection.execute(
            sa.update(deliveries).where(deliveries.c.number == number).values(values)
        )


OUTCOMES = (Accepted("m-1"), Rejected("full"), RetryLater("busy"), Unknown("no answer"))


def test_each_gets_its_own_outcome(store: Store, batch: Claim) -> None:
    in_time = record(store, batch, *OUTCOMES)

    assert in_time
    assert rows(store) == [
        ("accepted", "m-1", None, 0, None),
        ("rejected", None, "full", 0, None),
        ("queued", None, "busy", 1, LATER),
        ("unknown", None, "no answer", 0, None),
    ]


def test_what_was_claimed_again_since_is_not_touched(store: Store, batch: Claim) -> None:
    change(store, 1, batch=batch.batch + 1)

    record(store, batch, *[Accepted("m")] * 4)

    assert [row[0] for row in rows(store)] == ["sending", *["accepted"] * 3]


@pytest.mark.parametrize("status", [DeliveryStatus.SKIPPED, DeliveryStatus.ACCEPTED])
def test_what_was_settled_meanwhile_stays(
    store: Store, batch: Claim, status: DeliveryStatus
) -> None:
    change(store, 2, status=status, reason="settled")

    record(store, batch, *[Rejected("no")] * 4)

    assert rows(store)[1] == (status, None, "settled", 0, None)


def test_a_reported_rejection_counts_as_if_it_came_after_the_acceptance(
    store: Store, batch: Claim
) -> None:
    """Where the transport took it; nothing else that it says is newer."""
    change(store, 1, status=DeliveryStatus.REJECTED, reported="bounced")
    change(store, 2, status=DeliveryStatus.REJECTED, reported="bounced")
    change(store, 3, status=DeliveryStatus.REJECTED)

    record(store, batch, Accepted("m"), Unknown("?"), Accepted("m"), Accepted("m"))

    assert [row[0] for row in rows(store)] == ["accepted", "rejected", "rejected", "accepted"]


def test_who_was_given_up_records_what_it_learnt(store: Store, batch: Claim) -> None:
    with store.write() as connection:
        tenures.end(connection, 1, [1], NOW)

    in_time = record(store, batch, *OUTCOMES)

    assert not in_time
    assert [row[0] for row in rows(store)] == ["accepted", "rejected", "queued", "unknown"]
