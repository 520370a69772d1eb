"""Files that change on disk -> events for the pages that are open."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from newsletter.config import FILE_NAME
from newsletter.project import Project

_QUIET_MILLISECONDS = 10  # a save is over when nothing has changed for so long
_GATHERED_MILLISECONDS = 100  # at most, before what has changed is told
_LOOK_MILLISECONDS = 2000  # between two looks at which folders there are
_AGAIN_SECONDS = 5.0
_AWAKE_SECONDS = 15.0
_PARTS = (".part", ".swp", ".tmp", "~")  # of files that are being written

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class FileChange:
    """`stems` are the issues whose own files changed; `everything` where all may look different."""

    stems: frozenset[str] = frozenset()
    everything: bool = False

    def and_then(self, other: "FileChange") -> "FileChange":
        return FileChange(self.stems | other.stems, self.everything or other.everything)


@dataclass(slots=True)
class Changes:
    """What has changed, for each page that listens. It belongs to one event loop."""

    _listeners: set["asyncio.Queue[FileChange | None]"] = field(default_factory=set)
    is_over: bool = False

    def tell(self, change: FileChange) -> None:
        for queue in self._listeners:
            queue.put_nowait(change)

    def end(self) -> None:
        """Let all pages go, so that the server can end."""
        self.is_over = True
        for queue in self._listeners:
            queue.put_nowait(None)

    async def heard(self) -> AsyncIterator[FileChange | None]:
        """Each change from now on, several at once as one; None now and then where there is none,
        so that a page that has gone is noticed."""
        with self._listening() as queue:
            while not self.is_over:
                try:
                    change = await asyncio.wait_for(queue.get(), _AWAKE_SECONDS)
                except TimeoutError:
                    yield None
                    continue
                while change is not None and not queue.empty():
                    another = queue.get_nowait()
                    change = None if another is None else change.and_then(another)
                if change is None:
                    return
                yield change

    @contextmanager
    def _listening(self) -> Iterator["asyncio.Queue[FileChange | None]"]:
        queue: asyncio.Queue[FileChange | None] = asyncio.Queue()
        self._listeners.add(queue)
        try:
            yield queue
        finally:
            self._listeners.discard(queue)


async def watch(
    project: Callable[[], Project],
    changes: Changes,
    reload: Callable[[], Awaitable[None]],
    look_milliseconds: int = _LOOK_MILLISECONDS,
) -> None:
    """Tell of all changes to a project, until cancelled; `reload` is called where its settings have
    changed. What fails is begun again."""
    from watchfiles import awatch

    while True:
        places = watched(project())
        try:
            async for raw in awatch(
                *places,
                watch_filter=None,
                debounce=_GATHERED_MILLISECONDS,
                step=_QUIET_MILLISECONDS,
                rust_timeout=look_milliseconds,
                yield_on_timeout=True,
                ignore_permission_denied=True,
            ):
                paths = [Path(path) for _, path in raw]
                if project().root / FILE_NAME in paths:
                    await reload()
                if (change := change_of(paths, project())) is not None:
                    changes.tell(change)
                if watched(project()) != places:  # a folder has come or gone
                    changes.tell(FileChange(everything=True))
                    break
        except (OSError, RuntimeError) as error:  # as where a folder was removed
            _log.warning("The files cannot be watched: %s", type(error).__name__)
            await asyncio.sleep(_AGAIN_SECONDS)


def watched(project: Project) -> list[Path]:
    """The folders that an issue's look depends on, and the settings."""
    root = project.root
    folders = [project.issues, project.templates, root / "pictures"]
    if logo := project.settings.brand.logo:
        folders.append((root / logo).parent)
    return [root / FILE_NAME, *dict.fromkeys(f for f in folders if f.is_dir() and f != root)]


def change_of(paths: list[Path], project: Project) -> FileChange | None:
    """What a change of some files means; None where no issue looks different."""
    real = [path for path in paths if not path.name.endswith(_PARTS)]
    stems = {path.stem for path in real if path.parent == project.issues and path.suffix == ".md"}
    others = [path for path in real if path.stem not in stems or path.parent != project.issues]
    return FileChange(frozenset(stems), bool(others)) if real else None
