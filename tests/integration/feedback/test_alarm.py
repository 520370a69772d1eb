"""Silence is an alarm, and raw texts are forgotten in time."""

import datetime as dt
import json
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from newsletter.config import Settings
from newsletter.feedback import silence
from newsletter.feedback.retention import clear_old_payloads
from newsletter.sending import run
from newsletter.sending.plan import plan
from newsletter.store import Store, schema
from newsletter.transports.memory import Memory
from tests.integration.commandline import Call
from tests.integration.reporting import DELIVERY, event, logged, replay
from tests.integration.sending import NOW, FixedClock, fill_list, order, runner

MINUTE = dt.timedelta(minutes=1)
HOUR = dt.timedelta(hours=1)
DAY = dt.timedelta(days=1)


def settings(kind: str = "ses", **events: int) -> Settings:
    return Settings.model_validate(
        {
            "newsletter": {
                "name": "n",
                "from": "a@example.com",
                "base_url": "https://news.example.com",
                "postal_address": "1 Example Street",
            },
            "transport": {"kind": kind},
            "events": events,
        }
    )


def sent(store: Store, slug: str = "news", at: dt.datetime = NOW) -> str:
    if slug == "news":
        fill_list(store, 3)
    send_id = plan(store, order(slug), at)
    run.run(runner(store, Memory(), clock=FixedClock(at)), send_id)
    return send_id


def test_f57_no_event_long_after_mail_was_accepted_is_an_alarm(store: Store) -> None:
    """Events that stopped, or that are all refused: bounces would go unseen."""
    send_id = sent(store)

    assert silence(store, settings(), NOW + 59 * MINUTE) is None
    alarm = silence(store, settings(), NOW + 61 * MINUTE)

    assert alarm is not None
    assert send_id in alarm
    assert "none ever came" in alarm


def test_f57_an_event_ends_the_alarm(store: Store) -> None:
    send_id = sent(store)
    replay(store, event(send_id, name=DELIVERY), now=NOW + 2 * HOUR)

    assert silence(store, settings(), NOW + 20 * HOUR) is None


def test_f57_an_event_of_an_earlier_send_does_not_end_it(store: Store) -> None:
    first = sent(store)
    replay(store, event(first, name=DELIVERY), now=NOW + HOUR)
    second = sent(store, "more-news", NOW + 2 * HOUR)

    alarm = silence(store, settings(), NOW + 4 * HOUR)

    assert alarm is not None
    assert second in alarm
    assert f"{NOW + HOUR:%H:%M}" in alarm


def test_f57_events_that_stop_while_mail_still_goes_out_are_an_alarm(store: Store) -> None:
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
