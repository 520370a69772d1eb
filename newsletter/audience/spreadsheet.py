"""Cells that a spreadsheet would run as a formula.

https://owasp.org/www-community/attacks/CSV_Injection

`guard` puts an apostrophe before each place where one could begin: at the beginning of a cell, and
after a semicolon or a line break in it, since spreadsheets in countries with decimal commas split
there too. `unguard` removes them: for any text `unguard(guard(text)) == text`.
"""

import re

# The last four are as wide as a Chinese character; some spreadsheets treat them like the first.
_BEGINS = "[=+\\-@\t\r\uff1d\uff0b\uff0d\uff20]"
_PLACE = r"((?:\A|(?<=[;\r\n]))[ \"]*)"
_FORMULA = re.compile(f"{_PLACE}('*{_BEGINS})")
_GUARDED = re.compile(f"{_PLACE}'('*{_BEGINS})")


def guard(cell: str) -> str:
    return _FORMULA.sub(r"\1'\2", cell)


def unguard(cell: str) -> str:
    return _GUARDED.sub(r"\1\2", cell) if "'" in cell else cell
