"""What a change on disk means for the pages that are open."""

import asyncio
import datetime as dt

import pytest

from newsletter.project import Project
from newsletter.scaffold import start
from newsletter.studio.watching import Changes, FileChange, change_of, watched


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
        (["issues/a.md.part"], None),
        (["issues/.a.md.swp", "issues/a.md~"], None),
    ],
)
def test_an_issues_own_file_changes_that_issue_and_any_other_all(
    project: Project, paths: list[str], change: FileChange | None
) -> None:
    assert change_of([project.root / path for path in paths], project) == change


def test_neither_the_store_nor_the_outbox_is_watched(project: Project) -> None:
    (project.root / "outbox").mkdir()
    (project.root / "templates").mkdir(exist_ok=True)

    names = [path.name for path in watched(project)]

    assert names == ["newsletter.toml", "issues", "templates"]


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
