"""`newsletter events pull`: SNS and SQS over HTTP, by moto; and a queue that kills and counts."""

import datetime as dt
import itertools
import json
import re
import signal
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any

import pytest
import sqlalchemy as sa

from newsletter.errors import StoreAway
from newsletter.feedback.apply import Applied
from newsletter.feedback.drain import Drain
from newsletter.feedback.ses.queue import SqsQueue
from newsletter.operations import attend
from newsletter.project import Project, utc_now
from newsletter.store import Store, open_store, schema
from newsletter.transports.memory import Memory
from tests.answering import Reply, answering, breaks_off, says
from tests.integration.aws import Aws, Feed
from tests.integration.commandline import Answer, Call, fork, lose, plan_send
from tests.integration.reporting import BOUNCE, DELIVERY, event
from tests.integration.sending import worker
from tests.standin.queue import QueueStandIn, running_queue
from tests.unit.feedback.payloads import payload
from tests.waiting import PATIENCE_SECONDS
from tests.warm import Program

ISSUE = "2026-01-07-valley"
ATTENDED: dict[str, Any] = {"once": False, "settled": lambda send: True}


@pytest.fixture(params=[True, False], ids=["raw", "enveloped"])
def feed(aws: Aws, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Feed:
    found = aws.feed(raw=request.param)
    _set(monkeypatch, found.environment)
    return found


def _set(monkeypatch: pytest.MonkeyPatch, environment: dict[str, str]) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def send_id(project: Path, readers: str) -> str:
    """A send to three people of which nobody knows whether it went out."""
    planned = plan_send(project, ISSUE, readers)
    lose(project, planned)
    return planned


def rows(project: Path, table: sa.Table = schema.events) -> list[Any]:
    store = open_store(Project.open(project).settings.store.url, project)
    with store.read() as connection:
        found = list(connection.execute(sa.select(table)).all())
    store.close()
    return found


def verdicts(project: Path) -> Counter[str]:
    return Counter(row.verdict for row in rows(project))


# --- the whole way --------------------------------------------------------------------------------


def test_what_ses_published_is_applied_and_then_deleted(
    call: Call, feed: Feed, send_id: str, project: Path
) -> None:
    names = ("event-send.json", DELIVERY, BOUNCE)
    feed.publish(*(event(send_id, number, name) for number in (1, 2, 3) for name in names))

    answer = call("events", "pull", "--once", "--json")

    assert answer.code == 0
    assert answer.json == {"read": 9, "applied": 9, "duplicate": 0, "ignored": 0, "set_aside": 0}
    assert feed.left == 0
    deliveries = call("deliveries", send_id, "--json").lines
    assert {(row["status"], row["reported"]) for row in deliveries} == {("accepted", "bounced")}
    reasons = {line["reason"] for line in call("suppressions", "list", "--json").lines}
    assert reasons == {"hard_bounce"}


def test_a_worker_fetches_again_after_the_store_was_away_and_keeps_house(
    sqlite_store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On one machine, too: nobody has to run `events pull` beside it."""
    monkeypatch.setattr(attend, "_EVENTS_SECONDS", 0.01)
    rounds, done = iter([StoreAway("away"), None, None]), threading.Semaphore(0)

    def poll() -> None:
        if (error := next(rounds, None)) is not None:
            raise error

    one = replace(
        worker(sqlite_store, Memory()),
        poll_events=poll,
        check_events=done.release,
        keep_house=done.release,
    )
    thread = threading.Thread(target=attend.attend, args=(one,), kwargs=ATTENDED)
    thread.start()

    assert done.acquire(timeout=PATIENCE_SECONDS)
    assert done.acquire(timeout=PATIENCE_SECONDS)
    one.stop.set()
    thread.join()


@pytest.mark.parametrize("feed", [False], ids=["enveloped"], indirect=True)
def test_what_was_applied_and_not_deleted_changes_nothing_when_it_comes_again(
    call: Call, feed: Feed, send_id: str
) -> None:
    texts = [event(send_id, number, BOUNCE) for number in (1, 2, 3)]
    feed.publish(*texts)
    call("events", "pull", "--once")
    before = call("deliveries", send_id, "--json").out

    feed.publish(*texts, *texts)
    answer = call("events", "pull", "--once", "--json")

    assert answer.json == {"read": 6, "applied": 0, "duplicate": 6, "ignored": 0, "set_aside": 0}
    assert call("deliveries", send_id, "--json").out == before


@pytest.mark.parametrize("feed", [True], ids=["raw"], indirect=True)
def test_what_several_processes_fetch_from_one_queue_is_applied_once(
    project: Path, feed: Feed, send_id: str
) -> None:
    texts = [event(send_id, number, name) for number in (1, 2, 3) for name in (DELIVERY, BOUNCE)]
    feed.publish(*texts, *texts, *texts)

    with ThreadPoolExecutor(3) as pool:
        pulls = [pool.submit(fork, project, "events", "pull", "--once", "--json") for _ in range(3)]
        answers = [pull.result() for pull in pulls]

    total: Counter[str] = Counter()
    for answer in answers:
        assert answer.code == 0, answer.err
        total.update(answer.json)
    assert total["applied"] == 6
    assert total["duplicate"] == total["read"] - 6 >= 12  # a queue may hand a message to two
    assert verdicts(project) == {"applied": 6}
    assert feed.left == 0


def test_what_is_no_event_is_set_aside_shown_and_gone_from_the_queue(
    call: Call, aws: Aws, send_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A large message that lies in S3, no JSON, deep JSON, an envelope of another topic."""
    feed = aws.feed(raw=True)
    _set(monkeypatch, {**feed.environment, "NEWSLETTER_EVENTS__TOPIC_ARNS": f'["{feed.topic}"]'})
    pointer = '["software.amazon.payloadoffloading.PayloadS3Pointer", {"s3BucketName": "b"}]'
    foreign = payload("sns-event-bounce-permanent.json")
    for text in (pointer, "hello", "[" * 100_000, foreign, event(send_id)):
        aws.sqs.send_message(QueueUrl=feed.queue, MessageBody=text)

    answer = call("events", "pull", "--once", "--json")

    assert answer.json == {"read": 5, "applied": 1, "duplicate": 0, "ignored": 0, "set_aside": 4}
    assert len(re.findall(r"message \S+: set aside: ", answer.err)) == 4
    assert feed.left == 0
    shown = call("events", "set-aside", "--json").lines
    assert sorted(line["reason"] for line in shown) == [
        "an SNS envelope of a topic that is not in topic_arns",
        "no JSON object",
        "no JSON object",
        "no JSON object",
    ]
    assert pointer in {line["payload"] for line in shown}
    assert "no JSON object: 'hello'" in call("events", "set-aside").out


def test_poison_holds_nothing_up_and_does_not_come_again(
    call: Call, feed: Feed, send_id: str
) -> None:
    poison = ["hello", "{", "[" * 5_000, '{"eventType": "Bounce"}', "\\u0000"]
    feed.publish(*poison, event(send_id, 1), *poison, event(send_id, 2))

    first = call("events", "pull", "--once", "--json").json
    again = call("events", "pull", "--once", "--json").json

    assert (first["read"], first["applied"]) == (12, 2)
    assert first["set_aside"] >= len(poison)  # in envelopes of their own, equal ones differ
    assert (again["read"], feed.left) == (0, 0)


def test_an_envelope_of_our_topic_is_believed(
    call: Call, aws: Aws, send_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    feed = aws.feed(raw=False)
    _set(monkeypatch, {**feed.environment, "NEWSLETTER_EVENTS__TOPIC_ARNS": f'["{feed.topic}"]'})
    feed.publish(event(send_id))

    assert call("events", "pull", "--once", "--json").json["applied"] == 1


def test_what_ses_says_of_its_topic_is_ignored(call: Call, feed: Feed) -> None:
    feed.publish(payload("validated.txt"))

    answer = call("events", "pull", "--once", "--json")

    assert (answer.code, answer.json["ignored"], feed.left) == (0, 1, 0)


# --- what a person has to mend --------------------------------------------------------------------


def test_without_a_queue_it_says_which_setting(call: Call) -> None:
    answer = call("events", "pull", "--json")

    assert (answer.code, answer.error["where"]) == (2, "events.queue_url")


def test_an_unknown_queue_is_a_setting_to_mend(
    call: Call, aws: Aws, monkeypatch: pytest.MonkeyPatch
) -> None:
    feed = aws.feed(raw=True)
    _set(monkeypatch, {**feed.environment, "NEWSLETTER_EVENTS__QUEUE_URL": f"{feed.queue}-not"})

    answer = call("events", "pull", "--json")

    assert (answer.code, answer.error["code"]) == (2, "configuration")
    assert "queue_url" in answer.error["hint"]


def test_missing_credentials_are_told(
    call: Call, aws: Aws, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    _set(monkeypatch, aws.feed(raw=True).environment)
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, str(tmp_path / "none"))

    answer = call("events", "pull", "--json")

    assert answer.code == 2
    assert "AWS_PROFILE" in answer.error["hint"]


def test_a_queue_that_cannot_be_reached_fails_once_and_may_pass(
    call: Call, aws: Aws, monkeypatch: pytest.MonkeyPatch
) -> None:
    environment = aws.feed(raw=True).environment
    _set(monkeypatch, {**environment, "NEWSLETTER_EVENTS__ENDPOINT_URL": "http://127.0.0.1:1"})

    answer = call("events", "pull", "--once", "--json")

    assert (answer.code, answer.error["code"]) == (1, "queue-unreachable")


@pytest.mark.parametrize(
    "reply",
    [breaks_off, says(200, b"<html>Sign in to the network</html>"), says(200, b"")],
    ids=["half", "a-page", "nothing"],
)
def test_what_is_no_answer_of_a_queue_is_not_taken_for_an_empty_one(
    call: Call, aws: Aws, monkeypatch: pytest.MonkeyPatch, reply: Reply
) -> None:
    _set(monkeypatch, aws.feed(raw=True).environment)

    with answering(reply) as port:
        monkeypatch.setenv("NEWSLETTER_EVENTS__ENDPOINT_URL", f"http://127.0.0.1:{port}")
        answer = call("events", "pull", "--once", "--json")

    assert (answer.code, answer.error["code"]) == (1, "queue-unreachable")
    assert "no readable answer" in answer.error["message"]


# --- stopped and killed ---------------------------------------------------------------------------


@pytest.fixture
def queue(monkeypatch: pytest.MonkeyPatch) -> Iterator[QueueStandIn]:
    """A queue that gives again after a second what was not deleted."""
    with running_queue(hidden_seconds=1) as found:
        _set(monkeypatch, found.environment)
        yield found


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_finishes_the_messages_in_hand(
    project: Path, queue: QueueStandIn, send_id: str, number: int
) -> None:
    with TemporaryFile() as out:
        process = Program(project, "events", "pull", "--json", stdout=out.fileno())
        queue.add([event(send_id, 1, BOUNCE)])
        while not verdicts(project):
            assert process.is_alive()
        process.send_signal(number)
        code = process.code
        out.seek(0)
        shown = json.load(out)

    assert code == 0
    assert shown["applied"] == 1
    assert queue.stats()["left"] == 0


def test_kill_9_in_a_burst_loses_nothing(project: Path, queue: QueueStandIn, send_id: str) -> None:
    """Again and again: what was in hand comes again, and is a duplicate if it was committed."""
    clicks = [
        event(send_id, 1 + number % 3, "event-click.json", click__timestamp=_second(number))
        for number in range(800)
    ]
    queue.add(clicks)
    for _ in range(4):
        seen = len(rows(project))
        process = Program(project, "events", "pull")
        # On a quiet machine few pulls take all, and nothing more comes.
        while len(rows(project)) == seen and process.is_alive() and queue.stats()["left"]:
            time.sleep(0.01)
        process.kill()
        process.join()

    answer = _drained(project, queue)

    assert answer.code == 0
    assert verdicts(project) == {"applied": 800}
    assert queue.stats()["left"] == 0


def _second(number: int) -> str:
    return f"2026-01-07T10:{number // 60 % 60:02}:{number % 60:02}.{number // 3600:03}Z"


def _drained(project: Path, queue: QueueStandIn) -> Answer:
    """Pulls until what was hidden by the killed has come again."""
    while True:
        answer = fork(project, "events", "pull", "--once", "--json")
        if answer.code or not queue.stats()["left"]:
            return answer


def test_a_store_that_fails_for_a_while_costs_nothing(
    project: Path, queue: QueueStandIn, send_id: str
) -> None:
    """What could not be applied is not deleted, and comes again."""
    opened = Project.open(project)
    store = open_store(opened.settings.store.url, project)
    stop, notes, total = threading.Event(), list[str](), Applied()
    _execute(store, "ALTER TABLE suppressions RENAME TO away")
    queue.add([event(send_id, 1, BOUNCE)])

    def mend(note: str) -> None:
        notes.append(note)
        if len(notes) == 1:
            _execute(store, "ALTER TABLE away RENAME TO suppressions")

    def clock() -> dt.datetime:
        if total.applied:
            stop.set()
        return utc_now()

    Drain(SqsQueue(opened.settings), store, opened.settings, clock, stop, mend, total, 0).run(
        once=False
    )

    assert notes[0].startswith("the store has other tables")
    assert notes[1:] == ["Events are fetched again."]
    assert queue.stats()["left"] == 0
    assert verdicts(project) == {"applied": 1}
    store.close()


def test_where_more_keeps_coming_a_drain_with_a_limit_ends_all_the_same(
    project: Path, queue: QueueStandIn, send_id: str
) -> None:
    """Who waits for a canary has to look at it, and to renew the lease of the send."""
    opened = Project.open(project)
    store = open_store(opened.settings.store.url, project)
    total, stop, limit = Applied(), threading.Event(), dt.timedelta(seconds=10)
    began, numbers, seconds = utc_now(), iter(range(1, 100)), itertools.count()

    def clock() -> dt.datetime:
        """Put back with each look."""
        return began - dt.timedelta(seconds=next(seconds))

    def passing() -> float:
        """Another three seconds have passed, and another event has come."""
        number = next(numbers)
        queue.add([event(send_id, number, BOUNCE)])
        return 3.0 * number

    queue.add([event(send_id, 99, BOUNCE)])
    given = (SqsQueue(opened.settings), store, opened.settings, clock, stop, print, total)
    Drain(*given, seconds=passing).run(once=True, at_most=limit)

    assert 0 < total.read < 20
    store.close()


def _execute(store: Store, statement: str) -> None:
    with store.write() as connection:
        connection.execute(sa.text(statement))
