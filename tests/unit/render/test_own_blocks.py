"""A theme writes any block in its own way, by a template of its name and without Python."""

import re
from pathlib import Path

import pytest

from newsletter.errors import RenderError
from newsletter.render import Theme, render, words_used
from newsletter.render.fields import Fields
from newsletter.render.html import NAMES, HtmlWriter, Sheet
from newsletter.render.html.own import facts
from newsletter.render.html.standing import ALONE
from newsletter.render.signs import HtmlSigns
from tests.unit.render.rendering import MASTHEAD, issue, mail, own_theme, rendered
from tests.unit.render.test_contract import EVERY_BLOCK, rows

CARD = '<div class="card"><h3>A & b</h3><p>x</p><a href="https://a.example/">Go</a></div>\n'
ISSUE = EVERY_BLOCK.replace("[toc]\n", f"[toc]\n\n{CARD}", 1)  # one that is not at the end


def with_blocks(folder: Path, **blocks: str) -> Theme:
    """The theme `digest` with templates of its own for some blocks."""
    (folder / "digest" / "blocks").mkdir(parents=True, exist_ok=True)
    return own_theme(folder, {f"blocks/{name}.html.j2": text for name, text in blocks.items()})


def html(theme: Theme, body: str = EVERY_BLOCK) -> str:
    return mail(rendered(issue(body), theme)).html


@pytest.fixture(scope="module")
def wrapped(tmp_path_factory: pytest.TempPathFactory) -> str:
    """An issue of every block, each in a tag of its own."""
    own = {name: f"<div title='own-{name}'>{{{{ standard() }}}}</div>" for name in NAMES.values()}
    return html(with_blocks(tmp_path_factory.mktemp("wrapped"), **own), ISSUE)


@pytest.mark.parametrize("name", sorted(NAMES.values()))
def test_a_theme_has_its_own_template_for_each_block(wrapped: str, name: str) -> None:
    assert f'<div title="own-{name}">' in wrapped


def test_what_a_template_takes_over_unchanged_is_as_before(wrapped: str, tmp_path: Path) -> None:
    own = re.sub(r'<div title="own-[\w-]+">', "<div title='own'>", wrapped)
    plain = html(own_theme(tmp_path, {}), ISSUE)

    texts = [re.sub(r"<[^>]*>", "", page.partition("<body")[2]) for page in (own, plain)]

    assert own.count("title='own'") > 50
    assert texts[0].split() == texts[1].split()


def test_the_page_lists_every_block_and_no_other() -> None:
    assert set(rows("Blocks")) == set(NAMES.values())


def test_the_page_lists_what_a_template_of_a_block_gets_and_no_more() -> None:
    names = {name.removesuffix("()") for name in rows("Markup of a block")}
    digest = issue("Text.\n")
    sheet = Sheet(568, "ltr", "#a8321f", HtmlSigns())
    writer = HtmlWriter(Fields.apart_from(""), sheet, {}, digest)

    assert names == set(facts(writer, digest.lead[0], ALONE))


# By block: a template from nothing but what the page lists, an issue, and what comes of it.
WRITTEN = {
    "paragraph": ("<p>{{ inner() }}!</p>", "Text & *more*.\n", "<p>Text &amp; <em>more</em>.!</p>"),
    "heading": ("<h5>{{ inner() }}</h5>", "> #### A & b\n", "<h5>A &amp; b</h5>"),
    "list": ("<div>{{ inner() }}</div>", "- a\n- b\n", "<div><li"),
    "point": ("<li>{{ inner() }}</li>", "- [x] a & b\n", "<li>☑&nbsp; a &amp; b</li>"),
    "quote": ("<q>{{ inner() }}</q>", "> a\n", "<q><p"),
    "code": ("<pre>{{ inner() }}</pre>", "```py\na < b\n```\n", "<pre>a &lt; b</pre>"),
    "table": ("<table>{{ inner() }}</table>", "| a | b |\n|---|---|\n| c | d |\n", "<table><tr>"),
    "picture": (
        "<div>{{ inner() }}<i>{{ heading() }}</i></div>",
        '![x](https://a.example/p.png "A & b")\n',
        "<i>A &amp; b</i>",
    ),
    "pictures": (
        "<table>{{ inner() }}</table><i>{{ heading() }}</i>",
        "![x](https://a.example/p.png) ![y](https://a.example/q.png)\n",
        "<table><tr><td",
    ),
    "button": ("<b>{{ inner() }}</b>", "**[Go & see](https://a.example/?a&b)**\n", "<b><a"),
    "embed": (
        "<b>{{ inner() }}</b>",
        '<iframe src="https://v.example/1" title="A & b"></iframe>\n',
        "▶&nbsp; A &amp; b</a></b>",
    ),
    "rule": ("<hr title='own'>", "a\n\n---\n\nb\n", '<hr title="own">'),
    "labelled": (
        "<b>{{ heading() }} ({{ block.kind.value }})</b>{{ inner() }}",
        "**Impact & co:** x\n",
        "<b>Impact &amp; co (impact)</b><p",
    ),
    "sponsor": (
        "<b>{{ heading() }}</b>{{ inner() }}",
        "::: sponsor A & b\nx\n:::\n",
        "A &amp; b</b>",
    ),
    "card": (
        "<b>{{ inline(block.title) }}</b>{{ inner() }}",
        f"a\n\n{CARD}\n## S\n\nb\n",
        "<b>A &amp; b</b><p",
    ),
    "links": (
        "<div>{{ inner() }}</div>",
        "- [a](https://a.example/a)\n- [b](https://a.example/b)\n- [c](https://a.example/c)\n",
        "<div><li",
    ),
    "entry": (
        "<li>{{ domain(block.url) }}: {{ heading() }}{{ inner() }}</li>",
        "- [a](https://a.example/a)\n- [b](https://a.example/b)\n- [c](https://c.example/c)\n",
        "<li>c.example: <a",
    ),
    "contents": (
        "<b>{{ heading() }}</b>{{ inner() }}",
        "[toc]\n\n## A & b\n\nx\n",
        "A &amp; b</a>",
    ),
    "notes": ("<dl>{{ inner() }}</dl>", "x[^1]\n\n[^1]: y\n", "<dl><div"),
    "note": ("<dt>{{ inner() }}</dt>", "x[^1]\n\n[^1]: y & z\n", "</span> y &amp; z"),
    "item": (
        "<div>{{ level }} {{ look }} <b>{{ heading() }}</b>{{ inner() }}</div>",
        "## S\n\n### [A & b](https://a.example/)\n\nx\n",
        "<div>3 h3 linked <b>",
    ),
    "subsection": (
        "<b>{{ look }} {{ follows }} {{ heading() }}</b>{{ inner() }}",
        "## S\n\n### A & b\n\n#### [i](https://a.example/)\n\nx\n",
        "<b>chapter False A &amp; b</b>",
    ),
}


