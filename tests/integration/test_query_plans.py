"""What is asked while mails go out finds its rows by an index, in a ledger of a million.

With the tests it has ten thousand, with SHARE=1 a million: both databases decide by the statistics
that they have of it.
"""

import datetime as dt
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from newsletter.model.address import Address
from newsletter.model.event import Event, EventType, Ref
from newsletter.model.send import Accepted
from newsletter.model.subscriber import Subscriber
from newsletter.sending.plan import plan
from newsletter.store import Store, open_store
from newsletter.store.ledger import (
    archived,
    archiving,
    course,
    limiter,
    partitions,
    recording,
    sends,
    tenures,
)
from newsletter.store.ledger import deliveries as delivery_queries
from newsletter.store.ledger.choosing import Claimed
from newsletter.store.ledger.claims import Claim, claim
from newsletter.store.people import history, mailed
from newsletter.store.reported import by_mailbox, events, settling
from tests import share
from tests.conftest import Databases
from tests.integration.plans import explained
from tests.integration.sending import NOW, order

PEOPLE = share.count(500_000)  # two sends to all of them
DONE, RUNNING = 1, 2
_HALF = PEOPLE // 2
_HUNDRED = PEOPLE // 100
# Half of the running send is done; a hundredth is in flight, and another waits for a retry.
_FILLED = """
INSERT INTO lists (name, created_at) VALUES ('readers', 1), ('others', 1);
INSERT INTO subscribers
    (address, address_key, name, attributes, link_key, created_at, updated_at)
{numbers}
SELECT 'r' || n || '@example.com', 'r' || n || '@example.com', 'R', '{{}}', n, 1, 1 FROM numbers;
INSERT INTO subscriptions
    (list_id, subscriber_id, status, consent_at, consent_how, consent_source, updated_at)
SELECT lists.id, subscribers.id, 'confirmed', 1, 'import', 'x.csv', 1 FROM subscribers, lists
"""
_SENT = f"""
UPDATE sends SET slug = 'news';
UPDATE deliveries SET status = 'accepted', attempts = 1, batch = 1, at = 1,
    message_id = 'm-' || send || '-' || number WHERE send = {DONE} OR number <= {_HALF};
UPDATE deliveries SET status = 'sending', attempts = 1, batch = 2, at = 1
    WHERE send = {RUNNING} AND number > {_HALF} AND number <= {_HALF + _HUNDRED};
UPDATE deliveries SET attempts = 1, retry_at = 2
    WHERE send = {RUNNING} AND number > {_HALF + _HUNDRED} AND number <= {_HALF + 2 * _HUNDRED};
INSERT INTO batches (send, worker, epoch, size, open, claimed_at)
    VALUES ({DONE}, 'w', 1, 50, false, 1), ({RUNNING}, 'lost', 1, 50, true, 1);
UPDATE sends SET status = 'finished', finished_at = 2, accepted = {PEOPLE}, rejected = 0,
    skipped = 0, unknown = 0, cursor = {PEOPLE} WHERE number = {DONE};
UPDATE sends SET cursor = {_HALF + 2 * _HUNDRED}, epoch = 2 WHERE number = {RUNNING};
INSERT INTO tenures (send, epoch, worker, since, lease_until) VALUES ({RUNNING}, 2, 'w', 1, 1);
INSERT INTO events (key, type, at, received_at, send, number, subscriber_id, message_id, verdict)
SELECT 'e-' || send || '-' || number, 'delivery', 1, number, send, number, subscriber_id,
    message_id, 'applied' FROM deliveries WHERE send = {DONE};
INSERT INTO archived_deliveries (send, first, size, first_person, last_person, content)
SELECT {DONE}, number * 4, 4, number * 4 + 1000000000, number * 4 + 1000000003,
    {{nothing}} FROM deliveries WHERE send = {DONE}
"""
_NUMBERS = {
    "sqlite": f"WITH RECURSIVE numbers(n) AS "
    f"(SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < {PEOPLE})",
    "postgresql": f"WITH numbers AS (SELECT n FROM generate_series(1, {PEOPLE}) AS n)",
}


@pytest.fixture(
    scope="module",
    params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)],
)
def full_store(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Store]:
    """A store with a send that has ended and one that runs, of the same issue to two lists."""
    kind = request.param
    databases = None
    if kind == "sqlite":
        path = tmp_path_factory.mktemp("full") / "store.db"
        path.write_bytes(request.getfixturevalue("sqlite_template").read_bytes())
        url = f"sqlite:///{path}"
    else:
        databases = Databases(request.getfixturevalue("postgresql_folder"))
        url = databases.made("newsletter_template")
    store = open_store(url, Path())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(partitions, "MANY", 0)
        run(store, _FILLED.format(numbers=_NUMBERS[kind]))
        plan(store, order("one"), NOW)
        plan(store, order("two", "others"), NOW)
    run(store, _SENT.format(nothing="x''" if kind == "sqlite" else "CAST('' AS bytea)"))
    run(store, "ANALYZE")
    yield store
    store.close()
    if databases is not None:
        databases.drop()


