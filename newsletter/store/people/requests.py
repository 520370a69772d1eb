"""Queries on requests: what visitors asked for and have to confirm by mail.

`requesting` is what changes them.
"""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from newsletter.model.address import Address
from newsletter.model.subscriber import Request, RequestKind, RequestState
from newsletter.store.schema import requests


@dataclass(frozen=True, slots=True)
class Recent:
    """How many asked on forms since a time: all, and those that share something with a request."""

    all: int
    domain: int
    wide_network: int
    network: int
    ip: int


def by_form(connection: Connection, form: int) -> Request | None:
    """The request that a form has made."""
    row = connection.execute(sa.select(requests).where(requests.c.form == form)).first()
    return None if row is None else request_of(row)


def recent(connection: Connection, request: Request, since: dt.datetime) -> Recent:
    """One pass over the newest requests, of which there are no more than may come in that time."""
    table = requests.c
    shared = {
        "domain": table.mailbox.endswith("@" + request.mailbox.rpartition("@")[2], autoescape=True),
        "wide_network": table.wide_network == request.wide_network,
        "network": table.network == request.network,
        "ip": table.ip == request.ip,
    }
    query = sa.select(
        sa.func.count().label("all"),
        *(sa.func.sum(sa.case((each, 1), else_=0)).label(name) for name, each in shared.items()),
    ).where(table.at > since, table.form.is_not(None))
    row = connection.execute(query).one()
    return Recent(row.all, *(getattr(row, name) or 0 for name in shared))


def asked_since(connection: Connection, subscriber_id: int, since: dt.datetime) -> int:
    """How many mails to the address on record were asked for by a reader's links since a time."""
    kinds = (RequestKind.JOIN, RequestKind.ALLOW_MOVE, RequestKind.DATA, RequestKind.ERASE)
    query = sa.select(sa.func.count()).where(
        requests.c.subscriber_id == subscriber_id,
        requests.c.kind.in_(kinds),
        requests.c.form.is_(None),  # since anybody can fill in a form
        requests.c.at > since,
    )
    return int(connection.execute(query).scalar_one())


def is_superseded(connection: Connection, request: Request) -> bool:
    """Whether its subscriber has since made another request of this kind that was not refused."""
    query = sa.select(sa.literal(1)).where(
        requests.c.subscriber_id == request.subscriber_id,
        requests.c.kind == request.kind,
        requests.c.at > request.at,
        requests.c.state != RequestState.REFUSED,
    )
    return connection.execute(query.limit(1)).first() is not None


def waiting(connection: Connection, limit: int) -> Sequence[int]:
    """The ids of requests to be mailed, oldest first."""
    query = sa.select(requests.c.id).where(requests.c.state == RequestState.WAITING)
    return connection.execute(query.order_by(requests.c.at).limit(limit)).scalars().all()


def is_waiting(connection: Connection, request_id: int) -> bool:
    """Whether a request is still to be mailed."""
    query = sa.select(sa.literal(1)).where(
        requests.c.id == request_id, requests.c.state == RequestState.WAITING
    )
    return connection.execute(query).first() is not None


def find(connection: Connection, request_id: int) -> Request | None:
    row = connection.execute(sa.select(requests).where(requests.c.id == request_id)).first()
    return None if row is None else request_of(row)


def hold(connection: Connection, request_id: int) -> Request | None:
    """A request, locked until the end of the transaction: newsletter.store.locks says in which
    order."""
    query = sa.select(requests).where(requests.c.id == request_id).with_for_update()
    row = connection.execute(query).first()
    return None if row is None else request_of(row)


def mailed_since(
    connection: Connection, mailbox: str, since: dt.datetime, but: int
) -> Sequence[tuple[dt.datetime, int | None]]:
    """When strangers asked for what a mailbox got, or may have got, a mail about, and for which
    list; without one id."""
    query = sa.select(requests.c.at, requests.c.list_id).where(
        requests.c.mailbox == mailbox,
        requests.c.at > since,
        requests.c.kind.in_((RequestKind.JOIN, RequestKind.MOVE)),
        requests.c.state.not_in([RequestState.WAITING, RequestState.REFUSED]),
        requests.c.id != but,
    )
    return [(row.at, row.list_id) for row in connection.execute(query)]


def welcomes_due(connection: Connection, limit: int) -> Sequence[int]:
    """The ids of confirmed requests that get a welcome."""
    query = sa.select(requests.c.id).where(requests.c.welcome == RequestState.WAITING)
    return connection.execute(query.order_by(requests.c.at).limit(limit)).scalars().all()


def since(connection: Connection, at: dt.datetime) -> int:
    """How many requests came since a time, whatever their state."""
    query = sa.select(sa.func.count()).where(requests.c.at >= at)
    return int(connection.execute(query).scalar_one())


def of(connection: Connection, subscriber_id: int) -> Sequence[Request]:
    query = sa.select(requests).where(requests.c.subscriber_id == subscriber_id)
    return [request_of(row) for row in connection.execute(query.order_by(requests.c.at))]


def request_of(row: Row[Any]) -> Request:
    """A row of requests, of whatever query."""
    return Request(
        id=row.id,
        kind=RequestKind(row.kind),
        list_id=row.list_id,
        subscriber_id=row.subscriber_id,
        address=Address(row.address),
        mailbox=row.mailbox,
        wording=row.wording,
        at=row.at,
        target=Address(row.target) if row.target else None,
        ip=row.ip,
        network=row.network,
        wide_network=row.wide_network,
        form=row.form,
        state=RequestState(row.state),
    )
