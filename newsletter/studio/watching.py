"""Files that change on disk -> events for the pages that are open."""

import asyncio
import logging
import stat
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Iterator
from contextlib import contextmanager, suppress
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
    only: Path | None = None,
    look_milliseconds: int = _LOOK_MILLISECONDS,
    again_seconds: float = _AGAIN_SECONDS,
) -> None:
    """Tell of all changes to a project, and to `only`, an issue that may lie elsewhere, until
    cancelled; `reload` is called where the settings have changed. What fails is begun again."""
    from watchfiles import awatch

    places = _states(watched(project(), only))
    while True:
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
                now = _states(watched(project(), only))
                replaced = {place for place, _ in places.items() ^ now.items()}
                paths = {Path(path) for _, path in raw} | replaced
                if project().root / FILE_NAME in paths:
                    await reload()
                if (change := change_of(paths, project(), only)) is not None:
                    changes.tell(change)
                if replaced:
                    places = now
                    break
        except* (OSError, RuntimeError) as errors:  # a folder was removed, a name is no UTF-8
            _log.warning("watch_again", {"error": _kinds(errors)})
            await asyncio.sleep(again_seconds)
            places = _states(watched(project(), only))
            await reload()
            changes.tell(FileChange(everything=True))


def _kinds(errors: BaseExceptionGroup[Exception]) -> str:
    """What sorts of errors a group has, and nothing of their messages, which may hold anything."""
    return ", ".join(
        _kinds(error) if isinstance(error, BaseExceptionGroup) else type(error).__name__
        for error in errors.exceptions
    )


def watched(project: Project, only: Path | None = None) -> list[Path]:
    """The folders that an issue's look depends on, and files that lie in none of them."""
    root = project.root
    folders = [project.issues, project.templates, root / "pictures"]
    files = [root / FILE_NAME]
    if logo := project.settings.brand.logo:
        file = root / logo
        if file.parent == root:  # in which the outbox and the store change all the time
            files.append(file)
        else:
            folders.append(file.parent)
    if only is not None and only.parent != project.issues:
        files.append(only)
    return [place for place in dict.fromkeys((*files, *folders)) if place.exists()]


def _states(places: list[Path]) -> dict[Path, tuple[int, int]]:
    """What tells each place from another under its name: most editors put a new file in place of
    the old one, which is watched no longer then. A file that was changed is another as well."""
    states = {}
    for place in places:
        with suppress(OSError):  # it was removed at this moment
            state = place.stat()
            is_folder = stat.S_ISDIR(state.st_mode)
            states[place] = (state.st_ino, 0 if is_folder else state.st_mtime_ns)
    return states


def change_of(
    paths: Collection[Path], project: Project, only: Path | None = None
) -> FileChange | None:
    """What a change of some files means; None where no issue looks different."""
    real = [path for path in paths if not _is_passing(path.name)]
    issues = {
        path
        for path in real
        if path == only or (path.parent == project.issues and path.suffix == ".md")
    }
    stems = frozenset(path.stem for path in issues)
    return FileChange(stems, len(issues) < len(set(real))) if real else None


def _is_passing(name: str) -> bool:
    """Whether a file is one that programs make while they write another."""
    return name.endswith(_PARTS) or name.startswith((".", "#")) or name == "4913"  # of Vim
