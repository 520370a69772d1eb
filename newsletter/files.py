"""Files that are whole or not there, and locks that are not waited for in silence.

A file is written beside its place, all of it, flushed to the disk, and only then put under its
name. What holds people's data is `private`: for its owner alone, whatever the umask says.
"""

import errno
import fcntl
import hashlib
import logging
import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from newsletter.errors import NewsletterError

# Never into what another put there, be it a file or a link that leads elsewhere.
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
_TOO_MANY_OPEN = (errno.EMFILE, errno.ENFILE)
_NO_HARD_LINKS = (errno.EPERM, errno.EOPNOTSUPP)
_PART = ".part"
_NAME_BYTES = 255  # the most that a file's name has on the file systems in use
_LOCK_POLL_SECONDS = 0.05

_log = logging.getLogger(__name__)


def write_whole(path: Path, content: bytes, *, private: bool = False) -> None:
    """Write a file so that a crash leaves either all of it or nothing, and it survives one.

    What stands under that name is replaced; a link is not followed. Raises OSError, and leaves
    nothing then.
    """
    _, error = write_together([(path, content)], private=private)
    if error is not None:
        raise error


def write_new(path: Path, content: bytes, *, private: bool = False) -> None:
    """As `write_whole`, but raises FileExistsError where there is anything under that name."""
    _, error = _write_at_once([(path, content)], private, _put_in_a_free_place)
    if error is not None:
        raise error


def write_together(
    files: Sequence[tuple[Path, bytes]], *, private: bool = False
) -> tuple[int, OSError | None]:
    """Write files of one folder as `write_whole` does, waiting for the disk once for all of them.

    Returns how many are there, from the first on, and what stopped the others. Where fewer may be
    open at once than there are, they are written in several goes.
    """
    written = 0
    while written < len(files):
        count, stopped = _write_at_once(files[written:], private, os.replace)
        written += count
        if stopped is not None and not (count and stopped.errno in _TOO_MANY_OPEN):
            return written, stopped
    return written, None


def part_of(path: Path) -> Path:
    """Where a file is while it is written; what is there otherwise was left by a kill."""
    name = path.name + _PART
    if len(os.fsencode(name)) > _NAME_BYTES:
        name = hashlib.sha256(os.fsencode(name)).hexdigest() + _PART
    return path.with_name(name)


def in_the_way(path: Path) -> Path | None:
    """The nearest existing folder above a path, where nothing can be written into it; None where
    that can be done."""
    folder = next(folder for folder in path.parents if folder.exists())
    is_open = folder.is_dir() and os.access(folder, os.W_OK | os.X_OK)
    return None if is_open else folder


def version_of(path: Path) -> tuple[int, int]:
    """What differs once a file has changed. Raises OSError."""
    state = path.stat()
    return state.st_mtime_ns, state.st_size


def leads_out(path: Path, root: Path) -> bool:
    """Whether a file below a folder is a link that leads out of it.

    Whoever gives us a folder, as in a pull request, could have any file of this machine read.
    """
    lies_below = Path(os.path.abspath(path)).is_relative_to(root)
    return lies_below and not path.resolve().is_relative_to(root.resolve())


@contextmanager
def held_part(path: Path) -> Iterator[Path]:
    """An empty private file for what is written beside its place, of this process alone until the
    end; then it is gone, unless it was put in place.

    One that a kill left is deleted before, but not that of a process that lives: then it raises
    FileExistsError. Raises OSError.
    """
    part = part_of(path)
    with ExitStack() as opened:
        remove_abandoned(part)
        handle = _held_anew(opened, part)
        try:
            yield part
        finally:
            with suppress(OSError):
                if _is_at(part, handle):
                    part.unlink()


def _held_anew(opened: ExitStack, part: Path) -> int:
    """Make a part that nobody else can hold. Raises FileExistsError where another process does."""
    while True:
        handle = _opened(opened, part, _NEW, 0o600)
        fcntl.flock(handle, fcntl.LOCK_EX)  # whoever has it took the part for abandoned
        if _is_at(part, handle):
            return handle


