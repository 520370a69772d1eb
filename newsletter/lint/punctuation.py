"""Signs of two widths in one Chinese or Japanese text."""

import re
from collections.abc import Iterator

from newsletter.lint.visible import Run, all_text, quoted, runs
from newsletter.model.digest import Digest
from newsletter.model.finding import Finding, Position, Severity

_CJK = r"[\u3040-\u30ff\u3400-\u9fff]"
_LETTER = re.compile(_CJK)
_PAIRS = {",": "，", ";": "；", ":": "：", "?": "？", "!": "！"}
# Between two letters; a sign at the end of a line or before a space may belong to Latin text.
_HALF = re.compile(rf"(?<={_CJK})[,;:?!](?={_CJK})")
_FULL = re.compile(rf"(?<={_CJK})[，；：？！](?={_CJK})")
_BRACKETS = re.compile(
    rf"（[^（）()\n\0]{{0,40}}{_CJK}[^（）()\n\0]{{0,40}}\)|\((?=[^（）()\n\0]{{0,40}}{_CJK})[^（）()\n\0]{{1,80}}）"
)
_AROUND = 6
_USUAL = 3  # times as often: then the other width is a slip and no habit


def mixed_width(digest: Digest) -> Iterator[Finding]:
    """The signs of a Chinese or Japanese text are all of one width."""
    if not _LETTER.search(all_text(digest)):
        return
    texts = [run for run in runs(digest) if _LETTER.search(run.text)]
    for run in texts:
        for match in _BRACKETS.finditer(run.text):
            yield _finding(
                run.place(match.start()), f"the brackets of {quoted(match[0])!r} differ in width"
            )
    half = [(run, match) for run in texts for match in _HALF.finditer(run.text)]
    full = sum(len(_FULL.findall(run.text)) for run in texts) if half else 0
    if full >= _USUAL * len(half):
        for run, match in half:
            yield _finding(
                run.place(match.start()),
                f"{_around(run, match.start())!r} has a half-width {match[0]}, "
                f"elsewhere it is {_PAIRS[match[0]]}",
            )


def _around(run: Run, place: int) -> str:
    return quoted(run.text[max(0, place - _AROUND) : place + _AROUND + 1].replace("\n", " "))


def _finding(place: Position, message: str) -> Finding:
    return Finding(
        "mixed-width", Severity.INFO, place, message, "Write all of them in the same width."
    )
