"""Style sheets and style attributes, as far as rules look at them."""

import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import NamedTuple

from PIL import ImageColor

_COMMENT = re.compile(r"/\*.*?\*/|<!--|-->", re.DOTALL)
_BRACE = re.compile(r"[{}]")
_DECLARATION = re.compile(
    r"""([-\w]+)\s*:\s*((?:"[^"]*"|'[^']*'|\([^()]*(?:\([^()]*\)[^()]*)*\)|[^;"'(])*)"""
)
_IMPORTANT = re.compile(r"\s*!\s*important\s*$", re.IGNORECASE)
_MODERN = re.compile(
    r"(rgba?|hsla?)\(\s*([^\s,]+)\s+([^\s,]+)\s+([^\s,/]+)\s*(?:/\s*([^\s)]+)\s*)?\)"
)


class Declaration(NamedTuple):
    name: str
    value: str
    important: bool


class Rule(NamedTuple):
    """`conditions` are the at-rules around it, as `@media (max-width: 480px)`."""

    conditions: tuple[str, ...]
    selectors: tuple[str, ...]
    declarations: tuple[Declaration, ...]


@lru_cache(maxsize=32)
def rules(sheet: str) -> tuple[Rule, ...]:
    """The rules of a style sheet in their order."""
    return tuple(_rules(_COMMENT.sub(" ", sheet)))


def _rules(sheet: str) -> Iterator[Rule]:
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
            yield Rule(conditions, selectors, declarations(text))


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
    if match := _MODERN.fullmatch(written):
        name, *channels, alpha = match.groups()
        written = f"{name[:3]}({','.join(channels)})"
        return None if (solid := colour(written)) is None else _with_alpha(solid, alpha or "1")
    if match := re.fullmatch(r"(rgb|hsl)a\((.+),\s*([^,]+)\)", written):
        solid = colour(f"{match[1]}({match[2]})")
        return None if solid is None else _with_alpha(solid, match[3])
    try:
        return "#" + bytes(ImageColor.getrgb(written)).hex()
    except ValueError:
        return None


def _with_alpha(solid: str, alpha: str) -> str | None:
    try:
        share = float(alpha[:-1]) / 100 if alpha.endswith("%") else float(alpha)
    except ValueError:
        return None
    return solid if share >= 1 else f"{solid}{round(max(0.0, share) * 255):02x}"


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
