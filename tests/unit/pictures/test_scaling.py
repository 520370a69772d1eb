"""A file becomes a picture that is upright, small enough, and holds nothing but what it shows."""

import io
import struct
import subprocess
import sys
import zlib
from pathlib import Path
from typing import Any

import pytest
from PIL import Image, ImageCms, PngImagePlugin

from newsletter.pictures.scaling import MAX_PIXELS, Scaled, Unreadable, scaled
from tests.pictures import GPS, SECRETS, animation, drawn, encoded, exif, jpeg, png

WIDE = 1152


def opened(found: Scaled) -> Image.Image:
    return Image.open(io.BytesIO(found.picture.content))


def colour(image: Image.Image, across: float, down: float) -> str:
    """What `drawn` has there: `red`, `dark red`, `green` or `dark green`."""
    place = (int(image.width * across), int(image.height * down))
    pixel = image.convert("RGB").getpixel(place)
    assert isinstance(pixel, tuple)
    name = "red" if pixel[0] > pixel[1] else "green"
    return name if max(pixel) > 150 else f"dark {name}"


# --- size -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "AVIF", "TIFF", "BMP", "GIF"])
def test_a_picture_is_scaled_to_the_width_and_keeps_its_proportions(kind: str) -> None:
    found = scaled(encoded(drawn(2400, 1200), kind), WIDE)

    assert (found.picture.width, found.picture.height) == (1152, 576) == opened(found).size
    assert found.natural == (2400, 1200)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "GIF"])
def test_a_small_picture_is_never_made_larger(kind: str) -> None:
    found = scaled(encoded(drawn(40, 30), kind), WIDE)

    assert (found.picture.width, found.picture.height) == (40, 30) == opened(found).size


def test_a_very_long_picture_keeps_at_least_a_pixel_of_each_side() -> None:
    assert opened(scaled(png(3000, 1), WIDE)).size == (1152, 1)


# --- upright --------------------------------------------------------------------------------------


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "AVIF", "TIFF"])
@pytest.mark.parametrize("widest", [WIDE, 100])
def test_a_picture_that_was_taken_sideways_stands_upright(
    kind: str, orientation: int, widest: int
) -> None:
    """`held` is what the camera writes of a scene, so that turning it by its note gives that."""
    scene = drawn(320, 240)
    back = {
        1: None,
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }[orientation]
    held = scene if back is None else scene.transpose(back)

    note = {"tiffinfo": {0x0112: orientation}} if kind == "TIFF" else {"exif": exif(orientation)}

    found = scaled(encoded(held, kind, **note), widest)

    image = opened(found)
    assert found.natural == (320, 240)
    assert image.size == (min(widest, 320), min(widest, 320) * 3 // 4)
    assert colour(image, 0.25, 0.25) == "dark red"
    assert colour(image, 0.75, 0.25) == "dark green"
    assert colour(image, 0.25, 0.75) == "red"
    assert colour(image, 0.75, 0.75) == "green"


# --- nothing but what it shows --------------------------------------------------------------------


def with_everything(kind: str) -> bytes:
    """A picture with all that its format can say about its author."""
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    options: dict[str, Any] = {"exif": exif(), "icc_profile": profile}
    if kind in ("JPEG", "WEBP"):
        options["xmp"] = b"<x:xmpmeta>Secret xmp</x:xmpmeta>"
    if kind == "JPEG":
        options["comment"] = b"Secret comment"
    if kind == "PNG":
        notes = PngImagePlugin.PngInfo()
        notes.add_text("Author", "Secret name")
        notes.add_itxt("XML:com.adobe.xmp", "Secret xmp")
        options["pnginfo"] = notes
    return encoded(drawn(400, 300), kind, **options)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "AVIF", "TIFF"])
