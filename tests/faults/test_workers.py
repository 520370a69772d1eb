"""PostgreSQL restarts under workers that jobs wake."""

import json
import signal
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from tests.crash import checker
from tests.crash.checker import Known
from tests.crash.stage import Command, Play, Stage
from tests.faults.conftest import RECIPIENTS
from tests.integration.server import Server
from tests.waiting import until

pytestmark = pytest.mark.postgresql


@contextmanager
def working(stage: Stage, host: str, *options: str) -> Iterator[Command]:
    """A worker, which has to end well and without a traceback."""
    worker = stage.start("worker", *options, host=host)
    try:
        yield worker
        worker.process.send_signal(signal.SIGTERM)
        assert worker.code == 0, worker.said
        assert "Traceback" not in worker.said
    finally:
        worker.kill()


def is_over(play: Play) -> bool:
    status: str = play.stage.call("status", str(play.send_id)).json["status"]
    return status == "finished"


def ends_well(play: Play) -> None:
    """Nobody is lost, and nobody has it twice."""
    play.stage.quieten()
    ledger, taken = play.ledger(), play.taken()
    assert checker.faults_of_the_end(ledger, taken, Known(put_back=True)) == []
    assert len(taken) == len(ledger.numbers("accepted")) == RECIPIENTS


@pytest.mark.parametrize("stop", [Server.stop, Server.crash], ids=["restart", "crash"])
def test_workers_go_on_with_a_send_when_the_server_is_back(
    server: Server, stage: Stage, play: Play, stop: object
) -> None:
    assert stage.standin is not None
    assert callable(stop)
    stage.standin.configure(latency_ms=50)
    with ExitStack() as stack:
        workers = [stack.enter_context(working(stage, f"host-{n}")) for n in range(2)]
        assert stage.call(*play.next_command("--detach")).code == 0
        until(lambda: len(play.taken()) >= RECIPIENTS // 4)

        stop(server)
        until(lambda: any("Waiting for it" in worker.said for worker in workers))
        server.start()

        until(lambda: is_over(play))

    ends_well(play)


def test_an_idle_worker_says_that_it_is_not_ready_and_takes_jobs_again(
    server: Server, stage: Stage, play: Play, tmp_path: Path
) -> None:
    file = tmp_path / "health"

    def is_ready() -> bool | None:
        """None where it does not live."""
        health = json.loads(file.read_bytes()) if file.exists() else {"live": False}
        return bool(health["ready"]) if health["live"] else None

    with working(stage, "host", "--health", str(file)) as worker:
        until(lambda: is_ready() is True)
        server.stop()
        until(lambda: is_ready() is False)
        until(lambda: "Waiting for it" in worker.said)
        server.start()
        until(lambda: is_ready() is True)
        assert stage.call(*play.next_command("--detach")).code == 0
        until(lambda: is_over(play))

    ends_well(play)
    assert "The store is back." in worker.said
    assert not file.exists()
