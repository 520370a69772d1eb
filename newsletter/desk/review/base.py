"""The newsletter as it was at a commit, in a folder of its own, to be rendered by the same code."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from newsletter import config, git
from newsletter.errors import UsageError
from newsletter.files import make_folder
from newsletter.pictures.folder import MAX_BYTES
from newsletter.project import Project

_PICTURES = frozenset(
    (".avif", ".bmp", ".gif", ".heic", ".heif", ".jfif", ".jpeg", ".jpg", ".png")
) | frozenset((".tif", ".tiff", ".webp"))
_FOLDERS = ("issues", "templates")
_UNSHALLOW = (
    "Fetch its whole history: git fetch --unshallow, or `fetch-depth: 0` for actions/checkout."
)


@dataclass(frozen=True, slots=True)
class Base:
    """What a newsletter is compared with: a commit, and the revision that led to it."""

    commit: str
    revision: str

    def __str__(self) -> str:
        return f"{self.commit[:12]}, where this branch left {self.revision}"


def find_base(project: Project, revision: str | None) -> Base:
    """Where HEAD and a revision parted, by default the branch that work branches off.

    Raises UsageError where git cannot tell, with what to do.
    """
    folder = project.root
    try:
        git.run(folder, "rev-parse", "--git-dir")
    except git.GitFailed as error:
        raise UsageError(
            error.message,
            where=str(folder),
            hint="A review needs git, and the newsletter in a repository of it.",
        ) from error
    if git.commit(folder, "HEAD") is None:
        raise UsageError("this checkout has no commit yet", hint="Commit something first.")
    name = revision or git.default_branch(folder)
    is_shallow = git.is_shallow(folder)
    if name is None:
        raise UsageError(
            "there is neither a branch main nor master to compare with",
            hint=_UNSHALLOW if is_shallow else "Name a revision: --base REV.",
        )
    commit = git.commit(folder, name)
    if commit is None:
        raise UsageError(
            f"git knows no revision {name!r}",
            where="--base",
            hint=_UNSHALLOW if is_shallow else "See: git branch --all, git log --oneline.",
        )
    parted = git.parted(folder, "HEAD", commit)
    if parted is None:
        raise UsageError(
            f"HEAD and {name} have no commit in common",
            where="--base",
            hint=_UNSHALLOW if is_shallow else "Name a revision that this branch came from.",
        )
    return Base(parted, name)


@contextmanager
def as_it_was(project: Project, base: Base, changed: frozenset[str]) -> Iterator[Project | None]:
    """The newsletter at its base; None where there was none, or no settings that can be read.

    `changed` are the files that are not as they were: all others are taken from the newsletter
    itself, so that a folder of large pictures is not written again. Raises UsageError where two
    of them cannot be kept apart here.
    """
    with tempfile.TemporaryDirectory(prefix="newsletter-") as folder:
        root = Path(folder).resolve()
        blobs = [blob for blob in git.blobs(project.root, base.commit) if _is_needed(blob)]
        missing = [
            blob
            for blob in blobs
            if blob.name in changed or not _take(project.root, root, blob.name)
        ]
        for blob, content in git.contents(project.root, missing):
            _make_room(root, blob.name)
            (root / blob.name).write_bytes(content)
        path = root / config.FILE_NAME
        try:
            settings = config.load(path) if path.exists() else None
        except UsageError:
            settings = None
        yield None if settings is None else Project(root, settings)


def is_picture(name: str) -> bool:
    return PurePosixPath(name).suffix.lower() in _PICTURES


def _is_needed(blob: git.Blob) -> bool:
    """Whether rendering may read a file; no name of a tree that somebody forged leads elsewhere."""
    path = PurePosixPath(blob.name)
    if path.is_absolute() or ".." in path.parts or blob.size_bytes > MAX_BYTES:
        return False
    return blob.name == config.FILE_NAME or path.parts[0] in _FOLDERS or is_picture(blob.name)


def _make_room(root: Path, name: str) -> None:
    """Make the folder of a file. Raises UsageError where the file system has something under its
    name already, as where "A.md" and "a.md" are one."""
    try:
        make_folder((root / name).parent)
        is_free = not os.path.lexists(root / name)
    except (FileExistsError, NotADirectoryError):
        is_free = False
    if not is_free:
        raise UsageError(
            f"{name} and another file of the commit to compare with have one name here",
            where=name,
            hint="Their names differ in case alone, or in how an accent is written. Rename one, or "
            "review on a machine that keeps them apart.",
        )


def _take(checkout: Path, root: Path, name: str) -> bool:
    """Put a file of the checkout there too; False where a sparse one lacks it."""
    source, target = checkout / name, root / name
    if source.is_symlink() or not source.is_file():
        return False
    _make_room(root, name)
    try:
        os.link(source, target)
    except OSError:  # another file system
        shutil.copyfile(source, target)
    return True
