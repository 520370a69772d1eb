"""Where lines may break: in code, in the cells of tables, and in headings."""

import re

from newsletter.languages import is_wide

_LONGEST_CODE = 24  # letters that stay on one line, on the narrowest phone too
_LONGEST_WORD = 20
_CELL_COLUMNS = 16  # of the widest text in a table's column on a phone
_HEADING_COLUMNS = 26  # of a heading on a phone
# Where phrases in Chinese and Japanese end, and where they begin.
_PHRASES = re.compile(r"(?<=[，。：；、！？…）》」』”\s])|(?=[（《「『“])")


def is_whole_code(text: str) -> bool:
    """Whether a piece of code should move to the next line rather than break at its hyphens."""
    return len(text) <= _LONGEST_CODE and not any(map(str.isspace, text))


def is_whole_cell(text: str) -> bool:
    """Whether a text must not break: a date, a version or the like, which has hyphens, or a few
    letters of a script that breaks anywhere."""
    if "-" in text:
        return len(text) <= _LONGEST_WORD and " " not in text
    return any(map(is_wide, text)) and not _is_wider(text, _CELL_COLUMNS)


def is_long_cell(text: str) -> bool:
    """Whether a text wants some width, where its table is wider than the screen."""
    return _is_wider(text, _CELL_COLUMNS)


def is_of_short_phrases(text: str) -> bool:
    """Whether a heading in Chinese or Japanese can break at its punctuation alone, and so never
    within a word."""
    if not any(map(is_wide, text)):
        return False
    return not any(_is_wider(phrase, _HEADING_COLUMNS) for phrase in _PHRASES.split(text))


def _is_wider(text: str, columns: int) -> bool:
    """Whether a text takes more columns than that; a wide character takes two."""
    if len(text) <= columns // 2:
        return False
    return len(text) > columns or len(text) + sum(map(is_wide, text)) > columns
