"""How much one issue may hold: many times what fits into a mail before Gmail cuts it.

Each block, each line and each sign of markup costs its time at every step from the parser to the
mail. With this limit the worst of all issues takes about two seconds of a slow processor, and one
that is refused takes less. A paragraph with too many signs is plain text, in which only lines
count.
"""

import re
from collections.abc import Iterable
from itertools import islice

from markdown_it.token import Token

from newsletter.errors import UnreadableIssue

MAX_PARTS = 50_000  # the fullest real digest has 2,584
MAX_MARKS = 5_000  # of one paragraph
_OF_A_BLOCK = 2  # a paragraph, heading, item, row, cell, or a container of them counts as two lines

_LINE = re.compile(r"[^\n]\n")  # a line that is not empty
_MARK = re.compile(r"[\[\]<*_~`&:]|==|%%|\{(?=[#./\w])")
_BLOCKS = ("html_block", "fence", "code_block", "hr")


def marks(text: str) -> int:
    """How many signs of a paragraph may be markup."""
    return len(_MARK.findall(text))


def refuse_too_many_lines(text: str, file: str) -> None:
    """Raises UnreadableIssue with the first line that is too much, before any is parsed."""
    if excess := next(islice(_LINE.finditer(text), MAX_PARTS, None), None):
        raise _too_many(f"{file}:{text.count(chr(10), 0, excess.start()) + 1}")


def refuse_too_many_parts(tokens: Iterable[Token], file: str, body_line: int) -> None:
    """Raises UnreadableIssue with the line of the first block that is too much."""
    parts = line = 0
    for token in tokens:
        if token.map:
            line = token.map[0]
        parts += _parts(token)
        if parts > MAX_PARTS:
            raise _too_many(f"{file}:{line + body_line}")


def refuse_too_many_points(points: int, file: str, line: int) -> None:
    """The same for the points of a summary."""
    if points * _OF_A_BLOCK > MAX_PARTS:
        raise _too_many(f"{file}:{line}")


def _parts(token: Token) -> int:
    if token.type == "inline":
        signs = marks(token.content)
        return token.content.count("\n") + (signs if signs <= MAX_MARKS else 0)
    tags = min(map(token.content.count, "<>")) if token.type == "html_block" else 0
    return _OF_A_BLOCK * (token.nesting == 1 or token.type in _BLOCKS) + tags


def _too_many(where: str) -> UnreadableIssue:
    return UnreadableIssue(
        f"has more than {MAX_PARTS:,} blocks, lines and signs of markup",
        where=where,
        hint="Split it into several issues: Gmail cuts a mail near 102 KB.",
    )