def run(store: Store, statements: str) -> None:
    for statement in statements.split(";"):
        with store.write() as connection:
            connection.exec_driver_sql(statement)


def reported(connection: Connection, ref: Ref | None) -> None:
    event = Event(
        key="k",
        type=EventType.DELIVERY,
        at=NOW,
        message_id=f"m-{DONE}-7",
        ref=ref,
        detail="",
        payload="",
    )
    held = settling.hold_sends(connection, [event])
    [state] = settling.deliveries_of(connection, [event], held)
    assert state is not None
    assert state.number == 7
    events.reports_of(connection, [state.subscriber_id])


def claimed(connection: Connection) -> None:
    """It also asks who had it through another list: here, all."""
    found = claim(connection, RUNNING, worker="w", epoch=2, size=50, now=NOW)
    assert isinstance(found, Claim)
    assert found.skipped == 50


def claimed_again(connection: Connection) -> None:
    query = sa.text("UPDATE sends SET cursor = recipients WHERE number = :send")
    connection.execute(query, {"send": RUNNING})
    claimed(connection)


def recorded(connection: Connection) -> None:
    person = Subscriber(1, Address("r1@example.com"), "", {})
    some = [(Claimed(_HALF + 1, 1, 0, person), Accepted("m"))]
    assert recording.record(connection, RUNNING, 2, some, NOW, NOW)


def watched(connection: Connection) -> None:
    """What the studio asks of a send, some of it each second."""
    send_id = sends.record(connection, DONE).id
    course.lately(connection, NOW)
    course.course(connection, send_id, 100)
    by_mailbox.newest_bad(connection, send_id, 100)
    assert len(by_mailbox.sample(connection, send_id, PEOPLE, 100)) == 100


CALLS: dict[str, Callable[[Connection], object]] = {
    "claim": claimed,
    "claim of retries": claimed_again,
    "record": recorded,
    "put back": lambda c: recording.put_back(c, RUNNING, 2, NOW),
    "lost": lambda c: tenures.end(c, RUNNING, [], NOW),
    "status of one that ended": lambda c: sends.get(c, DONE),
    "explain": lambda c: (history.deliveries_of(c, 7), history.events_of(c, 7)),
    "own data": lambda c: (mailed.deliveries_of(c, 7, 0, 9), mailed.events_of(c, 7, 0, 9)),
    "has it": lambda c: mailed.has_issue(c, 7, "news"),
    "by our reference": lambda c: reported(c, Ref(sends.record(c, DONE).id, 7, 1)),
    "by message id": lambda c: reported(c, None),
    "ignored events": lambda c: events.known_by_now(c, NOW - dt.timedelta(days=9)),
    "limiter": lambda c: limiter.reserve(c, 1, 9, lambda: NOW),
    "due": lambda c: (sends.due(c, NOW), archiving.due(c, NOW), archiving.unfinished(c)),
    "page": lambda c: delivery_queries.page(c, send=DONE),
    "watched": watched,
    "archived": lambda c: (archived.of_person(c, 7), archived.at(c, [(DONE, 2)])),
}
# Tables that grow with what is sent. Of a few people PostgreSQL reads all, rightly.
_PEOPLE = "" if PEOPLE < 100_000 else "|subscribers|subscriptions"
LARGE = re.compile(rf"(SCAN|(Parallel )?Seq Scan) ((archived_)?deliveries|events{_PEOPLE})")


@pytest.mark.parametrize("name", CALLS)
def test_nothing_reads_a_large_table_from_end_to_end(full_store: Store, name: str) -> None:
    with full_store.write() as connection, explained(connection) as steps:
        CALLS[name](connection)
        connection.rollback()

    assert [step for step in steps if LARGE.match(step)] == []
    # The driver of SQLite is asked directly for what has to be quick: nobody sees that.
    assert steps or full_store.is_sqlite


@pytest.mark.parametrize(
    ("name", "index"),
    [
        ("claim of retries", "ix_deliveries_retries"),
        ("lost", "ix_deliveries_in_flight"),
        ("put back", "ix_deliveries_in_flight"),
        ("explain", "ix_deliveries_subscriber_id"),
        ("by message id", "ix_deliveries_message_id"),
    ],
)
def test_each_index_has_a_query_that_needs_it(full_store: Store, name: str, index: str) -> None:
    """On PostgreSQL that of a partition, which is named by its columns."""
    with full_store.write() as connection, explained(connection) as steps:
        CALLS[name](connection)
        connection.rollback()
    used = "\n".join(steps)

    if full_store.is_sqlite:
        assert index in used
    else:
        columns = {"in_flight": "send_batch", "retries": "send_retry_at"}
        which = index.removeprefix("ix_deliveries_")
        assert re.search(rf"{index}|deliveries_\d+_\d+_{columns.get(which, which)}_idx", used)
