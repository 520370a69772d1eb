"""A hundredth of `make mutants`, and that its list follows the code."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.mutants.guards import ROOT, Mutant, mutants, share_of
from tests.mutants.play import CannotBeTried, survives, verdict_of
from tests.waiting import PATIENCE_SECONDS

GUARD = "def is_allowed(age: int) -> bool:\n    return age >= 18\n"
TESTS = """\
from guard import is_allowed

def test_children_are_refused():
    assert not is_allowed(17)

def test_grown_ups_are_let_in():
    assert is_allowed(30)
"""


def mutant(test: str, text: str = ">= 18", survives: str = "") -> Mutant:
    tests = (f"test_guard.py::{test}",)
    return Mutant("children are refused", "guard.py", text, ">= 0", tests, survives)


CHILDREN, GROWN_UPS = mutant("test_children_are_refused"), mutant("test_grown_ups_are_let_in")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "guard.py").write_text(GUARD)
    (tmp_path / "test_guard.py").write_text(TESTS)
    return tmp_path


def test_each_text_stands_once_where_the_list_says_and_each_test_is_there() -> None:
    for each in mutants():
        assert (ROOT / each.file).read_text("utf-8").count(each.text) == 1, each
        assert each.text != each.mutated
        for test in each.tests:
            path, _, name = test.partition("::")
            assert f"def {name}(" in (ROOT / path).read_text("utf-8"), test


def test_each_mutant_is_code_that_can_run(tmp_path: Path) -> None:
    """Else any test kills it: by an error of Python, not by what the guard is for."""
    for number, each in enumerate(mutants()):
        file = tmp_path / f"mutant_{number}.py"
        file.write_text((ROOT / each.file).read_text("utf-8").replace(each.text, each.mutated))
    command = [
        sys.executable,
        "-m",
        "ruff",
        "check",
        "--isolated",
        "--select",
        "F821",
        str(tmp_path),
    ]

    done = subprocess.run(command, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stdout


def test_each_guard_is_named_once() -> None:
    names = [(each.file, each.guard) for each in mutants()]

    assert len(names) == len(set(names))


def test_a_mutant_is_killed_by_a_test_that_sees_it_and_survives_one_that_does_not(
    folder: Path,
) -> None:
    assert not survives(folder, CHILDREN)
    assert survives(folder, GROWN_UPS)
    assert (folder / "guard.py").read_text() == GUARD


@pytest.mark.parametrize("text", [">= 21", "e"])
def test_a_text_that_is_not_there_once_is_told(folder: Path, text: str) -> None:
    with pytest.raises(ValueError, match="times, not once"):
        survives(folder, mutant("test_children_are_refused", text))

    assert (folder / "guard.py").read_text() == GUARD


def test_a_test_that_is_gone_is_told(folder: Path) -> None:
    with pytest.raises(CannotBeTried, match="not found"):
        survives(folder, mutant("test_that_is_gone"))


def test_a_survivor_needs_a_reason_and_there_may_be_a_tenth_of_them() -> None:
    explained = mutant("test_grown_ups_are_let_in", survives="it does the same")

    assert verdict_of([CHILDREN] * 20, []) == 0
    assert verdict_of([CHILDREN] * 20, [GROWN_UPS]) == 1
    assert verdict_of([CHILDREN] * 20, [explained] * 2) == 0
    assert verdict_of([CHILDREN] * 20, [explained] * 3) == 1
    assert verdict_of([explained], [explained]) == 0


def test_a_share_is_spread_over_the_list() -> None:
    every = [mutant(str(number)) for number in range(40)]

    assert share_of(every, 1) == every
    assert share_of(every, 0.1) == every[::10]
    assert share_of(every, 0.001) == every[:1]


def test_one_of_the_list_is_killed() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.mutants.play"],
        cwd=ROOT,
        env={**os.environ, "SHARE": "0.001"},
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE_SECONDS,
    )

    assert done.returncode == 0, done.stdout + done.stderr
    assert "1 of 1 killed (100%)" in done.stdout
