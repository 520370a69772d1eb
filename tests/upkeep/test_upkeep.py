"""A kill amid backup, restore, upgrade and setup, at every moment: `make kills` plays them all."""

import random
import shutil
import signal
import sqlite3
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

import pyrage
import pytest

from newsletter.store import dumps
from tests import share
from tests.conftest import Databases
from tests.integration.backups import programs
from tests.integration.commandline import Answer, Call, fork, in_folder
from tests.upkeep.calls import follow, moments, needs_ptrace
from tests.upkeep.cases import ISSUE, KEY, Case, cases
from tests.upkeep.place import Place, Rows

__all__ = ["programs"]

pytestmark = needs_ptrace


@dataclass
class Ground:
    """Where a case is played: a place that was prepared once is copied for each kill."""

    case: Case
    prepared: Place
    folder: Path
    call: Call
    monkeypatch: pytest.MonkeyPatch
    before: Rows = field(default_factory=dict)
    after: Rows = field(default_factory=dict)

    @contextmanager
    def copied(self) -> Iterator[Place]:
        project = self.folder / "killed"
        shutil.copytree(self.prepared.project, project)
        if self.prepared.database is None:
            yield replace(self.prepared, project=project, url=f"sqlite:///{project}/{_STORE}")
        else:
            database = Databases(self.prepared.database.folder)
            url = database.made(self.prepared.database.name)
            with self.monkeypatch.context() as patch:
                patch.setenv("NEWSLETTER_STORE__URL", url)
                yield Place(project, url, database)
            database.drop()
        shutil.rmtree(project)

    def run(self, place: Place, number: int = 0) -> Answer:
        """The command, in a process of its own that is killed before a call."""
        how = partial(follow, self.trace, number, with_children=self.case.with_children)
        return fork(place.project, *self.case.arguments, environment=place.environment, first=how)

    def rows(self, place: Place) -> Rows:
        return place.rows(self.folder / "read")

    @property
    def trace(self) -> Path:
        return self.folder / "calls"


_STORE = "subscribers/newsletter.db"


@pytest.fixture
def ground(
    request: pytest.FixtureRequest,
    project: Path,
    call: Call,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Ground]:
    case: Case = request.param
    place = Place(project, f"sqlite:///{project}/{_STORE}", None)
    if case.store == "postgresql":
        request.getfixturevalue("programs")
        database = Databases(request.getfixturevalue("postgresql_folder"))
        place = Place(project, database.made("newsletter_template"), database)
        for path in (project / "subscribers").glob("newsletter.db*"):
            path.unlink()
    with monkeypatch.context() as patch:
        for name, value in place.environment.items():
            patch.setenv(name, value)
        case.prepare(place, call)
    place.quieten()
    yield Ground(case, place, tmp_path, call, monkeypatch)
    if place.database is not None:
        place.database.drop()


@pytest.mark.parametrize(
    "ground",
    [
        pytest.param(
            case,
            id=str(case),
            marks=[pytest.mark.postgresql] if case.store == "postgresql" else [],
        )
        for case in cases()
    ],
    indirect=True,
)
def test_a_kill_at_any_moment_leaves_what_was_there_or_what_was_to_be(ground: Ground) -> None:
    """The store is sound and the former or the new one, nothing half-made is taken for whole, what
    is left is private and goes with the next command, but where backups are kept with the next one
    of them, and the same command comes to its end."""
    started = time.monotonic()
    with ground.copied() as place:
        ground.before = ground.rows(place)
        done = ground.run(place)
        assert done.code == 0, done.err
        every = moments(ground.trace)
        calls = len(ground.trace.read_text("utf-8").splitlines())
        ground.after = ground.rows(place)
    chosen = random.Random(str(ground.case)).sample(every, share.count(len(every)))

    kills, faults = 0, list[str]()
    for moment in sorted(chosen, key=lambda moment: moment.number):
        with ground.copied() as place:
            kills += ground.run(place, moment.number).code == -signal.SIGKILL
            faults += [
                f"{moment.number} {moment.what}: {fault}" for fault in _faults(ground, place)
            ]

    seconds = time.monotonic() - started
    print(
        f"{ground.case!s:<50} {calls:>5} calls {len(every):>4} moments {kills:>4} kills "
        f"{len(faults):>3} faults {seconds:>5.0f} s"
    )
    assert faults == []
    assert kills


