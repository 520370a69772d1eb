"""Pictures that stand alone or side by side -> HTML."""

from collections.abc import Sequence
from dataclasses import replace

from newsletter.model.blocks import Figure, PictureRow
from newsletter.render.html.inline import InlineWriter

_MOST_IN_A_ROW = 4  # pictures; more of them get further rows
_ROW_GAP = 8


def lone_picture(
    figure: Figure, writer: InlineWriter, room: int, name: str = "image", *, captioned: bool = False
) -> str:
    """A picture alone, at most `width` pixels wide, with its caption below it; `captioned` where
    one follows."""
    line = caption(figure, writer)
    outer = "figure captioned" if line or captioned else "figure"
    below = f'<p class="caption">{line}</p>' if line else ""
    return f'<p class="{outer}">{linked(figure, writer, room, name)}</p>{below}'


def linked(figure: Figure, writer: InlineWriter, room: int, name: str = "image") -> str:
    """The picture itself, in its link if it has one."""
    image = figure.image
    title = image.title if figure.caption else ""
    picture = writer.image(replace(image, title=title, position=image.position), name, room)
    return f'<a href="{writer.url(figure.url)}">{picture}</a>' if figure.url else picture


def caption(figure: Figure, writer: InlineWriter) -> str:
    return str(writer.inline(figure.caption) or writer.text(figure.image.title))


def picture_row(row: PictureRow, writer: InlineWriter) -> str:
    """Pictures side by side, in as many rows as they need, each with the same room."""
    name = "row many" if _columns(row) > 2 else "row"
    below = f'<p class="caption">{writer.inline(row.caption)}</p>' if row.caption else ""
    return (
        '<table role="presentation" width="100%" cellpadding="0" cellspacing="0" '
        f'class="{name}">{rows(row, writer)}</table>{below}'
    )


def _columns(row: PictureRow) -> int:
    lines = -(-len(row.figures) // _MOST_IN_A_ROW)
    return -(-len(row.figures) // lines)


def rows(row: PictureRow, writer: InlineWriter) -> str:
    """The rows of the table in which pictures stand side by side."""
    columns = _columns(row)
    room = max(1, (writer.sheet.width - _ROW_GAP * (columns - 1)) // columns)
    pictures = [
        lone_picture(
            figure,
            writer,
            room,
            "image fill" if _fills(figure, room) else "image",
            captioned=bool(row.caption),
        )
        for figure in row.figures
    ]
    lines = []
    for start in range(0, len(pictures), columns):
        cells = pictures[start : start + columns]
        lines.append(_gapped([*cells, *[""] * (columns - len(cells))]))
    return "".join(f"<tr>{cells}</tr>" for cells in lines)


def _fills(figure: Figure, room: int) -> bool:
    """Whether a picture is at least as wide as its place, so that it may fill a wider one."""
    return figure.image.width is not None and figure.image.width >= room


def _gapped(cells: Sequence[str]) -> str:
    """The cells of a row of pictures; at a gap of the class `turn` a phone begins another line."""
    gaps = ("", *("gap" if number % 2 else "gap turn" for number in range(1, len(cells))))
    return "".join(
        (f'<td width="{_ROW_GAP}" class="{gap}"></td>' if gap else "")
        + f'<td valign="top" class="beside">{cell}</td>'
        for gap, cell in zip(gaps, cells, strict=True)
    )
