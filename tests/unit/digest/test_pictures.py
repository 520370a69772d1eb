"""Pictures that lie beside an issue become nodes that know their address and size."""

from collections.abc import Mapping

import pytest

from newsletter.digest import Parsed, parse
from newsletter.model.blocks import Figure
from newsletter.model.finding import Severity
from newsletter.model.inline import Image, Text
from newsletter.model.picture import PictureResult, Problem
from newsletter.model.walking import walk

URL = "https://news.example.com/media/0123.jpg"
MISSING = Problem("picture-missing", Severity.ERROR, "there is no picture", "Look for it.")
LARGE = Problem("picture-too-large", Severity.WARNING, "it is large", "Make it smaller.")


class Shelf:
    """Pictures by their targets; notes what was asked for."""

    def __init__(self, found: Mapping[str, PictureResult]) -> None:
        self._found = found
        self.asked: list[tuple[str, int]] = []

    def find(self, target: str, shown_width: int) -> PictureResult:
        self.asked.append((target, shown_width))
        return self._found.get(target, PictureResult(problems=(MISSING,)))


@pytest.fixture
def shelf() -> Shelf:
    return Shelf(
        {"a/x.jpg": PictureResult(URL, 400, 300), "large.jpg": PictureResult(URL, 4, 3, (LARGE,))}
    )


def read(body: str, shelf: Shelf | None, front: str = "") -> Parsed:
    return parse(
        f"---\ntitle: T\ndate: 2026-01-07\n{front}---\n{body}".encode(),
        file="issues/x.md",
        stem="x",
        base_url="https://news.example.com",
        section_labels=(),
        pictures=shelf,
    )


def images(parsed: Parsed) -> list[Image]:
    return [node for node in walk(parsed.digest) if isinstance(node, Image)]


@pytest.mark.parametrize(
    "body",
    [
        '![Harbour](a/x.jpg "Caption")',
        '<img src="a/x.jpg" alt="Harbour" title="Caption">',
        '<p><img src="a/x.jpg" alt="Harbour" title="Caption"></p>',
        '[![Harbour](a/x.jpg "Caption")](https://example.com)',
        'See ![Harbour](a/x.jpg "Caption") here.',
        '> - ![Harbour](a/x.jpg "Caption")',
        '| a |\n|---|\n| ![Harbour](a/x.jpg "Caption") |',
        '![Harbour][ref]\n\n[ref]: a/x.jpg "Caption"',
    ],
)
def test_each_way_to_write_one_gives_its_address_and_size(body: str, shelf: Shelf) -> None:
    parsed = read(body, shelf)

    (image,) = images(parsed)
    assert (image.url, image.alt, image.title) == (URL, "Harbour", "Caption")
    assert (image.width, image.height, image.file) == (400, 300, "a/x.jpg")
    assert shelf.asked == [("a/x.jpg", 576)]
    assert parsed.findings == ()


@pytest.mark.parametrize(
    "body",
    ['<Figure src="a/x.jpg" alt="Harbour" />', 'See <Figure src="a/x.jpg" alt="Harbour" />.'],
)
def test_a_component_that_shows_one_gives_it_too(body: str, shelf: Shelf) -> None:
    (image,) = images(read(body, shelf))

    assert (image.url, image.alt, image.file) == (URL, "Harbour", "a/x.jpg")


@pytest.mark.parametrize(("width", "asked"), [("200", 200), ("200px", 200), ("2000", 576)])
def test_a_width_of_the_author_is_what_it_is_scaled_for(
    shelf: Shelf, width: str, asked: int
) -> None:
    read(f'<img src="a/x.jpg" alt="x" width="{width}">', shelf)

    assert shelf.asked == [("a/x.jpg", asked)]


def test_a_picture_in_the_summary_is_found_too(shelf: Shelf) -> None:
    (point,) = read("Text.", shelf, 'summary: "![Harbour](a/x.jpg)"\n').digest.summary

    assert isinstance(point[0], Image)
    assert point[0].url == URL


