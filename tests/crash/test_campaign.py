"""A hundredth of `make crash`, and the campaign without a guard."""

import functools
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.crash import campaign
from tests.crash.driver import Orders
from tests.crash.guards import GUARDS
from tests.crash.kills import Found, Moments, at_random
from tests.crash.parts import parts, proof
from tests.crash.points import at_every_point
from tests.crash.rivals import race
from tests.crash.stage import Stage, staged


@pytest.fixture
def stage(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Stage]:
    """The test says on which store, of which kind, for how many, and how it is run."""
    store, kind, recipients, orders, latency_ms = request.param
    url = request.getfixturevalue(f"{store}_url")
    with staged(tmp_path / "stage", url, kind, recipients, orders, latency_ms) as stage:
        yield stage


ONE = Orders(threads=1, batch_size=2)
SQLITE = functools.partial(pytest.param, id="sqlite")
POSTGRESQL = functools.partial(pytest.param, id="postgresql", marks=pytest.mark.postgresql)


@pytest.mark.pressure
@pytest.mark.parametrize(
    "stage",
    [
        SQLITE(("sqlite", "bulk", 400, Orders(threads=4), 20.0)),
        POSTGRESQL(("postgresql", "bulk", 400, Orders(threads=4), 20.0)),
        pytest.param(("sqlite", "raw", 100, Orders(threads=1), 10.0), id="raw"),
        pytest.param(("sqlite", "outbox", 1_000, Orders(), 0.0), id="outbox"),
    ],
    indirect=True,
)
def test_a_send_survives_kills_at_random_moments(stage: Stage) -> None:
    found = at_random(stage, Moments(kills=2, seconds=0.1, seed=1))

    assert found.faults == []
    assert found.kills == 2


@pytest.mark.parametrize("stage", [SQLITE(("sqlite", "bulk", 6, ONE, 0.0))], indirect=True)
def test_a_send_survives_a_kill_at_every_point(stage: Stage) -> None:
    """A few of the points; the campaign visits each, on both stores."""
    found = at_every_point(stage, share=0.01, seed=1)

    assert found.faults == []
    assert found.kills >= 2


@pytest.mark.parametrize(
    ("stage", "seed"),
    [
        SQLITE(("sqlite", "bulk", 10, ONE, 100.0), 0),
        POSTGRESQL(("postgresql", "bulk", 10, ONE, 100.0), 4),
    ],
    indirect=["stage"],
)
def test_of_two_sends_at_once_one_sends_and_two_resumes_share_the_rest(
    stage: Stage, seed: int
) -> None:
    """Two sends, two resumes, two machines; the loser of two sends is told who does."""
    found = Found()

    race(stage, 2, seed, found)

    assert found.faults == []
    assert found.refused >= 1  # of two sends, one is always told


@pytest.mark.parametrize(
    ("guard", "fault"),
    [
        ("claim-fence", "claimed by a worker that was given up"),
        ("record-fence", "accepted, and no such mail was taken"),
        ("claim-before-send", "recipients were mailed"),  # more than once, or unknown to the ledger
    ],
)
def test_the_campaign_fails_without_a_guard(
    guard: str, fault: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """The quickest of them; docs/reliability.md has the table of all."""
    code = campaign.main(["--without", guard])

    assert code == 1
    assert fault in capsys.readouterr().out


def test_each_guard_has_a_part_that_must_see_it_missing() -> None:
    groups = {part.group for part in parts()}

    assert all(proof(guard).group in groups for guard in GUARDS)
