"""The bytes of a picture's file -> a Picture: upright, scaled, in sRGB, and without metadata.

The same bytes and width give the same result, so that an issue that did not change keeps its hash.
"""

import io
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from PIL import Image, ImageCms

from newsletter.model.picture import Picture, name_of
from newsletter.pictures import gif

MAX_PIXELS = 50_000_000  # as phones take them; 200 MB, once they are unpacked
_FORMATS = ("JPEG", "PNG", "GIF", "WEBP", "AVIF", "TIFF", "BMP")
_PHOTOGRAPHS = (
    "JPEG",
    "MPO",
    "WEBP",
    "AVIF",
    "TIFF",
    "BMP",
    "HEIF",
)  # an MPO is a JPEG with more behind
_EXTENSIONS = {"JPEG": ".jpg", "MPO": ".jpg", "TIFF": ".tif", "HEIF": ".heic"}
_MAY_MOVE = ("PNG", "WEBP", "AVIF", "TIFF")
_QUALITY = 85
_HEIC_BRANDS = (b"heic", b"heix", b"hevc", b"hevx", b"heim", b"heis", b"mif1", b"msf1")
_LFS_POINTER = b"version https://git-lfs.github.com/spec/"
_ORIENTATION = 0x0112  # in EXIF
_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_LIES_ON_ITS_SIDE = (5, 6, 7, 8)


class Unreadable(Exception):
    """`fix` says what the author can do."""

    def __init__(self, message: str, fix: str = "") -> None:
        super().__init__(message)
        self.fix = fix


@dataclass(frozen=True, slots=True)
class Scaled:
    """`natural` is the size of the file, upright; `stands_still` where only its first frame is
    kept."""

    picture: Picture
    natural: tuple[int, int]
    stands_still: bool = False


def scaled(content: bytes, widest: int) -> Scaled:
    """A picture of at most `widest` pixels. Raises Unreadable."""
    _refuse_known(content)
    with _pillow():
        image = _opened(content)
        natural = _upright_size(image)
        if image.format == "GIF" and image.is_animated:  # type: ignore[attr-defined]
            return Scaled(_picture(gif.without_words(content), "gif", image.size), natural)
        stands_still = image.format in _MAY_MOVE and getattr(image, "is_animated", False)
        kind, icc = image.format, image.info.get("icc_profile")
        small = _in_srgb(_fitted(image, widest), icc)
        return Scaled(_encoded(small, kind), natural, stands_still)


def extension_of(content: bytes) -> str:
    """How the name of a picture's file ends, such as `.jpg`. Raises Unreadable for what a mail
    cannot show."""
    _refuse_known(content)
    with _pillow():
        kind = _opened(content).format or ""
    return _EXTENSIONS.get(kind, f".{kind.lower()}")


def _refuse_known(content: bytes) -> None:
    """Raises Unreadable for kinds of files that an author may well try."""
    if not content:
        raise Unreadable("it is empty", "Save or copy it once more.")
    if content.startswith(_LFS_POINTER):
        raise Unreadable("Git LFS holds its content elsewhere", "Fetch it: git lfs pull")
    if b"<svg" in content[:4096].lower():
        raise Unreadable("mail programs show no SVG", "Export it as PNG.")


def _opened(content: bytes) -> Image.Image:
    brands = content[8:64]
    if content[4:8] != b"ftyp" or brands[:4] not in _HEIC_BRANDS or b"avif" in brands:
        return Image.open(io.BytesIO(content), formats=_FORMATS)
    import pi_heif  # noqa: PLC0415 -- for who has pictures of an iPhone

    heif = pi_heif.open_heif(io.BytesIO(content))
    width, height = heif.size
    if width * height > MAX_PIXELS:  # before it is unpacked
        raise Image.DecompressionBombError
    image: Image.Image = heif.to_pillow()  # upright already, its profile in `info`
    image.format = "HEIF"
    return image


