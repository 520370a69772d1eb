"""Tables: rows with more cells than the header, and pipes that were meant as a table."""

import re
from collections.abc import Iterator, Sequence

from markdown_it.rules_block import StateBlock, table
from markdown_it.rules_block.table import escapedSplit
from markdown_it.token import Token

from newsletter.digest import foreign
from newsletter.digest.limits import MAX_PARTS
from newsletter.digest.report import Report
from newsletter.model.finding import Position, Severity

CELLS = "cells"  # in the meta of a token that opens a row: its cells and those of the header

_DELIMITERS = ("|", "-", ":")  # what the line below a header begins with
_ROW = re.compile(r"\|.*\|")
_ROW_OF_CELLS = re.compile(r"\|(?:[ \t][^|]*[ \t]\|){2,}")  # a single one, as a table has it
_BELOW_HEADER = re.compile(r"\|?\s*:?-+:?\s*(?:\|\s*:?-+:?\s*)*+\|?")


def rule(state: StateBlock, start: int, end: int, silent: bool) -> bool:
    """The stock rule, which drops the cells of a row beyond its header: they widen the table.

    A line of kramdown attributes is not a row.
    """
    if start + 1 >= end or not state.src.startswith(_DELIMITERS, _first(state, start + 1)):
        return False
    first = len(state.tokens)
    if not table(state, start, _end_of_rows(state, start, end), silent):
        return False
    if not silent:
        _keep_further_cells(state, start, first)
    return True


def _first(state: StateBlock, line: int) -> int:
    """Where the first sign of a line stands."""
    return state.bMarks[line] + state.tShift[line]


def _end_of_rows(state: StateBlock, start: int, end: int) -> int:
    """The first line of attributes below the header, if there is one."""
    if "|" not in state.src[state.bMarks[start] : state.eMarks[start]]:
        return end  # no table
    for line in range(start + 2, end):
        if state.isEmpty(line):
            break
        if foreign.is_attributes(state.src, _first(state, line), state.eMarks[line]):
            return line
    return end


def _keep_further_cells(state: StateBlock, start: int, first: int) -> None:
    tokens = state.tokens[first:]
    columns = sum(token.type == "th_open" for token in tokens)
    rows = [token for token in tokens if token.type == "tr_open"]
    further: dict[int, Sequence[str]] = {}
    for row in rows[1:]:
        line = row.map[0] if row.map else start
        if cells := _further_cells(state, line, columns):
            further[line] = cells
            row.meta[CELLS] = columns + len(cells), columns
    if not further:
        return
    most = max(map(len, further.values()))
    is_filled = (columns + most) * len(rows) <= MAX_PARTS  # more would be refused anyway
    state.tokens[first:] = _widened(tokens, further, most if is_filled else 0)


def _further_cells(state: StateBlock, line: int, columns: int) -> Sequence[str]:
    """The cells of a row beyond the last column, without empty ones at the end."""
    text = state.src[_first(state, line) : state.eMarks[line]].strip()
    if text.removeprefix("|").removesuffix("|").count("|") < columns:
        return ()
    cells = [cell.strip() for cell in escapedSplit(text)]
    cells = cells[columns + (not cells[0]) :]
    while cells and not cells[-1]:
        cells.pop()
    return cells


def _widened(
    tokens: Sequence[Token], further: dict[int, Sequence[str]], columns: int
) -> list[Token]:
    """The tokens of a table that is widened by some columns, filled with empty cells."""
    widened: list[Token] = []
    line, kind = 0, "th"
    for token in tokens:
        if token.type == "tr_open" and token.map:
            line = token.map[0]
        elif token.type == "tbody_open":
            kind = "td"
        elif token.type == "tr_close":
            cells = further.get(line, ())
            for content in (*cells, *[""] * (columns - len(cells))):
                widened += _cell(kind, content, line)
        widened.append(token)
    return widened


def _cell(kind: str, content: str, line: int) -> Iterator[Token]:
    yield Token(f"{kind}_open", kind, 1, block=True)
    yield Token("inline", "", 0, content=content, map=[line, line + 1], children=[], block=True)
    yield Token(f"{kind}_close", kind, -1, block=True)


def tell_of_further_cells(row: Token, place: Position, report: Report) -> None:
    """Report a row that has more cells than the header of its table."""
    if CELLS in row.meta:
        cells, columns = row.meta[CELLS]
        report.add(
            "broken-table",
            Severity.WARNING,
            place,
            f"a row has {cells} cells and the header {columns}",
            r"Write \| for a pipe within a cell, in code and addresses too, or widen the header.",
        )


def _is_row_alone(lines: Sequence[str]) -> bool:
    return len(lines) == 1 and _ROW_OF_CELLS.fullmatch(lines[0]) is not None


def tell_of_pipes(text: str, place: Position, report: Report) -> None:
    """Report a paragraph of rows that are not a table, since the line below the header is
    missing."""
    lines = [line.strip() for line in text.split("\n")] if "|" in text else []
    if any("|" in line and _BELOW_HEADER.fullmatch(line) for line in lines[1:]):
        message = (
            "rows of pipes are not a table: "
            "the header and the line below it have different numbers of cells"
        )
        fix = r"Write |---| below it, with --- for each of its cells, and \| for a pipe in a cell."
    elif _is_row_alone(lines) or sum(_ROW.fullmatch(line) is not None for line in lines) > 1:
        rows = "rows of pipes are" if lines[1:] else "a row of pipes is"
        message = f"{rows} not a table: no |---| stands below {'the first' if lines[1:] else 'it'}"
        fix = "Write |---| there, with --- for each cell."
    else:
        return
    report.add("broken-table", Severity.WARNING, place, message, fix)
