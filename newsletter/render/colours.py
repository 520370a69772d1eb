"""Colours of a theme: which can be told from their grounds, and what a light one becomes in dark
mode.

Text needs TEXT_CONTRAST against its ground, a line or shape that says something SHAPE_CONTRAST;
decoration needs none.
"""

import colorsys
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from newsletter.contrast import SHAPE_CONTRAST, TEXT_CONTRAST, contrast, parts, written

__all__ = [
    "COLOUR",
    "SHAPE_CONTRAST",
    "TEXT_CONTRAST",
    "Faint",
    "contrast",
    "faint",
    "in_the_dark",
    "readable_on",
]

COLOUR = re.compile(r"#[0-9A-Fa-f]{6}")

_TINTS = ("tint", "insight_tint", "impact_tint", "neutral_tint")
# The colours of a theme that are text, with the grounds they stand on.
_TEXTS = {
    "ink": ("sheet", *_TINTS),
    "soft": ("paper", "sheet", *_TINTS),
    "accent": ("sheet", *_TINTS),
    "on_accent": ("accent",),
    "insight": ("insight_tint",),
    "impact": ("impact_tint",),
    "neutral": ("neutral_tint",),
}
# Those that are bars of quotes and labelled blocks, frames of fields and buttons, and focus rings.
_SHAPES = {
    "edge": ("sheet", *_TINTS),
    "accent": ("paper",),
    "insight": ("sheet", "tint"),
    "impact": ("sheet", "tint"),
    "neutral": ("sheet", "tint"),
}
_DARK_GROUNDS = {"paper": 0.075, "sheet": 0.115, "line": 0.21}  # lightness
_DARK_TINT = 0.15
_PALE = 0.3  # the most saturation of a dark ground: more would glow
_STEP = 0.01


@dataclass(frozen=True, slots=True)
class Faint:
    """A colour of a palette that cannot be told from its ground, both by their names."""

    name: str
    ground: str
    contrast: float
    required: float

    def __str__(self) -> str:
        kind = "text wants" if self.required == TEXT_CONTRAST else "bars and frames want"
        return f"a contrast of {self.contrast:.2f}: {kind} {self.required:g}"


def faint(colours: Mapping[str, str]) -> Iterator[Faint]:
    """The colours of a palette that are too close to their ground; missing names are skipped."""
    for name in dict.fromkeys((*_TEXTS, *_SHAPES)):
        for ground, required in _grounds_of(name, colours):
            if name in colours and (ratio := contrast(colours[name], colours[ground])) < required:
                yield Faint(name, ground, ratio, required)


def _grounds_of(name: str, colours: Mapping[str, str]) -> Iterator[tuple[str, float]]:
    """The grounds in a palette on which a colour stands, each with the contrast that it needs."""
    for table, required in ((_TEXTS, TEXT_CONTRAST), (_SHAPES, SHAPE_CONTRAST)):
        for ground in table.get(name, ()):
            if ground in colours:
                yield ground, required


def readable_on(ground: str) -> str:
    """White or black: what reads better on it. One of them always has TEXT_CONTRAST."""
    return max("#ffffff", "#000000", key=lambda colour: contrast(colour, ground))


def in_the_dark(name: str, light: str, dark: Mapping[str, str]) -> str:
    """The dark form of a light colour by its name in a palette: a ground gets dark and pale, any
    other colour lighter until it stands out from the grounds in `dark`."""
    hue, lightness, saturation = _hls(light)
    if name == "on_accent":
        return readable_on(dark.get("accent", light))
    if name in _DARK_GROUNDS or name.endswith("tint"):
        return _hex(hue, _DARK_GROUNDS.get(name, _DARK_TINT), min(saturation, _PALE))
    grounds = [(dark[ground], required) for ground, required in _grounds_of(name, dark)]
    lightness = max(lightness, 0.5)
    colour = _hex(hue, lightness, saturation)
    while lightness < 1 and any(
        contrast(colour, ground) < required for ground, required in grounds
    ):
        lightness += _STEP
        colour = _hex(hue, min(1.0, lightness), saturation)
    return colour


def _hls(colour: str) -> tuple[float, float, float]:
    return colorsys.rgb_to_hls(*parts(colour))


def _hex(hue: float, lightness: float, saturation: float) -> str:
    return written(*colorsys.hls_to_rgb(hue, lightness, saturation))
