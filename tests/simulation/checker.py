"""What must hold after each commit, and at the end: the ledger is compared with the provider.

Nothing here is newsletter's own code: the rows are read by plain SQL.
"""

import datetime as dt
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from newsletter.times import Clock
from tests.simulation.scheduler import Scheduler
from tests.simulation.ses import Mail, Ses
from tests.simulation.store import Database

RESEND, ACCEPT, REJECT = "resolve resend", "resolve accept", "resolve reject"
_DECISIONS = {RESEND: "queued", ACCEPT: "accepted", REJECT: "rejected"}
_TRIES = 3  # after a first one that fails
_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_MOMENT = dt.timedelta(milliseconds=1)
_FINAL = ("accepted", "rejected", "skipped")
_ENDED = ("finished", "cancelled")

_DELIVERIES = """
SELECT send, number, subscriber_id, status, attempts, retries, batch FROM deliveries
"""
_BATCHES = """
SELECT id, b.send, worker, epoch, size, open,
  EXISTS (SELECT 1 FROM tenures t WHERE t.send = b.send AND t.epoch = b.epoch)
FROM batches b
"""
_SENDS = """
SELECT number, id, slug, status, stopped_by, canary_passed, canary_size,
  accepted, rejected, skipped, unknown
FROM sends
"""
_TENURES = "SELECT send, epoch, worker FROM tenures"
_BOOKED = "SELECT next_at FROM limiter"
_REPORTED = """
SELECT s.number, s.delivered, s.bounced, s.complained,
  (SELECT count(*) FROM deliveries d WHERE d.send = s.number AND reported = 'delivered'),
  (SELECT count(*) FROM deliveries d WHERE d.send = s.number AND reported = 'bounced'),
  (SELECT count(*) FROM deliveries d WHERE d.send = s.number AND reported = 'complained')
FROM sends s
"""


class Broken(Exception):
    """A promise that was broken, in words."""


class Row(NamedTuple):
    send: int
    number: int
    reader: int
    status: str
    attempts: int
    retries: int
    batch: int | None


class Batch(NamedTuple):
    id: int
    send: int
    worker: str
    epoch: int
    size: int
    open: bool
    is_held: bool  # by a worker that takes part


class SendRow(NamedTuple):
    number: int
    id: str
    slug: str
    status: str
    stopped_by: str | None
    canary_passed: bool
    canary_size: int | None
    accepted: int | None
    rejected: int | None
    skipped: int | None
    unknown: int | None


Key = tuple[int, int]  # the number of a send, and that of a delivery in it


