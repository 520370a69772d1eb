"""How a store bears many sends, and sends to millions.

People are made by SQL. Of a month's sends a tenth of the first and the last is sent; the rest goes
through the ledger by SQL, with the same updates of the same rows: it is what a month leaves behind
that is measured, not the month. Millions are all sent, to nowhere.
"""

import statistics
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from secrets import token_hex
from uuid import uuid4

import sqlalchemy as sa

from newsletter.model.email import Email, Message
from newsletter.model.send import Accepted, Outcome
from newsletter.operations.archives import Format
from newsletter.operations.archiving import archive
from newsletter.project import utc_now
from newsletter.sending.plan import Order, plan
from newsletter.sending.reading import read
from newsletter.store import Store, open_store
from newsletter.store.ledger import sends, tenures
from newsletter.store.ledger.claims import Claim, claim
from newsletter.store.ledger.recording import record
from tests.bench.audience import LIST
from tests.bench.bench import Bench
from tests.bench.figures import Figure
from tests.bench.processes import apart
from tests.bench.rendering import email_json
from tests.bench.sending import Nowhere, speed_of

_SENDS = 60
_SOME = 5
_PEOPLE = """
INSERT INTO subscribers
    (address, address_key, name, attributes, link_key, created_at, updated_at)
{numbers}
SELECT 'reader' || n || '@example.com', 'reader' || n || '@example.com', 'Reader ' || n, '{{}}',
    n, 1, 1 FROM numbers
"""
_NUMBERS = {
    "sqlite": "WITH RECURSIVE numbers(n) AS "
    "(SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < :people)",
    "postgresql": "WITH numbers AS (SELECT n FROM generate_series(1, :people) AS n)",
}
_MEMBERS = """
INSERT INTO subscriptions
    (list_id, subscriber_id, status, consent_at, consent_how, consent_source, updated_at)
SELECT 1, id, 'confirmed', 1, 'import', 'people.csv', 1 FROM subscribers
"""
_BATCHES = """
INSERT INTO batches (send, worker, epoch, size, open, claimed_at)
SELECT send, 'bench', 1, 50, true, 1 FROM deliveries WHERE send = :send AND number % 50 = 1
"""
_CLOSE = "UPDATE batches SET open = false WHERE send = :send AND open"
_CLAIM = """
UPDATE deliveries SET status = 'sending', attempts = 1, batch = number, at = 1
WHERE send = :send AND status = 'queued'
"""
_RECORD = """
UPDATE deliveries SET status = 'accepted', at = 2,
    message_id = '0100018f2a3b4c5d-6e7f8091-a2b3-c4d5-e6f7-' || (send * 10000000 + number)
WHERE send = :send AND status = 'sending'
"""
_REPORT = "UPDATE deliveries SET reported = 'delivered' WHERE send = :send"
_END = """
UPDATE sends SET status = 'finished', finished_at = 3, accepted = recipients, rejected = 0,
    skipped = 0, unknown = 0, delivered = recipients, cursor = recipients WHERE number = :send
"""


class _LikeSes(Nowhere):
    """Its message ids are as those of SES: milliseconds since 1970, and something random."""

    def deliver(self, send_id: str, batch: Sequence[Message]) -> list[Outcome]:
        now = int(time.time() * 1000)
        return [Accepted(f"0100{now:012x}-{token_hex(4)}-{uuid4()}-000000") for _ in batch]


