"""A little of the campaign's part with many workers."""

from dataclasses import replace

import pytest

from tests.crash.crews import Tolls, share_a_send
from tests.crash.stage import Stage
from tests.integration.server import Server

pytestmark = pytest.mark.postgresql


def test_a_send_survives_the_kill_of_a_worker_that_shares_it(server: Server, stage: Stage) -> None:
    assert stage.standin is not None
    stage.standin.configure(latency_ms=100)

    found = share_a_send(replace(stage, server=server), "many workers", Tolls(1, 0.3, seed=1))

    stage.standin.clear()
    assert found.faults == []
    assert found.kills == 1
