"""The archive as a static site: the files of `newsletter serve`, in a folder."""

import json
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from newsletter.errors import Refused
from newsletter.files import write_whole
from newsletter.web.assets import STYLE_PATH, style_sheet
from newsletter.web.issues import Archive
from newsletter.web.site import Site

_OURS = ".newsletter-archive"  # the paths of all that was written
_PART = ".part"  # what a write that was killed leaves beside its file


@dataclass(frozen=True, slots=True)
class Built:
    """`pages` are those of issues, `files` all that belong to the site."""

    folder: Path
    pages: int
    files: int


def build(site: Site, folder: Path) -> Built:
    """Make a folder hold the archive and no page that is gone.

    Files that did not change are left alone, each other one is replaced whole; a build that was
    interrupted is made good by the next. Raises Refused where the folder holds anything that was
    not written by this, at its top except for names with a dot in front, and StoreError.
    """
    archive = Archive(site)
    archive.refresh()
    earlier = _written(folder)
    _refuse_foreign(folder, earlier)
    contents = dict(_contents(archive))
    _note(folder, earlier | contents.keys())  # before any: a killed build must know its own
    for path, content in contents.items():
        _write(folder / path, content)
    for path in earlier - contents.keys():
        _remove(folder, path)
    _note(folder, contents.keys())
    return Built(folder, len(archive.issues), len(contents))


def _contents(archive: Archive) -> Iterator[tuple[str, bytes]]:
    yield STYLE_PATH, style_sheet()
    for path in archive.paths:
        file = archive.file(path)
        assert file is not None  # nobody else refreshes it
        yield path, file.content


def _written(folder: Path) -> set[str]:
    """What earlier builds wrote; nothing where there was none."""
    try:
        paths = json.loads((folder / _OURS).read_text("utf-8"))
    except FileNotFoundError:
        return set()
    except ValueError as error:
        raise _refused(folder / _OURS, "cannot be read") from error
    if not isinstance(paths, list) or not all(map(_is_inside, paths)):
        raise _refused(folder / _OURS, "is not one of ours")
    return set(paths)


def _is_inside(path: object) -> bool:
    return isinstance(path, str) and not {"..", "/"}.intersection(PurePosixPath(path).parts)


def _refuse_foreign(folder: Path, ours: set[str]) -> None:
    known = ours | {path + _PART for path in ours}
    for found in _files(folder):
        name = found.relative_to(folder).as_posix()
        if not name.startswith(".") and (name not in known or found.is_symlink()):
            raise _refused(found, "was not written by this command")


def _files(folder: Path) -> Iterator[Path]:
    """All files below a folder, and links to folders, which could lead anywhere."""
    for place, folders, files in os.walk(folder):
        if Path(place) == folder:
            folders[:] = [name for name in folders if not name.startswith(".")]
        yield from (Path(place, name) for name in files)
        yield from (Path(place, name) for name in folders if Path(place, name).is_symlink())


def _refused(path: Path, why: str) -> Refused:
    return Refused(
        f"it {why}, and nothing was written",
        where=str(path),
        hint="Name an empty folder, or one that `newsletter archive build` made.",
    )


def _write(path: Path, content: bytes) -> None:
    if path.is_file() and path.read_bytes() == content:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, content)


def _remove(folder: Path, path: str) -> None:
    """Remove a page that is gone, and the folders that it leaves empty."""
    (folder / path).unlink(missing_ok=True)
    (folder / (path + _PART)).unlink(missing_ok=True)
    for parent in PurePosixPath(path).parents:
        left = folder / parent
        if not parent.parts or not left.is_dir() or any(left.iterdir()):
            return
        left.rmdir()


def _note(folder: Path, paths: Iterable[str]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    _write(folder / _OURS, (json.dumps(sorted(paths), ensure_ascii=False) + "\n").encode())