@pytest.mark.parametrize("widest", [WIDE, 100])
def test_nothing_leaves_of_who_took_it_and_where(kind: str, widest: int) -> None:
    source = with_everything(kind)
    assert b"Secret camera" in source
    if kind != "TIFF":
        assert Image.open(io.BytesIO(source)).getexif().get_ifd(0x8825).keys() == GPS.keys()

    content = scaled(source, widest).picture.content

    image = Image.open(io.BytesIO(content))
    image.load()
    assert not image.getexif()
    assert not set(image.info) & {"exif", "icc_profile", "comment", "xmp", "Author", "dpi"}
    assert not [secret for secret in SECRETS if secret in content]


def test_an_animation_keeps_its_frames_and_loses_what_is_written_in_it() -> None:
    plain = animation()
    talkative = plain[:-1] + b"\x21\xff\x0bXMP DataXMP\x0aSecret xmp\x00" + b"\x3b"
    assert b"Secret comment" in plain

    found = scaled(talkative, 10)

    image = opened(found)
    assert b"Secret" not in found.picture.content
    assert found.picture.name.endswith(".gif")
    assert (image.n_frames, image.info["loop"], image.info["duration"]) == (3, 0, 80)  # type: ignore[attr-defined]
    assert frames(found.picture.content) == frames(plain)
    assert not found.stands_still


def frames(content: bytes) -> list[bytes]:
    image = Image.open(io.BytesIO(content))
    shown = []
    for number in range(image.n_frames):  # type: ignore[attr-defined]
        image.seek(number)
        shown.append(image.convert("RGB").tobytes())
    return shown


def test_colours_of_a_wider_space_look_the_same_without_their_profile() -> None:
    """A profile that swaps red and green stands for any that is not that of the screen."""
    swapped = ImageCms.ImageCmsProfile(io.BytesIO(swapped_profile()))
    source = encoded(drawn(400, 300), "JPEG", icc_profile=swapped.tobytes(), quality=95)

    image = opened(scaled(source, WIDE))

    assert colour(image, 0.25, 0.75) == "green"
    assert colour(image, 0.75, 0.75) == "red"


def swapped_profile() -> bytes:
    """That of sRGB, its red and green exchanged in the table of tags."""
    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    for index in range(struct.unpack(">I", profile[128:132])[0]):
        at = 132 + 12 * index
        name = bytes(profile[at : at + 4])
        profile[at : at + 4] = {b"rXYZ": b"gXYZ", b"gXYZ": b"rXYZ"}.get(name, name)
    return bytes(profile)


def test_a_profile_that_is_rubbish_does_no_harm() -> None:
    source = encoded(drawn(400, 300), "JPEG", icc_profile=b"rubbish" * 50)

    assert colour(opened(scaled(source, WIDE)), 0.25, 0.75) == "red"


# --- kinds ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["WEBP", "AVIF", "TIFF", "BMP", "JPEG"])
def test_a_photograph_becomes_a_jpeg(kind: str) -> None:
    found = scaled(encoded(drawn(400, 300), kind), WIDE)

    assert (opened(found).format, found.picture.name[-4:]) == ("JPEG", ".jpg")


@pytest.mark.parametrize("kind", ["WEBP", "AVIF", "TIFF", "PNG"])
@pytest.mark.parametrize("widest", [WIDE, 100])
def test_what_lets_something_through_becomes_a_png_that_does(kind: str, widest: int) -> None:
    image = drawn(400, 300, "RGBA")
    image.paste((0, 0, 0, 0), (0, 0, 200, 150))

    found = scaled(encoded(image, kind), widest)

    shown = opened(found).convert("RGBA")
    assert found.picture.name.endswith(".png")
    assert shown.getpixel((2, 2))[3] == 0  # type: ignore[index]
    assert shown.getpixel((shown.width - 3, 2))[3] == 255  # type: ignore[index]


@pytest.mark.parametrize(("kind", "format"), [("WEBP", "JPEG"), ("AVIF", "JPEG"), ("PNG", "PNG")])
def test_what_could_let_something_through_and_does_not_is_as_any_other(
    kind: str, format: str
) -> None:
    found = scaled(encoded(drawn(1600, 1200, "RGBA"), kind), WIDE)

    assert (opened(found).format, opened(found).mode) == (format, "RGB")


