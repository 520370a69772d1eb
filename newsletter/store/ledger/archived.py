"""What the ledger keeps of archived sends: who their recipients were, and how each ended.

`newsletter.operations.archiving` moves deliveries here. While it is at that, some of them are here
and some still in `deliveries`; what is here comes first.
"""

import datetime as dt
from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from newsletter.model.send import DeliveryStatus, Reported, SkipReason
from newsletter.store.ledger.packing import Kept, pack, unpack
from newsletter.store.schema import archived_deliveries as packs
from newsletter.store.schema import deliveries, sends

DeliveryKey = tuple[int, int]  # the number of the send, and that of the delivery in it
SIZE = 4_096  # deliveries of a pack

_RECEIVED = (DeliveryStatus.ACCEPTED, DeliveryStatus.UNKNOWN)
_COUNTED = (Reported.DELIVERED, Reported.BOUNCED, Reported.COMPLAINED)


def among(connection: Connection, numbers: Collection[int]) -> set[int]:
    """Those of some sends that are archived."""
    if not numbers:
        return set()
    query = sa.select(sends.c.number).where(
        sends.c.number.in_(numbers), sends.c.archived_at.is_not(None)
    )
    return set(connection.execute(query).scalars())


# --- one person -----------------------------------------------------------------------------------


def of_person(
    connection: Connection, subscriber_id: int, after: int = 0
) -> Sequence[tuple[int, Kept]]:
    """The archived deliveries of a person in the order of sends whose number is above `after`, each
    with that. One look-up for each archived send, and a pack to read for each of theirs."""
    query = _where_they_may_be(subscriber_id).where(packs.c.send > after).order_by(packs.c.send)
    return [
        (row.send, kept)
        for row in connection.execute(query)
        for kept in _of(row)
        if kept.subscriber_id == subscriber_id
    ]


def has(connection: Connection, subscriber_id: int) -> bool:
    """Whether a person has an archived delivery: packs are read until one is found."""
    return any(
        kept.subscriber_id == subscriber_id
        for row in connection.execute(_where_they_may_be(subscriber_id))
        for kept in _of(row)
    )


def files_with(connection: Connection, subscriber_id: int) -> tuple[str, ...]:
    """The files of archived sends that hold a person, and those of sends whose archiving has begun,
    which may be there."""
    numbers = [send for send, _ in of_person(connection, subscriber_id)]
    theirs = sa.select(deliveries.c.send).where(deliveries.c.subscriber_id == subscriber_id)
    query = (
        sa.select(sends.c.archive_file)
        .where(sends.c.archive_file.is_not(None))
        .where(sa.or_(sends.c.number.in_(numbers), sends.c.number.in_(theirs)))
        .order_by(sends.c.number)
    )
    return tuple(connection.execute(query).scalars())


def _where_they_may_be(subscriber_id: int) -> sa.Select[Any]:
    """The last pack of each archived send that does not begin after a person, where it does not end
    before them either. By ix_archived_deliveries_first_person."""
    other = packs.alias()
    nearest = (
        sa.select(other.c.first)
        .where(other.c.send == sends.c.number, other.c.first_person <= subscriber_id)
        .order_by(other.c.first_person.desc())
        .limit(1)
        .scalar_subquery()
    )
    return (
        sa.select(packs)
        .select_from(sends)
        .join(packs, sa.and_(packs.c.send == sends.c.number, packs.c.first == nearest))
        .where(sends.c.archived_at.is_not(None), packs.c.last_person >= subscriber_id)
    )


# --- some deliveries ------------------------------------------------------------------------------


def at(connection: Connection, keys: Collection[DeliveryKey]) -> dict[DeliveryKey, Kept]:
    """What is kept of some deliveries, by their keys; nothing for those that are not archived."""
    found: dict[DeliveryKey, Kept] = {}
    for send, numbers in _by_send(keys).items():
        for row in _with_numbers(connection, send, numbers):
            found |= {(send, kept.number): kept for kept in _of(row) if kept.number in numbers}
    return found


def change(connection: Connection, changes: Mapping[DeliveryKey, Kept]) -> None:
    """Keep something else of some deliveries; the caller holds the rows of their sends."""
    for send, numbers in _by_send(changes).items():
        for row in _with_numbers(connection, send, numbers):
            rows = [changes.get((send, kept.number), kept) for kept in _of(row)]
            connection.execute(
                sa.update(packs)
                .where(packs.c.send == send, packs.c.first == row.first)
                .values(content=pack(rows))
            )


def _by_send(keys: Collection[DeliveryKey]) -> Mapping[int, set[int]]:
    numbers: dict[int, set[int]] = defaultdict(set)
    for send, number in keys:
        numbers[send].add(number)
    return numbers


