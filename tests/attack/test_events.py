"""Forged notifications, and bursts of events with a process that is killed again and again."""

import random
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from newsletter.project import Project
from newsletter.store import Store, open_store, schema
from tests.integration.commandline import fork, lose, plan_send
from tests.integration.conftest import new_project, project
from tests.integration.feedback.signing import CERTIFICATE_URL, forgeries
from tests.integration.feedback.test_hooks import make_hook, sent
from tests.integration.reporting import BOUNCE, DELIVERY, SOFT, event, logged
from tests.integration.sending import fill_list
from tests.share import count
from tests.standin.queue import QueueStandIn, running_queue
from tests.warm import Program

__all__ = ["new_project", "project"]

PEOPLE = 500


def test_no_forged_notification_is_believed(sqlite_store: Store, tmp_path: Path) -> None:
    """Each is refused, nothing is written, and nothing but SNS's certificate is fetched."""
    hook = make_hook(sqlite_store, tmp_path)
    message = event(sent(sqlite_store), 1, BOUNCE)
    answers: Counter[int] = Counter()

    for content in forgeries(count(10_000), 2026, message):
        answers[hook.post(content).status_code] += 1

    assert set(answers) <= {400, 403}, answers
    assert sum(answers.values()) == count(10_000)
    assert logged(sqlite_store) == []
    assert hook.confirmed == []
    assert set(hook.certificates.fetched) <= {CERTIFICATE_URL}


@pytest.fixture
def send_id(project: Path) -> str:
    """A send to some hundred people, of which nobody knows whether it went out."""
    store = _store(project)
    fill_list(store, PEOPLE)
    store.close()
    planned = plan_send(project, "2026-01-07-valley", "readers")
    lose(project, planned)
    return planned


@pytest.fixture
def queue(monkeypatch: pytest.MonkeyPatch) -> Iterator[QueueStandIn]:
    """A queue that gives again after a second what was not deleted."""
    with running_queue(hidden_seconds=1) as found:
        for name, value in found.environment.items():
            monkeypatch.setenv(name, value)
        yield found


@pytest.mark.parametrize("killed", [False, True], ids=["undisturbed", "killed"])
def test_of_a_burst_no_event_is_lost(
    project: Path, queue: QueueStandIn, send_id: str, killed: bool
) -> None:
    """Deliveries, bounces and clicks, some of them twice, in no order: each is in the log once."""
    size = count(100_000)
    texts = [_text(send_id, number) for number in range(size)]
    texts += texts[: size // 10]
    random.Random(2026).shuffle(texts)
    queue.add(texts)

    for kill in range(max(3, size // 5_000) if killed else 0):
        process = Program(project, "events", "pull")
        before = _applied(project)
        while _applied(project) == before and process.is_alive():
            time.sleep(0.005 + 0.02 * (kill % 5))
        process.kill()
        process.join()
    while queue.stats()["left"]:
        assert fork(project, "events", "pull", "--once").code == 0

    assert _applied(project) == size
    bounced = {number % PEOPLE + 1 for number in range(size) if number % 20 == 0}
    assert _suppressed(project) == {f"r{number}@example.com" for number in bounced}


def _text(send_id: str, number: int) -> str:
    """An event of its own: mostly clicks, so that there can be as many as there have to be."""
    whom = number % PEOPLE + 1
    if number % 20 == 0:
        return event(send_id, whom, BOUNCE, bounce__feedbackId=f"hard-{number}")
    if number % 20 == 1:
        return event(send_id, whom, SOFT, bounce__feedbackId=f"soft-{number}")
    at = f"2026-01-07T{number // 3600 % 24:02}:{number // 60 % 60:02}:{number % 60:02}"
    if number % 20 == 2:
        return event(send_id, whom, DELIVERY, delivery__timestamp=f"{at}.{number // 86400:03}Z")
    return event(send_id, whom, "event-click.json", click__timestamp=f"{at}.{number // 86400:03}Z")


def _store(project: Path) -> Store:
    return open_store(Project.open(project).settings.store.url, project)


def _applied(project: Path) -> int:
    store = _store(project)
    with store.read() as connection:
        query = sa.select(sa.func.count()).where(schema.events.c.verdict == "applied")
        found = connection.execute(query).scalar_one()
    store.close()
    return int(found)


def _suppressed(project: Path) -> set[str]:
    store = _store(project)
    with store.read() as connection:
        query = sa.select(schema.suppressions.c.address).where(
            schema.suppressions.c.reason == "hard_bounce"
        )
        found = set(connection.execute(query).scalars())
    store.close()
    return found
