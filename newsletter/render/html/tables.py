"""Tables -> HTML: one that is wider than the screen scrolls within its own frame."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from newsletter.model.blocks import Table
from newsletter.model.inline import Inline
from newsletter.model.walking import plain_text
from newsletter.render import breaking
from newsletter.render.html.inline import InlineWriter

if TYPE_CHECKING:
    from newsletter.render.html.blocks import HtmlWriter

_CELL_SIDE = 12


def table(table: Table, writer: "HtmlWriter") -> str:
    return (
        '<div class="scroll" tabindex="0"><table width="100%" cellpadding="0" cellspacing="0" '
        f'class="table">{table_rows(table, writer)}</table></div>'
    )


def table_rows(table: Table, writer: "HtmlWriter") -> str:
    rows = []
    start = "right" if writer.sheet.direction == "rtl" else "left"  # a browser centres headers
    if table.header:
        cells = _cells(table.header.cells, table, writer, "th", start)
        rows.append(writer.marked(f"<tr>{cells}</tr>", table.header))
    for row in table.rows:
        cells = _cells(row.cells, table, writer, "td")
        rows.append(writer.marked(f"<tr>{cells}</tr>", row))
    return "".join(rows)


def _cells(
    cells: Sequence[Inline], table: Table, writer: InlineWriter, tag: str, usual: str = ""
) -> str:
    texts = []
    width = writer.sheet.width // max(1, len(cells)) - _CELL_SIDE
    inner = writer.within(writer.sheet.width - width)
    for index, cell in enumerate(cells):
        align = (table.align[index].value if index < len(table.align) else "") or usual
        text = plain_text(cell)
        names = [tag]
        if tag == "td" and breaking.is_long_cell(text):
            names.append("long")
        if index == len(cells) - 1:
            names.append("last")
        attributes = f' class="{" ".join(names)}"'
        attributes += ' scope="col"' if tag == "th" else ""
        attributes += f' align="{align}"' if align else ""
        attributes += " nowrap" if breaking.is_whole_cell(text) else ""
        texts.append(f"<{tag}{attributes}>{inner.inline(cell)}</{tag}>")
    return "".join(texts)
