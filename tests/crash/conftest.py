"""One stage for the quick tests of a module: ten readers, SES bulk calls of two, SQLite."""

from collections.abc import Iterator

import pytest

from tests.crash.driver import Orders
from tests.crash.stage import Play, Stage, staged


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    folder = tmp_path_factory.mktemp("crash")
    with staged(folder / "stage", "", "bulk", 10, Orders(threads=1, batch_size=2)) as stage:
        yield stage


@pytest.fixture
def play(stage: Stage) -> Iterator[Play]:
    """A send of an issue of its own, in which nothing goes wrong unless the test says so."""
    assert stage.standin is not None
    yield stage.new_play()
    stage.standin.clear()
