"""The disk of PostgreSQL is full."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from newsletter.store import upgrade
from tests.crash import checker
from tests.crash.checker import Known
from tests.crash.driver import Orders
from tests.crash.stage import Stage, staged
from tests.integration.server import running
from tests.limits import filled, small_disk
from tests.waiting import until

pytestmark = pytest.mark.postgresql

RECIPIENTS, KILOBYTES = 1_000, 130_000


@pytest.fixture
def disk() -> Iterator[Path]:
    """A small one, which another user may enter: the server runs as one."""
    with tempfile.TemporaryDirectory(prefix="newsletter-disk-") as folder:
        Path(folder).chmod(0o755)
        with small_disk(Path(folder), KILOBYTES):
            yield Path(folder)


@pytest.fixture
def stage(disk: Path, tmp_path: Path) -> Iterator[Stage]:
    with running(tmp_path / "runtime", disk) as server:
        upgrade(server.url(), Path())
        orders = Orders(threads=1)
        with staged(tmp_path / "stage", server.url(), "bulk", RECIPIENTS, orders, 20.0) as stage:
            yield stage


def test_a_full_disk_is_told_and_waited_for(stage: Stage, disk: Path) -> None:
    play = stage.new_play()
    sending = stage.start(*play.next_command())
    until(lambda: bool(play.send_id) and len(play.taken()) > 0)

    with filled(disk):
        importing = stage.call("subscribers", "import", "readers.csv", "--list", "others")
        sending.says("Waiting for it")

    assert sending.code == 0, sending.said
    assert importing.code == 1
    assert importing.json["error"]["code"] == "store-away"
    assert "The disk of the store is full" in sending.said
    assert "The store is back." in sending.said
    assert checker.faults_of_the_end(play.ledger(), play.taken(), Known(put_back=True)) == []
    assert len(play.taken()) == RECIPIENTS
