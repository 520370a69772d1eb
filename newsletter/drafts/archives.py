"""An archive of another system, a folder or a zip file: read in place, and never believed.

Nothing of it is unpacked. A zip file may claim anything: names that lead elsewhere, links, contents
a thousand times as large as itself. All of that is refused before anything is read.
"""

import os
import stat
import zipfile
import zlib
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Protocol

from newsletter.errors import UsageError
from newsletter.files import open_ordinary

MOST_FILES = 20_000
MOST_BYTES_OF_FILE = 50_000_000
MOST_BYTES = 2_000_000_000
_SHOWN = 100
_LEFT_OUT = ("__MACOSX/", ".git/", "node_modules/", "_site/", "public/")
_HINT = "Unpack it yourself, look at what is in it, and name the folder."


class TooLarge(Exception):
    """A file that has more than any picture or issue may have, or less than it claims."""


class ForeignArchive(Protocol):
    """`names` are paths of ordinary files with `/` between their parts."""

    @property
    def names(self) -> frozenset[str]: ...

    def read(self, name: str) -> bytes:
        """Raises TooLarge, OSError, and KeyError for another name."""
        ...


@contextmanager
def opened(path: Path) -> Iterator[ForeignArchive]:
    """The archive in a folder or a zip file; a single other file is one of that file alone. Raises
    UsageError."""
    if path.is_dir():
        yield _folder(path)
    elif not path.is_file():
        raise UsageError(
            "there is no such folder or file",
            where=str(path),
            hint="Name the folder of the archive, or the zip file that was exported.",
        )
    elif path.suffix.lower() == ".zip" or zipfile.is_zipfile(path):
        with _zip(path) as archive:
            yield archive
    else:
        yield _Folder(path.parent, frozenset({path.name}))


@dataclass(frozen=True, slots=True)
class _Folder:
    root: Path
    names: frozenset[str]

    def read(self, name: str) -> bytes:
        with open_ordinary(self.root / _known(name, self.names)) as file:
            return _bounded(file.read(MOST_BYTES_OF_FILE + 1))


def _folder(root: Path) -> _Folder:
    """The ordinary files below a folder; links are left alone, since they may lead anywhere."""
    names: set[str] = set()
    for folder, inner, files in os.walk(root):
        below = Path(folder).relative_to(root)
        inner[:] = [name for name in inner if not _is_left_out(f"{(below / name).as_posix()}/")]
        for name in files:
            path = Path(folder, name)
            if stat.S_ISREG(path.lstat().st_mode) and _is_text(str(path)):
                names.add((below / name).as_posix())
        _refuse_too_many(len(names), root)
    return _Folder(root, frozenset(names))


@dataclass(frozen=True, slots=True)
class _Zip:
    file: zipfile.ZipFile
    members: dict[str, zipfile.ZipInfo] = field(repr=False)

    @property
    def names(self) -> frozenset[str]:
        return frozenset(self.members)

    def read(self, name: str) -> bytes:
        member = self.members[name]
        try:
            with self.file.open(member) as content:
                return _bounded(content.read(min(member.file_size, MOST_BYTES_OF_FILE) + 1))
        except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError) as error:
            raise OSError(0, f"it cannot be unpacked: {type(error).__name__}") from error


@contextmanager
def _zip(path: Path) -> Iterator[_Zip]:
    try:
        file = zipfile.ZipFile(path)
    except (zipfile.BadZipFile, OSError, ValueError, UnicodeDecodeError) as error:
        raise UsageError(
            "this is no whole zip file",
            where=str(path),
            hint="Export it or copy it again: a part of it may be missing.",
        ) from error
    with file:
        members = [member for member in file.infolist() if not member.is_dir()]
        _refuse_too_many(len(members), path)
        for name, count in Counter(member.filename for member in members).items():
            if count > 1:
                raise UsageError(
                    f"{name[:_SHOWN]!r} is in it more than once", where=str(path), hint=_HINT
                )
        for member in members:
            if problem := _problem(member):
                raise UsageError(
                    f"{member.filename[:_SHOWN]!r} {problem}", where=str(path), hint=_HINT
                )
        if sum(member.file_size for member in members) > MOST_BYTES:
            raise UsageError(
                f"it unpacks to more than {MOST_BYTES // 1_000_000_000} GB",
                where=str(path),
                hint=_HINT,
            )
        yield _Zip(
            file,
            {member.filename: member for member in members if not _is_left_out(member.filename)},
        )


def _problem(member: zipfile.ZipInfo) -> str:
    """Why a zip file with this member is not read; empty where nothing speaks against it."""
    name = member.filename
    kind = stat.S_IFMT(member.external_attr >> 16)
    if "\\" in name or ":" in name.partition("/")[0] or name.startswith("/"):
        return "is no path below the archive"
    if ".." in PurePosixPath(name).parts or not _is_text(name):
        return "leads out of the archive"
    if kind not in (0, stat.S_IFREG):
        return "is a link, or no ordinary file"
    if member.flag_bits & 1:
        return "is encrypted"
    return ""


def _refuse_too_many(count: int, path: Path) -> None:
    if count > MOST_FILES:
        raise UsageError(
            f"it has more than {MOST_FILES:,} files",
            where=str(path),
            hint="Name the folder that holds only the issues and their pictures.",
        )


def _is_left_out(name: str) -> bool:
    """What no archive is about: a site that was built, the history of a repository."""
    return name.startswith(_LEFT_OUT) or "/.git/" in f"/{name}"


def _is_text(name: str) -> bool:
    """Whether a name can be printed: some file systems have names that are not UTF-8."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return "\0" not in name


def _known(name: str, names: frozenset[str]) -> str:
    if name not in names:
        raise KeyError(name)
    return name


def _bounded(content: bytes) -> bytes:
    if len(content) > MOST_BYTES_OF_FILE:
        raise TooLarge
    return content
