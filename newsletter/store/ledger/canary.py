"""Queries on the first share of a send, whose reports decide about the rest."""

import datetime as dt
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from newsletter.model.send import DeliveryStatus, Reported
from newsletter.store.schema import deliveries, events, sends

_NOT_FINAL = Reported.DELAYED


@dataclass(frozen=True, slots=True)
class CanaryReports:
    """The accepted deliveries of a share: how many there are, how many have a final report, and how
    many of those are hard bounces and complaints."""

    accepted: int
    reported: int
    bounced: int
    complained: int


def reports(connection: Connection, number: int, size: int) -> CanaryReports:
    """The reports about the first `size` recipients of a send.

    It is asked each second, while each of their mails has several events: the few with a cause are
    found by ix_events_causes, so no condition on the numbers may lead to ix_events_delivery.
    """
    mine = sa.and_(deliveries.c.send == number, deliveries.c.number <= size)
    final = sa.case((deliveries.c.reported != _NOT_FINAL, 1), else_=0)
    accepted, reported = connection.execute(
        sa.select(sa.func.count(), sa.func.coalesce(sa.func.sum(final), 0)).where(
            mine, deliveries.c.status == DeliveryStatus.ACCEPTED
        )
    ).one()
    within = sa.case((events.c.number <= size, events.c.number))
    causes = connection.execute(
        sa.select(events.c.cause, sa.func.count(within.distinct()))
        .where(events.c.send == number, events.c.cause.is_not(None))
        .group_by(events.c.cause)
    )
    amounts: dict[str, int] = {cause: amount for cause, amount in causes}  # noqa: C416 -- a Row is no pair to mypy
    return CanaryReports(
        accepted, int(reported), amounts.get("hard", 0), amounts.get("complaint", 0)
    )


def set_size(connection: Connection, number: int, size: int) -> None:
    """Set the last delivery of a send's first share."""
    connection.execute(sa.update(sends).where(sends.c.number == number).values(canary_size=size))


def wait_until(connection: Connection, number: int, until: dt.datetime) -> None:
    """Set how long to wait for reports on the first share."""
    connection.execute(sa.update(sends).where(sends.c.number == number).values(canary_until=until))


def let_go_on(connection: Connection, number: int) -> None:
    """Let the rest of a send go."""
    connection.execute(sa.update(sends).where(sends.c.number == number).values(canary_passed=True))
