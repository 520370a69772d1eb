"""How much one issue may hold: several times what a mail can show that Gmail does not cut.

Each block and each sign of markup costs its time at every step from the parser to the mail. With
these limits the worst of all issues takes a second and a half, and one that is refused takes less.
"""

import re
from collections.abc import Iterable
from itertools import islice

from markdown_it.token import Token

from newsletter.errors import UnreadableIssue

MAX_SIGNS = 20_000  # the fullest real digest has 2,675
MAX_BLOCKS = 2_500  # and it has 609: paragraphs, headings, items, rows, cells, what holds them

# No node of a digest comes from less than one of these, but for the cells that a table is given.
# An address costs the most, so each sign of `://` is one.
_SIGN = re.compile(r"[\n\[\]<>*_~`&|\\]|:(?=//)|/(?=/)|(?<=/)/|(?:[-+]|[0-9][.)])[ \t]")
_TAG = re.compile(r"<[A-Za-z]")
_ALONE = ("fence", "code_block", "hr", "html_block")
_HINT = "Split it into several issues: Gmail cuts a mail near 102 KB."


def refuse_too_many_signs(text: str, file: str) -> None:
    """Raises UnreadableIssue with the line that holds the first sign too many."""
    if excess := next(islice(_SIGN.finditer(text), MAX_SIGNS, None), None):
        line = text.count("\n", 0, excess.start()) + 1
        raise UnreadableIssue(
            f"has more than {MAX_SIGNS:,} lines and signs of markup",
            where=f"{file}:{line}",
            hint=_HINT,
        )


def refuse_too_many_blocks(tokens: Iterable[Token], file: str, body_line: int) -> None:
    """Raises UnreadableIssue with the line of the first block too many."""
    blocks = line = 0
    for token in tokens:
        if token.map:
            line = token.map[0]
        if token.type == "html_block":
            blocks += sum(1 for _ in _TAG.finditer(token.content))
        blocks += token.nesting == 1 or token.type in _ALONE
        if blocks > MAX_BLOCKS:
            raise _too_many_blocks(f"{file}:{line + body_line}")


def refuse_too_many_points(points: int, file: str, line: int) -> None:
    """The same for the points of a summary."""
    if points > MAX_BLOCKS:
        raise _too_many_blocks(f"{file}:{line}")


def _too_many_blocks(where: str) -> UnreadableIssue:
    return UnreadableIssue(
        f"has more than {MAX_BLOCKS:,} paragraphs, headings, items, cells and tags",
        where=where,
        hint=_HINT,
    )
