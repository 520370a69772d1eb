"""One run of the studio: what its routes share."""

import secrets
import threading
import unicodedata
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from newsletter.errors import NewsletterError, UsageError
from newsletter.model.picture import Picture
from newsletter.project import Project
from newsletter.studio.guard import Rights
from newsletter.studio.kept import KeptAnswers
from newsletter.studio.watching import Changes

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection

    from newsletter.desk.standing import IssueShelf
    from newsletter.store import Store
    from newsletter.studio.live import Live
    from newsletter.times import Clock

T = TypeVar("T")


@dataclass
class Studio:
    """`only` is the one issue that is shown, None where all are.

    `fault` says why the settings on disk cannot be used; the last good ones are used then.
    `pictures` are those of each mail as it was last shown, by its path, saved or not.
    A preview waits `patience_seconds` for the store, and goes on without.
    """

    project: Project
    open_store: Callable[[], "Store"]
    origin: str
    only: Path | None = None
    reader: str = ""
    rights: Rights = Rights.ALL
    token: str = field(default_factory=lambda: secrets.token_urlsafe(24))
    changes: Changes = field(default_factory=Changes)
    fault: NewsletterError | None = None
    pictures: dict[str, tuple[Picture, ...]] = field(default_factory=dict)
    rendering: threading.Lock = field(default_factory=threading.Lock)
    kept: KeptAnswers = field(default_factory=KeptAnswers)
    patience_seconds: float = 1.5
    _waiting: threading.Thread | None = None  # for a store that has not answered yet

    @property
    def store(self) -> "Store":
        return self.open_store()

    @property
    def who(self) -> str:
        """Who works here, for the audit log."""
        from newsletter.operations.who import operator

        return str(operator(self.project))

    @cached_property
    def clock(self) -> "Clock":
        """The time of the store, in UTC."""
        from newsletter.project import utc_now
        from newsletter.store.clock import clock_of

        return clock_of(self.store, utc_now)

    @cached_property
    def live(self) -> "Live":
        from newsletter.studio.live import Live, look_at

        return Live(partial(look_at, self))

    def end(self) -> None:
        """Let all pages go, so that the server can end."""
        self.changes.end()
        if "live" in self.__dict__:
            self.live.end()

    def read(self, query: "Callable[[Connection], T]", seconds: float | None = None) -> "T":
        """What a query of the store gives, in a moment or not at all: a preview does not wait for a
        server that never answers, and nobody asks it again as long as one waits. A query that has
        much to count may have some `seconds`.

        Raises NewsletterError.
        """
        if self._waiting is not None and self._waiting.is_alive():
            raise _no_answer()
        answer: Future[T] = Future()

        def ask() -> None:
            try:
                with self.store.read() as connection:
                    answer.set_result(query(connection))
            except BaseException as error:  # noqa: BLE001 -- raised where it was asked
                answer.set_exception(error)

        asking = threading.Thread(target=ask, name="store", daemon=True)
        asking.start()
        try:
            return answer.result(seconds or self.patience_seconds)
        except TimeoutError:
            self._waiting = asking
            raise _no_answer() from None

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


def _no_answer() -> NewsletterError:
    return NewsletterError(
        "the store does not answer", hint="See that its server runs and can be reached."
    )
