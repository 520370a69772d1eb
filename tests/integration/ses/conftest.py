"""One stand-in for the tests of a module, and a store on both databases for each test."""

from collections.abc import Iterator

import pytest

from newsletter.store import Store
from tests.integration.ses.stage import Stage
from tests.standin.client import StandIn, running


@pytest.fixture(autouse=True)
def credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the ordinary chain of AWS finds; the stand-in takes any."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StandIn]:
    log = tmp_path_factory.mktemp("standin") / "log.jsonl"
    with running(log) as standin:
        yield standin


@pytest.fixture
def standin(shared: StandIn) -> Iterator[StandIn]:
    """A stand-in where nothing goes wrong until the test asks for it."""
    yield shared
    shared.clear()
    shared.configure(latency_ms=0)
    shared.account(
        sending_enabled=True,
        enforcement_status="HEALTHY",
        sandbox=False,
        max_24_hour_send=-1.0,
        sent_last_24_hours=0,
        max_send_rate=100_000.0,
    )


@pytest.fixture
def stage(store: Store, standin: StandIn) -> Stage:
    """On both databases: what a test proves is in the ledger as well."""
    return Stage(store, standin)


@pytest.fixture
def quick(sqlite_store: Store, standin: StandIn) -> Stage:
    """On SQLite alone: for the many kinds of one fault, of which one is proved on both."""
    return Stage(sqlite_store, standin)
