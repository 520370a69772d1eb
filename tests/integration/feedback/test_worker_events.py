"""Events that a worker on SQLite fetches from SQS while SES, or SQS itself, is dead."""

import select
import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from newsletter.errors import SendingStopped
from newsletter.operations import attend
from newsletter.store import Store
from newsletter.transports.memory import Memory
from tests.integration.aws import Aws, Feed
from tests.integration.commandline import Call, lose, plan_send
from tests.integration.reporting import BOUNCE, event
from tests.integration.sending import worker
from tests.integration.ses.wire import closed_port, through
from tests.standin.client import running
from tests.waiting import PATIENCE_SECONDS, until
from tests.warm import Program

ISSUE = "2026-01-07-valley"


@pytest.fixture
def lost_send(project: Path, readers: str) -> str:
    """A send to three people of which nobody knows whether it went out."""
    send_id = plan_send(project, ISSUE, readers)
    lose(project, send_id)
    return send_id


@pytest.fixture
def due_send(call: Call, project: Path, lost_send: str) -> str:
    """A send to somebody else, which a worker takes up at once: then it asks SES."""
    call("lists", "create", "others")
    call("subscribers", "add", "else@example.org", "--list", "others")
    return plan_send(project, ISSUE, "others")


@dataclass
class Worker:
    """A worker in a process of its own; what it tells people is in `notes`."""

    process: Program
    notes: Path

    def until(self, is_so: Callable[[], bool]) -> None:
        """Wait for something that has to come while it works."""

        def is_so_by_it() -> bool:
            assert self.process.is_alive(), self.notes.read_text("utf-8")
            return is_so()

        until(is_so_by_it)

    def stop(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.process.code


@contextmanager
def a_worker(project: Path, **environment: str) -> Iterator[Worker]:
    notes = project / "worker.log"
    with notes.open("wb") as file:
        process = Program(
            project, "worker", environment=environment, stderr=file.fileno(), first=_fetch_often
        )
    try:
        yield Worker(process, notes)
    finally:
        process.kill()
        process.join()


def _fetch_often() -> None:
    attend._EVENTS_SECONDS = 0.1


@contextmanager
def silence() -> Iterator[socket.socket]:
    """A server to which one can connect, and which never answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server


def url_of(server: socket.socket) -> str:
    return f"http://127.0.0.1:{server.getsockname()[1]}"


def wait_for_connection(server: socket.socket) -> None:
    assert select.select([server], [], [], PATIENCE_SECONDS)[0], "nobody connected"


def connections(server: socket.socket) -> int:
    """How many there have been."""
    server.setblocking(False)
    count = 0
    while True:
        try:
            server.accept()[0].close()
        except BlockingIOError:
            return count
        count += 1


def is_suppressed(call: Call) -> bool:
    return [line["reason"] for line in call("suppressions", "list", "--json").lines] == [
        "hard_bounce"
    ]


@pytest.fixture
def feed(aws: Aws) -> Feed:
    return aws.feed(raw=True)


def test_a_worker_applies_a_bounce_while_it_sends_through_ses(
    call: Call, project: Path, feed: Feed, lost_send: str, due_send: str, tmp_path: Path
) -> None:
    with (
        running(tmp_path / "log.jsonl") as ses,
        a_worker(project, **{**feed.environment, **through(ses.url)}) as worker,
    ):
        feed.publish(event(lost_send, 1, BOUNCE))
        worker.until(lambda: is_suppressed(call))
        worker.until(lambda: call("status", due_send, "--json").json["status"] == "finished")

        assert worker.stop() == 0

    reported = {row["reported"] for row in call("deliveries", lost_send, "--json").lines}
    assert reported == {"bounced", None}
    assert feed.left == 0


def test_where_ses_refuses_connections_a_worker_goes_on_fetching(
    call: Call, project: Path, feed: Feed, lost_send: str, due_send: str
) -> None:
    """It does not end with the send that it cannot take up, which waits."""
    with (
        closed_port() as port,
        a_worker(project, **{**feed.environment, **through(f"http://127.0.0.1:{port}")}) as worker,
    ):
        worker.until(lambda: "No send is taken up: SES does not" in worker.notes.read_text("utf-8"))
        feed.publish(event(lost_send, 1, BOUNCE))
        worker.until(lambda: is_suppressed(call))

        assert worker.stop() in (0, 130)  # it waits, or begins to ask once more

    assert call("status", due_send, "--json").json["queued"] == 1


def test_an_account_that_nobody_tells_of_is_told_once_until_it_is(sqlite_store: Store) -> None:
    """It is asked every few seconds, for as long as that takes."""
    notes: list[str] = []
    asking = replace(worker(sqlite_store, Memory()), notify=notes.append)
    asking.stop.set()  # it waits for nothing

    for is_told in (False, False, False, True, False):
        with attend.waiting_for_account(asking):
            if not is_told:
                raise SendingStopped("SES does not answer")

    assert notes == ["No send is taken up: SES does not answer; trying again every 10 seconds"] * 2


def test_where_ses_never_answers_a_worker_goes_on_fetching(
    call: Call, project: Path, feed: Feed, lost_send: str, due_send: str
) -> None:
    with silence() as ses, a_worker(project, **{**feed.environment, **through(url_of(ses))}) as it:
        wait_for_connection(ses)
        feed.publish(event(lost_send, 1, BOUNCE))
        it.until(lambda: is_suppressed(call))

        ses.close()  # or what it asks for would take a minute
        assert it.stop() in (0, 130)

    assert call("status", due_send, "--json").json["queued"] == 1


def test_a_queue_that_never_answers_does_not_hold_up_the_end_of_a_worker(
    project: Path, feed: Feed, readers: str
) -> None:
    """The call to it is left alone before it is made a second time."""
    with silence() as sqs:
        queue = {"NEWSLETTER_EVENTS__ENDPOINT_URL": url_of(sqs)}
        with a_worker(project, **{**feed.environment, **queue}) as worker:
            wait_for_connection(sqs)

            assert worker.stop() == 0

        assert connections(sqs) == 1
