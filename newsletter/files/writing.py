"""Writing files: all at once, bit by bit, or many at once."""

import errno
import os
import stat
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from io import BufferedRandom, BufferedWriter, FileIO
from pathlib import Path
from typing import BinaryIO

from newsletter import platforms
from newsletter.errors import naming
from newsletter.files.folders import flush_names
from newsletter.files.locks import lock_if_known, opened
from newsletter.files.parts import OWNERS_ALONE, is_at, make_way, opened_anew, part_of
from newsletter.files.places import opened_in_place, refuse_unlike_a_file, target_of

_TOO_MANY_OPEN = (errno.EMFILE, errno.ENFILE)
_NOT_GIVEN = (errno.EPERM, errno.EINVAL)  # by the root of some containers; to whom they do not know
_NO_HARD_LINKS = (errno.EPERM, errno.EOPNOTSUPP)

_Put = Callable[[Path, Path], None]


def write_whole(
    path: Path, content: bytes, *, private: bool = False, follows: bool = False
) -> None:
    """Write a file, or nothing at all: see `being_written`."""
    with _written(path, private, follows, os.replace) as file:
        _write_all(file, content)


def write_new(path: Path, content: bytes, *, private: bool = False, follows: bool = False) -> None:
    """As `write_whole`, but raises FileExistsError where there is a file, and without `follows`
    where there is anything under that name."""
    with _written(path, private, follows, _put_in_a_free_place) as file:
        _write_all(file, content)


@contextmanager
def being_written(
    path: Path, *, private: bool = False, follows: bool = False
) -> Iterator[BinaryIO]:
    """A file that gets its name at the end, once all of it is written; until then it can be read.

    A file of that name is replaced. With `follows`, for a place that a person named, a link is
    followed, and what is no regular file is written into as it comes, and cannot be read. Without
    it, for places of ours, both are refused: another user could have prepared them. Raises OSError;
    that and whatever else is raised meanwhile leaves nothing. Where two write the same file at
    once, the first one fails with FileExistsError, unless it is just giving the file its name: then
    the second one does.
    """
    with _written(path, private, follows, os.replace) as raw:
        # Both go on with a write that took less than it was given.
        file = BufferedRandom(raw) if raw.readable() else BufferedWriter(raw)
        yield file
        file.flush()


def write_together(
    files: Sequence[tuple[Path, bytes]], *, private: bool = False
) -> tuple[int, OSError | None]:
    """Write files of one folder of ours as `write_whole` does, waiting for the disk once for all.

    Returns how many are there, from the first on, and what stopped the others. Where fewer may be
    open at once than there are, they are written in several goes.
    """
    written = 0
    while written < len(files):
        count, stopped = _write_at_once(files[written:], private)
        written += count
        if stopped is not None and not (count and stopped.errno in _TOO_MANY_OPEN):
            return written, stopped
    return written, None


def put_in_place(part: Path, path: Path) -> None:
    """Give what others wrote its name once it is on the disk. Raises OSError."""
    refuse_unlike_a_file(path)
    _put_flushed(part, path, os.replace)


def put_in_free_place(part: Path, path: Path) -> None:
    """As `put_in_place`, but raises FileExistsError where there is anything under that name."""
    _put_flushed(part, path, _put_in_a_free_place)


@contextmanager
def _written(path: Path, private: bool, follows: bool, put: _Put) -> Iterator[FileIO]:
    with naming(str(path)):
        place = target_of(path) if follows else path
        if place is None:
            with FileIO(opened_in_place(path), "wb") as file:
                yield file
            return
        if not follows and put is os.replace:
            refuse_unlike_a_file(place)
        mode = OWNERS_ALONE if private else _mode_of(place) if follows else None
        with _Part(place, mode) as part:
            _leave_to_its_owner(part.file.fileno(), place)
            yield part.file
            part.put(put)
        flush_names(place.parent)


