"""Folders: made with those above them, or put in place as a whole."""

import errno
import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from newsletter.files.locks import OPENS_FOLDERS, opened
from newsletter.files.parts import part_of


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
    flush_names(folder.parent)


@contextmanager
def made_whole(folder: Path) -> Iterator[Path]:
    """A folder to fill, hidden beside the place that it gets in the end. Whatever is raised leaves
    nothing. Raises OSError, also where there is anything but an empty folder in that place."""
    stage = part_of(folder)
    try:
        remove(stage)  # of a process that was killed
        make_folder(stage)
        yield stage
        put_folder(stage, folder)
    except BaseException:
        with suppress(OSError):
            remove(stage)
        raise


def put_folder(stage: Path, folder: Path) -> None:
    """Give a folder whose files are all written its name. Raises OSError as `made_whole` does."""
    stage.rename(folder)
    flush_names(folder.parent)


def remove(path: Path) -> None:
    """Remove what is there, be it a folder with all that is in it. Raises OSError."""
    from shutil import rmtree  # noqa: PLC0415 -- it loads what unpacks archives

    with suppress(FileNotFoundError):
        path.unlink() if path.is_symlink() or not path.is_dir() else rmtree(path)


def flush_names(folder: Path) -> None:
    """Let the names of a folder's files survive a crash, where its system can say so."""
    if not OPENS_FOLDERS:
        return
    with ExitStack() as handles:
        try:
            os.fsync(opened(handles, folder, os.O_RDONLY))
        except OSError as error:
            if error.errno != errno.EINVAL:
                raise