def _faults(ground: Ground, place: Place) -> Iterator[str]:
    """What is wrong after a kill, and after what a person does then."""
    call, case = in_folder(ground.call, place.project), ground.case
    if names := place.open_to_others():
        yield f"others can read {names}"
    rows = ground.rows(place)
    if rows not in (ground.before, ground.after):
        yield f"the store is neither: {_differences(ground, rows)}"
    if (place.project / "newsletter.toml").exists():
        verified = call("db", "verify", "--json")
        if rows and verified.code:
            yield f"db verify: {verified.out}"
        if not rows and not (verified.code in (1, 2) and verified.error["hint"]):
            yield f"db verify of no store: {verified.out}"
        if left := place.unfinished(at_the_end=False):
            yield f"left: {left}"
    yield from _faults_of_copies(place)
    again = call(*case.arguments, "--json")
    if again.code not in case.codes or (again.code and not again.error["hint"]):
        yield f"again: {again.out}"
    if (rows := ground.rows(place)) != ground.after:
        yield f"the store is not what it was to be: {_differences(ground, rows)}"
    if left := [*place.unfinished(at_the_end=True), *place.open_to_others()]:
        yield f"left at the end: {left}"
    yield from _faults_of_the_end(case, place, call)


def _differences(ground: Ground, rows: Rows) -> list[str]:
    return [
        f"{name}: {rows.get(name, ())} for {ground.after.get(name, ())}"[:1000]
        for name in sorted({*rows, *ground.after})
        if rows.get(name) != ground.after.get(name)
    ]


def _faults_of_copies(place: Place) -> Iterator[str]:
    """Backups with a backup's name that cannot be restored."""
    copies, opened = place.project / "copies", place.project / "opened"
    for path in sorted(copies.iterdir()) if copies.exists() else ():
        if ".newsletter-part" in path.name:
            continue
        content = path.read_bytes()
        opened.write_bytes(pyrage.decrypt(content, [KEY]) if path.suffix == ".age" else content)
        if not _is_whole(opened):
            yield f"{path.name} is no backup"
        opened.unlink()


def _is_whole(backup: Path) -> bool:
    if backup.read_bytes().startswith(dumps.MAGIC):
        reader = [dumps.find("pg_restore").path, "--file=/dev/null", str(backup)]
        return subprocess.run(reader, check=False).returncode == 0
    try:
        with closing(sqlite3.connect(backup)) as connection:
            return connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    except sqlite3.DatabaseError:
        return False


def _faults_of_the_end(case: Case, place: Place, call: Call) -> Iterator[str]:
    """A store that came back sends nothing before it is adopted, and nobody has a mail twice."""
    order = ("send", ISSUE, "--list", "readers", "--yes", "--json")
    if case.once_adopted:
        refused = call(*order)
        if refused.code != 5 or "restored from a backup" not in refused.error["message"]:
            yield f"it is not known as restored: {refused.out}"
        if (adopted := call("db", "adopt", "--json")).code:
            yield f"db adopt: {adopted.out}"
        sent = call(*order)
        if sent.code != 5 or "already sent" not in sent.error["message"]:
            yield f"it is sent again: {sent.out}"
    if not (place.project / "subscribers" / "secret.key").exists():
        yield "there is no key"
    outbox = [path.name for path in place.project.rglob("outbox/*/*.eml")]
    if len(outbox) != len(set(outbox)):
        yield "somebody has a mail twice"
