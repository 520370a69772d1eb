"""What is due each hour: silence is an alarm, raw texts are forgotten, and late events applied."""

import datetime as dt
import json
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from newsletter.config import Settings
from newsletter.config.tables import read_table
from newsletter.feedback.alarm import silence
from newsletter.feedback.apply import Applied, apply_late
from newsletter.feedback.base import Received
from newsletter.feedback.chores import do_chores
from newsletter.feedback.drain import Drain
from newsletter.feedback.retention import clear_old_payloads
from newsletter.model.email import Message
from newsletter.model.send import Accepted, Outcome
from newsletter.sending import run
from newsletter.sending.plan import plan
from newsletter.store import Store, locks, schema
from newsletter.transports.memory import Memory
from tests.factories import count_waiting
from tests.integration.commandline import Call
from tests.integration.reporting import DELIVERY, event, logged, replay
from tests.integration.sending import (
    NOW,
    FixedClock,
    fill_list,
    ledger,
    order,
    worker,
)
from tests.unit.feedback.payloads import changed
from tests.waiting import PATIENCE_SECONDS, until

MINUTE = dt.timedelta(minutes=1)
HOUR = dt.timedelta(hours=1)
DAY = dt.timedelta(days=1)


def settings(kind: str = "ses", **events: int) -> Settings:
    return read_table(
        Settings,
        {
            "newsletter": {
                "name": "n",
                "from": "a@example.com",
                "base_url": "https://news.example.com",
                "postal_address": "1 Example Street",
                "timezone": "Asia/Tokyo",
            },
            "transport": {"kind": kind},
            "events": events,
        },
    )


def sent(store: Store, slug: str = "news", at: dt.datetime = NOW) -> str:
    if slug == "news":
        fill_list(store, 3)
    send_id = plan(store, order(slug), at)
    run.run(worker(store, Memory(), clock=FixedClock(at)), send_id)
    return send_id


def test_no_event_long_after_mail_was_accepted_is_an_alarm(store: Store) -> None:
    """Events that stopped, or that are all refused: bounces would go unseen."""
    send_id = sent(store)

    assert silence(store, settings(), NOW + 59 * MINUTE) is None
    alarm = silence(store, settings(), NOW + 61 * MINUTE)

    assert alarm is not None
    assert send_id in alarm
    assert "none ever came" in alarm


def test_an_event_ends_the_alarm(store: Store) -> None:
    send_id = sent(store)
    replay(store, event(send_id, name=DELIVERY), now=NOW + 2 * HOUR)

    assert silence(store, settings(), NOW + 20 * HOUR) is None


def test_an_event_of_an_earlier_send_does_not_end_it(store: Store) -> None:
    first = sent(store)
    replay(store, event(first, name=DELIVERY), now=NOW + HOUR)
    second = sent(store, "more-news", NOW + 2 * HOUR)

    alarm = silence(store, settings(), NOW + 4 * HOUR)

    assert alarm is not None
    assert second in alarm
    assert "the last came at 2026-01-07 18:00 Asia/Tokyo (09:00 UTC)" in alarm


def test_events_that_stop_while_mail_still_goes_out_are_an_alarm(store: Store) -> None:
    """The newest mail is young, but one in the middle is old and unheard of."""
    send_id = sent(store)
    with store.write() as connection:
        table = schema.deliveries
        for number, at in ((2, NOW + 2 * HOUR), (3, NOW + 4 * HOUR)):
            connection.execute(sa.update(table).where(table.c.number == number).values(at=at))
        connection.execute(sa.update(schema.sends).values(finished_at=None))
    replay(store, event(send_id, name=DELIVERY), now=NOW + HOUR)

    assert silence(store, settings(), NOW + 4 * HOUR + MINUTE) is not None


def test_events_of_others_do_not_end_an_alarm(store: Store) -> None:
    send_id = sent(store)
    other = send_id[:-1] + ("x" if send_id[-1] != "x" else "y")
    replay(store, event(other), "hello", now=NOW + HOUR)

    assert silence(store, settings(), NOW + 2 * HOUR) is not None


@pytest.mark.parametrize(
    ("found", "after"),
    [
        (settings("outbox"), 2 * HOUR),
        (settings(silence_minutes=180), 2 * HOUR),
        (settings(), DAY + MINUTE),
    ],
    ids=["the outbox never reports", "patience", "long ago"],
)
def test_what_is_no_alarm(store: Store, found: Settings, after: dt.timedelta) -> None:
    sent(store)

    assert silence(store, found, NOW + after) is None


class Empty:
    """A queue in which nothing is, for some hours."""

    def __init__(self, clock: FixedClock, stop: threading.Event, hours: int) -> None:
        self._clock, self._stop, self._left = clock, stop, hours

    def receive(self, wait_seconds: int) -> list[Received]:
        self._clock.forward(3600)
        self._left -= 1
        if not self._left:
            self._stop.set()
        return []

    def delete(self, messages: Sequence[Received]) -> None:
        assert not messages


def test_who_drains_a_queue_tells_of_silence_each_hour(store: Store) -> None:
    sent(store)
    clock, stop, notes = FixedClock(NOW), threading.Event(), list[str]()
    queue: Any = Empty(clock, stop, hours=3)

    given = (queue, store, settings(), clock, stop, notes.append, Applied())
    Drain(*given, seconds=lambda: clock().timestamp()).run(once=False)

    assert len(notes) == 3
    assert all(note.startswith("Alarm: no event of SES since") for note in notes)