def test_a_missing_one_leaves_its_description_and_an_error_at_its_line(shelf: Shelf) -> None:
    parsed = read("Text.\n\n![Harbour](b.jpg)", shelf)

    (finding,) = parsed.findings
    assert (finding.rule, finding.severity) == ("picture-missing", Severity.ERROR)
    assert finding.position.line == 7
    assert images(parsed) == []
    assert "Harbour" in [node.text for node in walk(parsed.digest) if isinstance(node, Text)]


@pytest.mark.parametrize("path", ["C:\\pictures\\x.jpg", "d:/pictures/x.jpg", "C:%5Cx.jpg"])
@pytest.mark.parametrize("form", ["![Harbour]({})", '<img src="{}" alt="Harbour">'])
def test_a_path_with_a_drive_is_a_picture_that_is_missing(
    shelf: Shelf, path: str, form: str
) -> None:
    (finding,) = read(form.format(path), shelf).findings

    assert (finding.rule, finding.severity) == ("picture-missing", Severity.ERROR)


@pytest.mark.parametrize(
    ("body", "rule"),
    [
        ("![Harbour](/Users/ann/x.jpg)", "relative-link"),
        ("![Harbour](file:///Users/ann/x.jpg)", "unsafe-link"),
    ],
)
def test_what_names_a_file_elsewhere_is_told_where_pictures_belong(
    shelf: Shelf, body: str, rule: str
) -> None:
    (finding,) = read(body, shelf).findings

    assert finding.rule == rule
    assert finding.fix.startswith("Put a picture beside the issue")


def test_what_is_wrong_with_one_that_is_shown_is_told(shelf: Shelf) -> None:
    parsed = read("![Harbour](large.jpg)", shelf)

    assert [finding.rule for finding in parsed.findings] == ["picture-too-large"]
    assert isinstance(parsed.digest.lead[0], Figure)


def test_the_cover_may_be_one_and_is_as_wide_as_the_mail(shelf: Shelf) -> None:
    meta = read("Text.", shelf, "coverImage: a/x.jpg\n").digest.meta

    assert (meta.cover, meta.cover_size) == (URL, (400, 300))
    assert shelf.asked == [("a/x.jpg", 640)]


def test_a_missing_cover_is_an_error_at_its_key(shelf: Shelf) -> None:
    parsed = read("Text.", shelf, "coverImage: b.jpg\n")

    (finding,) = parsed.findings
    assert (finding.rule, finding.position.line) == ("picture-missing", 4)
    assert (parsed.digest.meta.cover, parsed.digest.meta.cover_size) == (None, None)


@pytest.mark.parametrize(
    ("target", "url"),
    [
        ("https://example.com/x.png", "https://example.com/x.png"),
        ("//example.com/x.png", "https://example.com/x.png"),
        ("/x.png", "https://news.example.com/x.png"),
    ],
)
def test_pictures_of_the_web_are_never_looked_for_in_the_folder(
    shelf: Shelf, target: str, url: str
) -> None:
    parsed = read(f"![x]({target})", shelf, f"coverImage: {target}\n")

    assert [image.url for image in images(parsed)] == [url] == [parsed.digest.meta.cover]
    assert images(parsed)[0].file == ""
    assert shelf.asked == []


@pytest.mark.parametrize("word", ["none", "无图片"])
def test_a_mere_word_is_no_picture_and_no_missing_file(shelf: Shelf, word: str) -> None:
    parsed = read(f"![x]({word})", shelf, f"coverImage: {word}\n")

    assert {finding.rule for finding in parsed.findings} == {"not-a-url", "cover-not-a-url"}
    assert shelf.asked == []


@pytest.mark.parametrize(
    "target", ["file:///etc/passwd", "FILE:x.png", "data:image/png;base64,AA", "#x"]
)
def test_other_schemes_are_refused_and_never_looked_for(shelf: Shelf, target: str) -> None:
    parsed = read(f'<img src="{target}" alt="x">', shelf)

    assert images(parsed) == []
    assert parsed.findings
    assert shelf.asked == []


def test_without_a_folder_a_relative_picture_is_one_of_the_web_site() -> None:
    parsed = read("![x](a/x.jpg)", None)

    assert [image.url for image in images(parsed)] == ["https://news.example.com/a/x.jpg"]
    assert [finding.rule for finding in parsed.findings] == ["relative-link"]
