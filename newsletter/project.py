"""A newsletter project: its folder, its settings, and where its issues and themes are."""

import datetime as dt
import os
import unicodedata
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from newsletter import config
from newsletter.config import Settings
from newsletter.errors import UsageError
from newsletter.files import leads_out
from newsletter.meant import meant

_SHOWN_LENGTH = 200  # of what was typed, in a message


@dataclass(frozen=True, slots=True)
class Project:
    root: Path
    settings: Settings

    @classmethod
    def open(cls, folder: Path | None = None) -> Self:
        """The project of `folder`, or the one that the current folder lies in."""
        root = config.find_root((folder or Path()).resolve())
        return cls(root, config.load(root / config.FILE_NAME))

    @property
    def issues(self) -> Path:
        return self.root / "issues"

    @property
    def templates(self) -> Path:
        return self.root / "templates"

    @property
    def generation(self) -> Path:
        """The file that follows the store's generation: newsletter.sending.generation."""
        return self.root / self.settings.store.state

    @property
    def archive(self) -> Path:
        """The folder of archived sends."""
        return self.root / self.settings.store.archive

    @property
    def outbox(self) -> Path:
        return self.root / self.settings.transport.outbox.path

    def issue_path(self, issue: str) -> Path:
        """The file of an issue, given as a path or as the stem of a file in `issues/`."""
        path = Path(issue)
        for candidate in (path, self.root / path, self.issues / f"{issue}.md"):
            if file := _as_it_is_written(candidate):
                self._check_place(file)
                return file
        stems = [file.stem for file in self.issue_files()]
        close = meant(path.stem, stems)
        raise UsageError(
            f"there is no issue {_shortened(issue)!r}",
            where=_shortened(issue),
            hint=f"Did you mean {close!r}?"
            if close
            else f"Name a file, or the stem of one in {self.issues}.",
        )

    def issue_files(self) -> list[Path]:
        """All issue files, newest name first. Raises UsageError where their folder is closed."""
        if self.issues.is_dir() and not os.access(self.issues, os.R_OK | os.X_OK):
            raise UsageError(
                "the folder of issues cannot be read",
                where=str(self.issues),
                hint="Let the user who runs this read it.",
            )
        return sorted(self.issues.glob("*.md"), reverse=True)

    def readable_issue_files(self) -> list[Path]:
        """Those that are ordinary files of the project: no pipes, which may never end, and no links
        that lead out of it, or to what is no Markdown."""
        if leads_out(self.issues, self.root):
            return []
        return [
            path for path in self.issue_files() if _is_file(path) and not self._is_outside(path)
        ]

    def _is_outside(self, issue: Path) -> bool:
        """Whether a file in `issues/`, which is not outside itself, is a link that leads there, or
        to what is no issue."""
        return issue.is_symlink() and (leads_out(issue, self.root) or _leads_elsewhere(issue))

    def _check_place(self, issue: Path) -> None:
        """Raises UsageError for a file whose name or link leads where no issue belongs."""
        if not issue.stem.strip(". "):
            raise UsageError(
                f"{issue.name!r} cannot be the name of an issue",
                where=str(issue),
                hint="Give the file a name with letters: folders are named by it.",
            )
        if leads_out(issue, self.root):
            raise UsageError(
                "this issue is a link that leads out of the newsletter's folder",
                where=str(issue),
                hint="Put the file itself in its place, or name it by its own path.",
            )
        if issue.absolute().is_relative_to(self.root) and _leads_elsewhere(issue):
            raise UsageError(
                "this issue is a link to a file that is no Markdown, so it is not read",
                where=str(issue),
                hint=f"Let it lead to a file whose name ends in {issue.suffix}.",
            )

    def name_of(self, path: Path) -> str:
        """How messages name a file: from the current folder or the project's, if it lies below."""
        for base in (*_current_folder(), self.root):
            if path.resolve().is_relative_to(base):
                return path.resolve().relative_to(base).as_posix()
        return str(path)


def _leads_elsewhere(issue: Path) -> bool:
    """Whether it is a link to another kind of file: the secret key, say, or the settings of git."""
    return issue.is_symlink() and issue.resolve().suffix != issue.suffix


def _current_folder() -> list[Path]:
    """The current folder; none where that was deleted."""
    try:
        return [Path.cwd()]
    except FileNotFoundError:
        return []


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:  # a name that no file can have, such as one that is too long
        return False


def _as_it_is_written(path: Path) -> Path | None:
    """The file of this name, even where one of them writes "ü" as two characters, as macOS does."""
    if _is_file(path):
        return path
    if path.name.isascii():
        return None
    normal = unicodedata.normalize("NFC", path.name)
    try:
        names = [name for name in os.listdir(path.parent) if not name.isascii()]
    except OSError:
        return None
    same = [name for name in names if unicodedata.normalize("NFC", name) == normal]
    return next((path.with_name(name) for name in same if _is_file(path.with_name(name))), None)


def _shortened(text: str) -> str:
    return text if len(text) <= _SHOWN_LENGTH else f"{text[:_SHOWN_LENGTH]}…"


def utc_now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)
