"""What stands in angle brackets: HTML, text, or a component of another generator."""

import pytest
from lxml.html import defs

from newsletter.model.blocks import CodeBlock, Embed
from newsletter.model.finding import Severity
from newsletter.model.inline import (
    Code,
    Image,
    Link,
    Span,
    SpanKind,
    Text,
)
from newsletter.model.walking import plain_text, walk
from tests.unit.digest.reading import all_of, body, finding, findings, inline, read, texts

HEAD = "---\ntitle: T\ndate: 2026-01-07\n---\n"
AROUND = ["{}\n", "- {}\n", "*x* {} *y*\n", "<p>{}</p>\n", "<div>\nx {} y\n</div>\n", "# a {}\n"]


def squeezed(source: str) -> str:
    return "".join(texts(read(f"{HEAD}Text.\n\n{source}").digest).split())


@pytest.mark.parametrize("around", AROUND)
@pytest.mark.parametrize(
    "text",
    [
        "Return<T>",
        "Map<Key>",
        "Result<Vec<u8>>",
        "<your-name>",
        "<user>@<host>",
        "a<b and c>d",
        "Vec<B> or Vec<S>",
        "x<i>y",
        "the <dialog> element",
        "<template> and <slot>",
        "the <script> tag",
        "<T/>",
        "</T>",
        "use <Foo {...x}> here",
    ],
)
def test_what_is_no_html_stays_as_it_is_written(text: str, around: str) -> None:
    assert "".join(text.split()) in squeezed(around.format(text))


def test_the_summary_keeps_it_too() -> None:
    parsed = read('---\ntitle: T\nsummary: "- Put <your-name> into Vec<T>"\n---\nText.\n')

    assert [plain_text(point) for point in parsed.digest.summary] == ["Put <your-name> into Vec<T>"]
    assert not findings(parsed, "foreign-markup")


@pytest.mark.parametrize("around", ["a {}\n", "<div>\na {}\n</div>\n", "{}\n"])
@pytest.mark.parametrize(
    "form", ["<{0}>WORD</{0}> END", "<{0} title='x'>WORD</{0}> END", "<{0}> END"]
)
def test_no_element_is_lost_without_a_finding(form: str, around: str) -> None:
    """Its content and what follows stay; what a mail keeps nothing of is told."""
    for name in defs.tags - {"!--"}:
        parsed = read(HEAD + around.format(form.format(name)))

        told = {found.rule for found in parsed.findings} & {"html-dropped", "html-unclosed"}
        nodes = walk(parsed.digest)
        shown = "".join(n.text for n in nodes if isinstance(n, Text | Code | CodeBlock))
        assert told or "END" in shown, name
        assert told or "WORD" in shown or "WORD" not in form, name


def test_what_a_sentence_leaves_open_is_told() -> None:
    parsed = read(f"{HEAD}Text.\n\nSome <b>bold\ntext.\n")

    assert finding(parsed, "html-unclosed") == (Severity.WARNING, 7)
    assert [node.kind for node in inline("a <b>c</b>") if hasattr(node, "kind")] == [
        SpanKind.STRONG
    ]


@pytest.mark.parametrize("begin", ["<!-- note", "<script>x", "<style>p {}"])
def test_what_swallows_the_rest_of_an_issue_is_an_error(begin: str) -> None:
    parsed = read(f"{HEAD}Text.\n\n{begin}\n\nAll of this.\n")

    assert finding(parsed, "html-unclosed") == (Severity.ERROR, 7)


@pytest.mark.parametrize("around", ["{}\n", "see {}\n", "<div>\n{}\n</div>\n"])
@pytest.mark.parametrize(
    ("source", "text"),
    [
        ('<Card title="Read it" href="https://a.example/x" />', "Read it"),
        ('<YouTube url="https://a.example/x" />', "https://a.example/x"),
        ('<LinkButton href="https://a.example/x">Read *it*</LinkButton>', "Read"),
        ('<Link href="https://a.example/x">Read it</Link>', "Read it"),
        ('<Button href="https://a.example/x">Read it</Button>', "Read it"),
        ('<Card\n  label="Read it"\n  href="https://a.example/x">', "Read it"),
    ],
)
def test_a_component_stays_as_its_link(source: str, text: str, around: str) -> None:
    parsed = read(HEAD + around.format(source))
    (link,) = all_of(parsed.digest, Link)

    assert link.url == "https://a.example/x"
    assert text in plain_text(link.children)
    assert finding(parsed, "foreign-markup")[0] is Severity.WARNING
    assert "<" not in texts(parsed.digest)


def test_the_end_of_a_component_goes_with_it() -> None:
    digest = body('<Card title="T" href="https://a.example/x">\n\nInner *text*.\n\n</Card>\n')

    assert "</Card>" not in texts(digest)
    assert "Inner" in texts(digest)
    apart = '<div>\n<Card title="T" href="https://a.example/x">\n\nInner\n\n<p>x</Card></p></div>\n'
    assert "</Card>" not in texts(body(apart))


def test_markdown_below_a_tag_that_is_none_is_read() -> None:
    assert len(all_of(body("<T>\n*a*\n"), Span)) == 1


@pytest.mark.parametrize("around", ["{}\n", "see {}\n", "<div>\n{}\n</div>\n"])
def test_a_component_with_a_picture_stays_as_that(around: str) -> None:
    (image,) = all_of(body(around.format('<Image src="https://a.example/x.png" alt="A" />')), Image)

    assert (image.url, image.alt) == ("https://a.example/x.png", "A")


