"""A new newsletter for each test of the command line, and the program to call in it."""

import datetime as dt
import os
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from newsletter.scaffold import start
from tests.integration.aws import Aws, running_aws
from tests.integration.commandline import Call, fork, in_process, write_issue

READERS = "readers"


@pytest.fixture(scope="session")
def new_project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What `init` makes, once for the whole run."""
    folder = tmp_path_factory.mktemp("init") / "letter"
    start(folder, dt.date(2026, 1, 6))
    return folder


@pytest.fixture(scope="session")
def aws() -> Iterator[Aws]:
    """One SQS and SNS for a run."""
    with running_aws() as found:
        yield found


def forget_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave out of the environment what changes the settings of every newsletter."""
    for name in [name for name in os.environ if name.startswith("NEWSLETTER_")]:
        monkeypatch.delenv(name)


@pytest.fixture
def project(new_project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A newsletter of its own with one more issue, `2026-01-07-valley`; the current folder."""
    forget_settings(monkeypatch)
    folder = tmp_path / "letter"
    shutil.copytree(new_project, folder)
    write_issue(folder, "2026-01-07-valley.md")
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def call(project: Path, capsys: pytest.CaptureFixture[str]) -> Call:
    """The program, run in this process in the folder of the newsletter."""
    return in_process(capsys)


@pytest.fixture(scope="session")
def store_of_readers(new_project: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The store of a new newsletter into which its example was imported, once for the whole run."""
    folder = tmp_path_factory.mktemp("readers") / "letter"
    shutil.copytree(new_project, folder)
    with pytest.MonkeyPatch.context() as patch:
        forget_settings(patch)
        done = fork(folder, "subscribers", "import", "subscribers/example.csv", "--list", READERS)
    assert done.code == 0, done.err
    return folder / "subscribers" / "newsletter.db"


@pytest.fixture
def readers(project: Path, store_of_readers: Path) -> str:
    """The name of a list with three people: Ada, Lin and Sam."""
    shutil.copy(store_of_readers, project / "subscribers" / "newsletter.db")
    return READERS


@pytest.fixture
def rows(project: Path) -> Callable[[], list[str]]:
    """All that the store holds, read by SQLite alone: equal before and after, nothing was done."""

    def dump() -> list[str]:
        with closing(sqlite3.connect(project / "subscribers" / "newsletter.db")) as connection:
            return list(connection.iterdump())

    return dump
