"""The states of a send: each transition starts where it may, and status is written nowhere else."""

import datetime as dt
from collections.abc import Callable

import pytest
from sqlalchemy.engine import Connection

from newsletter.model.record import SendRecord
from newsletter.model.send import SendStatus, StoppedBy
from newsletter.sending.plan import plan
from newsletter.store import Store
from newsletter.store.ledger import sends, transitions
from tests.integration.drawn import drawn, writers, written
from tests.integration.sending import NOW, alter, fill_list, order

LATER = NOW + dt.timedelta(hours=1)
Step = Callable[[Connection, SendRecord], None]

STEPS: dict[str, Step] = {
    "begin": transitions.begin,
    "pause": lambda connection, send: transitions.pause(connection, send, "why", StoppedBy.PERSON),
    "resume": lambda connection, send: transitions.resume(connection, send),
    "schedule": lambda connection, send: transitions.schedule(connection, send, LATER),
    "cancel": lambda connection, send: transitions.cancel(connection, send, NOW),
    "reopen": lambda connection, send: transitions.reopen(
        connection, send, "why", StoppedBy.PERSON
    ),
}
DRAWN = drawn(transitions, SendStatus)


def test_the_documentation_draws_the_transitions_that_there_are() -> None:
    assert written(transitions) == DRAWN


def test_each_transition_leads_from_where_it_is_drawn_and_from_nowhere_else(
    sqlite_store: Store,
) -> None:
    fill_list(sqlite_store, 1)
    send_id = plan(sqlite_store, order(), NOW)

    for name, step in STEPS.items():
        for status in SendStatus:
            with sqlite_store.write() as connection:
                number = sends.number_of(connection, send_id)
                alter(connection, number, status=status)
                before = sends.record(connection, number, lock=True)
                if status in DRAWN[name].sources:
                    step(connection, before)
                else:
                    with pytest.raises(ValueError, match="cannot become"):
                        step(connection, before)
                after = sends.record(connection, number)

            expected = DRAWN[name].target if status in DRAWN[name].sources else status
            assert after.status is expected, (name, status)


@pytest.mark.parametrize("status", SendStatus)
def test_settling_ends_what_is_on_its_way_and_leaves_what_has_ended(
    sqlite_store: Store, status: SendStatus
) -> None:
    """Nothing is queued: a cancelled send stays so, and a schedule has no audience to settle."""
    fill_list(sqlite_store, 1)
    send_id = plan(sqlite_store, order(), NOW)
    with sqlite_store.write() as connection:
        number = sends.number_of(connection, send_id)
        alter(connection, number, status=status, frozen=status is not SendStatus.SCHEDULED)
        connection.exec_driver_sql("UPDATE deliveries SET status = 'accepted'")
        transitions.settle(connection, sends.record(connection, number, lock=True), NOW)
        after = sends.record(connection, number).status

    stays = {SendStatus.SCHEDULED, SendStatus.CANCELLED}
    assert after is (status if status in stays else SendStatus.FINISHED)


def test_only_transitions_writes_the_status_of_a_send() -> None:
    """ "What pauses a send" can be answered from one file, beside the one that makes them."""
    files = {"store/ledger/plans.py", "store/ledger/transitions.py"}

    assert writers("sends", "status") == files


def test_a_record_holds_what_the_row_says(sqlite_store: Store) -> None:
    fill_list(sqlite_store, 2)
    send_id = plan(sqlite_store, order(), NOW)
    with sqlite_store.write() as connection:
        number = sends.number_of(connection, send_id)
        alter(connection, number, canary=0.5, canary_size=1, stopped_by=StoppedBy.CANARY)
        record = sends.record(connection, number)

    assert (record.recipients, record.cursor, record.frozen) == (2, 0, True)
    assert (record.canary.share, record.canary_end) == (0.5, 1)
    assert record.stopped_by is StoppedBy.CANARY
