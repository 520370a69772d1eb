"""The transitions of a request: the only place that writes its state.

Each transition names the states that it may start from; docs/architecture.md draws them. What is in
hand to be mailed is `failed` until its outcome is known: a process that dies on the way may have
mailed it. The welcome that follows a join goes the same way, in a column of its own.
"""

import datetime as dt
from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from newsletter.model.subscriber import RefusalReason, Request, RequestState
from newsletter.store.dialects import insert_into
from newsletter.store.people.requests import request_of
from newsletter.store.schema import requests
from newsletter.store.transition import Transition, step

_WAITING, _MAILED, _CONFIRMED = RequestState.WAITING, RequestState.MAILED, RequestState.CONFIRMED
_REFUSED, _FAILED = RequestState.REFUSED, RequestState.FAILED

ASK = step(None, to=_WAITING)
TAKE = step(_WAITING, to=_FAILED)
REFUSE = step(_FAILED, to=_REFUSED)
PUT_OFF = step(_FAILED, to=_WAITING)
MAIL = step(_FAILED, to=_MAILED)
FAIL = step(_FAILED, to=_FAILED)
CONFIRM = step(_MAILED, _FAILED, to=_CONFIRMED)
TAKE_BACK = step(_WAITING, _MAILED, _REFUSED, _FAILED, to=_REFUSED)
GIVE_UP = step(_WAITING, to=_FAILED)
DELETE = step(*RequestState, to=None)

_OUTCOMES = {_MAILED: MAIL, _WAITING: PUT_OFF, _FAILED: FAIL}
_IN_HAND = "in hand when the process ended: it may have been mailed"
_RESTORED = "waiting in a store that was restored: it may have been mailed"


def ask(connection: Connection, request: Request) -> None:
    """Add a request; a second one from the same form is left out."""
    connection.execute(
        insert_into(connection, requests)
        .values(
            id=request.id,
            kind=request.kind,
            list_id=request.list_id,
            subscriber_id=request.subscriber_id,
            address=request.address.text,
            mailbox=request.mailbox,
            target=request.target.text if request.target else "",
            wording=request.wording,
            ip=request.ip,
            network=request.network,
            wide_network=request.wide_network,
            form=request.form,
            at=request.at,
            state=ASK.target,
        )
        .on_conflict_do_nothing()
    )


def take(connection: Connection, request_id: int) -> Request | None:
    """Take a waiting request in hand; None if another process was faster.

    The caller holds `locks.people`, so that the limits of a mailbox count each other's.
    """
    return _take(connection, request_id, requests.c.state)


def assign(connection: Connection, request_id: int, subscriber_id: int) -> None:
    """Set whose request it is."""
    connection.execute(
        sa.update(requests).where(requests.c.id == request_id).values(subscriber_id=subscriber_id)
    )


def refuse(connection: Connection, request_id: int, reason: RefusalReason) -> None:
    """Refuse to mail a request in hand."""
    _must_move(connection, request_id, requests.c.state, REFUSE, reason)


def settle(connection: Connection, request_id: int, state: RequestState, reason: str = "") -> None:
    """Record the outcome of a mail in hand: MAILED, FAILED, or WAITING to be tried again.

    What was confirmed by a click that came before, or was taken back, stays so.
    """
    _move(connection, requests.c.state, _OUTCOMES[state], reason, requests.c.id == request_id)


def confirm(connection: Connection, request_id: int) -> None:
    """Record the click."""
    _must_move(connection, request_id, requests.c.state, CONFIRM)


def take_back_later(connection: Connection, request: Request) -> None:
    """Refuse its subscriber's later requests of the same kind."""
    later = (
        requests.c.subscriber_id == request.subscriber_id,
        requests.c.kind == request.kind,
        requests.c.at > request.at,
    )
    _move(connection, requests.c.state, TAKE_BACK, RefusalReason.TAKEN_BACK, *later)


