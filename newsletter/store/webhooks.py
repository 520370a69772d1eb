"""The outbox of webhooks: what other programs are told, written with the change itself.

Who wants to be told is known to the store, as `Store.tell` was given it; nothing is written where
nobody is. Claiming is by a lease: a message that nobody recorded in time is posted again, under its
id.
"""

import datetime as dt
import json
import os
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from newsletter.model.webhook import WebhookAttempt, WebhookEvent, WebhookMessage, WebhookState
from newsletter.store.dialects import is_sqlite
from newsletter.store.engine import TELLING
from newsletter.store.schema import lists, sends, subscribers, webhook_messages
from newsletter.times import Clock

WaitingMessages = Mapping[str, tuple[int, dt.datetime]]  # how many, and when the first happened
MessageCounts = Mapping[tuple[str, WebhookState], int]  # by endpoint and state

_PAGE = 500
_DAYS_DELIVERED, _DAYS_KEPT = 7, 30
# Of what facts hold by a number: how it is told, and where its name is.
_NAMED: Mapping[str, tuple[str, sa.Column[Any], sa.Column[Any]]] = {
    "list_id": ("list", lists.c.id, lists.c.name),
    "send_number": ("send", sends.c.number, sends.c.id),
}


@dataclass(frozen=True, slots=True)
class Telling:
    """The names of the endpoints, and what each wants to hear of, by the store's clock."""

    endpoints: Mapping[str, Collection[str]]
    clock: Clock


def wants(connection: Connection, event: WebhookEvent) -> bool:
    """Whether anybody wants to hear of it."""
    telling: Telling | None = connection.get_execution_options().get(TELLING)
    return telling is not None and any(event in each for each in telling.endpoints.values())


def tell(
    connection: Connection,
    event: WebhookEvent,
    facts: Iterable[Mapping[str, object]],
) -> None:
    """Let all who want it hear of what happened once for each of `facts`, which are JSON without an
    address. `subscriber` is the id of a person; in place of `list_id` the list's name is told, in
    place of `send_number` the send's id. Where nobody wants to hear of it, `facts` is not read."""
    if not wants(connection, event) or not (known := list(facts)):
        return
    telling: Telling = connection.get_execution_options()[TELLING]
    at = telling.clock()
    rows = []
    for named in _with_names(connection, known):
        payload = json.dumps({"type": event, "timestamp": time_of(at), "data": named})
        rows += [
            {
                "id": f"msg_{os.urandom(16).hex()}",
                "endpoint": endpoint,
                "event": event,
                "at": at,
                "payload": payload,
                "subscriber_id": named.get("subscriber"),
                "next_at": at,
            }
            for endpoint, wanted in telling.endpoints.items()
            if event in wanted
        ]
    connection.execute(sa.insert(webhook_messages), rows)


def time_of(at: dt.datetime) -> str:
    """A time as payloads have it."""
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _with_names(
    connection: Connection, facts: Sequence[Mapping[str, object]]
) -> Iterator[dict[str, object]]:
    names: dict[str, dict[object, str]] = {}
    for key, (_, number, name) in _NAMED.items():
        numbers = {fact[key] for fact in facts if key in fact}
        query = sa.select(number.label("number"), name.label("name")).where(number.in_(numbers))
        rows = connection.execute(query) if numbers else ()
        names[key] = {row.number: row.name for row in rows}
    for fact in facts:
        yield {
            _NAMED[key][0] if key in _NAMED else key: names[key].get(value)
            if key in _NAMED
            else value
            for key, value in fact.items()
        }


def is_due(connection: Connection, endpoint: str, now: dt.datetime) -> bool:
    """Whether anything is to be posted, by ix_webhook_messages_due."""
    query = sa.select(sa.literal(1)).where(_is_due(endpoint, now)).limit(1)
    return connection.execute(query).first() is not None


def claim(
    connection: Connection, endpoint: str, now: dt.datetime, until: dt.datetime, most: int
) -> Sequence[WebhookMessage]:
    """Take what is due longest, so that nobody else does before `until`."""
    table = webhook_messages
    query = sa.select(table).where(_is_due(endpoint, now)).order_by(table.c.next_at).limit(most)
    if not is_sqlite(connection):
        query = query.with_for_update(skip_locked=True)
    rows = connection.execute(query).all()
    connection.execute(
        sa.update(table)
        .where(table.c.number.in_([row.number for row in rows]))
        .values(next_at=until, leased_until=until, attempts=table.c.attempts + 1)
    )
    claimed = {"next_at": until, "leased_until": until}
    return [_message(row, attempts=row.attempts + 1, **claimed) for row in rows]