def month(bench: Bench) -> Iterator[Figure]:
    """Sixty sends to a fifth of the rows: the last against the first."""
    for kind in bench.kinds:
        with bench.stores.new(kind) as url:
            found, _ = apart(send_for_a_month, url, email_json(), bench.rows // 5)
        for name, (first, last) in found.items():
            what = f"{_SENDS} sends to {bench.rows // 5:,}, {kind}: {name}"
            yield Figure(f"{what}, the first", (first,), "")
            yield Figure("  the last against it", (last / first,), "x", at_most=1.3)


def millions(bench: Bench) -> Iterator[Figure]:
    """One send to ten times the rows on PostgreSQL, and to five times on SQLite."""
    for kind in bench.kinds:
        people = bench.rows * (5 if kind == "sqlite" else 10)
        with bench.stores.new(kind) as url:
            found, process = apart(send_to_millions, url, email_json(), people, str(bench.folder))
        for name, (value, unit) in found.items():
            yield Figure(f"{people:,} on {kind}: {name}", (value,), unit)
        yield Figure("  peak memory", (process.peak_mb,), "MB", at_most=400)


def send_for_a_month(url: str, letter: str, people: int) -> dict[str, tuple[float, float]]:
    """The first and the last of what each send takes: bytes of a delivery, and milliseconds of a
    claim with its record. Runs apart.

    When PostgreSQL clears up is a matter of the minute, so that of the first few and the last few
    sends the median counts.
    """
    store = open_store(url, Path())
    _fill(store, people)
    sizes, claims = [], []
    for number in range(1, _SENDS + 1):
        before = _size(store)
        plan(store, Order(f"issue-{number}", Email.from_json(letter), LIST), utc_now())
        if number in (1, _SENDS):
            claims.append(_claim_some(store, number, people // 10))
        _finish(store, number)
        sizes.append((_size(store) - before) / people)
    store.close()
    return {
        "bytes of the store for a delivery": (
            statistics.median(sizes[:_SOME]),
            statistics.median(sizes[-_SOME:]),
        ),
        "milliseconds to claim and record 50": (claims[0], claims[-1]),
    }


def send_to_millions(
    url: str, letter: str, people: int, folder: str
) -> dict[str, tuple[float, str]]:
    """What one send to very many takes. Runs apart."""
    store = open_store(url, Path())
    _fill(store, people)
    before, found = _size(store), dict[str, tuple[float, str]]()
    with _timed(found, "plan"):
        send_id = plan(store, Order("issue", Email.from_json(letter), LIST), utc_now())
    found["planned"] = ((_size(store) - before) / people, "bytes a delivery")
    speed = speed_of(store, send_id, _LikeSes(concurrency=4))
    found["sent by 4 threads to nowhere"] = (speed, "people/s")
    with store.write() as connection:
        connection.execute(sa.text(_REPORT), {"send": 1})
    found["sent"] = ((_size(store) - before) / people, "bytes a delivery")
    with _timed(found, "archive"):
        done = archive(store, read(store, send_id), Path(folder), Format.JSONL, utc_now)
    assert done.is_cleared
    found["archived, in its file"] = (done.file.stat().st_size / people, "bytes a delivery")
    found["archived, in the store"] = (_packed(store) / people, "bytes a delivery")
    done.file.unlink()
    store.close()
    return found


@contextmanager
def _timed(found: dict[str, tuple[float, str]], name: str) -> Iterator[None]:
    """Note how many seconds a piece of work takes."""
    began = time.perf_counter()
    yield
    found[name] = (time.perf_counter() - began, "s")


def _fill(store: Store, people: int) -> None:
    numbers = _NUMBERS["sqlite" if store.is_sqlite else "postgresql"]
    with store.write() as connection:
        add = "INSERT INTO lists (name, created_at) VALUES (:name, 1)"
        connection.execute(sa.text(add), {"name": LIST})
        connection.execute(sa.text(_PEOPLE.format(numbers=numbers)), {"people": people})
        connection.execute(sa.text(_MEMBERS))
        connection.execute(sa.text("ANALYZE"))


def _claim_some(store: Store, number: int, people: int) -> float:
    """Claim and record some of a send as the core does; milliseconds for a batch, of which a tenth
    took less: whatever else the machine does makes the others longer."""
    now, taken = utc_now(), []
    with store.write() as connection:
        sends.record(connection, number, lock=True)
        epoch = tenures.begin(connection, number, "bench", now, now)
    for _ in range(people // 50):
        began = time.perf_counter()
        with store.write() as connection:
            found = claim(connection, number, worker="bench", epoch=epoch, size=50, now=now)
        assert isinstance(found, Claim)
        outcomes = [(row, Accepted(f"{number}-{row.number}")) for row in found.rows]
        with store.write() as connection:
            record(connection, number, found.batch, outcomes, now, now)
        taken.append(time.perf_counter() - began)
    with store.write() as connection:
        tenures.end(connection, number, [epoch], now)
    return statistics.quantiles(taken, n=10)[0] * 1000


def _finish(store: Store, number: int) -> None:
    """Let the rest of a send go through the ledger, and end it."""
    for statement in (_BATCHES, _CLAIM, _RECORD, _CLOSE, _REPORT, _END):
        with store.write() as connection:
            connection.execute(sa.text(statement), {"send": number})


def _size(store: Store) -> int:
    if store.is_sqlite:
        query = "SELECT page_count * page_size FROM pragma_page_count, pragma_page_size"
    else:
        query = "SELECT pg_database_size(current_database())"
    with store.read() as connection:
        return int(connection.execute(sa.text(query)).scalar_one())


def _packed(store: Store) -> int:
    query = "SELECT sum(length(content)) FROM archived_deliveries"
    with store.read() as connection:
        return int(connection.execute(sa.text(query)).scalar_one())
