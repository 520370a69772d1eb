"""What people see: consoles and tables, through the gate and at any width."""

import os
import re
import sys
from collections.abc import Mapping
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, RenderResult
from rich.table import Table
from rich.text import Text

from newsletter.gate import visible
from newsletter.platforms import IS_WINDOWS

_UNBOUNDED = 10_000  # columns where there is no terminal: a table takes what it needs
_NARROW = 60  # columns of a terminal below which a table shows its rows one below the other
_GAP = 2  # columns of the terminal between those of a table


class Screen(Console):
    """A console that prints each string as one line, whatever is in it.

    The terminal breaks what is too long for it, so that nothing is cut, and a command that is
    printed can be copied. Several lines are several strings, with `sep="\\n"`.
    """

    def __init__(self, *, stderr: bool) -> None:
        terminal = (sys.stderr if stderr else sys.stdout).isatty()
        super().__init__(
            stderr=stderr,
            markup=False,
            emoji=False,
            highlight=False,
            width=None if terminal else _UNBOUNDED,
            _environ=_environment(),
        )

    def print(self, *objects: Any, **options: Any) -> None:
        lines = [visible(thing) if isinstance(thing, str) else thing for thing in objects]
        options.setdefault("soft_wrap", all(isinstance(thing, str) for thing in lines))
        options.setdefault("crop", False)
        super().print(*lines, **options)


class ScreenTable(Table):
    """A table in the one look of this command line; on a narrow terminal, a line for each cell."""

    def __init__(self, *columns: str, header: bool) -> None:
        super().__init__(box=SIMPLE_HEAD if header else None, show_header=header, pad_edge=False)
        for column in columns:
            self.add_column(column, overflow="fold")

    def add_row(self, *cells: Any, **options: Any) -> None:
        visible_cells = (visible(cell) if isinstance(cell, str) else cell for cell in cells)
        super().add_row(*visible_cells, **options)

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        if options.max_width >= max(_NARROW, self._least_width()):
            yield from super().__rich_console__(console, options)
            return
        whole = options.update(no_wrap=True, overflow="ignore")
        for number in range(self.row_count):
            if number and self.show_header:
                yield Text()
            for line in self._lines(number):
                yield from console.render(Text(line), whole)

    def _least_width(self) -> int:
        """Room for whole headers, and for the cells that must not fold."""
        whole = (
            [column.header, *(column.cells if column.no_wrap else ())] for column in self.columns
        )
        return sum(max(cell_len(str(cell)) for cell in cells) + _GAP for cells in whole)

    def _lines(self, number: int) -> list[str]:
        """A line for each cell, with its header; without headers, one line of name and value."""
        cells = [str(list(column.cells)[number]) for column in self.columns]
        if not self.show_header:
            return [" ".join(cells)]
        headers = [str(column.header) for column in self.columns]
        pairs = zip(headers, cells, strict=True)
        return [f"{header}: {cell}" if header else cell for header, cell in pairs]


def _environment() -> Mapping[str, str]:
    """The environment without sizes that are none, such as the 0 of some shells and services; a
    terminal without a name knows no codes."""
    environment = {
        name: value
        for name, value in os.environ.items()
        if name not in ("COLUMNS", "LINES") or re.fullmatch("0*[1-9][0-9]*", value)
    }
    if not (IS_WINDOWS or environment.get("TERM")):
        environment["TERM"] = "dumb"
    return environment
