"""How well two colours can be told apart, as WCAG 2 reckons it at level AA.

https://www.w3.org/TR/WCAG22/#contrast-minimum and #non-text-contrast
"""

from functools import lru_cache

TEXT_CONTRAST = 4.5  # 1.4.3
LARGE_TEXT_CONTRAST = 3.0  # 1.4.3, for letters of 24 pixels, or of 18.66 where they are bold
SHAPE_CONTRAST = 3.0  # 1.4.11, for a line or shape that says something


def contrast(one: str, other: str) -> float:
    """Of two colours as #rrggbb: from 1, no difference, to 21, black on white."""
    light, dark = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def parts(colour: str) -> tuple[float, float, float]:
    """Red, green and blue, each from 0 to 1."""
    red, green, blue = bytes.fromhex(colour.removeprefix("#"))
    return red / 255, green / 255, blue / 255


def written(red: float, green: float, blue: float) -> str:
    """A colour of such parts as #rrggbb."""
    return "#" + "".join(f"{round(part * 255):02x}" for part in (red, green, blue))


@lru_cache(maxsize=256)
def _luminance(colour: str) -> float:
    red, green, blue = (_linear(part) for part in parts(colour))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _linear(part: float) -> float:
    return part / 12.92 if part <= 0.04045 else float(((part + 0.055) / 1.055) ** 2.4)
