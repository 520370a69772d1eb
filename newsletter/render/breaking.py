"""Where lines may break: in code, in the cells of tables, and in headings."""

import re

from newsletter.languages import is_wide

_LONGEST_CODE = 24  # letters that stay on one line, on the narrowest phone too
_LONGEST_WORD = 20
_CELL_COLUMNS = 16  # of a text in a table that is as wide as a phone lets its column be
_HEADING_COLUMNS = 26  # of a heading on a phone
# Behind what ends a phrase in Chinese and Japanese, and before what opens one.
_PHRASES = re.compile(r"(?<=[，。：；、！？…）》」』”\s])|(?=[（《「『“])")


def is_whole_code(text: str) -> bool:
    """Whether a piece of code is better moved to the next line than broken at its hyphens."""
    return len(text) <= _LONGEST_CODE and not any(map(str.isspace, text))


def is_whole_cell(text: str) -> bool:
    """Whether a text is a date, a version or the like, which would break at its hyphens, or a few
    letters of those that break anywhere."""
    if "-" in text:
        return len(text) <= _LONGEST_WORD and " " not in text
    return any(map(is_wide, text)) and not _is_wider(text, _CELL_COLUMNS)


def is_long_cell(text: str) -> bool:
    """Whether a text wants some width, where its table is wider than the screen."""
    return _is_wider(text, _CELL_COLUMNS)


def is_of_short_phrases(text: str) -> bool:
    """Whether a heading in Chinese or Japanese needs to break at its punctuation alone, and so in
    the middle of no word."""
    if not any(map(is_wide, text)):
        return False
    return not any(_is_wider(phrase, _HEADING_COLUMNS) for phrase in _PHRASES.split(text))


def _is_wider(text: str, columns: int) -> bool:
    """Whether a text takes more columns than that; a wide character takes two."""
    if len(text) <= columns // 2:
        return False
    return len(text) > columns or len(text) + sum(map(is_wide, text)) > columns
