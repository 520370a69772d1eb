"""The benches run, and tell a missed target from a reached one. No test looks at the clock."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.bench import audience, rendering
from tests.bench.__main__ import BENCHES, main, write
from tests.bench.figures import Figure, table
from tests.bench.processes import Measured
from tests.limits import alone


def warm(function: Callable[..., Any], *arguments: object) -> tuple[Any, Measured]:
    """As `apart`, in a process that needs not load what it measures."""
    result = json.dumps(alone(function, *json.loads(json.dumps(arguments))))
    return json.loads(result), Measured(result, 1.0, 1.0, 1.0)


@pytest.mark.pressure
@pytest.mark.parametrize("name", ["render", "startup", "import", "plan"])
def test_a_bench_runs(
    name: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The least is enough to see that it measures something; those that send take longer, and
    `make bench ARGS=--quick` runs them all. Of `apart` a plan is enough to see that it works."""
    assert name in BENCHES
    for bench in (audience, rendering):
        monkeypatch.setattr(bench, "apart", warm)

    main(["--only", name, "--store", "sqlite", "--least"])

    machine, headings, *figures, summary = capsys.readouterr().out.splitlines()
    assert "Python" in machine
    assert headings.startswith("figure")
    assert figures
    assert summary.endswith("missed")


@pytest.mark.parametrize(
    ("figure", "verdict"),
    [
        (Figure("import", (1.0, 2.0, 9.0), "s", at_most=2.0), "ok"),
        (Figure("import", (1.0, 2.0, 9.0), "s", at_most=1.9), "missed"),
        (Figure("send", (1.0, 2.0, 9.0), "people/s", at_least=2.0), "ok"),
        (Figure("send", (1.0, 2.0, 9.0), "people/s", at_least=2.1), "missed"),
        (Figure("compose", (1.0, 2.0, 9.0), "people/s"), ""),
    ],
)
def test_a_figure_beyond_its_target_is_missed(figure: Figure, verdict: str) -> None:
    assert figure.verdict == verdict
    assert figure.cells[3] == verdict


def test_of_long_runs_the_best_counts() -> None:
    """The shortest time, the highest speed."""
    assert Figure("plan", (3.0, 2.0, 4.0), "s", best=True).value == 2.0
    assert Figure("core", (3.0, 2.0, 4.0), "people/s", best=True).value == 4.0


def test_a_document_gets_the_new_table_and_keeps_the_rest(tmp_path: Path) -> None:
    document = tmp_path / "benchmarks.md"
    document.write_text("above\n<!-- figures -->\nold\n<!-- end of figures -->\nbelow\n", "utf-8")

    write(document, table([Figure("plan", (2.0,), "s", at_most=5)]))

    text = document.read_text("utf-8")
    assert "| plan | 2 s | ≤ 5 s | ok | one run |" in text
    assert "old" not in text
    assert text.startswith("above\n<!-- figures -->\n")
    assert text.endswith("<!-- end of figures -->\nbelow\n")
