"""The model of docs/model keeps its promises, and each guard that it has is needed."""

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[2]
SMALL = (2, 2, (1, 1, 1, 1, 0))  # workers, recipients, faults of each kind


def load() -> ModuleType:
    """The model, which belongs to the documents and to no package."""
    spec = importlib.util.spec_from_file_location("model", ROOT / "docs/model/ledger.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["model"] = module
    spec.loader.exec_module(module)
    return module


MODEL = load()


def test_two_workers_keep_every_promise_and_every_send_can_end() -> None:
    result = MODEL.explore(*SMALL)

    assert result.fault is None
    assert result.states > 1000


@pytest.mark.parametrize("guard", MODEL.GUARDS)
def test_each_guard_is_missed(guard: str) -> None:
    result = MODEL.explore(*SMALL, without=guard)

    assert result.fault is not None
    assert result.trace


def test_the_shortest_way_to_a_broken_promise_is_told() -> None:
    result = MODEL.explore(*SMALL, without="lost-is-unknown")

    assert result.fault == "somebody who was mailed is queued"
    assert result.trace[-2:] == ("worker 0 crashes", "worker 0 is given up")
    assert len(result.trace) == 5


def test_what_the_page_names_exists() -> None:
    page = (ROOT / "docs/model/README.md").read_text("utf-8")
    files = {word for word in page.split("`") if word.endswith(".py") and "/" in word}

    assert files
    assert [name for name in files if not (Path(ROOT) / "newsletter" / name).exists()] == []
