"""`newsletter doctor --live` against the stand-in: the whole loop, and each of its links cut."""

import json
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from newsletter.config import REHEARSALS, WebSettings
from tests.integration.commandline import Answer, Call
from tests.standin.client import StandIn, running
from tests.standin.queue import QueueStandIn, running_queue

TOPIC = "arn:aws:sns:us-east-1:123456789012:events"
ALL = ["SEND", "DELIVERY", "BOUNCE", "COMPLAINT"]
Mail = dict[str, Any]
LINES = (
    *("live-send", "live-queue", "live-events", "live-success", "live-bounce", "live-complaint"),
    *("live-suppressed", "live-headers", "live-tags", "live-tracking"),
)


@pytest.fixture(scope="module")
def ses(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StandIn]:
    with running(tmp_path_factory.mktemp("standin") / "log.jsonl") as started:
        yield started


@pytest.fixture(scope="module")
def queue() -> Iterator[QueueStandIn]:
    with running_queue() as started:
        yield started


@dataclass
class Postman:
    """Carries events from the stand-in into the queue, as the topic does; `change` may spoil what
    they say of a mail."""

    ses: StandIn
    queue: QueueStandIn
    topic: str = TOPIC
    change: Callable[[Mail], None] = lambda mail: None
    carried: int = 0
    over: threading.Event = field(default_factory=threading.Event)

    def walk(self) -> None:
        while not self.over.is_set():
            events = self.ses.events()
            bodies = []
            for event in events[self.carried :]:
                self.change(event["mail"])
                envelope = {
                    "Type": "Notification",
                    "TopicArn": self.topic,
                    "Message": json.dumps(event),
                }
                bodies.append(json.dumps(envelope))
            self.queue.add(bodies)
            self.carried = len(events)
            self.over.wait(0.1)


@contextmanager
def carrying(postman: Postman) -> Iterator[None]:
    postman.carried = len(postman.ses.events())
    thread = threading.Thread(target=postman.walk)
    thread.start()
    try:
        yield
    finally:
        postman.over.set()
        thread.join()


@pytest.fixture
def postman(
    project: Path, ses: StandIn, queue: QueueStandIn, monkeypatch: pytest.MonkeyPatch
) -> Postman:
    """The newsletter sends through the stand-in, and all is as it should be."""
    ses.clear()
    ses.account(sending_enabled=True)
    ses.as_configured()
    for name, value in {
        **ses.settings,
        **queue.environment,
        "NEWSLETTER_EVENTS__TOPIC_ARNS": json.dumps([TOPIC]),
        "NEWSLETTER_NEWSLETTER__BASE_URL": "https://news.example.com",
    }.items():
        monkeypatch.setenv(name, value)
    return Postman(ses, queue)


def rehearse(call: Call, wait: int = 60) -> Answer:
    return call("doctor", "--live", "--wait", str(wait), "--only", "machine", "--json")


def verdicts(answer: Answer) -> dict[str, str]:
    live = [one for one in answer.json["checks"] if one["group"] == "live"]
    return {one["check"]: one["verdict"] for one in live}


def cure(answer: Answer, check: str) -> str:
    [text] = [one["cure"] for one in answer.json["checks"] if one["check"] == check]
    return str(text)


def failed(answer: Answer) -> set[str]:
    return {name for name, verdict in verdicts(answer).items() if verdict == "fail"}


def test_the_loop_is_completed_and_leaves_nothing_in_the_way_of_the_next(
    call: Call, postman: Postman
) -> None:
    with carrying(postman):
        first = rehearse(call)
        second = rehearse(call)

    for answer in (first, second):
        assert answer.code == 0, answer.out
        assert tuple(verdicts(answer)) == LINES
        others = {name for name, verdict in verdicts(answer).items() if verdict != "ok"}
        assert others == {"live-tracking"}
    assert call("suppressions", "list", "--json").lines == []
    sends = call("sends", "--json").lines
    assert [(send["list"], send["status"]) for send in sends] == [(REHEARSALS, "finished")] * 2


