"""The text of an issue's file as it is, and edits of single spots in it."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cached_property

from newsletter.digest import characters
from newsletter.model.finding import Finding

_MARK = b"\xef\xbb\xbf"
_LINE_END = re.compile(r"\r\n|\r|\n")


@dataclass(frozen=True, slots=True)
class Edit:
    """What becomes of the characters from `start` to `end`; a line stays a line."""

    start: int
    end: int
    text: str


@dataclass(frozen=True, slots=True)
class Repair:
    """One thing mended, as a finding whose `fix` is what stands there now, and its edits.

    `renamed` are addresses as the digest has them, before and after.
    """

    finding: Finding
    edits: tuple[Edit, ...]
    renamed: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class IssueText:
    """All characters of a file, line ends and harmful ones too; `mark` is its byte order mark."""

    text: str
    mark: bytes = b""

    @classmethod
    def of(cls, data: bytes, file: str) -> "IssueText":
        """Raises UnreadableIssue."""
        return cls(characters.decode(data, file), _MARK if data.startswith(_MARK) else b"")

    @property
    def data(self) -> bytes:
        return self.mark + self.text.encode()

    @cached_property
    def lines(self) -> tuple[tuple[int, str], ...]:
        """Where each line begins, and its text without its end."""
        ends = [(match.start(), match.end()) for match in _LINE_END.finditer(self.text)]
        starts = [0, *(end for _, end in ends)]
        stops = [*(start for start, _ in ends), len(self.text)]
        return tuple((a, self.text[a:b]) for a, b in zip(starts, stops, strict=True))

    def line(self, number: int) -> tuple[int, str]:
        """Where a line begins, and its text; lines count from 1."""
        return self.lines[number - 1] if 0 < number <= len(self.lines) else (len(self.text), "")

    def with_changes(self, changes: Iterable[Repair]) -> "IssueText":
        text = self.text
        edits = [edit for change in changes for edit in change.edits]
        for edit in sorted(edits, key=lambda edit: edit.start, reverse=True):
            text = text[: edit.start] + edit.text + text[edit.end :]
        return replace(self, text=text)
