"""The visible colours of a transparent picture: whether they show depends on what is behind it."""

import io
from collections import Counter
from collections.abc import Mapping
from typing import cast

_LOOKED_AT = (96, 96)  # pixels at most, which is enough to tell colours by
_OPAQUE = 128  # of 255


def inks(content: bytes) -> Mapping[str, int]:
    """The opaque pixels of a picture, counted by colour; empty where it has no transparency, as
    photographs have none."""
    from PIL import Image  # noqa: PLC0415 -- for who has a picture

    with Image.open(io.BytesIO(content)) as image:
        if not image.has_transparency_data:
            return {}
        small = image.convert("RGBA")
    small.thumbnail(_LOOKED_AT)
    counts: Counter[str] = Counter()
    for count, pixel in small.getcolors(_LOOKED_AT[0] * _LOOKED_AT[1]) or ():
        red, green, blue, alpha = cast("tuple[int, int, int, int]", pixel)
        if alpha >= _OPAQUE:
            counts[f"#{red:02x}{green:02x}{blue:02x}"] += count
    return counts
