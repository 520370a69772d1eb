"""What Outlook for Windows asks of a mail's HTML, one function a rule; each yields what breaks it.

Its engine is Word's: it ignores padding but in cells, max-width, percentages and display:none.
"""

import re
from collections.abc import Callable, Iterator
from typing import Any

import lxml.html

Rule = Callable[[str], Iterator[str]]

_FRAME = re.compile(r'<!--\[if mso[^\]]*\]><table[^>]*\swidth="(\d+)"')
_ZERO = re.compile(r"0(?:px|%|pt|em)?")
_TEXT_BLOCKS = ("p", "pre", "blockquote", "ul", "ol", "li", "h1", "h2", "h3", "h4", "h5", "h6")
_UNKNOWN_LAYOUT = re.compile(
    r"(?:^|;)(?:float|position|background-image|background-size|display:(?:flex|grid))\b"
)
_INBOX_COLUMNS = 150


def picture_has_its_width_in_pixels(html: str) -> Iterator[str]:
    """Without one the file's own width counts, and a percentage is one of that."""
    for picture in _elements(html, "img"):
        if not re.fullmatch(r"[1-9]\d*", picture.get("width", "")):
            yield _told(picture)
        if re.search(r"(?:^|;)width:[^;]*%", picture.get("style", "")):
            yield _told(picture)


def picture_has_a_height_that_is_pixels(html: str) -> Iterator[str]:
    for picture in _elements(html, "img"):
        if not re.fullmatch(r"[1-9]\d*", picture.get("height", "1")):
            yield _told(picture)


def picture_fits_its_column(html: str) -> Iterator[str]:
    """max-width is ignored: what is wider than its column widens the whole sheet."""
    for picture in _elements(html, "img"):
        width = picture.get("width", "")
        if width.isdecimal() and int(width) > _room(html, picture):
            yield _told(picture)


def padding_is_in_cells_alone(html: str) -> Iterator[str]:
    for element in _elements(html):
        if element.tag in ("td", "th"):
            continue
        paddings = [v for k, v in _style(element).items() if k.startswith("padding")]
        if any(not _ZERO.fullmatch(part) for value in paddings for part in value.split()):
            yield _told(element)


def box_is_a_cell(html: str) -> Iterator[str]:
    """A ground without padding would stick to its letters."""
    for element in _elements(html, *_TEXT_BLOCKS):
        if {"background", "background-color"} & set(_style(element)):
            yield _told(element)


def button_is_a_cell(html: str) -> Iterator[str]:
    """A link that looks like a button stands in a cell that is one."""
    for link in _elements(html, "a"):
        if not {"border", "background", "background-color", "display"} & set(_style(link)):
            continue
        cell = link.getparent()
        wanted = {"padding", "border", "mso-padding-alt", "background-color"}
        if cell.tag != "td" or not cell.get("bgcolor") or wanted - set(_style(cell)):
            yield _told(link)


def what_is_hidden_is_hidden_from_outlook(html: str) -> Iterator[str]:
    """display:none alone is ignored."""
    wanted = {"mso-hide": "all", "font-size": "1px", "line-height": "1px", "max-height": "0"}
    for element in _hidden(html):
        style = _style(element)
        if any(
            style.get(key, "").removesuffix("px") != v.removesuffix("px")
            for key, v in wanted.items()
        ):
            yield _told(element)


def what_is_hidden_is_not_painted_over(html: str) -> Iterator[str]:
    """Letters in the colour of their ground cost points with SpamAssassin."""
    grounds = {
        _colour(_style(element)[key])
        for element in _elements(html)
        for key in ("background", "background-color")
        if key in _style(element)
    }
    for element in _hidden(html):
        if _colour(_style(element).get("color", "")) in grounds:
            yield _told(element)


def preheader_fills_the_inbox(html: str) -> Iterator[str]:
    """Else the beginning of the mail follows it there."""
    columns = [len(element.text_content()) for element in _hidden(html)]
    wide = [sum(c > "\u2e80" for c in element.text_content()) for element in _hidden(html)]
    if not columns or columns[0] + wide[0] < _INBOX_COLUMNS:
        yield f"{columns} columns are hidden at the top"


