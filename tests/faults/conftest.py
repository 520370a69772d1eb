"""A stage whose PostgreSQL may be stopped, or lie behind a proxy."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from newsletter.store import upgrade
from tests.crash.driver import Orders
from tests.crash.stage import Play, Stage, staged
from tests.integration.server import DATABASE, USER, Server, running
from tests.proxy import Proxy, proxied

RECIPIENTS = 40
_UPGRADED = "upgraded"


@pytest.fixture(scope="session")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The server of all modules, which takes longer to make than a database of it."""
    with running(tmp_path_factory.mktemp("runtime")) as started:
        upgrade(started.url(), Path())
        started.execute(f"ALTER DATABASE {DATABASE} RENAME TO {_UPGRADED}")
        yield started


@pytest.fixture(scope="module")
def server(machine: Server) -> Iterator[Server]:
    """With a new, upgraded database for the tests of a module."""
    machine.execute(f"CREATE DATABASE {DATABASE} TEMPLATE {_UPGRADED} OWNER {USER}")
    yield machine
    machine.execute(f"DROP DATABASE {DATABASE} WITH (FORCE)")


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
