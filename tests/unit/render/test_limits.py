"""What any issue costs that is not refused: no shape of markup takes the square of its size.

Sizes are of the limits of newsletter.digest.limits, or of a file; what is refused at a megabyte is
refused before it is parsed.
"""

import resource
from pathlib import Path

import pytest

from newsletter import lint
from newsletter.digest import limits
from newsletter.errors import UnreadableIssue
from newsletter.render import render
from tests.counting import calls
from tests.unit.digest.reading import read
from tests.unit.render.rendering import MASTHEAD, default_theme

# Each takes less than one; each of those that are mended here took minutes or more.
pytestmark = pytest.mark.processor_seconds(15)

HEAD = "---\ntitle: T\ndate: 2026-01-07\n---\nsee[^a]\n\n[^a]: note\n\n[a]: https://a.example/\n\n"
MEGABYTE = 1_000_000
LARGE = 200_000

# A beginning, what is repeated, and what stands between two of them.
PIECES = [
    *("![", "[", "](", "![a](b", "[a](b", "*a ", "*a_", "_a", "`", "`a``", "<", "<a ", "&", "{{"),
    *("\\*", "[^", "[a][b] ", "http://", "http://a.b ", "//a.b ", "a@b.c ", "a:", "!", "$", "~~a "),
    *("{{ subscriber.name }} ", '{{ subscriber.a | default("b") }}', "{%", "x <!-- ", "<b>x</b>"),
    *(":x: ", ":x", "==a== ", "==a ", "%% a %%", "%%", "%%a ", "[[a]]", "{: .a}", "`a`{#b}", "{/*"),
    *("\\\\\n", "{%a", "{a=b ", "[ab] [/ab]", "{{< a"),
    *("a<T> ", '<Card href="https://a.example/">', "<svg>", "<a b='<", "<your-name", "</T>"),
    *('x <img src="https://a.example/b">', "x<br>", "![a](https://a.example/b) ", "&amp;"),
]
BLOCKS = [
    *("# a", "#", "- a", "-", "> a", "1. a", "- [x] a", "```", "---", "a", "a\\", "a  ", "    a"),
    *("|a|b|", "**a:** b", "## a\n### b\n#### Impact:", "> - a", "<p>a</p>", "<div>", "字", "***"),
    *("{{ subscriber.name }}", "![", "- [a](https://a.example/)", "[a]: https://a.example/", "[a"),
    *(
        ":::a",
        ":::",
        ":::a\n:::",
        "!!! a",
        "!!! a\n    b",
        "%%",
        "%% a",
        "import 'a'",
        "[toc]",
        "{:.a}",
    ),
    *("> [!NOTE]", "- %%a", "> :::a", "[a] b\n[a]: /b", "- ::: a\n  :::", "{: .a}\nb", "??? a\n\n"),
    *("<T>", '<p><Card href="/b">a', "<p><svg>", "<p><a b='<", "<p><!--", "<p><script>", "<p><b-c"),
    *("![a](https://a.example/b)", "[^1]: a", "###### a\n# b", "<script>", "a|b\n-|-", '[a]: b "c'),
]
# Signs, and what they let the parser read on to: it once did so again for each of them.
LOOKING_AHEAD = [
    *(("[", "$", ""), ("![", "a ", ""), ("[", "a ", "]"), ("[^", "a", "")),
    *(("[a](", "b", ""), ("[a](b", "(", ""), ("[a](b" + "b" * 40, "b", ")"), ('[a](b "', "c", "")),
    *(("x <!-- ", "a", ">"), ("<a:", "b ", ""), ("&", "a", "")),
    *(("http://", "a", ""), ("`a``", "b", ""), ("{{", "a", "}}"), ("*a", " ", "")),
]


def seconds(source: str) -> float:
    """The processor time from a file's text to what lint says of its email."""
    began = resource.getrusage(resource.RUSAGE_SELF).ru_utime
    parsed = read(source)
    email = render(parsed.digest, default_theme(), MASTHEAD)
    lint.check(parsed.digest, email, parsed.findings)
    return resource.getrusage(resource.RUSAGE_SELF).ru_utime - began


def assert_grows_in_step(small: str, large: str) -> None:
    """Four times as much takes four times as long; the square would be sixteen times.

    What takes no time is not compared, and what seems too slow is measured once more.
    """
    quick = 0.1

    def grows_in_step() -> bool:
        took = seconds(large)
        return took < quick or took < 9 * seconds(small) + quick

    assert grows_in_step() or grows_in_step()


@pytest.mark.parametrize("piece", PIECES)
def test_a_paragraph_of_one_sign_grows_in_step(piece: str) -> None:
    """Below the limits of a paragraph, above which it is text."""
    amount = min(300, 30_000 // len(piece))

    assert_grows_in_step(HEAD + piece * amount, HEAD + piece * amount * 4)


@pytest.mark.parametrize("block", BLOCKS)
@pytest.mark.parametrize("between", ["\n", "\n\n"], ids=["lines", "blocks"])
def test_lines_of_one_kind_grow_in_step(block: str, between: str) -> None:
    amount = 75 // (1 + block.count("\n"))
    lines = (block + between) * amount

    assert_grows_in_step(HEAD + lines, HEAD + lines * 4)


@pytest.mark.parametrize(("sign", "padding", "end"), LOOKING_AHEAD)
def test_what_lets_the_parser_look_ahead_grows_in_step(sign: str, padding: str, end: str) -> None:
    small, large = (
        HEAD + sign * signs + padding * (40 * signs // len(padding)) + end for signs in (200, 800)
    )

    assert_grows_in_step(small, large)


@pytest.mark.parametrize("name", ["a", 'a b="', "a-"])
def test_a_tag_that_never_ends_grows_in_step(name: str) -> None:
    """Thirty kilobytes of it took twenty seconds."""
    small, large = (f"{HEAD}<div>\n<{name * (size // len(name))}" for size in (5_000, 20_000))

    assert_grows_in_step(small, large)


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


@pytest.mark.parametrize(
    ("front", "piece"),
    [
        ("title: T\nsummary: [{}]\n", "a, "),
        ("title: T\ntags: [{}]\n", "a, "),
        ("title: T\nsummary: |\n{}", "  - a\n"),
    ],
    ids=["points", "words", "lines"],
)
def test_the_front_matter_that_is_read_grows_in_step(front: str, piece: str) -> None:
    small, large = (f"---\n{front.format(piece * amount)}---\nx" for amount in (200, 800))

    assert_grows_in_step(small, large)


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