def test_a_send_looks_each_minute_whether_it_is_heard_of(store: Store) -> None:
    fill_list(store, 3)
    clock, looked = FixedClock(NOW), threading.Event()

    def answer(_: str, batch: Sequence[Message]) -> list[Outcome]:
        looked.clear()
        clock.forward(61)
        assert looked.wait(PATIENCE_SECONDS)
        return [Accepted(message.ref) for message in batch]

    memory = Memory(answer, concurrency=1)
    memory.batch_size = 1
    run.run(
        replace(worker(store, memory, clock=clock), check_events=looked.set),
        plan(store, order(), NOW),
    )

    assert len(memory.delivered) == 3


def test_nothing_sent_is_no_alarm(store: Store) -> None:
    assert silence(store, settings(), NOW) is None


def test_status_shows_an_alarm(
    call: Call, readers: str, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert call("send", "2026-01-07-valley", "--list", readers, "--yes").code == 0
    assert call("status", "--json").json["alarm"] is None
    monkeypatch.setenv("NEWSLETTER_TRANSPORT__KIND", "ses")
    _age(project, 2 * HOUR)

    shown = call("status")
    answer = call("status", "--json").json

    assert "no event of SES since mail of" in answer["alarm"]
    assert f"Alarm: {answer['alarm']}." in shown.out


def _age(project: Path, by: dt.timedelta) -> None:
    import sqlite3
    from contextlib import closing

    with closing(sqlite3.connect(project / "subscribers" / "newsletter.db")) as connection:
        older = by // dt.timedelta(microseconds=1)
        connection.execute("UPDATE deliveries SET at = at - ?", [older])
        connection.execute("UPDATE sends SET created_at = created_at - ?", [older])
        connection.commit()


# --- retention ------------------------------------------------------------------------------------


def payloads(store: Store) -> list[bool]:
    return [row.payload is not None for row in logged(store)]


def test_raw_texts_are_forgotten_in_time_and_their_rows_stay(store: Store) -> None:
    send_id = sent(store)
    replay(store, event(send_id, 1), "hello", now=NOW)
    replay(store, event(send_id, 2), now=NOW + 10 * DAY)

    assert clear_old_payloads(store, 90 * DAY, NOW + 90 * DAY) == 0
    assert clear_old_payloads(store, 90 * DAY, NOW + 91 * DAY) == 2

    assert payloads(store) == [False, False, True]
    assert clear_old_payloads(store, 90 * DAY, NOW + 91 * DAY) == 0
    assert clear_old_payloads(store, 90 * DAY, NOW + 101 * DAY) == 1


def test_a_forgotten_text_still_makes_its_repetition_a_duplicate(store: Store) -> None:
    send_id = sent(store)
    replay(store, event(send_id))
    clear_old_payloads(store, 90 * DAY, NOW + 100 * DAY)

    assert replay(store, event(send_id)).duplicate == 1
    assert payloads(store) == [False]


@pytest.mark.postgresql
def test_whoever_forgets_waits_for_those_who_apply(postgresql_store: Store) -> None:
    """They change the same rows, each in an order of its own: two would wait for each other."""
    replay(postgresql_store, event(sent(postgresql_store)))

    with ThreadPoolExecutor(3) as pool:
        with postgresql_store.write() as connection:
            locks.events(connection)
            chores = [
                pool.submit(do_chores, postgresql_store, settings(), NOW + 100 * DAY)
                for _ in range(3)
            ]
            until(lambda: count_waiting(postgresql_store) == 3 or any(one.done() for one in chores))
            before = payloads(postgresql_store)
        for one in chores:
            one.result()

    assert (before, payloads(postgresql_store)) == ([True], [False])


# --- arming ---------------------------------------------------------------------------------------


def test_arming_names_the_topics_and_the_end(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    topic = "arn:aws:sns:us-east-1:123456789012:events"
    monkeypatch.setenv("NEWSLETTER_EVENTS__TOPIC_ARNS", json.dumps([topic]))

    answer: Any = call("events", "arm", "--minutes", "5", "--json").json

    assert answer["topic_arns"] == [topic]
    left = dt.datetime.fromisoformat(answer["until"]) - dt.datetime.now(dt.UTC)
    assert dt.timedelta(minutes=4) < left <= dt.timedelta(minutes=5)


def test_without_topics_nothing_can_be_armed(call: Call) -> None:
    answer = call("events", "arm", "--json")

    assert (answer.code, answer.error["where"]) == (2, "events.topic_arns")


# --- late events ----------------------------------------------------------------------------------


def test_an_event_that_came_hours_before_our_record_is_applied_in_the_end(store: Store) -> None:
    """A process may be held up for long between the answer of SES and its own record of it."""
    text = changed("notification-bounce-without-headers.json", mail__messageId="late")
    assert replay(store, text, now=NOW - 30 * HOUR).ignored == 1
    fill_list(store, 1)
    send_id = plan(store, order(), NOW)
    run.run(worker(store, Memory(lambda _, batch: [Accepted("late")])), send_id)
    assert apply_late(store, NOW) == 0

    do_chores(store, settings(), NOW)

    [row] = ledger(store, send_id).values()
    assert row.reported == "bounced"