def _write_at_once(
    files: Sequence[tuple[Path, bytes]], private: bool
) -> tuple[int, OSError | None]:
    mode = OWNERS_ALONE if private else None
    parts: list[_Part] = []
    there, stopped = 0, None
    with ExitStack() as begun:
        try:
            for path, content in files:
                refuse_unlike_a_file(path)
                part = begun.enter_context(_Part(path, mode))
                _write_all(part.file, content)
                parts.append(part)
        except OSError as error:
            error.filename = error.filename or str(path)
            stopped = error
        try:
            for part in parts:
                part.put(os.replace)
                there += 1
            flush_names(files[0][0].parent)
        except OSError as error:
            stopped = error
    return there, stopped


class _Part:
    """A file beside its place, gone at the end unless it was put there; see `opened_anew`."""

    file: FileIO

    def __init__(self, path: Path, mode: int | None) -> None:
        self._path, self._part, self._mode = path, part_of(path), mode
        self._is_put = False

    def __enter__(self) -> "_Part":
        try:
            handle = opened_anew(self._part, self._mode)
        except FileExistsError:  # of a write that was killed, or of another one: see `put`
            if not make_way(self._part):
                raise self._taken() from None
            handle = opened_anew(self._part, self._mode)
        self.file = FileIO(handle, "r+b")
        return self

    def put(self, put: _Put) -> None:
        """Flush it to the disk and give it its name, locked against `make_way`."""
        handle = self.file.fileno()
        os.fsync(handle)
        if not (platforms.IS_WINDOWS or lock_if_known(handle)) or not is_at(self._part, handle):
            raise self._taken()
        if platforms.IS_WINDOWS:  # it puts no open file elsewhere
            self.file.close()
        _put_named(self._part, self._path, put)
        self._is_put = True
        self.file.close()

    def _taken(self) -> OSError:
        return FileExistsError(
            errno.EEXIST, "another process is writing this file", str(self._path)
        )

    def __exit__(self, *_: object) -> None:
        if self._is_put:
            return
        with suppress(OSError):
            is_ours = self.file.closed or is_at(self._part, self.file.fileno())
            self.file.close()
            if is_ours:
                self._part.unlink(missing_ok=True)


def _write_all(file: FileIO, content: bytes) -> None:
    """A single write may take less than it is given, as on a full disk, without an error."""
    rest = memoryview(content)
    while rest:
        rest = rest[file.write(rest) :]


def _mode_of(path: Path) -> int | None:
    """Who may do what with a file that is there."""
    try:
        return stat.S_IMODE(path.stat().st_mode) & 0o777
    except FileNotFoundError:
        return None


def _leave_to_its_owner(handle: int, place: Path) -> None:
    """Where root replaces a file, let it stay with whoever has both it and its folder: a service
    could not read its own any more. In other folders, such as /tmp, somebody could have put one
    there to get what root writes."""
    if platforms.IS_WINDOWS or os.geteuid():
        return
    with suppress(FileNotFoundError):
        before, folder, now = os.lstat(place), os.stat(place.parent), os.fstat(handle)
        is_theirs = (now.st_uid, now.st_gid) == (before.st_uid, before.st_gid)
        if before.st_uid == folder.st_uid and not is_theirs:
            _give(handle, before.st_uid, before.st_gid)


def _give(handle: int, user: int, group: int) -> None:
    try:
        os.fchown(handle, user, group)
    except OSError as error:
        if error.errno not in _NOT_GIVEN:
            raise


def _put_flushed(part: Path, path: Path, put: _Put) -> None:
    with ExitStack() as handles:
        os.fsync(opened(handles, part, os.O_RDWR if platforms.IS_WINDOWS else os.O_RDONLY))
    _put_named(part, path, put)
    flush_names(path.parent)


def _put_named(part: Path, path: Path, put: _Put) -> None:
    """An error names the place: nobody knows the part, which is gone then."""
    try:
        put(part, path)
    except OSError as error:
        error.filename, error.filename2 = str(path), None
        raise


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
