"""Which files an issue may show: those below its own folder or the project's, links followed."""

import os
import unicodedata
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote

from newsletter.files import open_ordinary, version_of
from newsletter.meant import did_you_mean
from newsletter.model.finding import Severity
from newsletter.model.picture import Picture, PictureResult, Problem

if TYPE_CHECKING:
    from newsletter.pictures.scaling import Scaled

MAX_BYTES = 50_000_000
_LARGE_BYTES = 1_000_000  # of a picture as it is mailed
_LARGE_PIXELS = 8_000
_SHARPNESS = 2  # pixels of the file for each that is shown: screens have as many
_KEPT = 16  # pictures of earlier issues: a cover or a logo is in many


class PictureFolder:
    """The pictures of one issue; `base_url` is where readers get them, without a slash at its end.

    A file is read and scaled once for each width at which it is shown, as long as it stays as it
    is, and not again for another issue soon after. Findings call the folder where paths begin by
    `name`.
    """

    def __init__(
        self, issue: Path, root: Path, base_url: str, name: str = "the folder of the issue's file"
    ) -> None:
        self._name = name
        self._folder = issue.parent.absolute()
        self._allowed = (root.resolve(), self._folder.resolve())
        self._base_url = base_url
        self._found: dict[tuple[str, int], PictureResult] = {}
        self._pictures: dict[str, Picture] = {}
        self._files: dict[Path, None] = {}

    @property
    def pictures(self) -> tuple[Picture, ...]:
        """All that were found so far, each once."""
        return tuple(self._pictures.values())

    @property
    def files(self) -> tuple[Path, ...]:
        """The files that they were made of, links followed."""
        return tuple(self._files)

    def find(self, target: str, shown_width: int) -> PictureResult:
        """The picture of a relative target, to be shown at most this wide (in CSS pixels).

        Everything that can be wrong with it is a problem of the result; nothing is raised.
        """
        key = (target, shown_width)
        if key not in self._found:
            self._found[key] = self._look_up(target, shown_width)
        return self._found[key]

    def _look_up(self, target: str, shown_width: int) -> PictureResult:
        from newsletter.pictures.scaling import Unreadable  # noqa: PLC0415 -- as below

        name = _shortened(target)
        path = self._path(target)
        if isinstance(path, Problem):
            return PictureResult(problems=(path,))
        try:
            scaled = _scaled(path, version_of(path), shown_width * _SHARPNESS)
        except (OSError, Unreadable) as error:
            return PictureResult(problems=(_unreadable(name, error),))
        self._pictures[scaled.picture.name] = scaled.picture
        self._files[path] = None
        natural_width, natural_height = scaled.natural
        width = min(shown_width, natural_width)
        return PictureResult(
            f"{self._base_url}/{scaled.picture.name}",
            width,
            max(1, round(width * natural_height / natural_width)),
            tuple(_problems(name, scaled)),
        )

    def _path(self, target: str) -> Path | Problem:
        """The file that a target names, every link on the way followed."""
        names = unquote(target).replace("\\", "/").split("/")
        place = Path(os.path.normpath(self._folder.joinpath(*names)))
        try:
            if not self._is_allowed(place.parent):
                return self._outside(target)
            file = _as_written(place)
            path = (file or place).resolve()
            if not self._is_allowed(path):
                return self._outside(target)
            if file is None or not path.is_file():
                return self._missing(target, place)
        except (OSError, ValueError, RuntimeError):  # a name that no file can have, links in a ring
            return self._missing(target, place)
        return path

    def _missing(self, target: str, place: Path) -> Problem:
        message = f"there is no picture {_shortened(target)}"
        fix = f"Its path begins at {self._name}."
        if _is_folder(place):
            message, fix = f"{_shortened(target)} is a folder", "Name a picture in it."
        elif not _is_folder(place.parent):
            fix = f"There is no folder {place.parent.name[:60]!r}. {_nearest(place.parent) or fix}"
        elif _exists(place):
            message, fix = f"{_shortened(target)} is not an ordinary file", "Name a picture."
        else:
            fix = _nearest(place) or fix
        return Problem("picture-missing", Severity.ERROR, message, fix)

    def _outside(self, target: str) -> Problem:
        return Problem(
            "picture-outside",
            Severity.ERROR,
            f"{_shortened(target)} lies outside the newsletter's folder, so it is not read",
            f"Put the picture into {self._name}.",
        )

    def _is_allowed(self, path: Path) -> bool:
        real = path.resolve()
        return any(real.is_relative_to(folder) for folder in self._allowed)


def _as_written(path: Path) -> Path | None:
    """The file of this name, even where one of them writes "ü" as two characters; None if
    missing."""
    if path.exists() or path == path.parent:
        return path
    folder = _as_written(path.parent)
    if folder is None or path.name.isascii():
        return folder and _if_there(folder / path.name)
    normal = unicodedata.normalize("NFC", path.name)
    same = (name for name in _names(folder) if unicodedata.normalize("NFC", name) == normal)
    return next((folder / name for name in same), None)


def _if_there(path: Path) -> Path | None:
    return path if path.exists() else None


def _names(folder: Path) -> list[str]:
    return sorted(os.listdir(folder)) if folder.is_dir() else []


@lru_cache(maxsize=_KEPT)
def _scaled(path: Path, version: tuple[int, int], widest: int) -> "Scaled":
    """The picture of a version of a file. Raises OSError or Unreadable."""
    from newsletter.pictures import scaling  # noqa: PLC0415 -- Pillow, for who has pictures

    return scaling.scaled(_content(path), widest)


def _content(path: Path) -> bytes:
    """The bytes of an ordinary file of a sensible size; a pipe is not waited for."""
    with open_ordinary(path) as file:
        content = file.read(MAX_BYTES + 1)
    if len(content) > MAX_BYTES:
        raise OSError(0, f"it has more than {MAX_BYTES // 1_000_000} MB")
    return content


def _problems(name: str, scaled: "Scaled") -> Iterator[Problem]:
    width, height = scaled.natural
    if max(width, height) > _LARGE_PIXELS:
        yield Problem(
            "picture-too-large",
            Severity.WARNING,
            f"{name} has {width:,} × {height:,} pixels",
            f"Save it with {_LARGE_PIXELS:,} pixels or fewer on each side.",
        )
    if (size := len(scaled.picture.content)) > _LARGE_BYTES:
        yield Problem(
            "picture-too-large",
            Severity.WARNING,
            f"{name} has {size / 1_000_000:.1f} MB as it is mailed, and readers wait for it",
            "Save a photograph as JPEG, and make an animation shorter or smaller.",
        )
    if scaled.stands_still:
        yield Problem(
            "picture-stands-still",
            Severity.WARNING,
            f"only the first of several frames or pages of {name} is shown",
            "Save an animation as GIF, and a page as a picture of its own.",
        )


def _nearest(place: Path) -> str:
    """A hint that names a similar file beside it; empty where there is none."""
    try:
        hint = did_you_mean(place.name, _names(place.parent))
    except (OSError, ValueError):
        return ""
    return hint if hint.startswith("Did") else ""


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except (OSError, ValueError):  # a name that no file can have
        return False


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except (OSError, ValueError):  # as above
        return False


def _unreadable(name: str, error: Exception) -> Problem:
    reason = getattr(error, "strerror", None) or str(error)
    fix = getattr(error, "fix", "") or "Save it anew as JPEG, PNG or GIF."
    return Problem("picture-unreadable", Severity.ERROR, f"{name} cannot be shown: {reason}", fix)


def _shortened(target: str) -> str:
    name = unquote(target)
    return repr(name if len(name) <= 60 else f"{name[:59]}…")