def layout_is_no_table_of_data(html: str) -> Iterator[str]:
    for table in _elements(html, "table"):
        if (
            table.get("role") != "presentation"
            and table.get("class") != "table"
            and not table.xpath(".//th")
        ):
            yield _told(table)


def nothing_hangs_on_what_word_does_not_know(html: str) -> Iterator[str]:
    for element in _elements(html):
        style = ";".join(f"{key}:{value}" for key, value in _style(element).items())
        columns = "mj-outlook-group-fix" in element.get("class", "") or "inline-block" not in style
        if _UNKNOWN_LAYOUT.search(style) or not columns:
            yield _told(element)


def lines_are_as_high_as_they_say(html: str) -> Iterator[str]:
    """Word takes a line height for the least one."""
    for sheet in re.findall(r"<!--\[if mso\]><style[^>]*>(.*?)</style>", html):
        if re.search(r"\bp\b[^{]*\{[^}]*mso-line-height-rule:\s*exactly", sheet):
            return
    yield "no mso-line-height-rule"


RULES: tuple[Rule, ...] = (
    picture_has_its_width_in_pixels,
    picture_has_a_height_that_is_pixels,
    picture_fits_its_column,
    padding_is_in_cells_alone,
    box_is_a_cell,
    button_is_a_cell,
    what_is_hidden_is_hidden_from_outlook,
    what_is_hidden_is_not_painted_over,
    preheader_fills_the_inbox,
    layout_is_no_table_of_data,
    nothing_hangs_on_what_word_does_not_know,
    lines_are_as_high_as_they_say,
)


def _elements(html: str, *tags: str) -> list[Any]:
    (body,) = lxml.html.document_fromstring(html).iter("body")
    return [e for e in body.iter(*tags) if isinstance(e.tag, str)]


def _hidden(html: str) -> list[Any]:
    return [e for e in _elements(html) if _style(e).get("display") == "none"]


def _style(element: Any) -> dict[str, str]:
    pairs = (part.split(":", 1) for part in element.get("style", "").split(";") if ":" in part)
    return {key.strip().lower(): value.strip() for key, value in pairs}


def _colour(written: str) -> str:
    """A colour with six digits."""
    return re.sub(r"^#(.)(.)(.)$", r"#\1\1\2\2\3\3", written.lower())


def _room(html: str, picture: Any) -> float:
    """The width of the frame that Outlook sees, without the sides of all that is around."""
    frame = _FRAME.search(html)
    assert frame, "no frame for Outlook"
    around = list(picture.iterancestors())
    room = float(frame[1]) - sum(_sides(_style(element)) for element in around)
    for row in (element for element in around if element.tag == "tr"):
        room /= sum(1 for cell in row if not str(cell.get("width", "")).isdecimal())
    return room


def _sides(style: dict[str, str]) -> float:
    """What padding, margins and bars take of both sides."""
    taken = 0.0
    for kind in ("padding", "margin"):
        _, right, _, left = _four(style.get(kind, "0").split())
        taken += _pixels(style.get(f"{kind}-left", left))
        taken += _pixels(style.get(f"{kind}-right", right))
    for side in ("left", "right"):
        taken += _pixels(style.get(f"border-{side}", "0"))
    return taken


def _four(parts: list[str]) -> list[str]:
    """A shorthand of one to four lengths as top, right, bottom and left."""
    top = parts[0]
    right = parts[1] if len(parts) > 1 else top
    bottom = parts[2] if len(parts) > 2 else top
    return [top, right, bottom, parts[3] if len(parts) > 3 else right]


def _pixels(length: str) -> float:
    number = re.match(r"[\d.]+", length)
    return float(number[0]) if number else 0.0


def _told(element: Any) -> str:
    tag = lxml.html.tostring(element, encoding="unicode").split(">")[0]
    return f"{tag}>"
