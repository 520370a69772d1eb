"""No shape of markup takes time that grows with the square of its size."""

import resource

import pytest

from newsletter import lint
from newsletter.render import render
from tests.unit.digest.reading import read
from tests.unit.render.rendering import MASTHEAD, default_theme

# Each takes less than one; each of those that are mended here took minutes or more.
pytestmark = pytest.mark.processor_seconds(15)

HEAD = "---\ntitle: T\ndate: 2026-01-07\n---\nsee[^a]\n\n[^a]: note\n\n[a]: https://a.example/\n\n"
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


@pytest.mark.pressure
@pytest.mark.parametrize("piece", PIECES)
def test_a_paragraph_of_one_sign_grows_in_step(piece: str) -> None:
    """Below the limits of a paragraph, above which it is text."""
    amount = min(300, 30_000 // len(piece))

    assert_grows_in_step(HEAD + piece * amount, HEAD + piece * amount * 4)


@pytest.mark.pressure
@pytest.mark.parametrize("block", BLOCKS)
@pytest.mark.parametrize("between", ["\n", "\n\n"], ids=["lines", "blocks"])
def test_lines_of_one_kind_grow_in_step(block: str, between: str) -> None:
    amount = 75 // (1 + block.count("\n"))
    lines = (block + between) * amount

    assert_grows_in_step(HEAD + lines, HEAD + lines * 4)


@pytest.mark.pressure
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