@pytest.mark.parametrize("mode", ["1", "L", "P", "LA", "RGB", "RGBA", "I;16"])
@pytest.mark.parametrize("widest", [WIDE, 100])
def test_a_drawing_stays_a_png_whatever_its_pixels_are(mode: str, widest: int) -> None:
    image = drawn(400, 300, mode if mode != "I;16" else "L")
    if mode == "I;16":
        image = image.convert("I").point(lambda value: value * 256).convert("I;16")

    found = scaled(encoded(image, "PNG"), widest)

    shown = opened(found)
    assert (shown.format, shown.width) == ("PNG", min(widest, 400))
    if mode == "I;16" and widest == 100:
        dark, light = shown.getpixel((10, 10)), shown.getpixel((10, 65))
        assert isinstance(dark, int)
        assert isinstance(light, int)
        assert 0 < dark < light < 255


def test_a_picture_for_print_shows_its_colours() -> None:
    image = opened(scaled(encoded(drawn(400, 300, "CMYK"), "JPEG"), 100))

    assert image.mode == "RGB"
    assert colour(image, 0.25, 0.75) == "red"
    assert colour(image, 0.75, 0.75) == "green"


@pytest.mark.parametrize("kind", ["PNG", "WEBP", "TIFF"])
def test_what_moves_in_other_formats_stands_still_and_says_so(kind: str) -> None:
    images = [drawn(40, 30), drawn(40, 30).rotate(180)]
    source = encoded(images[0], kind, save_all=True, append_images=images[1:])

    found = scaled(source, WIDE)

    assert found.stands_still
    assert not getattr(opened(found), "is_animated", False)


def test_a_phone_s_jpeg_with_a_second_picture_behind_is_one_jpeg() -> None:
    images = [drawn(400, 300), drawn(200, 150)]
    source = encoded(images[0], "MPO", save_all=True, append_images=images[1:])

    found = scaled(source, WIDE)

    assert (opened(found).format, opened(found).size) == ("JPEG", (400, 300))
    assert not found.stands_still


# --- the same again -------------------------------------------------------------------------------


def test_the_same_file_gives_the_same_name_and_another_one_another() -> None:
    first, again, other = scaled(jpeg(), WIDE), scaled(jpeg(), WIDE), scaled(jpeg(41), WIDE)

    assert first == again
    assert first.picture.name != other.picture.name
    assert first.picture.name != scaled(jpeg(), 20).picture.name


def test_the_name_is_the_same_in_another_process() -> None:
    program = (
        "import sys\n"
        "from newsletter.pictures.scaling import scaled\n"
        "print(scaled(sys.stdin.buffer.read(), 100).picture.name)\n"
    )
    source = with_everything("JPEG")

    done = subprocess.run(
        [sys.executable, "-c", program], input=source, capture_output=True, check=True
    )

    assert done.stdout.decode().strip() == scaled(source, 100).picture.name


# --- what cannot be shown -------------------------------------------------------------------------


