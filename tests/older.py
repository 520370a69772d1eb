"""Stores as earlier versions left them."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from sqlalchemy.engine import Connection

from newsletter.store import jobs
from newsletter.store.schema import metadata


def migrate(url: str, revision: str) -> None:
    """Bring a database to an earlier schema, from nothing or from one before."""
    config = Config()
    config.set_main_option("script_location", "newsletter:store/migrations")
    engine = sa.create_engine(url.replace("postgresql://", "postgresql+psycopg://"))
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, revision)
    engine.dispose()


def differences(connection: Connection) -> list[Any]:
    """Between the tables of a store and those that the code knows; Procrastinate's are its own.

    PostgreSQL has no foreign key in its deliveries, and has partitions of them, which are made as
    sends are planned.
    """
    is_sqlite = connection.dialect.name == "sqlite"

    def is_compared(item: Any, name: str | None, kind: str, *_: object) -> bool:
        if kind == "table":
            return not re.match(rf"{jobs.PREFIX}|deliveries_\d+_\d+$", name or "")
        is_foreign_key = kind == "foreign_key_constraint"
        return is_sqlite or not (is_foreign_key and item.table.name == "deliveries")

    options = {"compare_type": True, "include_object": is_compared}
    context = MigrationContext.configure(connection, opts=options)
    return list(compare_metadata(context, metadata))


# A store of schema 0004 as its version left it, amid everything. Ids count from 1, in this order.
#
# 1 ada, 2 bob (moved from Old.Bob@…, and once more before that), 3 cleo (left), 4 dan (bounced),
# 5 erased, 6 eve (has not confirmed), 7 fay (paused), 8 gil.
_AT = 1_767_772_800_000_000  # 2026-01-07 08:00 UTC in microseconds, as all times are kept
_DAY = 86_400_000_000
KEY = "a key of the earlier version"  # signed the links below
LINKS = {
    "leave_ada": "/u/WzEsMV0.911ueyQg30vFnUxTNROpR3yHa-JaYvOepOrJQcfRfuQ",
    "leave_bob": "/u/WzIsMV0.aKI4F0GzcW9RUXLWu63I34iXjwwomKEjJZ-rLvECmWU",
    "preferences_bob": "/preferences/WzIsMV0.ja1lj0uggYFnG_wRwNwNV8weChax6Kut3Gge2o1PO28",
    "confirm_eve": "/confirm/WzksMV0.nh6GSxhWR68y3Fb4O3rO-AvMWtiPhC6PO9kFi79TKNo",
}
_PEOPLE: tuple[str | None, ...] = (
    *("ada@example.com", "bob@example.com", "cleo@example.com", "dan@example.com"),
    *(None, "eve@example.com", "fay@example.com", "gil@example.com"),
)
_SUBSCRIPTIONS = {1: "confirmed", 2: "confirmed", 3: "unsubscribed", 4: "confirmed"}
_SUBSCRIPTIONS |= {5: "unsubscribed", 6: "pending", 7: "confirmed", 8: "confirmed"}
# How the welcome of a confirmed request was noted, in the order of the requests from 100 on.
WELCOMES = (
    "welcome due",
    "welcome mailed",
    "welcome failed: may have been mailed: the connection was lost",
    "welcome in hand when the process ended: it may have been mailed",
    "",
)
_MOVES = (
    "from first@example.com to Old.Bob@Example.COM",
    "from Old.Bob@Example.COM to bob@example.com",
)
# Of each send: its status, and of each of its deliveries whose it is, its status and its report.
_SENDS: Mapping[str, tuple[str, tuple[tuple[int, str, str | None], ...]]] = {
    "20260101-finish": (
        "finished",
        (
            (1, "accepted", "delivered"),
            (2, "accepted", "delivered"),
            (3, "accepted", "complained"),
            (4, "accepted", "bounced"),
            (5, "accepted", None),
            (7, "skipped", None),
        ),
    ),
    "20260102-cancel": ("cancelled", ((1, "accepted", "delivered"), (2, "skipped", None))),
    "20260103-unsure": ("unresolved", ((1, "accepted", None), (2, "unknown", None))),
    "20260104-paused": (
        "paused",
        ((1, "accepted", None), (2, "queued", None), (8, "queued", None)),
    ),
    "20260105-runs": (
        "sending",
        (
            (1, "accepted", "delivered"),
            (2, "sending", None),
            (4, "queued", None),
            (7, "queued", None),
            (8, "queued", None),
        ),
    ),
    "20260106-later": ("scheduled", ()),
}


def fill(url: str, email: str) -> None:
    """Write the rows of an earlier version into an empty store of schema 0004, by plain SQL."""
    engine = sa.create_engine(url.replace("postgresql://", "postgresql+psycopg://"))
    with engine.begin() as connection:
        _fill_people(connection)
        for number, (send_id, (status, rows)) in enumerate(_SENDS.items(), 1):
            _fill_send(connection, number, send_id, status, email, rows)
    engine.dispose()


def _insert(connection: Connection, table: str, **values: object) -> None:
    columns, places = ", ".join(values), ", ".join(f":{name}" for name in values)
    connection.execute(sa.text(f"INSERT INTO {table} ({columns}) VALUES ({places})"), values)


def _fill_people(connection: Connection) -> None:
    for name in ("readers", "weekly"):
        _insert(connection, "lists", name=name, created_at=_AT - 30 * _DAY)
    for address in _PEOPLE:
        paused = _AT + 7 * _DAY if address == "fay@example.com" else None
        _insert(
            connection,
            "subscribers",
            address=address,
            address_key=address,
            name=(address or "").partition("@")[0].title(),
            created_at=_AT - 30 * _DAY,
            updated_at=_AT - 30 * _DAY,
            paused_until=paused,
        )
    for number, status in _SUBSCRIPTIONS.items():
        _insert(
            connection,
            "subscriptions",
            list_id=1,
            subscriber_id=number,
            status=status,
            consent_at=_AT - 30 * _DAY,
            consent_how="import",
            consent_source="old.csv",
            updated_at=_AT - 30 * _DAY,
        )
    for index, detail in enumerate(_MOVES):
        _insert(
            connection,
            "consents",
            subscriber_id=2,
            at=_AT - (20 - index) * _DAY,
            kind="moved",
            how="web",
            detail=detail,
        )
    _insert(connection, "consents", subscriber_id=5, at=_AT - 9 * _DAY, kind="erased", how="web")
    for address, reason in (("dan@example.com", "hard_bounce"), ("0" * 64, "erased")):
        _insert(connection, "suppressions", address=address, reason=reason, created_at=_AT - _DAY)
        _insert(
            connection, "suppression_log", address=address, reason=reason, action="added", at=_AT
        )
    _insert(
        connection,
        "requests",
        id=9,
        kind="join",
        list_id=1,
        subscriber_id=6,
        address="eve@example.com",
        mailbox="eve@example.com",
        at=_AT - 3_600_000_000,
        state="mailed",
    )
    for number, reason in enumerate(WELCOMES):
        _insert(
            connection,
            "requests",
            id=100 + number,
            kind="join",
            list_id=1,
            subscriber_id=6,
            address="eve@example.com",
            mailbox="eve@example.com",
            at=_AT - 90 * _DAY,
            state="confirmed",
            reason=reason,
        )
    _insert(connection, "segments", name="all", rule='name != ""', created_at=_AT, updated_at=_AT)
    _insert(connection, "state", name="generation", value=12)


def _fill_send(
    connection: Connection,
    number: int,
    send_id: str,
    status: str,
    email: str,
    rows: Sequence[tuple[int, str, str | None]],
) -> None:
    is_scheduled, is_running = status == "scheduled", status == "sending"
    _insert(
        connection,
        "sends",
        id=send_id,
        slug=f"issue-{number}",
        list_id=1,
        status=status,
        subject="Hello",
        sender="Daily <daily@news.example.com>",
        email=email,
        content_hash="0" * 64,
        frozen=not is_scheduled,
        recipients=len(rows),
        cursor=sum(row[1] != "queued" for row in rows),
        owner="elsewhere/77/0/ab12" if is_running else None,
        epoch=1,
        lease_until=_AT - _DAY if is_running else None,
        pause_reason="by the operator" if status == "paused" else None,
        created_at=_AT - _DAY,
        scheduled_at=_AT if is_scheduled else None,
        finished_at=_AT if status in ("finished", "cancelled") else None,
    )
    if is_running:
        _insert(
            connection,
            "batches",
            send=number,
            owner="elsewhere/77/0/ab12",
            epoch=1,
            size=1,
            lease_until=_AT - _DAY,
            open=True,
            claimed_at=_AT - _DAY,
        )
    for place, (who, what, reported) in enumerate(rows, 1):
        _insert(
            connection,
            "deliveries",
            send=number,
            number=place,
            subscriber_id=who,
            status=what,
            attempts=int(what not in ("queued", "skipped")),
            batch=1 if what == "sending" else None,
            message_id=f"m-{number}-{place}" if what == "accepted" else None,
            reported=reported,
            at=_AT - _DAY,
        )
        if reported:
            _insert(
                connection,
                "events",
                key=f"{number}-{place}",
                type=reported,
                at=_AT,
                received_at=_AT,
                send=number,
                number=place,
                subscriber_id=who,
                message_id=f"m-{number}-{place}",
                verdict="applied",
                cause={"bounced": "hard", "complained": "complaint"}.get(reported),
            )