@dataclass
class Checker:
    """`largest` is how many recipients one call may carry. `suspects` are the workers that crashed,
    slept, were cut off, or asked to stop: what they hold may become unknown. A wrong clock makes
    suspect whoever is elsewhere. `attending` are those that choose their sends themselves, and
    `now` is the clock of the store."""

    database: Database
    scheduler: Scheduler
    ses: Ses
    now: Clock
    largest: int = 50
    threads: int = 1
    suspects: set[str] = field(default_factory=set)
    attending: set[str] = field(default_factory=set)
    is_clock_wrong: bool = False
    is_one_machine: bool = False
    rate: int | None = None
    known_at: dict[Key, int] = field(default_factory=dict)  # reported to be out, at which step
    gone: dict[int, int] = field(default_factory=dict)  # readers who left, and at which step
    rows: dict[Key, Row] = field(default_factory=dict)
    sends: dict[int, SendRow] = field(default_factory=dict)
    batches: dict[int, Batch] = field(default_factory=dict)
    tenures: dict[Key, str] = field(default_factory=dict)  # workers by send and epoch
    booked: dt.datetime | None = None
    unknown: int = 0
    _changes: int = -1
    _numbers: dict[str, int] = field(default_factory=dict)
    _mailed: Counter[Key] = field(default_factory=Counter)
    _extra: Counter[Key] = field(default_factory=Counter)
    _extra_issue: Counter[tuple[str, int]] = field(default_factory=Counter)
    _decided: set[Key] = field(default_factory=set)  # rows whose status a person chose

    def is_reported(self, send_id: str, number: int) -> None:
        """An event that a mail is out was applied."""
        self.known_at.setdefault((self._numbers[send_id], number), self.scheduler.steps)

    def begin(self) -> None:
        self._read()

    def _read(self) -> None:
        look = self.database.look
        self.sends = {row[0]: SendRow(*row) for row in look(_SENDS)}
        self.batches = {row[0]: Batch(*row) for row in look(_BATCHES)}
        self.rows = {(row[0], row[1]): Row(*row) for row in look(_DELIVERIES)}
        self.tenures = {(row[0], row[1]): row[2] for row in look(_TENURES)}
        self._numbers = {send.id: send.number for send in self.sends.values()}

    # --- the provider -----------------------------------------------------------------------------

    def takes(self, mail: Mail) -> None:
        """The provider took a mail."""
        send_id, number, _ = mail.attempt
        send = self._numbers[send_id]
        key, issue = (send, number), (self.sends[send].slug, mail.reader)
        self._mailed[key] += 1
        if self._mailed[key] > 1 + self._extra[key]:
            raise Broken(f"{_named(key)} was mailed {self._mailed[key]} times")
        if self._mailed_issue(*issue) > 1 + self._extra_issue[issue]:
            raise Broken(f"reader {mail.reader} was mailed an issue twice, by two sends")
        row = self.rows[key]
        if row.status in ("queued", "skipped") and not self._extra[key]:
            raise Broken(f"{_named(key)} was mailed while it was {row.status}")

    def _mailed_issue(self, slug: str, reader: int) -> int:
        """How many mails of an issue a reader was sent: the provider drops some later."""
        return sum(
            mail.reader == reader and not mail.is_dropped
            for mail in self.ses.mails
            if self.sends[self._numbers[mail.attempt[0]]].slug == slug
        )

    # --- after each commit ------------------------------------------------------------------------

    def committed(self) -> None:
        """Compare what stands there now with what stood there before."""
        changes = self.database.changes()
        if changes == self._changes:
            return
        self._changes = changes
        rows, batches, tenures, sends = self.rows, self.batches, self.tenures, self.sends
        self._read()
        self._check_booked()
        if tenures != self.tenures or sends != self.sends:
            self._check_workers(tenures, sends)
        if rows == self.rows and batches == self.batches:
            return
        self.scheduler.progress()
        for key, row in self.rows.items():
            before = rows.get(key)
            if before is not None and row != before:
                if before.status != row.status:
                    self.scheduler.note(f"{_named(key)} was {before.status}, is {row.status}")
                self._changed(key, before, row)
        self._check_batches()
        for send in self.sends.values():
            self._check_send(send)

    def _changed(self, key: Key, before: Row, row: Row) -> None:
        action = self.scheduler.current.action
        if before.status == "accepted":
            raise Broken(f"{_named(key)} was accepted, and is {row.status}")
        if row.status == _DECISIONS.get(action):  # what was in flight became unknown with that
            if before.status == "sending":
                self._check_doubt(key, before)
            self._decided.add(key)
            self._extra[key] += action == RESEND
            self._extra_issue[self.sends[row.send].slug, row.reader] += action != ACCEPT
        match row.status:
            case "queued" if row.retries > self.ses.failures[self.sends[row.send].id, row.number]:
                raise Broken(f"{_named(key)} counts failures that were none")
            case "queued" if self._mailed[key] > self._extra[key]:
                raise Broken(f"{_named(key)} was mailed and is queued")
            case "rejected" if key not in self._decided:
                self._check_rejected(key, row)
            case "sending" if before.status != "sending" or row.attempts != before.attempts:
                self._check_claimed(key, before, row)
            case "accepted" if not self._mailed[key] and key not in self._decided:
                raise Broken(f"{_named(key)} counts as accepted, and was not mailed")
            case "unknown":
                self.unknown += 1
                self._check_doubt(key, row)

    def _check_workers(self, tenures: Mapping[Key, str], sends: Mapping[int, SendRow]) -> None:
        """Nobody is given up who lives and is heard of; what a person stopped, no worker takes
        up."""
        me = self.scheduler.current.process.name
        for key in tenures.keys() - self.tenures.keys():
            worker = tenures[key]
            is_far = self.is_clock_wrong and not self.is_one_machine
            if worker != me and worker not in self.suspects and not is_far:
                raise Broken(f"{worker} was given up, and lives")
        for number, send in self.sends.items():
            was_stopped = sends[number].stopped_by == "person"
            goes_on = send.status == "sending" and send.stopped_by is None
            if was_stopped and goes_on and me in self.attending:
                raise Broken(f"a worker took up send {number}, which a person had stopped")

    def _check_booked(self) -> None:
        """The rate: what is booked is booked from now on, and behind what was. Who fell asleep with
        the slot in hand books one that is past by then."""
        if self.rate is None:
            return
        rows = self.database.look(_BOOKED)
        booked = _EPOCH + dt.timedelta(microseconds=rows[0][0]) if rows else None
        before, self.booked = self.booked, booked
        if booked is None or booked == before or self.is_clock_wrong:
            return
        task, now = self.scheduler.current, self.now()
        if task.process.wakes_at > task.began:
            now -= dt.timedelta(seconds=self.scheduler.now - task.began)
        earliest = max(before or now, now) + dt.timedelta(seconds=1 / self.rate)
        if booked < earliest - _MOMENT:
            raise Broken(f"a slot ends at {booked}, and not before {earliest}")

    def _check_claimed(self, key: Key, before: Row, row: Row) -> None:
        send = self.sends[row.send]
        if row.attempts != before.attempts + 1:
            raise Broken(f"attempt {row.attempts} of {_named(key)} follows {before.attempts}")
        if self.known_at.get(key, self.scheduler.steps) < self.scheduler.current.began_at:
            raise Broken(f"{_named(key)} was claimed, though it was known to be out")
        if before.status != "queued":
            raise Broken(f"{_named(key)} was {before.status}, and was claimed")
        if send.status != "sending":
            raise Broken(f"{_named(key)} was claimed while the send was {send.status}")
        assert row.batch is not None
        batch = self.batches[row.batch]
        if not batch.is_held:
            raise Broken(f"{_named(key)} was claimed by a worker that was given up")
        if batch.size > self.largest:
            raise Broken(f"{batch.size} were claimed at once, {self.largest} may be")
        in_hand = [b for b in self.batches.values() if b.open and b.worker == batch.worker]
        if len(in_hand) > self.threads:
            raise Broken(f"{batch.worker} holds {len(in_hand)} batches, {self.threads} may be")
        left_at = self.gone.get(row.reader)
        if left_at is not None and left_at < self.scheduler.current.began_at:
            raise Broken(f"reader {row.reader} had left before {_named(key)} was claimed")
        if not send.canary_passed and row.number > (send.canary_size or row.number):
            raise Broken(f"{_named(key)} went before the reports on the canary")

    def _check_rejected(self, key: Key, row: Row) -> None:
        """The provider refused it for good, found later that it does not send it, or failed too
        often."""
        send_id = self.sends[row.send].id
        failures = self.ses.failures[send_id, row.number]
        if row.retries > failures:
            raise Broken(f"{_named(key)} counts {row.retries} failures of {failures}")
        is_dropped = any(
            m.is_dropped and m.attempt[:2] == (send_id, row.number) for m in self.ses.mails
        )
        is_refused = (send_id, row.number) in self.ses.refused
        if not (is_dropped or is_refused or failures > _TRIES):
            raise Broken(f"{_named(key)} counts as rejected, and nobody refused it")

    def _check_doubt(self, key: Key, row: Row) -> None:
        attempt = self.sends[row.send].id, row.number, row.attempts
        batch = self.batches.get(row.batch or 0)
        is_suspect = batch is not None and batch.worker in self.suspects
        if not (attempt in self.ses.unanswered or is_suspect or self.is_clock_wrong):
            raise Broken(f"{_named(key)} is unknown, and no fault had put it in doubt")

    def _check_batches(self) -> None:
        for batch in self.batches.values():
            if batch.open and not batch.is_held:
                raise Broken(f"batch {batch.id} is open, and its worker takes no part")
        for key, row in self.rows.items():
            if row.status == "sending" and (row.batch is None or not self.batches[row.batch].open):
                raise Broken(f"{_named(key)} is in flight, and its batch is closed")

    def _check_send(self, send: SendRow) -> None:
        counts = self._counts(send.number)
        if send.status == "finished" and set(counts) - set(_FINAL):
            raise Broken(f"send {send.number} is finished: {_in_words(counts)}")
        if send.status == "unresolved" and (counts["queued"] or not counts["unknown"]):
            raise Broken(f"send {send.number} is unresolved: {_in_words(counts)}")
        if send.accepted is not None:
            kept = (send.accepted, send.rejected, send.skipped, send.unknown)
            true = tuple(counts[name] for name in (*_FINAL, "unknown"))
            if kept != true:
                raise Broken(f"send {send.number} counts {kept}, its rows {true}")

    def _counts(self, number: int) -> Mapping[str, int]:
        return Counter(row.status for row in self.rows.values() if row.send == number)

    # --- at the end -------------------------------------------------------------------------------

    def finished(self) -> None:
        """All that must hold once every fault is over and healthy workers have run."""
        self._read()
        for send in self.sends.values():
            if send.status not in _ENDED:
                raise Broken(f"send {send.number} does not end: it is {send.status}")
            self._check_send(send)
        if self.tenures:
            raise Broken(f"{len(self.tenures)} workers still take part")
        if open_batches := [batch.id for batch in self.batches.values() if batch.open]:
            raise Broken(f"batches {open_batches} are still open")
        dropped = {self._key(mail) for mail in self.ses.mails if mail.is_dropped}
        for key, row in self.rows.items():
            self._check_end(key, row, is_dropped=key in dropped)
        for number, *sums in self.database.look(_REPORTED):
            if sums[:3] != sums[3:]:
                raise Broken(f"send {number} counts reports {sums[:3]}, its rows {sums[3:]}")

    def _key(self, mail: Mail) -> Key:
        send_id, number, _ = mail.attempt
        return self._numbers[send_id], number

    def _check_end(self, key: Key, row: Row, *, is_dropped: bool) -> None:
        is_decided = key in self._decided
        if row.status not in _FINAL and not (
            row.status == "unknown" and self.sends[row.send].status == "cancelled"
        ):
            raise Broken(f"{_named(key)} is {row.status} at the end")
        if row.status == "accepted" and not (self._mailed[key] or is_decided):
            raise Broken(f"{_named(key)} counts as accepted, and was not mailed")
        if row.status == "skipped" and self._mailed[key] > self._extra[key]:
            raise Broken(f"{_named(key)} was mailed, and counts as skipped")
        if row.status == "rejected" and self._mailed[key] and not (is_decided or is_dropped):
            raise Broken(f"{_named(key)} was mailed, and counts as rejected")
        if key in self.known_at and not is_dropped and row.status in ("unknown", "rejected"):
            raise Broken(f"{_named(key)} was reported, and is {row.status}")


def _named(key: Key) -> str:
    return f"{key[0]}/{key[1]}"


def _in_words(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{amount} {status}" for status, amount in sorted(counts.items()))