def bomb(width: int, height: int) -> bytes:
    """A PNG of a few bytes that says it has so many pixels."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        )

    header = struct.pack(">IIBBBBB", width, height, 8, 6, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(bytes(1_000_000)))
        + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize(
    "size", [(MAX_PIXELS + 1, 1), (10_000, 10_000), (50_000, 50_000), (2**31 - 1, 2**31 - 1)]
)
def test_a_decompression_bomb_is_refused_before_it_is_unpacked(size: tuple[int, int]) -> None:
    with pytest.raises(Unreadable, match="50 million pixels"):
        scaled(bomb(*size), WIDE)


def test_a_text_that_unpacks_to_gigabytes_is_refused() -> None:
    packed = zlib.compress(bytes(200_000_000), level=1)
    data = b"Comment\x00\x00" + packed
    text = struct.pack(">I", len(data)) + b"zTXt" + data
    text += struct.pack(">I", zlib.crc32(b"zTXt" + data))
    plain = png()

    with pytest.raises(Unreadable):
        scaled(plain[:33] + text + plain[33:], WIDE)


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b'<?xml version="1.0"?>\n<svg xmlns="http://www.w3.org/2000/svg"/>', "SVG"),
        (b"<!-- x --><SVG>", "SVG"),
        (b"\x00\x00\x00\x18ftypheic\x00\x00\x00\x00mif1heic", "broken"),
        (b"", "empty"),
        (b"%PDF-1.7", "broken"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 1 1\n", "broken"),
        (b"GIF89a", "broken"),
    ],
)
def test_what_is_no_picture_for_a_mail_is_refused(content: bytes, why: str) -> None:
    with pytest.raises(Unreadable, match=why):
        scaled(content, WIDE)


PHONE = Path(__file__).parents[2] / "data" / "pictures" / "sideways.heic"


def test_a_picture_of_a_phone_becomes_an_upright_jpeg_that_tells_nothing() -> None:
    """64 by 48 pixels, red beside blue, taken sideways by who says so in its metadata."""
    content = PHONE.read_bytes()
    assert any(secret in content for secret in SECRETS)

    found = scaled(content, WIDE)

    assert (found.natural, found.picture.name[-4:]) == ((48, 64), ".jpg")
    assert not any(secret in found.picture.content for secret in (*SECRETS, b"Exif"))
    top, bottom = (opened(found).convert("RGB").getpixel((24, y)) for y in (10, 54))
    assert isinstance(top, tuple)
    assert isinstance(bottom, tuple)
    assert top[0] > 150 > top[2]
    assert bottom[2] > 150 > bottom[0]


def test_a_huge_picture_of_a_phone_is_refused_before_it_is_unpacked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("newsletter.pictures.scaling.MAX_PIXELS", 64 * 48 - 1)

    with pytest.raises(Unreadable, match="million pixels"):
        scaled(PHONE.read_bytes(), WIDE)


@pytest.mark.parametrize("kind", ["PPM", "ICO", "JPEG2000", "TGA", "PCX", "PDF", "EPS"])
def test_other_kinds_that_pillow_reads_are_refused(kind: str) -> None:
    """The fewer decoders a file from elsewhere can reach, the better."""
    with pytest.raises(Unreadable, match="broken, or no picture"):
        scaled(encoded(drawn(40, 30), kind), WIDE)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "AVIF", "TIFF", "BMP", "GIF", "animation"])
def test_a_broken_file_is_refused_or_shown_and_never_fails_otherwise(kind: str) -> None:
    """Each cut off at many places, and with each of many bytes turned over."""
    whole = animation(60, 40) if kind == "animation" else encoded(drawn(60, 40), kind)
    step = max(1, len(whole) // 60)
    for at in range(0, len(whole), step):
        for content in (whole[:at], whole[:at] + bytes([whole[at] ^ 0xFF]) + whole[at + 1 :]):
            try:
                found = scaled(content, 30)
            except Unreadable:
                continue
            assert found.picture.content
    with pytest.raises(Unreadable):
        scaled(whole[: len(whole) // 2], 30)


def test_the_largest_picture_that_is_read_takes_no_gigabyte() -> None:
    program = (
        "import sys\n"
        "from pathlib import Path\n"
        "from newsletter.pictures.scaling import scaled\n"
        "content = sys.stdin.buffer.read()\n"
        "scaled(content, 1152)\n"
        "print(Path('/proc/self/status').read_text().partition('VmHWM:')[2].split()[0])\n"
    )
    source = encoded(Image.new("RGBA", (7_000, 7_000), (9, 9, 9, 9)), "PNG", compress_level=1)

    done = subprocess.run(
        [sys.executable, "-c", program], input=source, capture_output=True, check=True
    )

    assert int(done.stdout) < 1_000_000  # kB


def test_nothing_is_muttered_about_a_strange_file(recwarn: pytest.WarningsRecorder) -> None:
    strange = jpeg(exif=b"Exif\x00\x00II*\x00\xff\xff\xff\x7f")

    scaled(strange, WIDE)

    assert not recwarn.list


def test_a_picture_is_read_where_the_working_folder_is_gone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Pillow asks for it as it saves what it has opened, though it writes into memory."""
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()

    assert scaled(png(40, 30), 600).natural == (40, 30)