@pytest.mark.parametrize("around", ["{}\n", "see {}\n", "<div>\n{}\n</div>\n"])
def test_a_component_that_leads_nowhere_is_text_and_told(around: str) -> None:
    parsed = read(HEAD + around.format('<Tweet id="123" />'))

    assert '<Tweet id="123" />' in texts(parsed.digest)
    assert finding(parsed, "foreign-markup")[0] is Severity.WARNING


@pytest.mark.parametrize(
    ("source", "url"),
    [
        ('<script src="https://gist.example/u/1.js"></script>', "https://gist.example/u/1"),
        ('<script async src="https://cast.example/a/5.js">x</script>', "https://cast.example/a/5"),
        ('<object data="https://a.example/x.pdf"></object>', "https://a.example/x.pdf"),
    ],
)
def test_what_a_page_would_load_is_a_card(source: str, url: str) -> None:
    (embed,) = all_of(body(f"Text.\n\n{source}\n"), Embed)
    (link,) = all_of(body(f"Text {source} z.\n"), Link)

    assert embed.url == link.url == url
    assert "z" in texts(body(f"Text {source} z.\n"))


@pytest.mark.parametrize(
    "script", ["https://platform.example/widgets.js", "https://a.example/x.min.js", "/gtag/js?a"]
)
def test_a_script_that_shows_nothing_is_none(script: str) -> None:
    parsed = read(f'{HEAD}Text.\n\n<script src="{script}"></script>\n')

    assert not all_of(parsed.digest, Embed)
    assert finding(parsed, "html-dropped") == (Severity.INFO, 7)


def test_a_drawing_is_left_out_and_told() -> None:
    for around in ("a {} z\n", "<p>a {} z</p>\n"):
        parsed = read(HEAD + around.format('<svg><path d="M0"/><text>no</text></svg>'))

        assert "".join(texts(parsed.digest).split()) == "az"
        assert finding(parsed, "html-dropped") == (Severity.INFO, 5)


@pytest.mark.parametrize(
    ("source", "line"),
    [
        ("A sentence. <!-- TODO: ask\n\nstill private --> After.\n", 5),
        ("{% comment %}<!-- private\n\nnote -->{% endcomment %}\n", 5),
        ("- a\n- *b <!-- c*\n\nd -->\n", 6),
        ("| a |\n|---|\n| <!-- b |\n| c --> |\n", 7),
        ("<div>\na <!-- b\n\nc -->\n</div>\n", 5),
        ("a\n\n    <!-- b -->\n", 7),
        ("[a <!-- b](https://a.example/)\n", 5),
    ],
)
def test_a_comment_that_readers_see_is_an_error(source: str, line: int) -> None:
    severity, at = finding(read(HEAD + source), "comment-shown")

    assert severity is Severity.ERROR
    assert at == line


@pytest.mark.parametrize(
    "source",
    [
        "a <!-- b\nc --> d\n",
        "<!-- a\n\nb -->\n",
        "`<!-- a` and \\<!-- b &lt;!-- c\n",
        "```\n<!-- a -->\n```\n",
        "a\n\n    <p>x</p> <!-- b -->\n",
        "- a\n\n  <!-- b\n\n  c -->\n",
    ],
)
def test_a_comment_that_nobody_sees_or_everybody_should_is_none(source: str) -> None:
    parsed = read(HEAD + source)

    assert not findings(parsed, "comment-shown")
    assert not findings(parsed, "html-unclosed")


@pytest.mark.parametrize(
    "tag",
    [
        "<p hidden>",
        '<p hidden="">',
        '<p class="x" hidden id="y">',
        '<p style="display:none">',
        "<p style='color: red; DISPLAY : None !important'>",
        "<p style=display:none>",
        '<p style="visibility: hidden">',
    ],
)
@pytest.mark.parametrize("around", ["{}text</p>\n", "<div>\n{}text</p></div>\n"])
def test_what_a_page_hides_is_shown_and_told(tag: str, around: str) -> None:
    span = tag.replace("<p", "<span")
    block = read(HEAD + around.format(tag))
    inline = read(f"{HEAD}a {span}text</span> b\n")

    for parsed in (block, inline):
        assert "text" in "".join(texts(parsed.digest).split())
        assert finding(parsed, "hidden-text")[0] is Severity.WARNING


@pytest.mark.parametrize(
    "tag",
    [
        '<span aria-hidden="true">',
        '<span class="hidden">',
        '<span data-x="display:none">',
        '<span style="display:block">',
        '<span title="hidden">',
    ],
)
def test_what_is_shown_anyway_is_not_told_as_hidden(tag: str) -> None:
    assert findings(read(f"{HEAD}a {tag}text</span>\n"), "hidden-text") == []


@pytest.mark.parametrize("around", ["{}\n", "a {} b\n", "<div>\n{}</div>\n"])
@pytest.mark.parametrize(
    "attributes",
    ['srcset="https://a.example/i.png 2x"', 'data-src="https://a.example/i.png"', 'src=""', ""],
)
def test_a_picture_without_an_address_is_told(attributes: str, around: str) -> None:
    parsed = read(HEAD + around.format(f'<img {attributes} alt="Cranes">'))

    assert "Cranes" in texts(parsed.digest)
    assert finding(parsed, "html-dropped")[0] is Severity.WARNING
