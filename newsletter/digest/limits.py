"""How much one issue may hold: several times what a mail can show that Gmail does not cut.

Each block and each sign of markup costs its time at every step from the parser to the mail. With
these limits the worst of all issues takes about a second, and one that is refused takes less.
"""

import re
from collections.abc import Iterable
from itertools import islice

from markdown_it.token import Token

from newsletter.errors import UnreadableIssue

MAX_SIGNS = 20_000  # the fullest real digest has 2,155
MAX_BLOCKS = 3_000  # and it has 609: paragraphs, headings, items, rows, cells and what holds them

# No node of a digest comes from less than one of these, but for the cells that a table is given.
_SIGN = re.compile(r"[\n\[\]<>*_~`&|\\]|//|(?:[-+]|[0-9][.)])[ \t]")
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
        blocks += token.nesting == 1 or token.type in ("html_block", "fence", "code_block", "hr")
        if blocks > MAX_BLOCKS:
            raise _too_many_blocks(f"{file}:{line + body_line}")


def refuse_too_many_points(points: int, file: str, line: int) -> None:
    """The same for the points of a summary."""
    if points > MAX_BLOCKS:
        raise _too_many_blocks(f"{file}:{line}")


def _too_many_blocks(where: str) -> UnreadableIssue:
    return UnreadableIssue(
        f"has more than {MAX_BLOCKS:,} paragraphs, headings, items and cells",
        where=where,
        hint=_HINT,
    )
