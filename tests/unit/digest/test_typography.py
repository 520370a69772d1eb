"""Straight quotes and hyphens become those of the language, and nothing else does."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from newsletter.digest import Parsed, parse
from newsletter.digest.typography import typeset
from newsletter.languages import signs
from newsletter.languages.words import available
from newsletter.model.finding import Severity
from newsletter.model.inline import (
    Code,
    Image,
    Link,
    Node,
    Text,
)
from newsletter.model.walking import plain_text, walk
from tests.unit.digest.oracle import joined, leaves_of
from tests.unit.digest.reading import findings

REAL = Path(__file__).parents[4] / "shared" / "digests"
BACK = str.maketrans(
    dict.fromkeys("'\"‘’‚‹›“”„«»「」『』") | dict.fromkeys("–—", "-") | {"\u202f": " "}
)


def read(source: str, language: str = "en", front: str = "") -> Parsed:
    text = f"---\ntitle: T\ndate: 2026-01-07\n{front}---\n{source}"
    return parse(
        text.encode(),
        file="issue.md",
        stem="issue",
        base_url="https://a.example",
        section_labels=(),
        smart_in=language,
    )


def text_of(source: str, language: str = "en", front: str = "") -> str:
    lead = read(source, language, front).digest.lead
    return "".join(
        node.text for block in lead for node in walk(block) if isinstance(node, Text | Code)
    )


@pytest.mark.parametrize(
    ("language", "wanted"),
    [
        ("ar", "«a “b” c» – d—e"),
        ("de", "„a ‚b‘ c“ – d—e"),
        ("de-AT", "„a ‚b‘ c“ – d—e"),
        ("de-CH", "«a ‹b› c» – d—e"),
        ("en", "“a ‘b’ c” – d—e"),
        ("en-GB", "“a ‘b’ c” – d—e"),
        ("es", "«a “b” c» — d—e"),
        ("fr", "«\u202fa “b” c\u202f» – d—e"),
        ("he", "”a ’b’ c” – d—e"),
        ("it", "«a “b” c» – d—e"),
        ("ja", "「a 『b』 c」 —— d——e"),
        ("ko", "“a ‘b’ c” – d—e"),
        ("nl", "“a ‘b’ c” – d—e"),
        ("pl", "„a «b» c” – d—e"),
        ("pt", "“a ‘b’ c” – d—e"),
        ("pt-PT", "«a “b” c» – d—e"),
        ("ru", "«a „b“ c» — d—e"),
        ("tr", "“a ‘b’ c” – d—e"),
        ("uk", "«a „b“ c» — d—e"),
        ("zh-CN", "“a ‘b’ c” —— d——e"),
        ("zh-Hant-HK", "「a 『b』 c」 —— d——e"),
        ("sv", "\"a 'b' c\" -- d---e"),
    ],
)
def test_a_language_has_its_own_quotes_and_dashes(language: str, wanted: str) -> None:
    """One without words here keeps what its author wrote."""
    assert text_of("\"a 'b' c\" -- d---e\n", language) == wanted


def test_every_language_with_words_has_signs() -> None:
    assert all(signs(language) for language in available())


@pytest.mark.parametrize(
    ("source", "wanted"),
    [
        ("it's the reader's\n", "it’s the reader’s"),
        ('"*bold* `code`" **"x"**\n', "“bold code” “x”"),
        ('a 27" screen, 5\'10" tall\n', 'a 27" screen, 5\'10" tall'),
        ('"never closed\n', '"never closed'),
        ("word--word, 1990--2000\n", "word–word, 1990–2000"),
        ("git log --oneline, a -- b\n", "git log --oneline, a – b"),
        ("xn--bcher-kva.example block__a--b c=a--b -->\n",) * 2,
        ("a - b, well-made, ----\n",) * 2,
        ('`"x" -- it\'s`\n', '"x" -- it\'s'),
        ('<code>"x" -- it\'s</code> <kbd>\'</kbd> "y"\n', "\"x\" -- it's ' “y”"),
        ('    "x" -- y\n', ""),
        ('\\"x\\" &quot;y&quot; "z"\n', '"x" "y" “z”'),
        ("https://a.example/it's/a--b\n", "https://a.example/it's/a--b"),
        (
            '{{ subscriber.name | default("you") }} "x"\n',
            '{{ subscriber.name | default("you") }} “x”',
        ),
        ('{% include "x" %} "y"\n', '{% include "x" %} “y”'),
    ],
)
def test_what_is_set_and_what_stays(source: str, wanted: str) -> None:
    assert text_of(source) == wanted.removesuffix("\n")


@pytest.mark.parametrize(
    ("language", "source", "wanted"),
    [
        ("zh-CN", '他说"甲"，"乙"说', "他说“甲”，“乙”说"),
        ("zh-TW", '他說"甲"，"乙"說', "他說「甲」，「乙」說"),
        ("ko", "\"안녕\"이라고 '네'라고", "“안녕”이라고 ‘네’라고"),
        ("zh-CN", '**"甲"**和"乙"，OpenAI\'s', "“甲”和“乙”，OpenAI’s"),
        ("zh-CN", '27"屏和30"屏', '27"屏和30"屏'),
        ("zh-CN", '"甲"和"', '"甲"和"'),
        ("he", 'צה"ל אמר "שלום"', 'צה"ל אמר ”שלום”'),
        (
            "fr",
            'Quoi ! "Oui" ; non : « si » ?',
            "Quoi\u202f! «\u202fOui\u202f»\u202f; non\u00a0: «\u202fsi\u202f»\u202f?",
        ),
        ("en", "Quoi ! non : oui ?", "Quoi ! non : oui ?"),
    ],
)
def test_each_writing_has_its_own_way(language: str, source: str, wanted: str) -> None:
    """Words of Chinese and the like join quotes; French has spaces that do not break."""
    assert text_of(f"{source}\n", language) == wanted


@pytest.mark.parametrize(
    ("source", "wanted"),
    [
        ('Run it with "--dry-run", or ("--yes").', "Run it with “--dry-run”, or (“--yes”)."),
        ("Use '--force' or \"--no-cache\"", "Use ‘--force’ or “--no-cache”"),
        ('"word"--"word" (he)--she said "But--"', "“word”–“word” (he)–she said “But–”"),
    ],
)
def test_hyphens_behind_what_opens_are_no_dash(source: str, wanted: str) -> None:
    """They begin an option of a command."""
    assert text_of(f"{source}\n") == wanted


def test_the_language_says_what_opens() -> None:
    assert text_of('"a"--b "--c"\n', "de") == "„a“–b „--c“"


@pytest.mark.parametrize(
    ("source", "wanted"),
    [
        ("6' 2\" tall, 3' by 4', 40° 26' 46\" N",) * 2,
        ('a **24**" screen, 5½" long',) * 2,
        ('"It is 24" wide," he said.', '“It is 24" wide,” he said.'),
        ('"27" and 30" screens"', '“27" and 30" screens”'),
        ("'I am 6' 2\" tall' he said", "‘I am 6' 2\" tall’ he said"),
        ('a "24" one, the "Top 10" list', "a “24” one, the “Top 10” list"),
        ("the 'Top 10' of the dogs' homes", "the ‘Top 10’ of the dogs’ homes"),
    ],
)
def test_a_mark_behind_a_figure_closes_only_what_is_open(source: str, wanted: str) -> None:
    assert text_of(f"{source}\n") == wanted.replace("*", "")


@pytest.mark.parametrize(
    ("language", "source", "wanted"),
    [
        ("en", "the '60s and the dogs' home", "the ’60s and the dogs’ home"),
        ("en", "the '90s' music, the class of '98", "the ’90s’ music, the class of ’98"),
        ("en", "\"'Twas so,\" get 'em, 'tisn't", "“’Twas so,” get ’em, ’tisn’t"),
        ("en", *("rock 'n' roll, Guns 'N' Roses",) * 2),
        ("en", "an 's', an 'em', a '98'", "an ‘s’, an ‘em’, a ‘98’"),
        ("nl", "'s avonds in 's-Gravenhage, 't huis'", "’s avonds in ’s-Gravenhage, ’t huis’"),
        ("zh-CN", "'90s, '80s", "’90s, ’80s"),
    ],
)
def test_an_apostrophe_that_begins_a_word_opens_no_quote(
    language: str, source: str, wanted: str
) -> None:
    assert text_of(f"{source}\n", language) == wanted


def test_what_readers_do_not_read_stays() -> None:
    source = """[x](https://a.example/?q='a'--b "it's") ![it's "a"](https://a.example/i.png)\n"""
    nodes = [node for block in read(source).digest.lead for node in walk(block)]

    assert [(node.url, node.title) for node in nodes if isinstance(node, Link)] == [
        ("https://a.example/?q='a'--b", "it's")
    ]
    assert [node.alt for node in nodes if isinstance(node, Image)] == ['it\'s "a"']


@pytest.mark.parametrize(
    "picture",
    [
        """![it's](https://a.example/i.png "The harbour's 'edge' -- {{ subscriber.name }}")""",
        """<img src="https://a.example/i.png" alt="it's"
        title="The harbour's 'edge' -- {{ subscriber.name }}">""",
    ],
)
def test_a_caption_is_set_as_the_text(picture: str) -> None:
    (image,) = [
        node
        for block in read(f"{picture}\n").digest.lead
        for node in walk(block)
        if isinstance(node, Image)
    ]

    assert (image.alt, image.title) == ("it's", "The harbour’s ‘edge’ – {{ subscriber.name }}")


def test_of_the_front_matter_the_summary_alone_is_set() -> None:
    front = "subject: It's \"x\"\npreheader: It's y -- z\nsummary:\n  - It's `'` a\n"
    digest = read("It's\n", front=front).digest

    assert digest.meta.subject == 'It\'s "x"'
    assert digest.meta.preheader == "It's y -- z"
    assert plain_text(digest.summary[0]) == "It’s ' a"


def test_a_title_stays_as_it_is_written() -> None:
    source = b"---\ntitle: It's so\n---\nIt's\n"
    parsed = parse(source, file="i", stem="i", base_url="", section_labels=(), smart_in="en")

    assert plain_text(parsed.digest.title) == "It's so"


@pytest.mark.parametrize("heading", ['It\'s "x"', 'It\'s *"x"*', 'It\'s `"x"`'])
def test_a_heading_that_repeats_the_title_is_still_known(heading: str) -> None:
    source = f'---\ntitle: It\'s "x"\n---\n# {heading}\n\ny\n'
    parsed = parse(
        source.encode(), file="i.md", stem="i", base_url="", section_labels=(), smart_in="en"
    )

    assert "h1-differs" not in {found.rule for found in parsed.findings}
    assert parsed.digest.sections == ()


def test_the_language_of_the_issue_decides() -> None:
    assert text_of('"x"\n', "en", "language: de\n") == "„x“"
    assert text_of('Он сказал "да" и ушёл, а мы остались\n', "en").count("«") == 1


@pytest.mark.parametrize("front", ["smart: false\n", "smart: no\n"])
def test_an_issue_can_say_no(front: str) -> None:
    assert text_of('"it\'s" -- x\n', front=front) == '"it\'s" -- x'


def test_a_newsletter_can_say_no() -> None:
    assert text_of('"it\'s" -- x\n', language="") == '"it\'s" -- x'


def test_neither_yes_nor_no_is_told() -> None:
    (found,) = findings(read("x\n", front="smart: perhaps\n"), "smart-invalid")

    assert found.severity is Severity.ERROR


def test_more_quotes_than_anybody_writes_stay() -> None:
    """The library takes the square of them."""
    few, many = '"a" ' * 100, '"a" ' * 101

    assert typeset(few, signs("en")).count("“") == 100
    assert typeset(many, signs("en")) == many


@given(st.text(alphabet="a1 '\"-–.«»“{}%é中:!?", max_size=40), st.sampled_from(sorted(available())))
@settings(max_examples=300, deadline=None)
def test_nothing_but_quotes_dashes_and_spaces_changes(text: str, language: str) -> None:
    result = typeset(text, signs(language))

    assert _bare(result) == _bare(text)


def _bare(text: str) -> str:
    return "".join(text.translate(BACK).replace("\u00a0", " ").replace("-", "").split())


@pytest.mark.skipif(not REAL.is_dir(), reason="real digests are not here")
def test_a_published_digest_keeps_every_word() -> None:
    for path in sorted(REAL.glob("20*.md")):
        straight, smart = (
            parse(
                path.read_bytes(),
                file=path.name,
                stem=path.stem,
                base_url="",
                section_labels=(),
                smart_in=language,
            ).digest
            for language in ("", "en")
        )

        assert _words(straight.lead, straight.sections) == _words(smart.lead, smart.sections)


def _words(*parts: tuple[Node, ...]) -> list[str]:
    nodes = [node for part in parts for node in part]
    return [_bare(" ".join(leaf)) for leaf in joined(leaves_of(*nodes))]
