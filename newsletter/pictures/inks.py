"""What is seen of a picture that shines through: whether it would be lost depends on its ground."""

import io
from collections import Counter
from collections.abc import Mapping
from typing import cast

_LOOKED_AT = (96, 96)  # pixels at most, which is enough to tell colours by
_OPAQUE = 128  # of 255


def inks(content: bytes) -> Mapping[str, int]:
    """How many pixels have which colour, of those that hide what is behind them; none at all where
    the picture shows its own ground, as photographs do."""
    from PIL import Image  # noqa: PLC0415 -- for who has a picture

    with Image.open(io.BytesIO(content)) as image:
        if not image.has_transparency_data:
            return {}
        small = image.convert("RGBA")
    small.thumbnail(_LOOKED_AT)
    found: Counter[str] = Counter()
    for count, pixel in small.getcolors(_LOOKED_AT[0] * _LOOKED_AT[1]) or ():
        red, green, blue, alpha = cast("tuple[int, int, int, int]", pixel)
        if alpha >= _OPAQUE:
            found[f"#{red:02x}{green:02x}{blue:02x}"] += count
    return found
