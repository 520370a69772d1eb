"""Files that are whole or not there, and locks that are not waited for in silence.

A file is written beside its place, all of it, flushed to the disk, and only then put under its
name. What holds people's data is `private`: for its owner alone, whatever the umask says.
"""

import errno
import hashlib
import logging
import os
import stat
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from io import FileIO
from pathlib import Path

from newsletter import platforms
from newsletter.errors import NewsletterError
from newsletter.platforms import needs_posix

# What only some systems know; on Windows bytes would be taken for text without O_BINARY.
_NO_LINKS: int = getattr(os, "O_NOFOLLOW", 0)
_EXACTLY = _NO_LINKS | getattr(os, "O_BINARY", 0)
# Never into what another put there, be it a file or a link that leads elsewhere.
NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | _EXACTLY
# What somebody else put there is read, but no link is followed and no pipe is waited for.
FOUND = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | _EXACTLY
_OPENS_FOLDERS = hasattr(os, "O_DIRECTORY")  # Windows opens none
_LOCK = ".lock"  # the file that stands for its folder there
_TOO_MANY_OPEN = (errno.EMFILE, errno.ENFILE)
_NO_HARD_LINKS = (errno.EPERM, errno.EOPNOTSUPP)
_NO_LOCKS = (errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOSYS)
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


def read_ordinary(path: Path) -> bytes:
    """The bytes of an ordinary file, or of one that a link leads to. What is none, such as a pipe,
    is not waited for. Raises OSError."""
    handle = os.open(path, FOUND & ~_NO_LINKS)
    with os.fdopen(handle, "rb") as file:
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            raise OSError(errno.EINVAL, "it is not an ordinary file", str(path))
        return file.read()


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
    FileExistsError. Raises OSError; and UsageError on Windows, which moves no open file.
    """
    needs_posix(f"writing {path.name}")
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
        handle = _opened(opened, part, NEW, 0o600)
        _locked(handle, waits=True)  # whoever has it took the part for abandoned
        if _is_at(part, handle):
            return handle


def remove_abandoned(part: Path, *beside: Path) -> None:
    """Delete a `held_part` that a kill left, with what was written beside it; not that of a process
    that lives. Raises OSError."""
    with ExitStack() as opened:
        try:
            handle = _opened(opened, part, FOUND)
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
        os.fsync(_opened(opened, part, os.O_RDWR if platforms.IS_WINDOWS else os.O_RDONLY))
    put(part, path)
    _flush_names(path.parent)


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
    if private:
        folder.chmod(mode)  # a umask may take even the owner's rights
    _flush_names(folder.parent)


@contextmanager
def folder_lock(
    folder: Path, *, tells_after: float = 2, gives_up_after: float = 30
) -> Iterator[None]:
    """Keep other processes out that hold the same folder; times are in seconds.

    Anybody who may read the folder can hold it, so the wait is limited, and not silent.
    Raises NewsletterError, also where its file system knows no locks.
    """
    with ExitStack() as opened:
        handle = _opened_for_locking(opened, folder)
        began, is_told = time.monotonic(), False
        while not _locked_there(handle, folder):
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


def _opened_for_locking(opened: ExitStack, folder: Path) -> int:
    if _OPENS_FOLDERS:
        return _opened(opened, folder, os.O_RDONLY)
    file = folder / _LOCK
    opened.callback(_removed, file)
    return _opened(opened, file, os.O_RDWR | os.O_CREAT, 0o600)


def _removed(file: Path) -> None:
    with suppress(OSError):  # somebody else holds it by now
        file.unlink()


def _locked_there(handle: int, folder: Path) -> bool:
    try:
        return _locked(handle)
    except OSError as error:
        if error.errno not in _NO_LOCKS:
            raise
        raise NewsletterError(
            f"the file system of this folder knows no locks: {error.strerror}",
            where=str(folder),
            hint="Keep it on a disk of this machine, or mount its share with locks.",
        ) from error


def _locked(handle: int, *, waits: bool = False) -> bool:
    from filelock import lock_descriptor  # noqa: PLC0415 -- reading commands lock nothing

    return lock_descriptor(handle, blocking=waits)


def _write_at_once(
    files: Sequence[tuple[Path, bytes]], private: bool, put: Callable[[Path, Path], None]
) -> tuple[int, OSError | None]:
    mode = 0o600 if private else 0o666
    parts = [part_of(path) for path, _ in files]
    there, stopped = 0, None
    try:
        with ExitStack() as opened:
            whole: list[FileIO] = []
            for part, (_, content) in zip(parts, files, strict=True):
                try:
                    part.unlink(missing_ok=True)  # of a write that was killed
                    file = opened.enter_context(FileIO(os.open(part, NEW, mode), "wb"))
                    if private and hasattr(os, "fchmod"):
                        os.fchmod(file.fileno(), mode)  # see make_folder
                    _write_all(file, content)
                except OSError as error:
                    error.filename = error.filename or str(part)  # a write does not know it
                    stopped = error
                    break
                whole.append(file)
            for part, (path, _), file in zip(parts, files, whole, strict=False):
                os.fsync(file.fileno())
                _must_be(part, file.fileno())
                file.close()  # Windows puts no open file elsewhere
                put(part, path)
                there += 1
        _flush_names(parts[0].parent)
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


def _write_all(file: FileIO, content: bytes) -> None:
    """A single write may take less than it is given, as on a full disk, without an error."""
    rest = memoryview(content)
    while rest:
        rest = rest[file.write(rest) :]


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
        part.unlink(missing_ok=True)  # another process may have found what stands there by now


def _flush_names(folder: Path) -> None:
    """Let the names of a folder's files survive a crash, where its system can say so."""
    if not _OPENS_FOLDERS:
        return
    with ExitStack() as opened:
        try:
            os.fsync(_opened(opened, folder, os.O_RDONLY))
        except OSError as error:
            if error.errno != errno.EINVAL:
                raise
