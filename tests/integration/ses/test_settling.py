"""Events that meet others: a second attempt, a paused send, whoever else reads the queue."""

import threading
from collections.abc import Sequence
from typing import Any

import pytest
import sqlalchemy as sa

from newsletter.errors import StoreError
from newsletter.feedback.apply import Applied, apply
from newsletter.feedback.base import incoming
from newsletter.feedback.ses.events import parse
from newsletter.model.email import Message
from newsletter.model.event import Event
from newsletter.model.send import Accepted, DeliveryStatus, Outcome, Reported, SendStatus
from newsletter.sending import control
from newsletter.sending.control import Decision
from newsletter.sending.reading import read
from newsletter.store import Store, schema
from newsletter.store.reported import events, settling
from newsletter.transports.memory import Memory
from tests.integration.plans import explained
from tests.integration.reporting import BOUNCE, DELIVERY, event, replay
from tests.integration.sending import NOW, ledger, resume, worker
from tests.integration.ses.test_events import only, unknown_send

NEVER_SENT = pytest.mark.parametrize("name", ["event-reject.json", "event-rendering-failure.json"])


def resent(store: Store, send_id: str) -> None:
    control.resolve(store, send_id, Decision.RESEND, worker(store, Memory()).clock)


def test_an_earlier_report_that_comes_late_takes_nothing_back(store: Store) -> None:
    """Of two reports the further one stays, and of two message ids the greater."""
    send_id = unknown_send(store)

    replay(store, event(send_id, name=BOUNCE, mail__messageId="m2"))
    replay(store, event(send_id, name=DELIVERY, mail__messageId="m1"))

    row = only(store, send_id)
    assert (row.reported, row.message_id) == (Reported.BOUNCED, "m2")


@NEVER_SENT
def test_that_an_attempt_was_never_sent_says_nothing_of_the_next(store: Store, name: str) -> None:
    """The event of the first comes while the second is on its way: that one was sent."""
    send_id = unknown_send(store)
    resent(store, send_id)

    def answer(_: str, batch: Sequence[Message]) -> list[Outcome]:
        replay(store, event(send_id, name=name, attempt=1))
        return [Accepted("m1-second")]

    after = resume(worker(store, Memory(answer)), send_id)

    row = only(store, send_id)
    assert (row.status, row.message_id) == (DeliveryStatus.ACCEPTED, "m1-second")
    assert row.reported is None
    assert after.status is SendStatus.FINISHED


@NEVER_SENT
def test_that_the_last_attempt_was_never_sent_is_told(store: Store, name: str) -> None:
    send_id = unknown_send(store)
    resent(store, send_id)

    def answer(send_id: str, batch: Sequence[Message]) -> list[Outcome]:
        replay(store, event(send_id, name=name, attempt=2))
        return [Accepted("m1")]

    resume(worker(store, Memory(answer)), send_id)

    assert only(store, send_id).reported in (Reported.REJECTED, Reported.RENDERING_FAILED)


def test_a_paused_send_of_which_nothing_is_left_is_finished(store: Store) -> None:
    """Its last delivery was to be sent again, and turns out to have been sent."""
    send_id = unknown_send(store)
    resent(store, send_id)

    replay(store, event(send_id))

    assert read(store, send_id).status is SendStatus.FINISHED


def test_a_paused_send_of_which_something_is_left_stays_paused(store: Store) -> None:
    send_id = unknown_send(store, 2)
    resent(store, send_id)

    replay(store, event(send_id))

    assert read(store, send_id).status is SendStatus.PAUSED


