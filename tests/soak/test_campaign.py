"""A hundredth of `make soak`, and what a soak has to find."""

import pytest

from tests.soak.campaign import soak, without
from tests.soak.guards import GUARDS

SECONDS = 12.0


@pytest.mark.pressure  # each takes a minute
@pytest.mark.parametrize(
    ("kind", "wrong"),
    [
        ("sqlite", None),
        pytest.param("postgresql", None, marks=pytest.mark.postgresql),
        ("sqlite", "files"),
    ],
)
def test_a_hundredth_of_a_long_life_finds_what_is_wrong_and_nothing_else(
    kind: str, wrong: str | None
) -> None:
    """docs/reliability.md has the table of all that may be wrong."""
    if wrong is not None:
        assert without(GUARDS[wrong], seed=1) > 0
        return

    soaked = soak(kind, SECONDS, seed=1)

    assert soaked.faults == [], soaked.done


def test_each_thing_that_is_made_wrong_stands_once_where_the_list_says() -> None:
    for guard in GUARDS.values():
        guard.check()