def test_a_rehearsal_is_no_issue_and_its_list_is_nobody_s(call: Call, postman: Postman) -> None:
    with carrying(postman):
        rehearse(call)

    assert call("archive", "list", "--json").lines == []
    web = WebSettings()
    assert not web.opens(REHEARSALS)
    assert not web.shows(REHEARSALS)


def test_a_report_on_a_rehearsal_is_not_missed(call: Call, project: Path, postman: Postman) -> None:
    """Nobody should get one, so nobody doubts that it was mailed."""
    with carrying(postman):
        rehearse(call)

    with closing(sqlite3.connect(project / "subscribers" / "newsletter.db")) as connection:
        missed = connection.execute("SELECT report_missed FROM sends").fetchall()
    assert missed == [(0,)]


def test_ses_that_refuses_is_told(call: Call, postman: Postman) -> None:
    postman.ses.account(sending_enabled=False)

    answer = rehearse(call)

    assert (answer.code, failed(answer)) == (1, {"live-send"})
    assert cure(answer, "live-send") == "newsletter doctor --only transport"
    [send] = call("sends", "--json").lines
    assert send["status"] == "cancelled"


def test_events_that_never_come_are_told(call: Call, postman: Postman) -> None:
    answer = rehearse(call, wait=1)

    assert failed(answer) == {"live-events"}
    assert "newsletter setup ses" in cure(answer, "live-events")


def test_a_queue_that_is_not_reached_is_told(
    call: Call, postman: Postman, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NEWSLETTER_EVENTS__ENDPOINT_URL", "http://127.0.0.1:1")

    answer = rehearse(call, wait=1)

    assert failed(answer) == {"live-queue"}
    assert "endpoint_url" in cure(answer, "live-queue")


def test_events_of_another_topic_are_told(call: Call, postman: Postman) -> None:
    postman.topic = TOPIC + "-of-others"

    with carrying(postman):
        answer = rehearse(call, wait=2)

    assert failed(answer) == {"live-queue"}
    assert cure(answer, "live-queue") == "newsletter events set-aside"


def test_a_configuration_set_without_bounces_is_told(call: Call, postman: Postman) -> None:
    types = ["SEND", "DELIVERY", "COMPLAINT"]
    postman.ses.preset(
        configuration_sets={
            "newsletter": {"destinations": {"events": {"MatchingEventTypes": types}}}
        }
    )

    with carrying(postman):
        answer = rehearse(call, wait=2)

    assert failed(answer) == {"live-bounce", "live-suppressed"}
    assert cure(answer, "live-bounce") == "newsletter setup ses"


def without_unsubscribe(mail: Mail) -> None:
    mail["headers"] = [one for one in mail["headers"] if one["name"] != "List-Unsubscribe"]


def with_another_link(mail: Mail) -> None:
    for one in mail["headers"]:
        if one["name"] == "List-Unsubscribe":
            one["value"] = "<https://elsewhere.example/u/1>"


@pytest.mark.parametrize("change", [without_unsubscribe, with_another_link])
def test_a_header_that_is_changed_on_its_way_is_told(
    call: Call, postman: Postman, change: Callable[[Mail], None]
) -> None:
    postman.change = change

    with carrying(postman):
        answer = rehearse(call)

    assert failed(answer) == {"live-headers"}
    assert "newsletter test" in cure(answer, "live-headers")


def test_tags_that_are_lost_are_told(call: Call, postman: Postman) -> None:
    postman.change = lambda mail: mail["tags"].clear()

    with carrying(postman):
        answer = rehearse(call)

    assert failed(answer) == {"live-tags"}


def test_somebody_on_the_list_of_rehearsals_is_not_mailed(call: Call, postman: Postman) -> None:
    call("lists", "create", REHEARSALS)
    call("subscribers", "add", "ada@example.com", "--list", REHEARSALS)

    answer = rehearse(call)

    assert failed(answer) == {"live-send"}
    assert call("sends", "--json").lines == []


def test_the_outbox_has_no_simulator(call: Call, project: Path) -> None:
    answer = rehearse(call)

    assert failed(answer) == {"live-send"}
    assert "newsletter test" in cure(answer, "live-send")
