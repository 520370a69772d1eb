"""Style sheets and style attributes, as far as rules look at them."""

import colorsys
import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import NamedTuple

from cssutils.css.colors import COLORS

_COMMENT = re.compile(r"/\*.*?\*/|<!--|-->", re.DOTALL)
_BRACE = re.compile(r"[{}]")
_DECLARATION = re.compile(
    r"""([-\w]+)\s*:\s*((?:"[^"]*"|'[^']*'|\([^()]*(?:\([^()]*\)[^()]*)*\)|[^;"'(])*)"""
)
_IMPORTANT = re.compile(r"\s*!\s*important\s*$", re.IGNORECASE)
_HEX = re.compile(r"#([0-9a-f]{3,4}|[0-9a-f]{6}|[0-9a-f]{8})")
_FUNCTION = re.compile(r"(rgb|hsl)a?\(([^()]*)\)")


class Declaration(NamedTuple):
    name: str
    value: str
    important: bool


class StyleRule(NamedTuple):
    """`conditions` are the at-rules around it, as `@media (max-width: 480px)`."""

    conditions: tuple[str, ...]
    selectors: tuple[str, ...]
    declarations: tuple[Declaration, ...]


@lru_cache(maxsize=32)
def rules(sheet: str) -> tuple[StyleRule, ...]:
    """The rules of a style sheet in their order."""
    return tuple(_rules(_COMMENT.sub(" ", sheet)))


def _rules(sheet: str) -> Iterator[StyleRule]:
    open_heads: list[str] = []
    start = 0
    for brace in _BRACE.finditer(sheet):
        text = sheet[start : brace.start()].strip()
        start = brace.end()
        if brace[0] == "{":
            open_heads.append(" ".join(text.rpartition(";")[2].split()))
            continue
        head = open_heads.pop() if open_heads else ""
        if head and not head.startswith("@"):
            conditions = tuple(outer for outer in open_heads if outer.startswith("@"))
            selectors = tuple(part.strip() for part in head.split(","))
            yield StyleRule(conditions, selectors, declarations(text))


@lru_cache(maxsize=1024)
def declarations(style: str) -> tuple[Declaration, ...]:
    """What a style attribute or the body of a rule declares, names in lower case."""
    return tuple(
        Declaration(name.lower(), _IMPORTANT.sub("", value).strip(), bool(_IMPORTANT.search(value)))
        for name, value in _DECLARATION.findall(style)
    )


@lru_cache(maxsize=512)
def colour(written: str) -> str | None:
    """A colour of CSS as #rrggbb or, where it shines through, #rrggbbaa; None where it is none."""
    written = written.strip().lower()
    if written == "transparent":
        return "#00000000"
    if named := COLORS.get(written):
        return "#" + bytes(map(int, named[:3])).hex()
    if match := _HEX.fullmatch(written):
        digits = match[1] if len(match[1]) > 4 else "".join(digit * 2 for digit in match[1])
        return f"#{digits.removesuffix('ff') if len(digits) == 8 else digits}"
    match = _FUNCTION.fullmatch(written)
    channels = re.split(r"[\s,/]+", match[2].strip()) if match else []
    if match is None or not 3 <= len(channels) <= 4:
        return None
    try:
        solid = "#" + bytes(round(255 * part) for part in _parts(match[1], channels)).hex()
        return _with_alpha(solid, channels[3] if len(channels) > 3 else "1")
    except ValueError:
        return None


def _parts(kind: str, channels: list[str]) -> list[float]:
    """Red, green and blue, each from 0 to 1."""
    if kind == "hsl":
        hue, saturation, lightness = (float(channel.rstrip("%deg")) for channel in channels[:3])
        return list(colorsys.hls_to_rgb(hue / 360, lightness / 100, saturation / 100))
    return [min(1.0, max(0.0, _share(channel, 255))) for channel in channels[:3]]


def _share(written: str, whole: float) -> float:
    if written.endswith("%"):
        return float(written[:-1]) / 100
    return float(written) / whole


def _with_alpha(solid: str, alpha: str) -> str:
    share = min(1.0, max(0.0, _share(alpha, 1)))
    return solid if share == 1 else f"{solid}{round(share * 255):02x}"


def painted(over: str, ground: str) -> str:
    """The colour that is seen where one that may shine through lies on a solid one."""
    if len(over) <= len("#rrggbb"):
        return over
    red, green, blue, alpha = bytes.fromhex(over[1:])
    channels = zip((red, green, blue), bytes.fromhex(ground[1:]), strict=True)
    return "#" + "".join(
        f"{round((top * alpha + below * (255 - alpha)) / 255):02x}" for top, below in channels
    )


def ground_of(declared: Mapping[str, str]) -> str | None:
    """The ground that an element declares: of a shorthand the colour, whatever picture is on it."""
    if "background-color" in declared:
        return colour(declared["background-color"])
    pieces = re.findall(
        r"[-\w#%.]+(?:\([^()]*(?:\([^()]*\)[^()]*)*\))?", declared.get("background", "")
    )
    return next((found for piece in pieces if (found := colour(piece))), None)