@pytest.mark.parametrize("name", WRITTEN)
def test_a_template_writes_a_block_from_what_the_page_lists(tmp_path: Path, name: str) -> None:
    """Escaped, whatever its author wrote."""
    template, body, wanted = WRITTEN[name]

    page = html(with_blocks(tmp_path, **{name: template}), body)

    assert wanted in re.sub(r' style="[^"]*"', "", page).replace("\u00a0", "&nbsp;")


def test_there_is_an_example_for_each_block() -> None:
    assert set(WRITTEN) == set(NAMES.values())


def test_a_block_in_another_is_written_in_the_way_of_the_theme(tmp_path: Path) -> None:
    """And knows how much room it has there."""
    theme = with_blocks(tmp_path, paragraph="<p>{{ width }}</p>", point="<li>{{ inner() }}</li>")

    widths = re.findall(r"<p>(\d+)</p>", html(theme, "a\n\n- b\n\n  > c\n\n> d\n>\n> > e\n"))

    assert widths == ["568", "523", "547", "526"]


def test_a_template_may_use_all_that_others_may(tmp_path: Path) -> None:
    own = "<p>{{ masthead.name }} {{ theme.column }} {{ t.summary }} {{ signs.end }}</p>"
    theme = with_blocks(tmp_path, paragraph=own)

    assert "<p>Valley Post 568 In this issue ◆</p>" in html(theme, "Text.\n")


def test_what_an_author_wrote_is_no_markup_in_a_template(tmp_path: Path) -> None:
    theme = with_blocks(tmp_path, embed="<p>{{ block.title }} {{ block.url }}</p>")
    body = '<iframe src="https://v.example/?a&quot;b" title="&lt;script&gt; {{ 7*7 }}"></iframe>\n'

    page = html(theme, body)

    assert "<script" not in page
    assert "&lt;script&gt; {{ 7*7 }}" in page


def test_an_own_block_is_marked_in_a_preview(tmp_path: Path) -> None:
    theme = with_blocks(tmp_path, quote="\n<div><b>{{ inner() }}</b></div>\n", rule="text alone")

    email = render(issue("> a\n\n---\n\nb\n"), theme, MASTHEAD, marks=True)

    assert re.search(r'<div data-line="5"[^>]*><b>', mail(email).html)
    assert "text alone" in mail(email).html


def test_words_that_only_a_block_uses_are_counted(tmp_path: Path) -> None:
    assert "forwarded_by" not in words_used(own_theme(tmp_path, {}), issue())

    theme = with_blocks(tmp_path, quote="{{ t.forwarded_by }}{{ inner() }}")

    assert "forwarded_by" in words_used(theme, issue())


def test_a_fault_in_a_template_of_a_block_names_its_line(tmp_path: Path) -> None:
    theme = with_blocks(tmp_path, quote="<div>\n{{ nothing }}</div>")

    with pytest.raises(RenderError) as caught:
        rendered(issue("> a\n"), theme)

    assert caught.value.where == "templates/digest/blocks/quote.html.j2:2"


def test_a_template_of_a_block_that_holds_itself_is_an_error(tmp_path: Path) -> None:
    theme = with_blocks(tmp_path, quote="{{ blocks([block]) }}")

    with pytest.raises(RenderError):
        rendered(issue("> a\n"), theme)


def test_a_template_of_no_block_is_an_error_with_the_nearest_name(tmp_path: Path) -> None:
    theme = with_blocks(tmp_path, quotes="x")

    with pytest.raises(RenderError, match="no block 'quotes'") as caught:
        rendered(issue(), theme)

    assert "'quote'" in str(caught.value.hint)
