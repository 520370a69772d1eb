"""What became of a send, by two witnesses: the ledger, and whoever took the mails.

It reads the store by plain SQL, the stand-in's log and the outbox by itself, and shares no code
with newsletter: a mistake of the one is not a mistake of the other. Each rule that is broken is a
sentence that it returns.
"""

import email
import email.policy
import sqlite3
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from shutil import copyfile
from tempfile import TemporaryDirectory
from typing import Any

from tests.standin import log

IN_DOUBT = ("sending", "unknown")


@dataclass(frozen=True, slots=True)
class Row:
    """A delivery of the ledger."""

    number: int
    subscriber: int
    address: str
    status: str
    attempts: int
    message_id: str | None
    batch: int | None


@dataclass(frozen=True, slots=True)
class Batch:
    id: int
    worker: str
    epoch: int
    open: bool


@dataclass(frozen=True, slots=True)
class Ledger:
    """A send as its store has it; `integrity` is what the database says of itself."""

    send_id: str
    status: str
    recipients: int
    cursor: int
    workers: int
    rows: tuple[Row, ...]
    batches: tuple[Batch, ...]
    integrity: str

    @property
    def in_doubt(self) -> int:
        return sum(row.status in IN_DOUBT for row in self.rows)

    def numbers(self, status: str) -> frozenset[int]:
        return frozenset(row.number for row in self.rows if row.status == status)


@dataclass(frozen=True, slots=True)
class Taken:
    """A mail that was taken, as its taker tells: `delivery` and `attempt` are what it carried."""

    address: str
    message_id: str
    delivery: str
    attempt: int


@dataclass(frozen=True, slots=True)
class Known:
    """What happened besides kills, and explains what would be a fault otherwise.

    `resent`: how often the operator had a delivery sent again. `decided`: what the operator counted
    as accepted. `put_back`: calls were refused, so attempts may be more than the mails. `reported`:
    events were replayed. `skipped`: those who may be skipped, since they left or are suppressed.
    """

    resent: Counter[int] = field(default_factory=Counter)
    decided: frozenset[int] = frozenset()
    put_back: bool = False
    reported: bool = False
    skipped: frozenset[int] = frozenset()


# --- the rules ------------------------------------------------------------------------------------


def faults(ledger: Ledger, taken: Sequence[Taken], known: Known) -> list[str]:
    """What must never be, at whatever moment one looks."""
    return [*_of_the_ledger(ledger), *_of_the_mails(ledger, taken, known)]


def faults_of_kills(ledger: Ledger, in_flight: int, lost: int, known: Known) -> list[str]:
    """What must not be after kills: more in flight than at most, more in doubt than was `lost` in
    all of them, half a batch recorded (events may settle a half: of raw mails some were sent)."""
    found = []
    if (sending := len(ledger.numbers("sending"))) > in_flight:
        found.append(f"{sending} are in flight at once, {in_flight} may be")
    if ledger.in_doubt > lost:
        found.append(f"{ledger.in_doubt} are in doubt, {lost} may be")
    batches: dict[int, set[bool]] = defaultdict(set)
    for row in ledger.rows:
        if row.batch is not None:
            batches[row.batch].add(row.status in IN_DOUBT)
    halves = [batch for batch, doubts in batches.items() if len(doubts) > 1]
    return found + _each("batches are recorded by half", [] if known.reported else halves)


def faults_of_the_end(ledger: Ledger, taken: Sequence[Taken], known: Known) -> list[str]:
    """What must not be once a send has ended."""
    found = faults(ledger, taken, known)
    unknown = len(ledger.numbers("unknown"))
    if ledger.status != ("unresolved" if unknown else "finished"):
        found.append(f"the send is {ledger.status} with {unknown} unknown")
    if ledger.cursor != ledger.recipients or ledger.workers:
        found.append(f"it is not over: cursor {ledger.cursor}, {ledger.workers} workers")
    there = [
        row for row in ledger.rows if row.status != "skipped" or row.number not in known.skipped
    ]
    left = [row.number for row in there if row.status not in ("accepted", "unknown")]
    found += _each("recipients are missing: neither accepted nor unknown", left)
    found += _each("batches are still open", [batch.id for batch in ledger.batches if batch.open])
    wrong = [
        row.number
        for row in there
        if row.attempts != 1 + known.resent[row.number]
        and not (known.put_back and row.attempts > 1)
    ]
    found += _each("recipients have a wrong number of attempts", wrong)
    if known.reported:
        by_number = _by_number(ledger, taken)
        apart = [
            row.number
            for row in ledger.rows
            if (row.status == "accepted") != (row.number in by_number)
        ]
        found += _each("recipients are not what the events said", apart)
    return found


