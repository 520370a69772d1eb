"""Text and HTML from elsewhere, as Markdown that is read as the same."""

from html import escape

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from newsletter.drafts import escaping, markup
from newsletter.drafts.converting import Converted, blocks_of, leaves, markdown_of, reads_as
from newsletter.model.blocks import Heading
from newsletter.model.finding import Position
from newsletter.model.inline import Link, Text
from tests.share import examples
from tests.unit.digest.reading import body

SIGNS = "\\`*_{}[]()<>#+-.!|~=:%&^$@/?'\";,1a é影💡\u00a0{{ web_url }}"
WORDS = [
    *("import x from 'y'", "[toc]", "[[_TOC_]]", ":rocket:", "==m==", "%%n%%", "![[note]]"),
    *("{{ subscriber.name }}", "{% raw %}", "https://example.com", "//x.example", "mailto:a@b.c"),
    *(
        "**Impact:** x",
        "[x] done",
        "[!NOTE] x",
        "&copy; &#35; AT&T",
        "Vec<T>",
        "C# #",
        "---",
        "===",
        "1. x",
    ),
    *(
        "- x",
        "+ x",
        "> x",
        "| a | b |",
        "::: tip",
        "!!! tip",
        "```",
        "~~~",
        "[^1]",
        "[a]: b",
        "<!-- x -->",
    ),
    *(
        "<b>x</b>",
        "**影响：**对",
        "a_b_c _d_",
        "`a",
        "\\",
        "5 * 3 * 2",
        "x^2^",
        "a\\",
        "$x$",
        "# x",
        "Title: x",
    ),
]
titles = st.one_of(
    st.text(SIGNS, min_size=1, max_size=30),
    st.lists(st.sampled_from(WORDS), min_size=1).map(" ".join),
).map(escaping.line_of)
PLACE = Position("", 1)


def heading_of(title: str) -> Heading:
    words = (Text(title, position=PLACE),)
    return Heading(3, (Link("https://example.com/1", words, position=PLACE),), position=PLACE)


def written(title: str) -> str:
    """A title as a draft has it."""
    heading = (heading_of(title),)
    text = markup.markdown(heading)
    return text if reads_as(text, heading) else markup.markdown(heading, careful=True)


@given(title=titles.filter(bool))
@example(title="#")
@example(title="] [x](y)")
@settings(max_examples=examples(400))
def test_a_title_is_read_as_the_text_that_it_was(title: str) -> None:
    """Whatever signs of markup it holds."""
    issue = body(written(title))

    assert [leaf for leaf in leaves(issue.sections) if leaf[0] == "text"] == [
        ("text", "".join(title.split()))
    ]


def test_a_title_without_signs_stays_as_it_is() -> None:
    assert written("A day in May, and “more”: 5 > 3 or so!") == (
        "### [A day in May, and “more”: 5 > 3 or so!](https://example.com/1)"
    )


def test_a_merge_field_from_outside_is_never_filled_in() -> None:
    """It stands as code, in which fields are text."""
    assert escaping.escaped("Hi {{ subscriber.name }}!") == "Hi `{{ subscriber.name }}`!"
    assert (
        "<code>{{ web_url }}</code>"
        in markdown_of("<table><tr><td>{{ web_url }}<br>x</td></tr></table>").markdown
    )


inlines: st.SearchStrategy[str] = st.deferred(
    lambda: st.one_of(
        st.text(SIGNS, max_size=12).map(escape),
        st.sampled_from(WORDS).map(escape),
        st.builds("<{0}>{1}</{0}>".format, st.sampled_from(["b", "i", "s", "sup", "u"]), inlines),
        st.builds(
            '<a href="https://example.com/{0}">x{1}</a>'.format, st.sampled_from("a(b"), texts
        ),
        texts.map("<code>{}</code>".format),
        texts.map('<img src="https://example.com/p.png" alt="{}">'.format),
        st.just("<br>"),
    )
)
texts: st.SearchStrategy[str] = st.text("ab*_` <>&|", max_size=6).map(escape)
runs = st.lists(inlines, max_size=3).map("".join)
blocks: st.SearchStrategy[str] = st.deferred(
    lambda: st.one_of(
        runs.map("<p>{}</p>".format),
        st.builds("<h{0}>{1}</h{0}>".format, st.sampled_from("123"), runs),
        texts.map("<pre>{}\n\n~~~ ```</pre>".format),
        st.lists(bodies, max_size=3).map(
            lambda items: f"<ul>{''.join(f'<li>{item}</li>' for item in items)}</ul>"
        ),
        bodies.map("<blockquote>{}</blockquote>".format),
        st.builds("<ol start=3><li>{}</li><li>{}</li></ol>".format, runs, bodies),
        st.lists(st.lists(runs, min_size=1, max_size=3), max_size=2).map(
            lambda rows: (
                "<table><tr><th>a</th><th>b|c</th></tr>"
                + "".join(f"<tr>{''.join(f'<td>{c}</td>' for c in row)}</tr>" for row in rows)
                + "</table>"
            )
        ),
        runs.map("<figure><img src='x/y.png' alt='y'><figcaption>{}</figcaption></figure>".format),
        st.just("<hr>"),
    )
)
bodies: st.SearchStrategy[str] = st.lists(blocks, max_size=3).map("".join)


@given(source=bodies)
@settings(max_examples=examples(150))
def test_html_is_read_as_before_once_it_is_markdown(source: str) -> None:
    """The same words, links and pictures in the same order."""
    before, _ = blocks_of(source)

    converted = markdown_of(source)

    assert reads_as(converted.markdown, before)


def test_markup_that_markdown_has_words_for_becomes_markdown() -> None:
    page = """
        <h2>A <em>day</em></h2><p>Some <b>bold </b>text,<br>and <a href="https://example.com/a_b">a
        link</a>.</p><ul><li>one</li><li>two<ol><li>deep</li></ol></li></ul>
        <blockquote><p>said</p></blockquote><pre>a\n\n  b</pre><hr><p><img src="pictures/x.png"
        alt="An x"></p><table><tr><th>a</th><th>b</th></tr><tr><td>1</td><td>2|3</td></tr></table>
    """

    assert markdown_of(page) == Converted(
        """\
## A *day*

Some **bold** text,\\
and [a link](https://example.com/a_b).

- one
- two
  1. deep

> said

```
a

  b
```

---

![An x](pictures/x.png)

| a | b |
|---|---|
| 1 | 2\\|3 |""",
        (),
    )


def test_what_markdown_has_no_words_for_stays_html() -> None:
    source = "<table><tr><td>a<br>b</td></tr></table>"

    converted = markdown_of(f"<p>Before</p>{source}")

    assert converted.markdown == (
        "Before\n\n<table><tbody><tr><td>a<br>b</td></tr></tbody></table>"
    )


def test_html_whose_markdown_would_be_read_differently_stays() -> None:
    """A quote that begins like a notice of GitHub would become one."""
    converted = markdown_of("<blockquote><p>[!NOTE] really</p></blockquote>")

    assert converted.markdown == "<blockquote><p>[!NOTE] really</p></blockquote>"
    assert converted.as_html == 1


@pytest.mark.parametrize(
    ("source", "rule"),
    [
        ("<p onclick='x()'>a</p>", "html-dropped"),
        ("<script>x</script>", "html-dropped"),
        ("<a href='javascript:x'>a</a>", "unsafe-link"),
        ("<a href='#footnote-1'>1</a>", "broken-link"),
    ],
)
def test_what_html_loses_is_told(source: str, rule: str) -> None:
    assert rule in {finding.rule for finding in markdown_of(source).findings}
