"""What differs between the mails of two sides."""

import datetime as dt
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from newsletter import git
from newsletter.desk.review import base, pairs, sides
from newsletter.desk.review.base import Base
from newsletter.desk.review.pairs import Pair, Selection
from newsletter.desk.review.sides import SEEN_HEADERS, Reference, Side
from newsletter.desk.slugs import Slugs
from newsletter.model.finding import Finding, Severity
from newsletter.project import Project

_NUMBER = re.compile(r"\d[\d,.]*")


class Fate(StrEnum):
    """What became of an issue."""

    ADDED = "added"
    REMOVED = "removed"
    RENAMED = "renamed"
    CHANGED = "changed"


@dataclass(frozen=True, slots=True)
class Differing:
    """One thing by its name, before and now."""

    name: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class MailChange:
    """An issue whose mail is another than before; a side that is not there is empty.

    `links` are those whose text stayed and whose address did not.
    """

    status: Fate
    before: Side
    after: Side
    headers: tuple[Differing, ...]
    links: tuple[Differing, ...]
    links_added: tuple[Reference, ...]
    links_removed: tuple[Reference, ...]
    pictures_added: tuple[Reference, ...]
    pictures_removed: tuple[Reference, ...]
    findings_added: tuple[Finding, ...]
    findings_removed: tuple[Finding, ...]

    @property
    def stem(self) -> str:
        return self.before.stem if self.status is Fate.REMOVED else self.after.stem

    @property
    def errors(self) -> int:
        """What would keep the issue from being sent, and did not before."""
        new = sum(finding.severity is Severity.ERROR for finding in self.findings_added)
        return new + bool(self.after.problem and not self.before.problem)


@dataclass(frozen=True, slots=True)
class Review:
    """The changes, and how many issues are the same or were not compared, and why."""

    base: Base
    changes: tuple[MailChange, ...]
    same: int
    sent: int
    older: int

    @property
    def errors(self) -> int:
        return sum(change.errors for change in self.changes)


def review(
    project: Project,
    issues: Sequence[str],
    revision: str | None,
    is_sent: Callable[[str, Project], bool],
    today: dt.date,
) -> Review:
    """What the working tree changes in the mails since a revision.

    `is_sent` says whether a slug was sent, and gets the newsletter as it was, too: what is out does
    not change with a theme. Raises UsageError where git cannot tell what was before, or knows no
    issue of a name.
    """
    since = base.find_base(project, revision)
    changed = git.changed_since(project.root, since.commit)
    with base.as_it_was(project, since, changed) as before:
        choice = (
            pairs.named(project, before, issues)
            if issues
            else pairs.choose(project, before, changed, is_sent)
        )
        compared = _compare(project, before, choice, today)
    changes = tuple(change for change in compared if change is not None)
    same = choice.same + len(compared) - len(changes)
    return Review(since, changes, same, choice.sent, choice.older)


def _compare(
    project: Project, before: Project | None, choice: Selection, today: dt.date
) -> list[MailChange | None]:
    slugs = Slugs(project)
    slugs_before = None if before is None else Slugs(before)

    def earlier(pair: Pair) -> Side | None:
        if before is None or slugs_before is None or pair.before is None:
            return None
        return sides.render(before, pair.before, slugs_before, today)

    def now(pair: Pair) -> Side | None:
        return None if pair.after is None else sides.render(project, pair.after, slugs, today)

    return [compare(earlier(pair), now(pair)) for pair in choice.pairs]


def compare(before: Side | None, after: Side | None) -> MailChange | None:
    """The change from one side to the other; None where the reader and the editor see none."""
    status = _status(before, after)
    old, new = before or Side(""), after or Side("")
    links, added, removed = _links(old.links, new.links)
    change = MailChange(
        status=status,
        before=old,
        after=new,
        headers=_headers(dict(old.headers), dict(new.headers)),
        links=links,
        links_added=added,
        links_removed=removed,
        pictures_added=_beyond(new.shown, old.shown),
        pictures_removed=_beyond(old.shown, new.shown),
        findings_added=_new_findings(new.findings, old.findings),
        findings_removed=_new_findings(old.findings, new.findings),
    )
    is_same = (old.html, old.text, old.problem) == (new.html, new.text, new.problem)
    if status is Fate.CHANGED and is_same and not change.headers:
        return change if change.findings_added or change.findings_removed else None
    return change


def _status(before: Side | None, after: Side | None) -> Fate:
    if before is None:
        return Fate.ADDED
    if after is None:
        return Fate.REMOVED
    return Fate.CHANGED if before.stem == after.stem else Fate.RENAMED


def _headers(old: dict[str, str], new: dict[str, str]) -> tuple[Differing, ...]:
    """Those that differ; of a mail that is there on one side only, those that a reader sees."""
    names = SEEN_HEADERS if not (old and new) else dict.fromkeys((*new, *old))
    return tuple(
        Differing(name, old.get(name, ""), new.get(name, ""))
        for name in names
        if old.get(name, "") != new.get(name, "")
    )


def _links(
    old: Sequence[Reference], new: Sequence[Reference]
) -> tuple[tuple[Differing, ...], tuple[Reference, ...], tuple[Reference, ...]]:
    """Links that lead elsewhere by the same text, those that are new, and those that are gone."""
    added, removed = list(_beyond(new, old)), list(_beyond(old, new))
    by_text: dict[str, list[Reference]] = defaultdict(list)
    for link in removed:
        by_text[link.text].append(link)
    changed = []
    for link in list(added):
        if link.text and by_text[link.text]:
            former = by_text[link.text].pop(0)
            changed.append(Differing(link.text, former.url, link.url))
            added.remove(link)
            removed.remove(former)
    return tuple(changed), tuple(added), tuple(removed)


def _beyond(some: Sequence[Reference], others: Sequence[Reference]) -> tuple[Reference, ...]:
    """Those of `some` that `others` lack, as often as they do."""
    left = Counter(some) - Counter(others)
    return tuple(left.elements())


def _new_findings(some: Sequence[Finding], others: Sequence[Finding]) -> tuple[Finding, ...]:
    """Those that `others` lack, wherever they stand and whatever they count: lines and sizes move
    with every edit."""
    known = Counter(map(_kind, others))
    new = []
    for finding in some:
        if known[_kind(finding)]:
            known[_kind(finding)] -= 1
        else:
            new.append(finding)
    return tuple(new)


def _kind(finding: Finding) -> tuple[str, str, str]:
    return finding.rule, finding.severity, _NUMBER.sub("0", finding.message)
