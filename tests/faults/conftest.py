"""A stage whose PostgreSQL may be stopped, or lie behind a proxy."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from newsletter.store import upgrade
from tests.crash.driver import Orders
from tests.crash.stage import Play, Stage, staged
from tests.integration.server import Server, running
from tests.proxy import Proxy, proxied

RECIPIENTS = 40


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with running(tmp_path_factory.mktemp("runtime")) as started:
        upgrade(started.url(), Path())
        yield started


@pytest.fixture(scope="module")
def stage(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """Real processes, which call the stand-in for SES with two recipients each time."""
    folder = tmp_path_factory.mktemp("faults") / "stage"
    orders = Orders(threads=1, batch_size=2)
    with staged(folder, server.url(), "bulk", RECIPIENTS, orders, latency_ms=10.0) as stage:
        yield stage


@pytest.fixture
def play(stage: Stage) -> Iterator[Play]:
    assert stage.standin is not None
    yield stage.new_play()
    stage.standin.clear()


@pytest.fixture
def proxy(stage: Stage) -> Iterator[Proxy]:
    with proxied(stage.url) as proxy:
        yield proxy
