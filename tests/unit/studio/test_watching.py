"""What a change on disk means for the pages that are open."""

import asyncio
import datetime as dt
import os
from pathlib import Path

import pytest

from newsletter.project import Project
from newsletter.scaffold import start
from newsletter.studio.watching import Changes, FileChange, change_of, watch, watched
from tests.waiting import PATIENCE_SECONDS


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    folder = tmp_path_factory.mktemp("letters") / "letters"
    start(folder, dt.date(2026, 1, 6))
    return Project.open(folder)


@pytest.mark.parametrize(
    ("paths", "change"),
    [
        (["issues/a.md"], FileChange(frozenset({"a"}))),
        (["issues/a.md", "issues/b.md"], FileChange(frozenset({"a", "b"}))),
        (["issues/pictures/a.png"], FileChange(everything=True)),
        (["templates/digest/style.css"], FileChange(everything=True)),
        (["newsletter.toml"], FileChange(everything=True)),
        (["issues/a.md", "issues/pictures/a.md"], FileChange(frozenset({"a"}), True)),
        (["issues/.a.md.newsletter-part", "issues/a.md.part"], None),
        (["issues/.a.md.swp", "issues/a.md~", "issues/4913", "issues/.#a.md"], None),
        (["../elsewhere.md"], FileChange(frozenset({"elsewhere"}))),
    ],
)
def test_an_issues_own_file_changes_that_issue_and_any_other_all(
    project: Project, paths: list[str], change: FileChange | None
) -> None:
    only = project.root / "../elsewhere.md"

    assert change_of([project.root / path for path in paths], project, only) == change


def test_neither_the_store_nor_the_outbox_is_watched(project: Project) -> None:
    (project.root / "outbox").mkdir()
    (project.root / "templates").mkdir(exist_ok=True)

    names = [path.name for path in watched(project)]

    assert names == ["newsletter.toml", "issues", "templates"]


def test_what_changes_on_disk_is_heard_in_folders_that_came_later_too(tmp_path: Path) -> None:
    start(tmp_path / "letters", dt.date(2026, 1, 6))
    project = Project.open(tmp_path / "letters")
    reloaded: list[bool] = []

    async def reload() -> None:
        reloaded.append(True)

    async def play() -> list[FileChange | None]:
        changes = Changes()
        heard = changes.heard()
        watching = asyncio.create_task(watch(lambda: project, changes, reload, None, 20))
        told = []
        for name, text in (
            ("issues/a.md", "# A"),
            ("templates/digest/style.css", ""),
            ("templates/digest/style.css", "p {}"),
            ("newsletter.toml", (project.root / "newsletter.toml").read_text() + "\n"),
        ):
            next_one = asyncio.ensure_future(anext(heard))
            while not next_one.done():  # until the folder is watched
                (project.root / name).parent.mkdir(parents=True, exist_ok=True)
                (project.root / name).write_text(text)
                await asyncio.wait([next_one], timeout=0.05)
            told.append(await next_one)
        watching.cancel()
        return told

    assert asyncio.run(play())[0] == FileChange(frozenset({"a"}))
    assert reloaded


def test_settings_and_an_issue_elsewhere_are_followed_however_they_are_saved(
    tmp_path: Path,
) -> None:
    """Most editors put a new file in place of the old one, and git takes the old one away first."""
    start(tmp_path / "letters", dt.date(2026, 1, 6))
    project = Project.open(tmp_path / "letters")
    settings, only = project.root / "newsletter.toml", tmp_path / "a.md"
    only.write_text("# A")
    reloaded: list[bool] = []

    async def reload() -> None:
        reloaded.append(settings.exists())

    def put(file: Path) -> None:
        part = file.with_suffix(".new")
        part.write_bytes(file.read_bytes() if file.exists() else kept)
        part.replace(file)

    async def play() -> list[FileChange | None]:
        changes = Changes()
        heard = changes.heard()
        watching = asyncio.create_task(watch(lambda: project, changes, reload, only, 20))
        told = []
        for step in (put, put, Path.unlink, put):
            for file in (settings, only):
                next_one = asyncio.ensure_future(anext(heard))
                await asyncio.sleep(0)
                step(file)
                told.append(await asyncio.wait_for(next_one, PATIENCE_SECONDS))
        watching.cancel()
        return told

    kept = settings.read_bytes()
    told = asyncio.run(play())

    assert told == 4 * [FileChange(everything=True), FileChange(frozenset({"a"}))]
    assert reloaded == [True, True, False, True]


def test_files_are_watched_though_one_has_a_name_that_is_no_text(tmp_path: Path) -> None:
    start(tmp_path / "letters", dt.date(2026, 1, 6))
    project = Project.open(tmp_path / "letters")

    async def reload() -> None:
        return None

    async def play() -> list[FileChange | None]:
        changes = Changes()
        heard = changes.heard()
        watching = asyncio.create_task(
            watch(lambda: project, changes, reload, None, 20, again_seconds=0)
        )
        told = []
        for name in (b"\xff.md", b"a.md"):
            next_one = asyncio.ensure_future(anext(heard))
            while not next_one.done() and not watching.done():  # until the folder is watched
                file = os.fsencode(project.issues) + b"/" + name
                Path(os.fsdecode(file)).write_text("# A")
                await asyncio.wait([next_one], timeout=0.05)
                Path(os.fsdecode(file)).unlink()
            assert not watching.done()
            told.append(await next_one)
        watching.cancel()
        return told

    assert FileChange(everything=True) in asyncio.run(play())


def test_several_changes_at_once_are_one_and_the_end_lets_go() -> None:
    async def listen() -> list[FileChange | None]:
        changes = Changes()
        heard = changes.heard()
        first = asyncio.ensure_future(anext(heard))
        await asyncio.sleep(0)
        changes.tell(FileChange(frozenset({"a"})))
        changes.tell(FileChange(everything=True))
        got = [await first]
        last = asyncio.ensure_future(anext(heard, None))
        await asyncio.sleep(0)
        changes.end()
        return [*got, await last]

    assert asyncio.run(listen()) == [FileChange(frozenset({"a"}), True), None]
