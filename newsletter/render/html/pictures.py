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
    image = figure.image
    title = image.title if figure.caption else ""
    picture = writer.image(replace(image, title=title, position=image.position), name, room)
    if figure.url:
        picture = f'<a href="{writer.url(figure.url)}">{picture}</a>'
    caption = writer.inline(figure.caption) or writer.text(image.title)
    outer = "figure captioned" if caption or captioned else "figure"
    below = f'<p class="caption">{caption}</p>' if caption else ""
    return f'<p class="{outer}">{picture}</p>{below}'


def picture_row(row: PictureRow, writer: InlineWriter) -> str:
    """Pictures side by side, in as many rows as they need, each with the same room."""
    lines = -(-len(row.figures) // _MOST_IN_A_ROW)
    columns = -(-len(row.figures) // lines)
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
    rows = []
    for start in range(0, len(pictures), columns):
        cells = pictures[start : start + columns]
        rows.append(_gapped([*cells, *[""] * (columns - len(cells))]))
    body = "".join(f"<tr>{cells}</tr>" for cells in rows)
    name = "row many" if columns > 2 else "row"
    caption = f'<p class="caption">{writer.inline(row.caption)}</p>' if row.caption else ""
    return (
        '<table role="presentation" width="100%" cellpadding="0" cellspacing="0" '
        f'class="{name}">{body}</table>{caption}'
    )


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