def record(connection: Connection, attempts: Sequence[WebhookAttempt], now: dt.datetime) -> None:
    """Keep how attempts ended, except where somebody else has made another since."""
    table = webhook_messages
    for each in attempts:
        connection.execute(
            sa.update(table)
            .where(
                table.c.number == each.message.number,
                table.c.attempts == each.message.attempts,
                table.c.leased_until == each.message.leased_until,
            )
            .values(
                status=each.status,
                next_at=each.next_at,
                leased_until=None,
                delivered_at=now if each.is_delivered else None,
            )
        )


def addresses(connection: Connection, messages: Sequence[WebhookMessage]) -> Mapping[int, str]:
    """The addresses of the people whom messages are about, as they are now."""
    people = {each.subscriber_id for each in messages if each.subscriber_id is not None}
    query = sa.select(subscribers.c.id, subscribers.c.address)
    rows = connection.execute(query.where(subscribers.c.id.in_(people)))
    return {row.id: row.address for row in rows if row.address}


def retry(connection: Connection, endpoint: str | None, now: dt.datetime) -> int:
    """Let all that waits or was given up be due at once, as if never tried; returns how many.
    What is being posted right now is left alone."""
    table = webhook_messages.c
    is_free = sa.or_(table.leased_until.is_(None), table.leased_until <= now)
    waiting = [table.delivered_at.is_(None), is_free]
    if endpoint is not None:
        waiting.append(table.endpoint == endpoint)
    statement = sa.update(webhook_messages).where(*waiting)
    return connection.execute(statement.values(next_at=now, attempts=0)).rowcount


def forget(connection: Connection, subscriber_id: int) -> None:
    """Let no message lead to a person any more who is erased."""
    table = webhook_messages
    connection.execute(
        sa.update(table).where(table.c.subscriber_id == subscriber_id).values(subscriber_id=None)
    )


def clean_up(connection: Connection, now: dt.datetime) -> int:
    """Delete what was delivered a week ago, and all that is a month old; returns how many."""
    table = webhook_messages.c
    old = table.at < now - dt.timedelta(days=_DAYS_KEPT)
    heard = table.delivered_at < now - dt.timedelta(days=_DAYS_DELIVERED)
    return connection.execute(sa.delete(webhook_messages).where(sa.or_(old, heard))).rowcount


def page(
    connection: Connection, after: WebhookMessage | None = None, *, endpoint: str | None = None
) -> Sequence[WebhookMessage]:
    """Messages, newest first."""
    table = webhook_messages
    query = sa.select(table).order_by(table.c.number.desc()).limit(_PAGE)
    if endpoint is not None:
        query = query.where(table.c.endpoint == endpoint)
    if after is not None:
        query = query.where(table.c.number < after.number)
    return [_message(row) for row in connection.execute(query)]


def waiting(connection: Connection) -> WaitingMessages:
    """How many messages wait for each endpoint, and when the first of them happened."""
    table = webhook_messages.c
    query = (
        sa.select(
            table.endpoint, sa.func.count().label("amount"), sa.func.min(table.at).label("at")
        )
        .where(table.next_at.is_not(None))
        .group_by(table.endpoint)
    )
    return {row.endpoint: (row.amount, row.at) for row in connection.execute(query)}


def counts(connection: Connection) -> MessageCounts:
    """How many messages stand where, by (endpoint, state)."""
    table = webhook_messages.c
    state = sa.case(
        (table.delivered_at.is_not(None), WebhookState.DELIVERED.value),
        (table.next_at.is_(None), WebhookState.GIVEN_UP.value),
        else_=WebhookState.WAITING.value,
    ).label("state")
    query = sa.select(table.endpoint, state, sa.func.count().label("amount"))
    rows = connection.execute(query.group_by(table.endpoint, state))
    return {(row.endpoint, WebhookState(row.state)): row.amount for row in rows}


def _is_due(endpoint: str, now: dt.datetime) -> sa.ColumnElement[bool]:
    table = webhook_messages.c
    return sa.and_(table.endpoint == endpoint, sa.text("next_at IS NOT NULL"), table.next_at <= now)


def _message(row: Row[Any], **changed: Any) -> WebhookMessage:
    return WebhookMessage(**{**row._mapping, **changed})