def test_two_who_apply_events_of_one_send_do_not_stop_each_other(store: Store) -> None:
    """The web app and the queue may tell of one send in the same moment."""
    send_id = unknown_send(store, 200)
    begin, failed = threading.Barrier(2), list[Exception]()

    def apply_every_second(first: int) -> None:
        told = [("events", event(send_id, number)) for number in range(first, 201, 2)]
        begin.wait()
        try:
            apply(store, incoming(parse, told), NOW, Applied())
        except Exception as error:  # noqa: BLE001 -- shown by the assertion
            failed.append(error)

    threads = [threading.Thread(target=apply_every_second, args=(n,)) for n in (1, 2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert failed == []
    assert {row.status for row in ledger(store, send_id).values()} == {DeliveryStatus.ACCEPTED}
    assert read(store, send_id).status is SendStatus.FINISHED


@pytest.mark.postgresql
@pytest.mark.parametrize("parts", [{}, {"mail__tags": {}, "mail__headers": []}])
def test_the_send_is_held_before_any_of_its_deliveries(
    postgresql_store: Store, parts: dict[str, Any]
) -> None:
    """As a claim holds them, or each could wait for what the other has.

    So too where an event has no reference, and only its message id says whose it is.
    """
    send_id = unknown_send(postgresql_store)
    replay(postgresql_store, event(send_id))
    told = parse(event(send_id, name="event-delivery.json", **parts))
    assert isinstance(told, Event)
    held = sa.select(schema.sends.c.number).with_for_update(nowait=True)

    with postgresql_store.write() as applying:
        settling.hold_sends(applying, [told])

        with pytest.raises(StoreError, match="lock"), postgresql_store.write() as claiming:
            claiming.execute(held)


@pytest.mark.postgresql
def test_two_who_set_the_same_messages_aside_do_not_stop_each_other(
    postgresql_store: Store,
) -> None:
    """SQS and SNS give what cannot be read in any order, and at the same time."""
    unreadable = [("events", f"nothing {number}") for number in range(400)]
    begin, total, failed = threading.Barrier(2), Applied(), list[Exception]()

    def set_aside(messages: Sequence[tuple[str, str]]) -> None:
        begin.wait()
        try:
            apply(postgresql_store, incoming(parse, messages), NOW, total)
        except Exception as error:  # noqa: BLE001 -- shown by the assertion
            failed.append(error)

    both = (unreadable, unreadable[::-1])
    threads = [threading.Thread(target=set_aside, args=(messages,)) for messages in both]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert failed == []
    assert (total.set_aside, total.duplicate) == (400, 400)


def test_only_a_changed_balance_is_reason_to_count_it_again(store: Store) -> None:
    """A report on what was accepted changes none, and counting takes a pass over the send."""
    send_id = unknown_send(store, 2)
    replay(store, event(send_id))
    delivered, sent = (
        parse(event(send_id, number, name=name))
        for number, name in ((1, "event-delivery.json"), (2, "event-send.json"))
    )
    assert isinstance(delivered, Event)
    assert isinstance(sent, Event)

    with store.write() as connection:
        numbers = settling.hold_sends(connection, [delivered, sent])
        found = settling.deliveries_of(connection, [delivered, sent], numbers)
        first, second = found
        assert first is not None
        assert second is not None

        assert settling.settle(connection, [(delivered, first)]) == frozenset()
        assert settling.settle(connection, [(sent, second)]) == frozenset(numbers.values())


def test_what_came_too_early_is_looked_for_among_the_ignored_alone(sqlite_store: Store) -> None:
    """It is asked every few seconds, and the log has millions of rows with their payloads."""
    with sqlite_store.read() as connection, explained(connection) as with_none:
        events.known_by_now(connection, NOW)
    replay(sqlite_store, event("20260107-nobody"))

    with sqlite_store.read() as connection, explained(connection) as steps:
        events.known_by_now(connection, NOW)

    assert with_none == ["SEARCH events USING INDEX ix_events_ignored"]
    assert steps == [
        *with_none,
        "SEARCH events USING INDEX ix_events_ignored",
        "SEARCH deliveries USING COVERING INDEX ix_deliveries_message_id",
    ]


def test_what_a_server_answered_is_no_reason_for_it_may_name_an_erased_person(
    store: Store,
) -> None:
    send_id = unknown_send(store)
    answer = "250 2.1.5 <erased@example.com> delivered"

    replay(store, event(send_id, name="event-delivery.json", delivery__smtpResponse=answer))

    assert only(store, send_id).reason == "SES reported it"


def rejection(send_id: str, name: str) -> str:
    return event(send_id, name=name, attempt=2, mail__messageId=f"m-{send_id}")


@NEVER_SENT
def test_a_rejection_is_the_same_before_and_after_our_own_commit(store: Store, name: str) -> None:
    """SES took the message and then did not send it: accepted, with that report."""
    send_ids = [unknown_send(store, slug=slug) for slug in ("before", "after")]
    ends = []
    for early, send_id in zip((True, False), send_ids, strict=True):
        resent(store, send_id)

        def answer(sent: str, batch: Sequence[Message], early: bool = early) -> list[Outcome]:
            if early:
                replay(store, rejection(sent, name))
            return [Accepted(f"m-{sent}")]

        resume(worker(store, Memory(answer)), send_id)
        if not early:
            replay(store, rejection(send_id, name))
        row = only(store, send_id)
        ends.append((row.status, row.reported))

    assert ends[0] == ends[1]
    assert ends[0][0] is DeliveryStatus.ACCEPTED
