"""Queries on requests: what visitors asked for and have to confirm by mail."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from newsletter.model.address import Address
from newsletter.model.subscriber import Request, RequestKind, RequestState
from newsletter.store.schema import requests

_IN_HAND = "in hand when the process ended: it may have been mailed"
_RESTORED = "waiting in a store that was restored: it may have been mailed"
WELCOME_DUE = "welcome due"
_TAKING = 7302  # the advisory lock of PostgreSQL


@dataclass(frozen=True, slots=True)
class Recent:
    """How many asked since a time: all, and those of one network and one IP address."""

    all: int
    network: int
    ip: int


def add(connection: Connection, request: Request) -> None:
    connection.execute(
        sa.insert(requests).values(
            id=request.id,
            kind=request.kind,
            list_id=request.list_id,
            subscriber_id=request.subscriber_id,
            address=request.address.text,
            mailbox=request.mailbox,
            name=request.name,
            wording=request.wording,
            ip=request.ip,
            network=request.network,
            at=request.at,
            state=request.state,
        )
    )


def recent(connection: Connection, ip: str, network: str, since: dt.datetime) -> Recent:
    """One pass over the newest requests, of which there are no more than may come in that time."""
    table = requests.c
    query = sa.select(
        sa.func.count().label("all"),
        sa.func.sum(sa.case((table.network == network, 1), else_=0)).label("network"),
        sa.func.sum(sa.case((table.ip == ip, 1), else_=0)).label("ip"),
    ).where(table.at > since)
    row = connection.execute(query).one()
    return Recent(row.all, row.network or 0, row.ip or 0)


def asked_since(
    connection: Connection, subscriber_id: int, kind: RequestKind, since: dt.datetime
) -> int:
    """How often a subscriber asked for this since a time."""
    query = sa.select(sa.func.count()).where(
        requests.c.subscriber_id == subscriber_id,
        requests.c.kind == kind,
        requests.c.at > since,
    )
    return int(connection.execute(query).scalar_one())


def is_superseded(connection: Connection, request: Request) -> bool:
    """Whether its subscriber asked for the same kind again since, and was not refused."""
    query = sa.select(sa.literal(1)).where(
        requests.c.subscriber_id == request.subscriber_id,
        requests.c.kind == request.kind,
        requests.c.at > request.at,
        requests.c.state != RequestState.REFUSED,
    )
    return connection.execute(query.limit(1)).first() is not None


def waiting(connection: Connection, limit: int) -> Sequence[int]:
    """The ids of what is to be mailed, the oldest first."""
    query = sa.select(requests.c.id).where(requests.c.state == RequestState.WAITING)
    return connection.execute(query.order_by(requests.c.at).limit(limit)).scalars().all()


def take(connection: Connection, request_id: int) -> Request | None:
    """Take a waiting request in hand; None if another process was faster.

    It is `failed` until it is settled: a process that dies on the way may have mailed it. Takers
    take turns, so that the limits of a mailbox count each other's.
    """
    if connection.dialect.name == "postgresql":
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_TAKING)))
    statement = (
        sa.update(requests)
        .where(requests.c.id == request_id, requests.c.state == RequestState.WAITING)
        .values(state=RequestState.FAILED, reason=_IN_HAND)
        .returning(requests)
    )
    row = connection.execute(statement).first()
    return None if row is None else _request(row)


def find(connection: Connection, request_id: int) -> Request | None:
    """A request, held until the end of the transaction."""
    query = sa.select(requests).where(requests.c.id == request_id).with_for_update()
    row = connection.execute(query).first()
    return None if row is None else _request(row)


def settle(connection: Connection, request_id: int, state: RequestState, reason: str = "") -> None:
    connection.execute(
        sa.update(requests).where(requests.c.id == request_id).values(state=state, reason=reason)
    )


def assign(connection: Connection, request_id: int, subscriber_id: int) -> None:
    """Say whose request it is."""
    connection.execute(
        sa.update(requests).where(requests.c.id == request_id).values(subscriber_id=subscriber_id)
    )


def mailed_since(
    connection: Connection, mailbox: str, since: dt.datetime, but: int
) -> Sequence[dt.datetime]:
    """When a mailbox was asked for what it got, or may have got, a mail about; without one id."""
    query = sa.select(requests.c.at).where(
        requests.c.mailbox == mailbox,
        requests.c.at > since,
        requests.c.state.not_in([RequestState.WAITING, RequestState.REFUSED]),
        requests.c.id != but,
    )
    return connection.execute(query).scalars().all()


def welcomes_due(connection: Connection, limit: int) -> Sequence[int]:
    """The ids of what was confirmed and is to be welcomed by a mail."""
    query = sa.select(requests.c.id).where(
        requests.c.state == RequestState.CONFIRMED, requests.c.reason == WELCOME_DUE
    )
    return connection.execute(query.order_by(requests.c.at).limit(limit)).scalars().all()


def take_welcome(connection: Connection, request_id: int) -> Request | None:
    """Take a welcome in hand; None if another process was faster."""
    statement = (
        sa.update(requests)
        .where(requests.c.id == request_id, requests.c.reason == WELCOME_DUE)
        .values(reason="welcome " + _IN_HAND)
        .returning(requests)
    )
    row = connection.execute(statement).first()
    return None if row is None else _request(row)


def give_up(connection: Connection, until: dt.datetime) -> None:
    """Mail nothing more of what came until a time: it may have been mailed from another store."""
    earlier = sa.update(requests).where(requests.c.at <= until)
    connection.execute(
        earlier.where(requests.c.state == RequestState.WAITING).values(
            state=RequestState.FAILED, reason=_RESTORED
        )
    )
    connection.execute(
        earlier.where(requests.c.reason == WELCOME_DUE).values(reason=f"welcome {_RESTORED}")
    )


def of(connection: Connection, subscriber_id: int) -> Sequence[Request]:
    query = sa.select(requests).where(requests.c.subscriber_id == subscriber_id)
    return [_request(row) for row in connection.execute(query.order_by(requests.c.at))]


def forget_origins(connection: Connection, before: dt.datetime) -> None:
    """Take out where older requests came from: it served the limits alone."""
    connection.execute(
        sa.update(requests)
        .where(requests.c.at < before, requests.c.network != "")
        .values(ip="", network="")
    )


def delete_older(connection: Connection, before: dt.datetime) -> Sequence[tuple[int, int]]:
    """Returns whom they had asked for: lists and subscribers."""
    statement = sa.delete(requests).where(requests.c.at < before)
    rows = connection.execute(
        statement.returning(requests.c.list_id, requests.c.subscriber_id)
    ).all()
    return [(row.list_id, row.subscriber_id) for row in rows if None not in row]


def _request(row: Row[Any]) -> Request:
    return Request(
        id=row.id,
        kind=RequestKind(row.kind),
        list_id=row.list_id,
        subscriber_id=row.subscriber_id,
        address=Address(row.address),
        mailbox=row.mailbox,
        name=row.name,
        wording=row.wording,
        ip=row.ip,
        network=row.network,
        at=row.at,
        state=RequestState(row.state),
    )
