"""PostgreSQL stops, or crashes, and starts again while real processes use it."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait

import pytest

from tests.crash import checker
from tests.crash.checker import Known
from tests.crash.stage import Command, Play, Stage
from tests.faults.conftest import RECIPIENTS
from tests.faults.leaving import click, have_left, leave_paths, serving
from tests.integration.server import Server
from tests.waiting import until

pytestmark = pytest.mark.postgresql

Stop = Callable[[Server], None]


def ends_well(play: Play, commands: list[Command]) -> None:
    """Nobody is lost, nobody has it twice, and all commands end with a clear word."""
    assert [command.code for command in commands] == [0] * len(commands), commands[0].said
    play.stage.quieten()
    ledger, taken = play.ledger(), play.taken()
    assert checker.faults_of_the_end(ledger, taken, Known(put_back=True)) == []
    assert len(taken) == len(ledger.numbers("accepted")) == RECIPIENTS
    assert all("Traceback" not in command.said for command in commands)


@pytest.mark.parametrize(
    ("workers", "stop"), [(1, Server.stop), (3, Server.crash)], ids=["restart", "crash"]
)
def test_a_server_that_restarts_amid_a_send_costs_nobody_their_mail(
    server: Server, stage: Stage, play: Play, stop: Stop, workers: int
) -> None:
    assert stage.standin is not None
    stage.standin.configure(latency_ms=50)
    planned = stage.call(*play.next_command("--detach"))
    assert planned.code == 0, planned.said
    commands = [stage.start(*play.next_command(), host=f"host-{n}") for n in range(workers)]
    until(lambda: len(play.taken()) >= RECIPIENTS // 4)

    stop(server)
    until(lambda: any("Waiting for it" in command.said for command in commands))
    server.start()

    ends_well(play, commands)
    assert any("The store is back." in command.said for command in commands)


def test_a_worker_that_starts_while_the_server_is_down_says_so_and_ends(
    server: Server, stage: Stage, play: Play
) -> None:
    server.crash()
    worker = stage.start("worker")
    code = worker.code
    server.start()

    assert code == 1
    assert worker.json["error"]["code"] == "store-away"
    assert "nobody listens at 127.0.0.1" in worker.json["error"]["message"]


def test_a_click_during_a_crash_of_the_server_is_kept_or_not_confirmed(
    server: Server, stage: Stage
) -> None:
    paths = leave_paths(stage, "clicks")
    answers: dict[int, int] = {}

    with serving(stage) as url:

        def leave(reader: int) -> None:
            answers[reader] = click(url + paths[reader])

        with ThreadPoolExecutor(4) as pool:
            clicks = [pool.submit(leave, reader) for reader in paths]
            until(lambda: len(answers) >= 3)
            server.crash()
            server.start()
            wait(clicks)
        first, kept = dict(answers), have_left(stage, "clicks")
        for reader in paths:
            leave(reader)

    assert set(first.values()) <= {200, 503}
    assert {reader for reader, code in first.items() if code == 200} <= kept
    assert set(answers.values()) == {200}
    assert have_left(stage, "clicks") == set(paths)
