"""How a mail looks on both sides: by Chromium, without any network, as far as one is installed.

One call takes one picture of all: before and now, on a desktop and on a phone, each in a frame of
its own that runs no script.
"""

import base64
import difflib
import html
import io
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from PIL import Image, ImageChops

from newsletter.desk import chromium
from newsletter.desk.review.changes import MailChange
from newsletter.desk.review.sides import Side

_WIDTHS = {"Desktop": 640, "Phone": 390}
_HEIGHT = 6_000  # what is below is not shown
_MARGIN = 24
_SECONDS = 60
_MOST_PICTURED = 12
_BAR, _BAR_COLOUR = 8, (214, 0, 122)
_OPTIONS = (
    "--hide-scrollbars",
    "--run-all-compositor-stages-before-draw",
    "--virtual-time-budget=5000",
)
_PAGE = """<!doctype html><meta charset="utf-8">
<meta http-equiv="Content-Security-Policy"
 content="default-src 'none'; style-src 'unsafe-inline'; img-src data:">
<style>body {{ margin: 0 }} iframe {{ border: 0; height: {height}px; float: left }}</style>
{frames}"""


@dataclass(frozen=True, slots=True)
class Shot:
    """How one side looks; `url` holds the picture itself."""

    url: str
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class Shots:
    """Both sides on one device; a side that cannot be shown is None."""

    device: str
    before: Shot | None
    after: Shot | None
    is_same: bool
    is_cut: bool


class NoPictures(Exception):
    """Why there are no pictures, in words for people."""


@dataclass(frozen=True, slots=True)
class Gallery:
    """The pictures of each change by its stem, and in words why some have none."""

    shots: Mapping[str, Sequence[Shots]]
    note: str = ""


def gallery_of(changes: Sequence[MailChange]) -> Gallery:
    """How the changes look, as far as there is a Chromium that can show it."""
    program = chromium.find()
    if program is None:
        return Gallery({}, "There are no pictures: no Chromium was found.")
    shots = {}
    for change in changes[:_MOST_PICTURED]:
        try:
            shots[change.stem] = take(change, program)
        except NoPictures as error:
            return Gallery(shots, f"Pictures are missing: {error}.")
    more = len(changes) - _MOST_PICTURED
    return Gallery(shots, f"There are no pictures of the last {more} mails." if more > 0 else "")


def take(change: MailChange, program: Path) -> tuple[Shots, ...]:
    """How a change looks on each device, what is another marked at its sides. Raises NoPictures."""
    present = [side for side in (change.before, change.after) if side.html]
    if not present:
        return ()
    frames = [(side, width) for width in _WIDTHS.values() for side in present]
    sheet = _photograph(_page(frames), sum(width for _, width in frames), program)
    shots, left = [], 0
    for device, width in _WIDTHS.items():
        panes = {}
        for side in present:
            panes[side is change.after] = sheet.crop((left, 0, left + width, _HEIGHT))
            left += width
        shots.append(_shots(device, panes.get(False), panes.get(True)))
    return tuple(shots)


def _page(frames: list[tuple[Side, int]]) -> str:
    return _PAGE.format(
        height=_HEIGHT, frames="".join(_frame(side, width) for side, width in frames)
    )


def _frame(side: Side, width: int) -> str:
    """A mail in a frame of the page's origin, so that Chromium paints it before it is done."""
    mail = html.escape(side.with_pictures_inside())
    return f'<iframe sandbox="allow-same-origin" width="{width}" srcdoc="{mail}"></iframe>'


def _photograph(page: str, width: int, program: Path) -> Image.Image:
    with tempfile.TemporaryDirectory(prefix="newsletter-") as name:
        folder = Path(name)
        (folder / "page.html").write_text(page, "utf-8")
        window = f"--window-size={width},{_HEIGHT}"
        picture = f"--screenshot={folder / 'page.png'}"
        command = chromium.command(
            program, folder, folder / "page.html", *_OPTIONS, window, picture
        )
        try:
            subprocess.run(  # noqa: S603 -- no shell, arguments of our own
                command, check=True, capture_output=True, timeout=_SECONDS
            )
            content = (folder / "page.png").read_bytes()
        except subprocess.TimeoutExpired as error:
            raise NoPictures(f"Chromium took longer than {_SECONDS} seconds") from error
        except (OSError, subprocess.SubprocessError) as error:
            raise NoPictures("Chromium could not take them") from error
    with Image.open(io.BytesIO(content)) as image:
        return image.convert("RGB")


def _shots(device: str, before: Image.Image | None, after: Image.Image | None) -> Shots:
    panes = [pane for pane in (before, after) if pane is not None]
    is_cut = any(_end(pane) == _HEIGHT for pane in panes)
    before, after = (pane and pane.crop((0, 0, pane.width, _end(pane))) for pane in (before, after))
    is_same = False
    if before is not None and after is not None:
        is_same = before.size == after.size and not ImageChops.difference(before, after).getbbox()
        old, new = _rows(before), _rows(after)
        for what, start, end, new_start, new_end in _changes(old, new):
            _mark(before, start, end) if what != "insert" else None
            _mark(after, new_start, new_end) if what != "delete" else None
    return Shots(device, _shot(before), _shot(after), is_same, is_cut)


def _end(pane: Image.Image) -> int:
    """Where a mail ends: below it there is nothing but its ground."""
    ground = Image.new("RGB", pane.size, pane.getpixel((0, pane.height - 1)))
    box = ImageChops.difference(pane, ground).getbbox()
    if box is None:
        raise NoPictures("Chromium showed nothing")
    return min(pane.height, box[3] + _MARGIN)


def _rows(pane: Image.Image) -> list[bytes]:
    stride, content = pane.width * 3, pane.tobytes()
    return [content[start : start + stride] for start in range(0, len(content), stride)]


def _changes(old: list[bytes], new: list[bytes]) -> Iterator[tuple[str, int, int, int, int]]:
    """The rows of pixels that differ, once those that only moved are laid side by side."""
    matcher = difflib.SequenceMatcher(None, old, new)
    return (change for change in matcher.get_opcodes() if change[0] != "equal")


def _mark(pane: Image.Image, start: int, end: int) -> None:
    if start < end:
        pane.paste(_BAR_COLOUR, (0, start, _BAR, end))
        pane.paste(_BAR_COLOUR, (pane.width - _BAR, start, pane.width, end))


def _shot(pane: Image.Image | None) -> Shot | None:
    if pane is None:
        return None
    out = io.BytesIO()
    pane.save(out, "WEBP", quality=80, method=2)
    url = f"data:image/webp;base64,{base64.b64encode(out.getvalue()).decode()}"
    return Shot(url, pane.width, pane.height)
