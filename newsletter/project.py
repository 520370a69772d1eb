"""A newsletter project: its folder, its settings, and where its issues and themes are."""

import datetime as dt
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from newsletter import config
from newsletter.config import Settings
from newsletter.errors import UsageError


@dataclass(frozen=True, slots=True)
class Project:
    root: Path
    settings: Settings

    @classmethod
    def open(cls, folder: Path | None = None) -> Self:
        """The project of `folder`, or the one that the current folder lies in."""
        root = config.find_root((folder or Path.cwd()).resolve())
        return cls(root, config.load(root / config.FILE_NAME))

    @property
    def issues(self) -> Path:
        return self.root / "issues"

    @property
    def templates(self) -> Path:
        return self.root / "templates"

    @property
    def outbox(self) -> Path:
        return self.root / self.settings.transport.outbox.path

    def issue_path(self, issue: str) -> Path:
        """The file of an issue, given as a path or as the stem of a file in `issues/`."""
        path = Path(issue)
        for candidate in (path, self.root / path, self.issues / f"{issue}.md"):
            if candidate.is_file():
                return candidate
        raise UsageError(
            f"there is no issue {issue!r}",
            where=str(path),
            hint=f"Name a file, or the stem of one in {self.issues}.",
        )

    def issue_files(self) -> list[Path]:
        """All issue files, newest name first."""
        return sorted(self.issues.glob("*.md"), reverse=True)


def slugify(text: str) -> str:
    """Lower case, runs of anything but letters and digits as one hyphen."""
    return re.sub(r"[\W_]+", "-", text.lower()).strip("-") or "issue"


def utc_now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)
