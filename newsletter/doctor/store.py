"""Checks of the store, of what it knows about itself, and of how mail from it is received."""

import datetime as dt
from collections.abc import Iterator

from newsletter.config import REHEARSALS
from newsletter.doctor.base import (
    Check,
    CheckGroup,
    Diagnosis,
    Examination,
    fail,
    listed,
    ok,
    skipped,
    warn,
)
from newsletter.errors import NewsletterError, StoreError
from newsletter.model.event import Cause
from newsletter.model.send import Send, SendStatus
from newsletter.safekeeping.record import last_backup
from newsletter.sending import restored
from newsletter.store import maintenance, state
from newsletter.store.ledger import reporting, sends
from newsletter.store.reported import events
from newsletter.times import time_text

_PROBE = "doctor"  # the name of a fact that is never committed
_SENDS = 20  # of which the reception is judged
_DAYS = 30
_BACKUP = dt.timedelta(days=2)
_REPORTED = dt.timedelta(days=7)
_LATE = dt.timedelta(minutes=10)
_LEAST = 3  # complaints or bounces: one or two prove nothing
_COMPLAINTS = 0.001  # where Gmail and the strictest services begin to mind
_COMPLAINTS_WORST = 0.003  # from here on Gmail rejects
_BOUNCES_WORST = 0.05


def opens(exam: Examination) -> Iterator[Diagnosis]:
    try:
        store = exam.open_store()
    except NewsletterError as error:
        yield fail(error.message, error.hint or "newsletter db upgrade")
        return
    kind = "SQLite" if store.is_sqlite else "PostgreSQL"
    yield ok(f"{kind}, with the schema of this version")


def takes_writes(exam: Examination) -> Iterator[Diagnosis]:
    """A transaction that writes and is rolled back: it takes the lock and leaves nothing."""
    store = exam.store
    try:
        with store.write() as connection:
            state.put(connection, _PROBE, 1)
            raise _RolledBack
    except _RolledBack:
        yield ok("a row was written and taken back")
    except StoreError as error:
        yield fail(error.message, error.hint or "newsletter db verify")


def integrity(exam: Examination) -> Iterator[Diagnosis]:
    if faults := maintenance.verify(exam.store):
        yield fail(listed(faults), "newsletter db verify")
    else:
        yield ok("pages, references and the sums of all sends are sound")


def is_restored(exam: Examination) -> Iterator[Diagnosis]:
    with exam.store.read() as connection:
        timezone = exam.settings.newsletter.timezone
        sign = restored.sign(connection, exam.project.generation, timezone)
    if sign:
        yield fail(sign, "newsletter db adopt")
    else:
        yield ok("nothing shows that it was restored from a backup")


def backup_age(exam: Examination) -> Iterator[Diagnosis]:
    with exam.store.read() as connection:
        at = last_backup(connection)
    is_empty = not any(one.members for one in exam.lists)
    to = "" if exam.settings.backup.to else " backups/"
    cure = f"newsletter db backup{to}"
    if is_empty and at is None:
        yield skipped("nobody is in the store yet")
    elif at is None:
        yield warn("no backup was ever made", cure)
    elif exam.surroundings.clock() - at > _BACKUP:
        yield warn(f"the last is of {time_text(at, exam.settings.newsletter.timezone)}", cure)
    else:
        yield ok(f"the last is of {time_text(at, exam.settings.newsletter.timezone)}")


def has_readers(exam: Examination) -> Iterator[Diagnosis]:
    counts = exam.lists
    if not counts:
        yield warn("there is no list", "newsletter subscribers import FILE --list NAME")
    elif not any(one.confirmed for one in counts):
        yield warn(
            "no list has a confirmed reader", "newsletter subscribers import FILE --list NAME"
        )
    else:
        yield ok(f"{len(counts)} list{'' if len(counts) == 1 else 's'}")


