"""A two-hundredth of `make hostile`, and the campaign without a guard."""

import pytest

from tests.hostile import __main__ as entry
from tests.hostile.campaign import begun, combinations
from tests.hostile.commands import COMMANDS
from tests.hostile.guards import GUARDS
from tests.hostile.surroundings import SURROUNDINGS
from tests.unit.test_docs import TREE


def test_a_part_of_the_campaign_finds_no_fault() -> None:
    pairs = combinations(0.005, seed=1, only="")

    with begun() as campaign:
        played = [campaign.play(*pair) for pair in pairs]

    assert len(played) >= 10
    assert [(one.name, one.faults) for one in played if one.faults] == []


def test_there_are_combinations_enough_for_every_command_and_surrounding() -> None:
    pairs = combinations(1, seed=1, only="")

    assert len(pairs) >= 400
    assert {command.name for _, command in pairs} == {command.name for command in COMMANDS}
    assert {place.name for place, _ in pairs} == {place.name for place in SURROUNDINGS}
    assert len({place.name for place in SURROUNDINGS}) == len(SURROUNDINGS)


def test_every_command_is_played() -> None:
    typed = [f"{command.typed} " for command in COMMANDS]

    assert [name for name in TREE if not any(one.startswith(f"{name} ") for one in typed)] == []


@pytest.mark.pressure
@pytest.mark.parametrize("guard", ["short-writes", "misspelt-settings"])
def test_the_campaign_fails_without_a_guard(guard: str) -> None:
    """The quickest of them; docs/reliability.md has the table of all."""
    assert entry.main(["--without", guard]) == 1


def test_each_guard_is_where_the_list_says_and_has_a_combination_that_sees_it() -> None:
    names = {f"{command.name} · {place.name}" for place in SURROUNDINGS for command in COMMANDS}

    assert {guard.seen for guard in GUARDS.values()} <= names
    assert len(GUARDS) >= 12
    for guard in GUARDS.values():
        guard.check()
