"""Differences of texts: by lines, and by words in a line that changed."""

import difflib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

_CONTEXT = 2  # lines around what changed
_MOST_LINES = 1_500
_MOST_WORDS = 400  # of a line, beyond which it is shown as a whole
_WORDS = re.compile(
    r"[\u2e80-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff]|\w+|\s+|[^\w\s]"
)


class LineKind(StrEnum):
    SAME = "same"
    ADDED = "added"
    REMOVED = "removed"
    GAP = "gap"  # lines that are left out


@dataclass(frozen=True, slots=True)
class DiffPiece:
    """A part of a line; whether it is what changed."""

    text: str
    is_marked: bool = False


@dataclass(frozen=True, slots=True)
class DiffLine:
    kind: LineKind
    pieces: tuple[DiffPiece, ...] = ()


def unified(before: Sequence[str], after: Sequence[str]) -> list[str]:
    """A unified diff without the names of files; empty where nothing changed."""
    return list(difflib.unified_diff(before, after, n=_CONTEXT, lineterm=""))[2:]


def lines(before: Sequence[str], after: Sequence[str]) -> list[DiffLine]:
    """The lines that changed with those around them, and in them the words that did."""
    rows: list[DiffLine] = []
    for row in _lines(before, after):
        if len(rows) == _MOST_LINES:
            return [*rows, DiffLine(LineKind.GAP)]
        rows.append(row)
    return rows


def _lines(before: Sequence[str], after: Sequence[str]) -> Iterator[DiffLine]:
    matcher = difflib.SequenceMatcher(None, before, after)
    for number, group in enumerate(matcher.get_grouped_opcodes(_CONTEXT)):
        if number:
            yield DiffLine(LineKind.GAP)
        for what, start, end, new_start, new_end in group:
            # Words take much longer to compare than lines: none that will not be shown.
            old, new = before[start:end][:_MOST_LINES], after[new_start:new_end][:_MOST_LINES]
            if what == "equal":
                yield from (DiffLine(LineKind.SAME, (DiffPiece(line),)) for line in old)
            elif what == "replace" and len(old) == len(new):
                pairs = [words(*pair) for pair in zip(old, new, strict=True)]
                yield from (DiffLine(LineKind.REMOVED, pieces) for pieces, _ in pairs)
                yield from (DiffLine(LineKind.ADDED, pieces) for _, pieces in pairs)
            else:
                yield from (DiffLine(LineKind.REMOVED, (DiffPiece(line),)) for line in old)
                yield from (DiffLine(LineKind.ADDED, (DiffPiece(line),)) for line in new)


def words(before: str, after: str) -> tuple[tuple[DiffPiece, ...], tuple[DiffPiece, ...]]:
    """Two forms of a line, in which the words that differ are marked; characters in Chinese."""
    old, new = _WORDS.findall(before), _WORDS.findall(after)
    if max(len(old), len(new)) > _MOST_WORDS:
        return (DiffPiece(before),), (DiffPiece(after),)
    matcher = difflib.SequenceMatcher(None, old, new, autojunk=False)
    changes = matcher.get_opcodes()
    return (
        tuple(
            DiffPiece("".join(old[start:end]), what != "equal")
            for what, start, end, _, _ in changes
            if start < end
        ),
        tuple(
            DiffPiece("".join(new[start:end]), what != "equal")
            for what, _, _, start, end in changes
            if start < end
        ),
    )