def stuck_sends(exam: Examination) -> Iterator[Diagnosis]:
    now = exam.surroundings.clock()
    with exam.store.read() as connection:
        waiting = sends.newest_and_open(connection, _SENDS)
    stuck = [one for one in waiting if _is_stuck(one, now)]
    if not stuck:
        yield ok("no send waits for a person")
        return
    cures = {SendStatus.PAUSED: "resume", SendStatus.SCHEDULED: "worker"}
    first = stuck[0]
    command = cures.get(first.status, "status")
    names = listed(f"{one.id} is {one.status}" for one in stuck)
    since = time_text(first.created_at, exam.settings.newsletter.timezone)
    cure = f"newsletter {command}" if command == "worker" else f"newsletter {command} {first.id}"
    yield warn(f"{names} (of {since})", cure)


def _is_stuck(send: Send, now: dt.datetime) -> bool:
    """Paused or unresolved, or due for longer than any worker takes to notice."""
    if send.status is SendStatus.SCHEDULED:
        return send.scheduled_at is not None and send.scheduled_at < now - _LATE
    return send.status in (SendStatus.PAUSED, SendStatus.UNRESOLVED)


def report_mails(exam: Examination) -> Iterator[Diagnosis]:
    if not exam.settings.reports.mail_to:
        yield skipped("[reports] mail_to names nobody")
        return
    now = exam.surroundings.clock()
    with exam.store.read() as connection:
        doubtful = reporting.doubtful(connection, now - _REPORTED, now)
    if doubtful:
        found = f"somebody may not have got the report on {listed(doubtful)}"
        yield warn(found, f"newsletter report {doubtful[0]}")
    else:
        yield ok("the reports of the last week were mailed to all who should get them")


def complaints(exam: Examination) -> Iterator[Diagnosis]:
    yield from _rate(exam, Cause.COMPLAINT, _COMPLAINTS, _COMPLAINTS_WORST)


def bounces(exam: Examination) -> Iterator[Diagnosis]:
    yield from _rate(exam, Cause.HARD, exam.settings.policy.bounce_warn, _BOUNCES_WORST)


def _rate(exam: Examination, cause: Cause, many: float, too_many: float) -> Iterator[Diagnosis]:
    since = exam.surroundings.clock() - dt.timedelta(days=_DAYS)
    accepted = caused = 0
    with exam.store.read() as connection:
        for send in sends.newest_first(connection, _SENDS):
            if send.created_at >= since and send.list != REHEARSALS:
                accepted += send.counts.accepted
                number = sends.number_of(connection, send.id)
                caused += events.caused(connection, number, None).get(cause, 0)
    if not accepted:
        yield skipped(f"no mail was accepted in {_DAYS} days")
        return
    share = caused / accepted
    found = f"{caused:,} of {accepted:,} in {_DAYS} days, {share:.2%}"
    cure = "Look where these addresses come from: newsletter subscribers stats"
    if caused < _LEAST or share < many:
        yield ok(found)
    elif share < too_many:
        yield warn(found, cure)
    else:
        yield fail(found, cure)


class _RolledBack(Exception):
    """What ends the probe, so that nothing is committed."""


CHECKS = (
    Check("store", CheckGroup.STORE, opens, "It knows who reads, who left, and what was sent."),
    Check(
        "store-write", CheckGroup.STORE, takes_writes, "A send claims each mail before it leaves."
    ),
    Check(
        "store-integrity",
        CheckGroup.STORE,
        integrity,
        "A damaged ledger can lose a reader, or mail one twice.",
    ),
    Check(
        "store-restored",
        CheckGroup.STORE,
        is_restored,
        "A restored store does not know who left since, and is not sent from.",
    ),
    Check(
        "backup",
        CheckGroup.STORE,
        backup_age,
        "A lost disk takes all readers along, and who left since the last backup.",
    ),
    Check(
        "lists", CheckGroup.STORE, has_readers, "A send goes to the confirmed members of a list."
    ),
    Check("sends-waiting", CheckGroup.STORE, stuck_sends, "Its readers wait, too."),
    Check(
        "report-mails",
        CheckGroup.STORE,
        report_mails,
        "A report is mailed once: one that was lost on the way does not come again.",
    ),
    Check(
        "complaint-rate",
        CheckGroup.STORE,
        complaints,
        "Mailbox providers reject a sender of whom 0.3 % complain.",
    ),
    Check(
        "bounce-rate",
        CheckGroup.STORE,
        bounces,
        "Hard bounces show a list that was not asked; at 5 % sending is reviewed.",
    ),
)
