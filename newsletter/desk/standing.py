"""Where an issue stands between its first line and its readers."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from sqlalchemy.engine import Connection

from newsletter.desk.prepare import Prepared
from newsletter.desk.slugs import front_of, head_of
from newsletter.digest import meta
from newsletter.digest.report import Report
from newsletter.digest.slugs import slug_of
from newsletter.files import version_of
from newsletter.model.send import SendStatus
from newsletter.model.slug import slugified, spellings
from newsletter.store.ledger import receipts, standing


class Stage(StrEnum):
    """The furthest that an issue has come."""

    DRAFT = "draft"
    FAULTY = "faulty"  # it has findings that keep it from being sent
    READY = "ready"
    TESTED = "tested"  # these very bytes were sent as a test
    SCHEDULED = "scheduled"
    SENDING = "sending"
    PAUSED = "paused"
    CANCELLED = "cancelled"
    SENT = "sent"


_STAGES = {
    SendStatus.SCHEDULED: Stage.SCHEDULED,
    SendStatus.SENDING: Stage.SENDING,
    SendStatus.PAUSED: Stage.PAUSED,
    SendStatus.CANCELLED: Stage.CANCELLED,
    SendStatus.UNRESOLVED: Stage.SENT,
    SendStatus.FINISHED: Stage.SENT,
}


@dataclass(frozen=True, slots=True)
class IssueEntry:
    """An issue file at a glance: its title and day as its front matter has them, without which the
    title is the file's stem and the day empty."""

    path: Path
    slug: str
    title: str
    day: str

    @property
    def stem(self) -> str:
        return self.path.stem


class IssueShelf:
    """Issue files, each read once until it changes."""

    def __init__(self) -> None:
        self._known: dict[Path, tuple[tuple[int, int], IssueEntry]] = {}

    def entries(self, paths: Iterable[Path]) -> Iterator[IssueEntry]:
        """In their order, without those that are gone by now."""
        for path in paths:
            try:
                version = version_of(path)
                if path not in self._known or self._known[path][0] != version:
                    self._known[path] = version, entry_of(path)
            except FileNotFoundError:
                continue
            except OSError:  # it may not be read
                yield IssueEntry(path, slug=slugified(path.stem), title=path.stem, day="")
                continue
            yield self._known[path][1]


def entry_of(path: Path) -> IssueEntry:
    """Raises OSError."""
    front = front_of(head_of(path), path.name)
    read, _ = meta.read(front, path.name, "")
    return IssueEntry(
        path,
        slug=slug_of(read.meta.slug, path.stem, Report(path.name, "", 1), 1),
        title=read.title or path.stem,
        day=read.meta.day.isoformat() if read.meta.day else "",
    )


def stages_of_sent(
    connection: Connection, entries: Iterable[IssueEntry]
) -> dict[Path, Stage | None]:
    """Where the newest send of each issue stands, under whichever spelling of its slug; None for
    one that was never sent or planned."""
    newest = standing.newest_statuses(connection)
    stages: dict[Path, Stage | None] = {}
    for entry in entries:
        sent = [newest[slug] for slug in spellings(entry.slug) if slug in newest]
        stages[entry.path] = _STAGES[max(sent)[1]] if sent else None
    return stages


def stage_of(connection: Connection, prepared: Prepared) -> Stage:
    """Where an issue stands, as it is now."""
    if (sent := standing.newest_status(connection, prepared.digest.slug)) is not None:
        return _STAGES[sent]
    if prepared.digest.meta.draft:
        return Stage.DRAFT
    if prepared.refusals:
        return Stage.FAULTY
    is_tested = receipts.exists(connection, prepared.email.content_hash)
    return Stage.TESTED if is_tested else Stage.READY
