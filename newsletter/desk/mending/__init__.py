"""Mends what is mechanical in an issue's file: `newsletter lint --fix`.

source     the characters of the file, and edits of single spots
front      keys, texts and dates of the front matter
addresses  parameters that track, http where https answers
secure     asks whether it does
signs      straight quotes among those of the language
proof      that an issue is the same but for what was mended

Each change is proved before it is made: the issue is read again, and its digest must be the same
but for what was mended. What cannot be proved stays as it is.
"""

import difflib
import io
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Protocol

from newsletter import digest
from newsletter.desk.mending import addresses, front, proof, signs
from newsletter.desk.mending.source import IssueText, Repair
from newsletter.digest import Parsed
from newsletter.errors import NewsletterError
from newsletter.files import write_whole
from newsletter.languages import inferred
from newsletter.languages import signs as signs_of
from newsletter.lint.tracking import host_of
from newsletter.model.finding import Finding
from newsletter.project import Project

__all__ = ["Ask", "Mended", "mend", "write"]

_ROUNDS = 4  # one change may let another be proved

Ask = Callable[[Iterable[str]], Mapping[str, str]]


class Find(Protocol):
    """A kind of changes in an issue."""

    def __call__(self, source: IssueText, parsed: Parsed, *, file: str) -> Iterator[Repair]: ...


@dataclass(frozen=True, slots=True)
class Mended:
    """`changes` as findings, whose `fix` is what stands there now; `left` says of each address that
    begins with http: and stays so why."""

    path: Path
    before: bytes
    after: bytes
    changes: tuple[Finding, ...]
    left: Mapping[str, str]

    def diff(self, file: str) -> str:
        """The changes as a unified diff."""
        old, new = (
            list(io.StringIO(data.decode("utf-8"), newline="\n"))
            for data in (self.before, self.after)
        )
        lines = difflib.unified_diff(old, new, f"a/{file}", f"b/{file}")
        ended = (
            line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n"
            for line in lines
        )
        return "".join(ended)


def mend(project: Project, path: Path, ask: Ask) -> Mended:
    """What becomes of an issue's file; nothing is written. `ask` says of http: addresses why they
    cannot become https:, as `secure.why_not` does.

    Raises UnreadableIssue.
    """
    before = path.read_bytes()
    issue = _Issue(project, path, IssueText.of(before, project.name_of(path)))
    answers: dict[str, str] = {}
    for _ in range(_ROUNDS):
        begun = issue.source
        issue.mend_front()
        issue.mend_addresses(answers, ask)
        issue.mend_quotes()
        if issue.source == begun:
            break
    ordered = sorted(issue.made, key=lambda finding: finding.position.line)
    left = {url: why for url, why in answers.items() if why}
    return Mended(path, before, issue.source.data, tuple(ordered), left)


class _Issue:
    """An issue while it is mended: its text and its digest so far, and what was made."""

    def __init__(self, project: Project, path: Path, source: IssueText) -> None:
        self._settings = project.settings
        self._stem = path.stem
        self._file = project.name_of(path)
        self.source = source
        self.parsed = self.read(source)
        self.made: list[Finding] = []

    def read(self, source: IssueText, *, smart: bool = False) -> Parsed:
        newsletter = self._settings.newsletter
        return digest.parse(
            source.data,
            file=self._file,
            stem=self._stem,
            base_url=newsletter.base_url,
            section_labels=self._settings.digest.section_labels,
            smart_in=newsletter.language if smart else "",
        )

    def mend_front(self) -> None:
        self._mend(front.misspelt_keys, proof.no_new_faults)
        self._mend(front.bare_texts, proof.same_digest)
        self._mend(front.dates_in_iso, proof.same_but_for_the_date)

    def mend_addresses(self, answers: dict[str, str], ask: Ask) -> None:
        """`answers` are those so far; what is new is asked for."""
        own_host = host_of(self._settings.newsletter.base_url)
        trackers = partial(addresses.without_trackers, own_host=own_host)
        self._mend(trackers, proof.same_but_for_addresses)
        if new := addresses.insecure_addresses(self.parsed) - answers.keys():
            answers |= ask(new)
        self._mend(partial(addresses.secured, answers=answers), proof.same_but_for_addresses)

    def mend_quotes(self) -> None:
        """Only where nothing sets them while the issue is read."""
        meta, usual = self.parsed.digest.meta, self._settings.newsletter.language
        language = meta.language or inferred(self.parsed.source, usual) or usual
        own_signs = signs_of(language)
        if own_signs and meta.smart and not self._settings.digest.smart:
            typeset = self.read(self.source, smart=True).digest
            set_quotes = partial(signs.set_quotes, typeset=typeset, signs=own_signs)
            self._mend(set_quotes, proof.same_but_for_quotes(own_signs))

    def _mend(self, find: Find, same: proof.Same) -> None:
        """Make the changes of a kind that leave all else as it is: at once, or one by one."""
        changes = list(find(self.source, self.parsed, file=self._file))
        if not changes or self._take(changes, same):
            return
        kept: list[Repair] = []
        before, parsed = self.source, self.parsed
        for change in changes:
            after = self.read(before.with_changes([*kept, change]))
            if same(parsed, after, [*kept, change]):
                kept.append(change)
        self._take(kept, same)

    def _take(self, changes: Sequence[Repair], same: proof.Same) -> bool:
        source = self.source.with_changes(changes)
        parsed = self.read(source)
        if is_same := same(self.parsed, parsed, changes):
            self.source, self.parsed = source, parsed
            self.made += [change.finding for change in changes]
        return is_same


def write(mended: Mended) -> None:
    """Put the mended text under the file's name, whole. Raises NewsletterError where somebody else
    changed the file meanwhile, or it cannot be written."""
    path = mended.path.resolve()
    try:
        if path.read_bytes() != mended.before:
            raise NewsletterError(
                "changed while it was mended", where=str(path), hint="Run this again."
            )
        write_whole(path, mended.after, follows=True)
    except OSError as error:
        raise NewsletterError(
            f"cannot write: {error.strerror}",
            where=str(path),
            hint="Let the user who runs this write the file and its folder.",
        ) from error