def remove_abandoned(part: Path, *beside: Path) -> None:
    """Delete a `held_part` that a kill left, with what was written beside it; not that of a process
    that lives. Raises OSError."""
    with ExitStack() as opened:
        try:
            handle = _opened(opened, part, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        except FileNotFoundError:
            return
        if not (_locked(handle) and _is_at(part, handle)):
            return
        for path in (*beside, part):  # itself last: without it nobody looks for the others
            path.unlink(missing_ok=True)


def put_in_place(part: Path, path: Path) -> None:
    """Give a finished file its name once it is on the disk, for what was not written here."""
    _put(part, path, os.replace)


def put_in_free_place(part: Path, path: Path) -> None:
    """As `put_in_place`, but raises FileExistsError where there is anything under that name."""
    _put(part, path, _put_in_a_free_place)


def _put(part: Path, path: Path, put: Callable[[Path, Path], None]) -> None:
    with ExitStack() as opened:
        os.fsync(_opened(opened, part, os.O_RDONLY))
        put(part, path)
        _flush_names(_opened(opened, path.parent, os.O_RDONLY))


def make_folder(folder: Path, *, private: bool = False) -> None:
    """Make a folder and those above it that are missing; one that is there keeps its mode."""
    mode = 0o700 if private else 0o777
    try:
        folder.mkdir(mode)
    except FileNotFoundError:
        make_folder(folder.parent, private=private)
        folder.mkdir(mode)
    except FileExistsError:
        if not folder.is_dir():
            raise
        return
    with ExitStack() as opened:
        _flush_names(_opened(opened, folder.parent, os.O_RDONLY))


@contextmanager
def folder_lock(
    folder: Path, *, tells_after: float = 2, gives_up_after: float = 30
) -> Iterator[None]:
    """Keep other processes out that hold the same folder; times are in seconds.

    Anybody who may read the folder can hold it, so the wait is limited, and not silent.
    Raises NewsletterError.
    """
    with ExitStack() as opened:
        handle = _opened(opened, folder, os.O_RDONLY)
        began, is_told = time.monotonic(), False
        while not _locked(handle):
            waited = time.monotonic() - began
            if waited >= gives_up_after:
                raise NewsletterError(
                    f"another process has kept this folder locked for {waited:.0f} seconds",
                    where=str(folder),
                    hint="See which one (fuser or lsof with the folder's name) and stop it, then "
                    "run this again.",
                )
            if waited >= tells_after and not is_told:
                _log.warning("wait", {"for": "another process", "locked": folder})
                is_told = True
            time.sleep(_LOCK_POLL_SECONDS)
        yield


def _locked(handle: int) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _write_at_once(
    files: Sequence[tuple[Path, bytes]], private: bool, put: Callable[[Path, Path], None]
) -> tuple[int, OSError | None]:
    mode = 0o600 if private else 0o666
    parts = [part_of(path) for path, _ in files]
    there, stopped = 0, None
    try:
        with ExitStack() as opened:
            folder = _opened(opened, parts[0].parent, os.O_RDONLY)
            handles: list[int] = []
            for part, (_, content) in zip(parts, files, strict=True):
                try:
                    part.unlink(missing_ok=True)  # of a write that was killed
                    handle = _opened(opened, part, _NEW, mode)
                    _write_all(handle, content)
                except OSError as error:
                    error.filename = error.filename or str(part)  # a write does not know it
                    stopped = error
                    break
                handles.append(handle)
            for part, (path, _), handle in zip(parts, files, handles, strict=False):
                os.fsync(handle)
                _must_be(part, handle)
                put(part, path)
                there += 1
            _flush_names(folder)
    except OSError as error:
        stopped = error
    for part in parts[there:]:
        with suppress(OSError):
            part.unlink(missing_ok=True)
    return there, stopped


def _opened(opened: ExitStack, path: Path, flags: int, mode: int = 0) -> int:
    handle = os.open(path, flags, mode)
    opened.callback(os.close, handle)
    return handle


def _write_all(handle: int, content: bytes) -> None:
    """A single write may take less than it is given, as on a full disk, without an error."""
    rest = memoryview(content)
    while rest:
        rest = rest[os.write(handle, rest) :]


def _is_at(part: Path, handle: int) -> bool:
    """Whether an open file still has this name."""
    try:
        return os.path.samestat(os.fstat(handle), part.lstat())
    except FileNotFoundError:
        return False


def _must_be(part: Path, handle: int) -> None:
    """Raises FileExistsError where another process writes the same file at this moment."""
    if not _is_at(part, handle):
        raise FileExistsError(errno.EEXIST, "another process is writing this file", str(part))


def _put_in_a_free_place(part: Path, path: Path) -> None:
    try:
        os.link(part, path)
    except OSError as error:
        if error.errno not in _NO_HARD_LINKS:
            raise
        if os.path.lexists(path):
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(path)) from error
        part.replace(path)
    else:
        part.unlink()


def _flush_names(folder: int) -> None:
    """Let the names of a folder's files survive a crash, where its file system can say so."""
    try:
        os.fsync(folder)
    except OSError as error:
        if error.errno != errno.EINVAL:
            raise
