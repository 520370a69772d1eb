"""One run of the studio: what its routes share."""

import secrets
import threading
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from newsletter.errors import NewsletterError, UsageError
from newsletter.model.picture import Picture
from newsletter.project import Project
from newsletter.studio.watching import Changes

if TYPE_CHECKING:
    from newsletter.desk.standing import IssueShelf
    from newsletter.store import Store


@dataclass
class Studio:
    """`only` is the one issue that is shown, None where all are.

    `fault` says why the settings on disk cannot be used; the last good ones are used then.
    `pictures` are those of each mail as it was last shown, by its path, saved or not.
    """

    project: Project
    open_store: Callable[[], "Store"]
    origin: str
    only: Path | None = None
    reader: str = ""
    token: str = field(default_factory=lambda: secrets.token_urlsafe(24))
    changes: Changes = field(default_factory=Changes)
    fault: NewsletterError | None = None
    pictures: dict[str, tuple[Picture, ...]] = field(default_factory=dict)
    rendering: threading.Lock = field(default_factory=threading.Lock)

    @property
    def store(self) -> "Store":
        return self.open_store()

    @cached_property
    def shelf(self) -> "IssueShelf":
        from newsletter.desk.standing import IssueShelf

        return IssueShelf()

    @property
    def start_url(self) -> str:
        """Where a browser begins; it holds the token, so it is for its owner alone."""
        return f"{self.origin}/?token={self.token}"

    def issue_files(self) -> list[Path]:
        """Those that pages can name, the newest name first. One that is no UTF-8 is no text, and
        HTML turns a carriage return into another sign."""
        return [
            path
            for path in self.project.readable_issue_files()
            if not any(unicodedata.category(sign) in ("Cc", "Cs") for sign in path.name)
        ]

    def reload(self) -> None:
        """Take over the settings that are on disk now, if they can be used."""
        try:
            self.project = Project.open(self.project.root)
            self.fault = None
        except NewsletterError as error:
            self.fault = error

    def path_of(self, stem: str) -> Path:
        """The file of an issue by its stem. Raises UsageError where none of those shown has it."""
        if self.only is not None:
            if self.only.stem == stem:
                return self.only
        else:
            for path in self.issue_files():
                if path.stem == stem:
                    return path
        raise UsageError(
            f"there is no issue {stem!r} any more",
            where=stem,
            hint="It may have been renamed: see all issues.",
        )
