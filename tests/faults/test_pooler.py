"""All works behind a pooler in transaction mode, which keeps nothing between transactions."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
import sqlalchemy as sa

from newsletter.store import open_store
from newsletter.store.engine import driver_connection
from newsletter.store.postgresql import is_pooled
from tests.crash import checker
from tests.crash.checker import Known
from tests.crash.stage import Stage
from tests.faults.conftest import RECIPIENTS
from tests.faults.leaving import click, have_left, leave_paths, serving
from tests.faults.pooler import pooled
from tests.integration.server import Server
from tests.waiting import until

pytestmark = pytest.mark.postgresql


@pytest.fixture(scope="module")
def near(server: Server, stage: Stage) -> Iterator[Stage]:
    """The stage, whose commands share three connections of the server."""
    with pooled(server, connections=3) as url:
        yield stage.by_way_of(url)


def url_of(stage: Stage) -> str:
    return stage.environment["NEWSLETTER_STORE__URL"]


def test_a_pooler_is_recognised_and_each_transaction_has_its_limits(
    near: Stage, stage: Stage
) -> None:
    with closing(open_store(url_of(near), Path())) as store, store.write() as connection:
        limit = connection.execute(sa.text("SHOW lock_timeout")).scalar_one()

        assert is_pooled(connection)
        assert driver_connection(connection).prepare_threshold is None
    with closing(open_store(stage.url, Path())) as store, store.read() as connection:
        assert not is_pooled(connection)
    assert limit == "30s"


def test_three_workers_share_a_send(near: Stage) -> None:
    play = near.new_play()
    assert near.call(*play.next_command("--detach")).code == 0

    commands = [near.start(*play.next_command(), host=f"host-{n}") for n in range(3)]

    assert [command.code for command in commands] == [0, 0, 0], commands[0].said
    assert checker.faults_of_the_end(play.ledger(), play.taken(), Known()) == []
    assert len(play.taken()) == RECIPIENTS


def test_a_worker_sends_what_is_left_to_it(near: Stage) -> None:
    play = near.new_play()
    assert near.call(*play.next_command("--detach")).code == 0
    worker = near.start("worker")

    until(lambda: worker.is_over or play.ledger().status == "finished")
    worker.process.terminate()

    assert worker.code == 0, worker.said
    assert checker.faults_of_the_end(play.ledger(), play.taken(), Known()) == []


def test_imports_follow_each_other_on_the_same_connections(near: Stage) -> None:
    """Each has temporary tables of the same names."""
    for name in ("first", "second", "third", "fourth"):
        done = near.call("subscribers", "import", "readers.csv", "--list", name)

        assert (done.code, done.json["added"]) == (0, RECIPIENTS), done.said
    dry = near.call("subscribers", "import", "readers.csv", "--list", "fifth", "--dry-run")
    assert dry.json["added"] == RECIPIENTS


def test_readers_leave(near: Stage) -> None:
    paths = leave_paths(near, "leaving")

    with serving(near) as url:
        answers = {click(url + path) for path in paths.values()}

    assert answers == {200}
    assert have_left(near, "leaving") == set(paths)


def test_the_store_is_upgraded_and_verified(near: Stage) -> None:
    assert near.call("db", "upgrade").code == 0
    assert near.call("db", "verify").code == 0
