"""What any issue costs that is not refused, as large as it may be.

Sizes are of the limits of newsletter.digest.limits, or of a file; what is refused at a megabyte is
refused before it is parsed.
"""

from pathlib import Path

import pytest

from newsletter.digest import limits
from newsletter.errors import UnreadableIssue
from newsletter.render import render
from tests.counting import calls
from tests.unit.digest.reading import read
from tests.unit.render.rendering import MASTHEAD, default_theme
from tests.unit.render.test_growth import HEAD

# Each takes less than one; each of those that are mended here took minutes or more.
pytestmark = pytest.mark.processor_seconds(15)

MEGABYTE = 1_000_000
LARGE = 200_000


@pytest.mark.pressure
@pytest.mark.parametrize(
    "body",
    [
        "[" * 2_400,
        "![" * 2_400,
        "[" * 1_000 + "*" * 1_000,
        "[a](" * 1_000 + "b" * 40_000,
        f"[a](b{'b' * 40}" * 1_000 + "b" * 40_000 + ")",
    ],
    ids=lambda body: body[:12],
)
def test_what_may_begin_a_link_is_not_read_again_and_again(body: str) -> None:
    """A hundred calls a sign or fewer, as an ordinary link takes; it was up to 700."""
    signs = body.count("[") + body.count("]") + body.count("*")

    assert calls(lambda: read(HEAD + body)) < 150 * signs


def test_a_picture_is_not_asked_whether_it_floats() -> None:
    """Where nothing lets it float; to parse the style of each took most of the time."""
    digest = read(HEAD + "x ![a](https://a.example/b)\n\n" * 100).digest
    render(digest, default_theme(), MASTHEAD)  # compiles the theme

    assert calls(lambda: render(digest, default_theme(), MASTHEAD)) < 100 * 1_000


@pytest.mark.pressure
@pytest.mark.parametrize(
    "piece",
    [
        *("![\n", "![\n\n", "a\n", "![a](b\n", "# a\n", "- a\n", "> a\n", "***\n", "<p>a</p>\n"),
        *("- [a](b)\n", "a\\\n", "|a|b|\n", "a\r", "a\r\n", "{{ subscriber.name }}\n\n"),
    ],
)
def test_a_megabyte_of_lines_is_refused(piece: str) -> None:
    with pytest.raises(UnreadableIssue, match="blocks, lines and signs of markup") as caught:
        read(HEAD + piece * (MEGABYTE * 99 // 100 // len(piece)))

    assert caught.value.where.startswith("issues/issue.md:")
    assert "Split it" in caught.value.hint


@pytest.mark.pressure
@pytest.mark.parametrize(
    "piece",
    [
        *(
            "![",
            "[",
            "*",
            "`",
            "> ",
            "- ",
            "[a](https://a.example/) ",
            "<b>x</b>",
            "http://",
            "<a ",
        ),
        *("{{ subscriber.name }} ", "word ", "字", "{{", "!", "$", "#"),
    ],
)
def test_a_large_paragraph_is_shown(piece: str) -> None:
    """Eight thousand merge fields are one paragraph, too."""
    parsed = read(HEAD + piece * (LARGE // len(piece.encode())))

    assert render(parsed.digest, default_theme(), MASTHEAD).text


def test_a_megabyte_of_one_paragraph_is_shown() -> None:
    parsed = read(HEAD + "{{ subscriber.name }} [" * (MEGABYTE * 99 // 100 // 23))

    assert render(parsed.digest, default_theme(), MASTHEAD).text


def test_a_key_of_many_parts_is_a_fault_of_the_front_matter() -> None:
    """The parser of TOML takes the square of them."""
    parsed = read(f"+++\ntitle = 'T'\n{'a.' * 30_000}a = 1\n+++\ntext\n")

    assert [f.message for f in parsed.findings if f.rule == "front-matter-invalid"] == [
        "the front matter is not TOML: a line has more than 1,000 dots"
    ]


def test_the_limits_are_documented() -> None:
    writing = (Path(__file__).parents[3] / "docs" / "writing.md").read_text("utf-8")

    assert f"{limits.MAX_PARTS:,}" in writing
    assert f"{limits.MAX_MARKS:,}" in writing