@contextmanager
def _pillow() -> Iterator[None]:
    """Pillow within our limits: a bomb is an error, and its warnings are not shown."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            Image.MAX_IMAGE_PIXELS = MAX_PIXELS
            yield
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise Unreadable(
            f"it has more than {MAX_PIXELS // 1_000_000} million pixels", "Save it smaller."
        ) from error
    except Unreadable:
        raise
    except Exception as error:  # Pillow raises nearly anything for a broken file
        raise Unreadable("it is broken, or no picture") from error


def _orientation(image: Image.Image) -> int:
    """How a picture still has to be turned; a TIFF is turned by Pillow, its size included."""
    if image.format == "TIFF":
        return 1
    return int(image.getexif().get(_ORIENTATION, 1) or 1)


def _upright_size(image: Image.Image) -> tuple[int, int]:
    width, height = image.size
    return (height, width) if _orientation(image) in _LIES_ON_ITS_SIDE else (width, height)


def _fitted(image: Image.Image, widest: int) -> Image.Image:
    """The first frame, upright, with at most `widest` pixels across, in a mode that has colours."""
    orientation = _orientation(image)
    width, height = image.size
    across = height if orientation in _LIES_ON_ITS_SIDE else width
    if across > widest or image.format != "PNG":
        image = _with_colours(image)
    if across > widest:
        share = widest / across
        box = (max(1, round(width * share)), max(1, round(height * share)))
        image.thumbnail(box, Image.Resampling.LANCZOS, reducing_gap=3.0)
    if orientation in _UPRIGHT:
        image = image.transpose(_UPRIGHT[orientation])
    image.load()
    return image


def _with_colours(image: Image.Image) -> Image.Image:
    """As a mode that can be scaled; a JPEG stays as it is, for it is scaled while it is read."""
    if image.format in ("JPEG", "MPO"):
        return image
    if image.mode.startswith("I"):  # 16 bits of grey
        return image.convert("I").point(lambda value: value * (1 / 256)).convert("L")
    if image.mode == "F":
        raise Unreadable("its pixels are fractions", "Save it with 8 bits a colour.")
    if image.has_transparency_data:
        return image.convert("RGBA")
    return image if image.mode in ("L", "RGB", "CMYK") else image.convert("RGB")


def _in_srgb(image: Image.Image, profile: bytes | None) -> Image.Image:
    """Its colours as sRGB, since the profile that says what they mean is left out.

    A profile that does not fit is ignored.
    """
    if profile and image.mode in ("RGB", "RGBA", "CMYK", "L"):
        try:
            source: Any = ImageCms.ImageCmsProfile(io.BytesIO(profile))
            target = "RGBA" if image.mode == "RGBA" else "RGB"
            converted = ImageCms.profileToProfile(
                image, source, ImageCms.createProfile("sRGB"), outputMode=target
            )
            image = converted or image
        except (ImageCms.PyCMSError, OSError, ValueError):
            pass
    return image.convert("RGB") if image.mode == "CMYK" else image


def _encoded(image: Image.Image, kind: str | None) -> Picture:
    """PNG for drawings and transparency, JPEG for photographs."""
    # Saving an opened image asks for the working folder, which may be gone; a copy does not.
    image = image.copy()
    transparency = image.info.get("transparency")
    image.info = {} if transparency is None else {"transparency": transparency}
    if image.mode == "RGBA" and image.getchannel("A").getextrema() == (255, 255):
        image = image.convert("RGB")
    out = io.BytesIO()
    if kind in _PHOTOGRAPHS and image.mode in ("L", "RGB"):
        image.save(out, "JPEG", quality=_QUALITY, optimize=True, progressive=True)
        return _picture(out.getvalue(), "jpg", image.size)
    image.save(out, "PNG", optimize=True)
    return _picture(out.getvalue(), "png", image.size)


def _picture(content: bytes, extension: str, size: tuple[int, int]) -> Picture:
    return Picture(name_of(content, extension), content, *size)
