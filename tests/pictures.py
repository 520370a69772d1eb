"""Pictures for tests, drawn here."""

import io
from typing import Any

from PIL import Image

GPS = {1: "N", 2: (51.0, 30.0, 26.46), 3: "W", 4: (0.0, 7.0, 39.93)}
SECRETS = (b"GPS", b"Exif", b"Secret", b"ICC_PROFILE", b"xmp", b"XMP", b"\x33\x33\x00\x00")


def drawn(width: int, height: int, mode: str = "RGB") -> Image.Image:
    """Red at the left, green at the right, and its top half darker: no side is like another."""
    image = Image.new("RGB", (width, height), (220, 30, 30))
    image.paste((30, 200, 30), (width // 2, 0, width, height))
    dark = image.crop((0, 0, width, height // 2)).point(lambda value: value // 2)
    image.paste(dark, (0, 0))
    return image.convert(mode)


def encoded(image: Image.Image, kind: str, **options: Any) -> bytes:
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def jpeg(width: int = 40, height: int = 30, **options: Any) -> bytes:
    return encoded(drawn(width, height), "JPEG", **options)


def png(width: int = 40, height: int = 30) -> bytes:
    return encoded(drawn(width, height), "PNG")


def exif(orientation: int = 1) -> Image.Exif:
    """What a phone writes: how it was held, who it is, and where."""
    found = Image.Exif()
    found[0x0112] = orientation
    found[0x010F] = "Secret camera"
    found.get_ifd(0x8825).update(GPS)
    return found


def animation(width: int = 40, height: int = 30, frames: int = 3) -> bytes:
    images = [drawn(width, height).rotate(90 * number) for number in range(frames)]
    return encoded(
        images[0],
        "GIF",
        save_all=True,
        append_images=images[1:],
        duration=80,
        loop=0,
        comment=b"Secret comment",
    )