def _of_the_ledger(ledger: Ledger) -> list[str]:
    found = []
    if ledger.integrity != "ok":
        found.append(f"the database is broken: {ledger.integrity}")
    if [row.number for row in ledger.rows] != list(range(1, ledger.recipients + 1)):
        found.append(f"{len(ledger.rows)} deliveries, {ledger.recipients} recipients")
    if len({row.subscriber for row in ledger.rows}) != len(ledger.rows):
        found.append("a subscriber has two deliveries")
    workers = dict[int, str]()
    foreign = [
        batch.id
        for batch in ledger.batches
        if workers.setdefault(batch.epoch, batch.worker) != batch.worker
    ]
    return found + _each("batches were claimed in the epoch of another worker", foreign)


def _of_the_mails(ledger: Ledger, taken: Sequence[Taken], known: Known) -> list[str]:
    rows = {f"{ledger.send_id}-{row.number}": row for row in ledger.rows}
    strange = [mail for mail in taken if mail.delivery not in rows]
    mine = [mail for mail in taken if mail.delivery in rows]
    wrong = [mail for mail in mine if rows[mail.delivery].address != mail.address]
    by_number = _by_number(ledger, taken)
    often = [n for n, mails in by_number.items() if len(mails) > 1 + known.resent[n]]
    forgotten, invented, untried = [], [], []
    for row in ledger.rows:
        mails = by_number.get(row.number, [])
        if any(mail.attempt > row.attempts for mail in mails):
            untried.append(row.number)
        if mails and row.status not in ("accepted", *IN_DOUBT) and not known.resent[row.number]:
            forgotten.append(row.number)
        if row.status == "accepted" and not _is_borne_out(row, mails, known):
            invented.append(row.number)
    return [
        *_each("mails belong to no delivery", [mail.delivery for mail in strange]),
        *_each("mails went to somebody else", [mail.delivery for mail in wrong]),
        *_each("recipients were mailed more than once", often),
        *_each("recipients were mailed and the ledger does not know", forgotten),
        *_each("recipients are accepted, and no such mail was taken", invented),
        *_each("recipients have a mail of an attempt that the ledger has not", untried),
    ]


def _is_borne_out(row: Row, mails: Sequence[Taken], known: Known) -> bool:
    """Whether the mail that an accepted delivery names was taken, and is that of its attempt."""
    if row.message_id is None:
        return row.number in known.decided
    return any(
        mail.message_id == row.message_id and (known.reported or mail.attempt == row.attempts)
        for mail in mails
    )


def _by_number(ledger: Ledger, taken: Iterable[Taken]) -> dict[int, list[Taken]]:
    found: dict[int, list[Taken]] = defaultdict(list)
    for mail in taken:
        send_id, _, number = mail.delivery.rpartition("-")
        if send_id == ledger.send_id:
            found[int(number)].append(mail)
    return found


def _each(what: str, which: Sequence[object]) -> list[str]:
    return [f"{len(which)} {what} ({which[0]})"] if which else []


# --- the store ------------------------------------------------------------------------------------


def send_of(url: str, slug: str) -> str | None:
    """The id of the only send of an issue."""
    with connected(url) as select:
        rows = select(f"SELECT id FROM sends WHERE slug = '{slug}'")
    assert len(rows) <= 1, f"{len(rows)} sends of {slug}"
    return str(rows[0][0]) if rows else None


def is_over(url: str, send_id: str) -> bool:
    """Whether a send has ended and nobody takes part in it any more."""
    with connected(url) as select:
        rows = select(
            "SELECT 1 FROM sends WHERE status IN ('finished', 'unresolved') "
            f"AND id = '{send_id}' AND NOT EXISTS (SELECT 1 FROM tenures WHERE send = number)"
        )
    return bool(rows)


