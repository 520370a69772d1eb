"""A new newsletter for each test of the command line, and the program to call in it."""

import datetime as dt
import os
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from newsletter.scaffold import start
from tests.integration.commandline import Call, in_process, write_issue


@pytest.fixture(scope="session")
def new_project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What `init` makes, once for the whole run."""
    folder = tmp_path_factory.mktemp("init") / "letter"
    start(folder, dt.date(2026, 1, 6))
    return folder


@pytest.fixture
def project(new_project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A newsletter of its own with one more issue, `2026-01-07-valley`; the current folder."""
    for name in [name for name in os.environ if name.startswith("NEWSLETTER_")]:
        monkeypatch.delenv(name)
    folder = tmp_path / "letter"
    shutil.copytree(new_project, folder)
    write_issue(folder, "2026-01-07-valley.md")
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def call(project: Path, capsys: pytest.CaptureFixture[str]) -> Call:
    """The program, run in this process in the folder of the newsletter."""
    return in_process(capsys)


@pytest.fixture
def readers(call: Call) -> str:
    """The name of a list with three people: Ada, Lin and Sam."""
    assert call("subscribers", "import", "subscribers/example.csv", "--list", "readers").code == 0
    return "readers"


@pytest.fixture
def rows(project: Path) -> Callable[[], list[str]]:
    """All that the store holds, read by SQLite alone: equal before and after, nothing was done."""

    def dump() -> list[str]:
        with closing(sqlite3.connect(project / "subscribers" / "newsletter.db")) as connection:
            return list(connection.iterdump())

    return dump
