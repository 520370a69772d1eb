"""Cells that a spreadsheet would run as a formula.

`guard` puts an apostrophe before them, `unguard` takes it away: for any text
`unguard(guard(text)) == text`.
"""

import re

_FORMULA = re.compile(r"'*[=+\-@\t\r]")
_GUARDED = re.compile(r"'+[=+\-@\t\r]")


def guard(cell: str) -> str:
    return f"'{cell}" if _FORMULA.match(cell) else cell


def unguard(cell: str) -> str:
    return cell[1:] if _GUARDED.match(cell) else cell
