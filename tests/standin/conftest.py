"""One stand-in for the quick tests of a module; those that change it start their own."""

from collections.abc import Iterator

import pytest
from mypy_boto3_sesv2 import SESV2Client

from tests.standin.asking import client_of
from tests.standin.client import StandIn, running


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StandIn]:
    log = tmp_path_factory.mktemp("standin") / "log.jsonl"
    with running(log, keep_content=True) as standin:
        yield standin


@pytest.fixture
def standin(shared: StandIn) -> Iterator[StandIn]:
    """A stand-in where nothing goes wrong until the test asks for it."""
    yield shared
    shared.clear()


@pytest.fixture(scope="module")
def ses(shared: StandIn) -> SESV2Client:
    return client_of(shared.url)