def welcome(connection: Connection, request_id: int) -> None:
    """Plan a welcome after a confirmed request."""
    due = (requests.c.id == request_id, requests.c.welcome.is_(None))
    connection.execute(sa.update(requests).where(*due).values(welcome=ASK.target))


def take_welcome(connection: Connection, request_id: int) -> Request | None:
    """Take a welcome in hand; None if another process was faster."""
    return _take(connection, request_id, requests.c.welcome)


def refuse_welcome(connection: Connection, request_id: int, reason: RefusalReason) -> None:
    """Refuse to mail a welcome in hand."""
    _move(connection, requests.c.welcome, REFUSE, reason, requests.c.id == request_id)


def settle_welcome(
    connection: Connection, request_id: int, state: RequestState, reason: str = ""
) -> None:
    """Record the outcome of a welcome in hand, as `settle` does."""
    _move(connection, requests.c.welcome, _OUTCOMES[state], reason, requests.c.id == request_id)


def give_up(connection: Connection, until: dt.datetime) -> None:
    """Give up all requests until a time: they may have been mailed from another store."""
    for column in (requests.c.state, requests.c.welcome):
        _move(connection, column, GIVE_UP, _RESTORED, requests.c.at <= until)


def forget_origins(connection: Connection, before: dt.datetime) -> None:
    """Delete the origins of older requests, which only served the limits."""
    connection.execute(
        sa.update(requests)
        .where(requests.c.at < before, requests.c.network != "")
        .values(ip="", network="", wide_network="")
    )


def delete_older(connection: Connection, before: dt.datetime) -> Sequence[tuple[int, int]]:
    """Returns the lists and subscribers that they were about."""
    statement = sa.delete(requests).where(requests.c.at < before)
    rows = connection.execute(
        statement.returning(requests.c.list_id, requests.c.subscriber_id)
    ).all()
    return [(row.list_id, row.subscriber_id) for row in rows if None not in row]


def delete_about(connection: Connection, key: str, mailbox: str, subscriber_id: int | None) -> int:
    """Delete a person's requests, and those with their address; returns how many."""
    theirs = sa.or_(
        sa.and_(requests.c.mailbox == mailbox, sa.func.lower(requests.c.address) == key),
        sa.func.lower(requests.c.target) == key,
    )
    if subscriber_id is not None:
        theirs = sa.or_(theirs, requests.c.subscriber_id == subscriber_id)
    return int(connection.execute(sa.delete(requests).where(theirs)).rowcount)


def delete_of(connection: Connection, subscriber_id: int) -> None:
    """Delete a person's requests."""
    connection.execute(sa.delete(requests).where(requests.c.subscriber_id == subscriber_id))


def delete_all(connection: Connection, list_id: int) -> None:
    """Delete the requests for a list."""
    connection.execute(sa.delete(requests).where(requests.c.list_id == list_id))


def _take(connection: Connection, request_id: int, column: sa.Column[Any]) -> Request | None:
    statement = (
        sa.update(requests)
        .where(requests.c.id == request_id, TAKE.starts_at(column))
        .values({column: TAKE.target, requests.c.reason: _IN_HAND})
        .returning(requests)
    )
    row = connection.execute(statement).first()
    return None if row is None else request_of(row)


def _must_move(
    connection: Connection,
    request_id: int,
    column: sa.Column[Any],
    transition: Transition[RequestState],
    reason: str = "",
) -> None:
    if not _move(connection, column, transition, reason, requests.c.id == request_id):
        raise ValueError(f"request {request_id} cannot become {transition.target} from here")


def _move(
    connection: Connection,
    column: sa.Column[Any],
    transition: Transition[RequestState],
    reason: str,
    *which: sa.ColumnElement[bool],
) -> int:
    """Move the requests that the step can start from, and leave the others; returns how many."""
    statement = sa.update(requests).where(transition.starts_at(column), *which)
    moved = statement.values({column: transition.target, requests.c.reason: reason})
    return connection.execute(moved).rowcount
