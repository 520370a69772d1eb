"""A network between workers and PostgreSQL that breaks, or drags."""

import pytest

from tests.crash import checker
from tests.crash.checker import Known
from tests.crash.stage import Play, Stage
from tests.faults.conftest import RECIPIENTS
from tests.proxy import Proxy
from tests.waiting import until

pytestmark = pytest.mark.postgresql


def test_connections_that_are_reset_amid_a_send_are_made_anew(
    stage: Stage, play: Play, proxy: Proxy
) -> None:
    assert stage.standin is not None
    stage.standin.configure(latency_ms=50)
    sending = stage.by_way_of(proxy.url).start(*play.next_command())

    ended = []
    for mailed in (2, 12, 22):
        until(lambda mailed=mailed: len(play.taken()) >= mailed)  # type: ignore[misc]
        ended.append(proxy.reset())

    assert min(ended) > 0
    assert sending.code == 0, sending.said
    assert "Traceback" not in sending.said
    assert checker.faults_of_the_end(play.ledger(), play.taken(), Known(put_back=True)) == []
    assert len(play.taken()) == RECIPIENTS


def test_workers_whose_network_drags_share_a_send(stage: Stage, play: Play, proxy: Proxy) -> None:
    assert stage.call(*play.next_command("--detach")).code == 0
    proxy.stall(0.005)
    far, near = stage.by_way_of(proxy.url), stage

    commands = [each.start(*play.next_command(), host=f"host-{id(each)}") for each in (far, near)]

    assert [command.code for command in commands] == [0, 0], commands[0].said
    assert checker.faults_of_the_end(play.ledger(), play.taken(), Known()) == []
    assert len(play.taken()) == RECIPIENTS