def _with_numbers(
    connection: Connection, send: int, numbers: Collection[int]
) -> Iterator[Row[Any]]:
    """The packs of a send that hold some of its deliveries, each once."""
    left = sorted(numbers)
    while left:
        query = (
            sa.select(packs)
            .where(packs.c.send == send, packs.c.first <= left[0])
            .order_by(packs.c.first.desc())
            .limit(1)
        )
        row = connection.execute(query).first()
        if row is None or row.first + row.size <= left[0]:
            left.pop(0)
            continue
        yield row
        left = [number for number in left if number >= row.first + row.size]


# --- whoever had it -------------------------------------------------------------------------------


def received(connection: Connection, numbers: Collection[int], people: Collection[int]) -> set[int]:
    """Those of a few people who have, or may have, an archived delivery of one of some sends. Each
    pack is read once: those of a batch are neighbours."""
    there = among(connection, numbers)
    found = {
        (row.send, row.first): row
        for who in (people if there else ())
        for row in connection.execute(_where_they_may_be(who).where(packs.c.send.in_(there)))
    }
    had = {
        kept.subscriber_id
        for row in found.values()
        for kept in _of(row)
        if kept.status in _RECEIVED
    }
    return had.intersection(people)


def all_received(connection: Connection, numbers: Collection[int]) -> list[int]:
    """Whoever has, or may have, an archived delivery of one of some sends: a million of them are
    read in two seconds."""
    return sorted(
        {
            kept.subscriber_id
            for row in _packs_of(connection, numbers)
            for kept in _of(row)
            if kept.status in _RECEIVED
        }
    )


def people_of(connection: Connection, numbers: Collection[int]) -> list[int]:
    """All recipients of some archived sends, whatever became of their mails."""
    return sorted(
        {kept.subscriber_id for row in _packs_of(connection, numbers) for kept in _of(row)}
    )


def recipients_since(connection: Connection, at: dt.datetime) -> set[tuple[int, int]]:
    """To whom archived sends went that ended since a time, with the list of each; one that waited
    for its time may have been planned before."""
    is_since = sa.or_(sends.c.finished_at.is_(None), sends.c.finished_at >= at)
    ended = sa.select(sends.c.number, sends.c.list_id).where(
        sends.c.archived_at.is_not(None), is_since
    )
    return {
        (who, row.list_id)
        for row in connection.execute(ended).all()
        for who in people_of(connection, [row.number])
    }


def next_of(connection: Connection, number: int, after: int) -> Sequence[Kept]:
    """The archived deliveries of a send in the first pack that begins after a number; none where
    there is no such pack."""
    query = sa.select(packs).where(packs.c.send == number, packs.c.first > after)
    row = connection.execute(query.order_by(packs.c.first).limit(1)).first()
    return [] if row is None else list(_of(row))


def sums(connection: Connection, number: int) -> Counter[str]:
    """How many deliveries of an archived send are kept (`""`), with each status, and with each
    report that its row counts."""
    counted: Counter[str] = Counter()
    for row in _packs_of(connection, [number]):
        for kept in _of(row):
            counted.update(("", kept.status))
            if kept.reported in _COUNTED:
                counted[kept.reported] += 1
    return counted


def _packs_of(connection: Connection, numbers: Collection[int]) -> Iterator[Row[Any]]:
    query = sa.select(packs).where(packs.c.send.in_(numbers))
    return iter(connection.execute(query) if numbers else ())


def _of(row: Row[Any]) -> Iterator[Kept]:
    return unpack(row.content, row.first, row.size)


# --- moving them here -----------------------------------------------------------------------------


def next_number(connection: Connection, number: int) -> int:
    """The first delivery of a send that is not here yet."""
    query = (
        sa.select(packs.c.first + packs.c.size)
        .where(packs.c.send == number)
        .order_by(packs.c.first.desc())
        .limit(1)
    )
    return int(connection.execute(query).scalar() or 1)


def keep(connection: Connection, number: int, rows: Sequence[Row[Any]]) -> None:
    """Keep deliveries of a send, SIZE at most, with numbers in a row and people in order."""
    kept = [_kept(row) for row in rows]
    connection.execute(
        sa.insert(packs).values(
            send=number,
            first=kept[0].number,
            size=len(kept),
            first_person=kept[0].subscriber_id,
            last_person=kept[-1].subscriber_id,
            content=pack(kept),
        )
    )


def _kept(row: Row[Any]) -> Kept:
    status = DeliveryStatus(row.status)
    is_skipped = status is DeliveryStatus.SKIPPED
    return Kept(
        number=row.number,
        subscriber_id=row.subscriber_id,
        status=status,
        attempts=row.attempts,
        reported=Reported(row.reported) if row.reported else None,
        reason=SkipReason(row.reason) if is_skipped else None,
    )


def with_outcome(kept: Kept, status: DeliveryStatus, reported: Reported | None) -> Kept:
    """The same delivery with another outcome, which events settle."""
    reason = kept.reason if status is DeliveryStatus.SKIPPED else None
    return replace(kept, status=status, reported=reported, reason=reason)