def sending(url: str, send_id: str) -> int:
    """How many recipients of a send are in flight, in the least time."""
    with connected(url) as select:
        [(amount,)] = select(
            "SELECT count(*) FROM deliveries JOIN sends ON sends.number = send "
            f"WHERE sends.id = '{send_id}' AND deliveries.status = 'sending'"
        )
    return int(amount)


def read_ledger(url: str, send_id: str) -> Ledger:
    with connected(url) as select:
        [(number, status, recipients, cursor, workers)] = select(
            "SELECT number, status, recipients, cursor, "
            "(SELECT count(*) FROM tenures WHERE send = number) "
            f"FROM sends WHERE id = '{send_id}'"
        )
        rows = select(
            "SELECT d.number, d.subscriber_id, s.address, d.status, d.attempts, d.message_id, "
            "d.batch FROM deliveries d JOIN subscribers s ON s.id = d.subscriber_id "
            f"WHERE d.send = {number} ORDER BY d.number"
        )
        batches = select(
            f"SELECT id, worker, epoch, open FROM batches WHERE send = {number} ORDER BY id"
        )
        integrity = "ok"
        if url.startswith("sqlite"):
            [(integrity,)] = select("PRAGMA integrity_check(1)")
    return Ledger(
        send_id,
        status,
        recipients,
        cursor,
        workers,
        tuple(Row(*row) for row in rows),
        tuple(Batch(id, worker, epoch, bool(is_open)) for id, worker, epoch, is_open in batches),
        integrity,
    )


def others_connected(url: str) -> int:
    """How many others still have a connection to a PostgreSQL database, but for conftest; 0 for
    SQLite."""
    if url.startswith("sqlite"):
        return 0
    with connected(url) as select:
        [(others,)] = select(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() "
            "AND pid <> pg_backend_pid() AND backend_type = 'client backend' "
            "AND application_name <> 'conftest'"
        )
    return int(others)


@contextmanager
def connected(url: str) -> Iterator[Any]:
    """A function that returns the rows of a SELECT.

    Of SQLite's file a copy is read: to open what a killed process left is to recover it, and that
    is for newsletter to do.
    """
    if url.startswith("sqlite"):
        with TemporaryDirectory() as folder, closing(_copied(url, Path(folder))) as database:
            yield lambda query: database.execute(query).fetchall()
        return
    import psycopg

    with psycopg.connect(url) as connection:
        yield lambda query: connection.execute(query.encode()).fetchall()


def _copied(url: str, folder: Path) -> sqlite3.Connection:
    """A copy of a SQLite file with its log, in which nobody writes at this moment."""
    path = Path(url.removeprefix("sqlite:///"))
    for source in (path, path.with_name(f"{path.name}-wal")):
        if source.exists():
            copyfile(source, folder / source.name)
    return sqlite3.connect(folder / path.name)


# --- those who took the mails ---------------------------------------------------------------------


def taken_by_ses(path: Path, offset: int) -> list[Taken]:
    """The mails that the stand-in for SES accepted, from a place in its log on."""
    return [
        Taken(
            record["to"],
            record["message_id"],
            record["tags"]["delivery"],
            int(record["tags"]["attempt"]),
        )
        for record in _records(path, offset, "accepted")
    ]


def unanswered(path: Path, offset: int) -> int:
    """How many calls were accepted and not answered, by order of a test."""
    return sum(
        record["fault"] is not None and record["accepted"] > 0
        for record in _records(path, offset, "request")
    )


def _records(path: Path, offset: int, kind: str) -> list[log.Record]:
    return [record for _, _, record in log.read(path, offset) if record["kind"] == kind]


def taken_by_outbox(folder: Path) -> list[Taken]:
    """The mails that lie whole in the outbox; each must be readable without a defect."""
    found = []
    for path in folder.glob("*.eml"):
        message = email.message_from_bytes(path.read_bytes(), policy=email.policy.compat32)
        assert not message.defects, path
        ref = str(message["X-Newsletter-Ref"])
        delivery, _, attempt = ref.rpartition(".")
        found.append(Taken(str(message["To"]), ref, delivery, int(attempt)))
    return found
