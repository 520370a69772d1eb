"""Nothing an author wrote is lost or doubled, and every node knows its line."""

import html
import re
from itertools import pairwise
from operator import itemgetter
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it.token import Token

from newsletter.digest import Parsed, front_matter, markdown, parse
from newsletter.model.inline import Code, Image, Node, Text
from newsletter.model.walking import walk
from tests.share import examples
from tests.unit.digest.oracle import Leaf, blocks_of, joined, leaves_of

ROOT = Path(__file__).parents[3]
REAL = ROOT.parent / "shared" / "digests"
ABSENT = pytest.param(
    None,
    marks=pytest.mark.skip(reason=f"put real digests into {REAL} to read them too"),
    id="no-real-digests",
)


def issues(folder: Path) -> list[object]:
    paths = sorted(path for path in folder.glob("*.md") if path.name != "README.md")
    return [pytest.param(path, id=path.stem) for path in paths]


def parsed(source: bytes | str) -> Parsed:
    """Without a base URL, so that a relative target keeps its text only, as a broken one does."""
    data = source.encode() if isinstance(source, str) else source
    labels = ("影响", "Impact")
    return parse(data, file="issue.md", stem="issue", base_url="", section_labels=labels)


def assert_nothing_is_lost(result: Parsed) -> None:
    """The leaves of the digest are those of the parser's tokens, each once, in their order."""
    digest = result.digest
    front = front_matter.split(result.source, "issue.md")
    every = blocks_of(front.body)
    blocks = [pair for pair in every if not pair[0].type.startswith("footnote")]
    notes = [leaf for block in every if block not in blocks for leaf in block[1]]
    rules = {found.rule for found in result.findings}
    title = leaves_of(*digest.title)
    body = leaves_of(*digest.lead, *digest.sections, *filter(None, [digest.promo]))

    if digest.promo is not None:
        drop_rule_before_card(blocks, digest.promo.position.line - front.body_line)
    heading = next((i for i, block in enumerate(blocks) if is_title(*block)), None)
    is_named, given = not rules & {"title-missing", "title-derived"}, front.values.get("title")
    repeats = heading is not None and joined(blocks[heading][1]) == joined(title)
    if heading is not None and is_named and (repeats or not given):
        assert joined(blocks.pop(heading)[1]) == joined(title)
    elif is_named:
        body = body if given else title + body
    elif "title-derived" in rules and joined(body) != joined(flat(blocks)):
        body = title + body  # the first line, which became the title

    assert joined(body) == joined(flat(blocks))
    assert joined(leaves_of(*digest.tail)) == joined(notes)


def flat(blocks: list[tuple[Token, list[Leaf]]]) -> list[Leaf]:
    return [leaf for _, leaves in blocks for leaf in leaves]


def is_title(token: Token, leaves: list[Leaf]) -> bool:
    return token.type == "heading_open" and token.tag == "h1" and any(map(itemgetter(-1), leaves))


def drop_rule_before_card(blocks: list[tuple[Token, list[Leaf]]], line: int) -> None:
    """The rule above the promo card parts it from the rest, as its frame does in a mail."""
    kept = next(i for i, (token, _) in enumerate(blocks) if token.map and token.map[0] >= line)
    if kept and blocks[kept - 1][0].type == "hr":
        del blocks[kept - 1]


def assert_lines(result: Parsed) -> None:
    """Words stand on the line that their node names; those in HTML on a line of their block."""
    digest = result.digest
    front = front_matter.split(result.source, "issue.md")
    lines = result.source.split("\n")
    ends = {
        token.map[0] + front.body_line: token.map[1] + front.body_line
        for token in markdown.parser().parse(front.body)
        if token.type == "html_block" and token.map
    }
    roots: list[Node] = [
        *digest.lead,
        *digest.sections,
        *digest.tail,
        *filter(None, [digest.promo]),
    ]
    if "title-missing" not in {found.rule for found in result.findings}:
        roots += digest.title
    for node in (node for root in roots for node in walk(root)):
        line = node.position.line
        assert 1 <= line <= len(lines)
        if word := first_word(node):
            end = len(lines) if root_is_card(node, digest.promo) else ends.get(line, line + 1)
            assert word in letters("\n".join(lines[line - 1 : end - 1])), (word, line)


def root_is_card(node: Node, promo: Node | None) -> bool:
    return promo is not None and any(node is inner for inner in walk(promo))


def first_word(node: Node) -> str:
    """The first word of a leaf, if it stands right where the leaf begins."""
    match node:
        case Text(text=text) | Code(text=text) | Image(alt=text):
            word = re.match(r"(?:[^\w\s]|_)*([^\W_]+)", text)
            return word[1] if word else ""
        case _:
            return ""


def letters(source: str) -> str:
    """The letters and digits of a piece of source, without tags, escapes and targets."""
    source = re.sub(r"<img[^>]* alt=\"([^\"]*)\">", r"\1", source)
    bare = re.sub(r"<[^>]*>", "", html.unescape(source))
    bare = re.sub(r"\]\([^)]*\)", "", bare) + re.sub(r"<[^>]*>", "", source) + source
    return re.sub(r"[\W_]+", "", bare)


@pytest.mark.parametrize("path", [*(issues(REAL) or [ABSENT]), *issues(ROOT / "issues")])
def test_a_published_digest_loses_nothing(path: Path) -> None:
    result = parsed(path.read_bytes())

    assert_nothing_is_lost(result)
    assert_lines(result)


@pytest.mark.parametrize("path", [*(issues(REAL) or [ABSENT]), *issues(ROOT / "issues")])
def test_reading_order_follows_the_lines_of_a_published_digest(path: Path) -> None:
    digest = parsed(path.read_bytes()).digest

    nodes = [node for root in (*digest.lead, *digest.sections) for node in walk(root)]

    assert all(a.position.line <= b.position.line for a, b in pairwise(nodes))


FIXTURES = {
    "figures with captions": (
        '<figure><a href="https://a.io/x"><img src="https://a.io/a.png" alt="A"></a>'
        '<figcaption>By <a href="https://b.io/">Ann</a></figcaption></figure>\n\nx\n\n'
        '<figure><img src="https://a.io/a.png" alt="A"> <img src="https://a.io/b.png" alt="B">'
        "<figcaption>Both</figcaption></figure>\n\n"
        '<figure><figcaption>Above</figcaption><img src="https://a.io/c.png" alt="C"></figure>\n'
    ),
    "quotes in html": (
        "<blockquote><p>Said.</p><footer>— <cite>Ann</cite></footer></blockquote>\n\n"
        "<figure><blockquote>Said.</blockquote><figcaption>Bob</figcaption></figure>\n"
    ),
    "plain text": "One line\n\nand another.\n",
    "a first line as title": "The title\nand the text right below it.\n\nMore.\n",
    "a long first line": "word " * 30 + "\n\nMore.\n",
    "a title that is a link": "---\ntitle: Go here\n---\n# [Go here](http://a.io/)\n\nText.\n",
    "a title after the text": "Before.\n\n# Late title\n\nAfter.\n",
    "a title in bold and code": "# **Bold** and `code`\n\nText.\n",
    "a title of one picture": "# ![](https://a.example/logo.png)\n\nText.\n",
    "several titles": "---\ntitle: One\n---\n# One\n\n## A\n\n### i\n\na\n\n# Two\n\n## B\n\nb\n",
    "levels that skip": "## A\n\n#### deep\n\nx\n\n### item\n\ny\n\n##### deeper\n\nz\n",
    "labels as headings": "## A\n\n### Item\n\nx\n\n### 影响\n\ny\n\n### Impact\n\n- z\n",
    "a label of links": "## A\n\n### i\n\n**See [b](https://b.io/) [c](https://c.io/):**\n\n- x\n",
    "a label with a picture": "## A\n\n### i\n\n**![s](https://b.io/s.png) Note:** text\n",
    "a label before anything": "## A\n\n**Impact:**\n\n- one\n- two\n\n---\n\n## B\n\nb\n",
    "a label with its colon outside": (
        "## A\n\n### I\n\n**Impact**: text\n- one\n\n| a |\n|-|\n| b |\n"
    ),
    "labels in a list": "- **Impact:** text\n- **Notes**: more\n- plain\n",
    "a link list": "## More\n\n- [a](https://a.example/): x\n- **b** y\n- c\n  - d\n\n  > e\n",
    "an empty entry": "## More\n\n- [a](https://a.example/)\n-\n- `c`\n",
    "tasks": "- [x] done\n- [ ] **bold**\n- [ ]\n- [x] [link](https://a.example/)\n",
    "a loose list that starts at seven": "7. a\n\n   b\n8. c\n",
    "nested lists and quotes": "- a\n  1. b\n     > c\n     > - d\n- ```py\n  e\n  ```\n",
    "a table": "| *a* | b |\n|:-:|--:|\n| [l](https://a.example/) | `x\\|y` |\n| only |\n",
    "footnotes": "a[^1] b[^two] c[^1]\n\n[^two]: two\n\n    more\n\n[^1]: one *em*\n\nend\n",
    "references": "[a][r] [b][none] ![c][r]\n\n[r]: https://a.example/ 'title'\n",
    "breaks": "a  \nb\\\nc\nd `e\nf` g\n<b\nclass='x'>h</b>\ni [j\nk](https://a.example/\n'l') m\n",
    "a picture in a link": "[![alt](https://a.example/i.png)](https://a.example/)\n",
    "pictures in a row": "![a](https://a.example/a.png)\n![b](https://a.example/b.png)\n",
    "a picture in the text": "see ![a](https://a.example/a.png) and ![](b.png) ![c](c.png)\n",
    "targets of no use": (
        "[a](#) [b](无链接) [c](javascript:x()) [d](irc://x) [e](/rel) [](https://f.example/)\n"
    ),
    "a bare URL in Chinese": "见https://a.example/x，还有（https://b.example/y）。https://c.example/；\n",
    "emphasis": "**影响：**对 **BiPS（双向）**新 ***a*b** __c__ ~~d~~ a*b*c **\n",
    "deep emphasis": "*a **b " * 30 + "[deep](https://a.example/)" + "** c*" * 30 + "\n",
    "deep quotes": "> " * 90 + "deep\n",
    "deep lists": "".join("  " * depth + "- level\n" for depth in range(50)),
    "inline HTML": "a <b>b <i>c</b> d</i> e<br>f <sub>g</sub> <kbd>h</kbd> <!-- no --> <wbr>i\n",
    "inline HTML with links": "a <a href='http://a.io/?a=1&amp;copy=2'>b *c*</a> <a name=x>d</a>\n",
    "inline embeds": (
        "a <video src='http://a.io/v.mp4'></video> <iframe src='http://b.io/'></iframe> b\n"
    ),
    "inline script": "a <script>no</script> b <style>no</style> c\n",
    "what is not HTML": "Vec<T> for <your-name>,\n<T>\n*a*\n\n<T>\n\n<p>Map<T> <a-b>c</a-b></p>\n",
    "blocks that are named": (
        '::: tip A *title*\na\n\n- b\n:::\n\n!!! note "Other"\n\n    > c\n    ::: d\n'
    ),
    "markup of others": (
        "a :rocket: b ==c *d*== [[e|f]] g\\\\\n h %% no %% {: .x}\n\n[toc]\n\n"
        "import 'i'\n\n{: .j}\n"
    ),
    "an HTML block": "<div align=center>a<p>b</p>c<img src='http://a.io/i.png' alt=d></div>\n",
    "an HTML list": "<ul>stray<li>a<li>b <a href='https://a.example/'>c</a><ul>d<li>e</ul></ul>\n",
    "an HTML table": (
        "<table><caption>a</caption><tr><th>b<td>c</tr><tr><td><p>d</p>e<ul><li>f</ul></table>\n"
    ),
    "a table in a table": "<table><tr><td>a<table><tr><td>b</td></tr></table>c</td></tr></table>\n",
    "an embed in a table": (
        "<table><tr><td><iframe src='http://a.io/'>a</iframe></td></tr></table>\n"
    ),
    "an embed in a link": (
        "<a href='http://a.io/'><video src='http://b.io/v'></video>b<p>c</p></a>\n"
    ),
    "an embed with sources": "<video><source src='https://a.example/v.mp4'>no player</video>\n",
    "an HTML heading with a list": (
        "<h3>a<ul><li>b</ul></h3><dl><dt>c<dd>d</dl><details>e</details>\n"
    ),
    "preformatted HTML": "<pre>a\n  <b>b</b> <a href='https://a.example/'>c</a></pre>\n",
    "HTML around Markdown": "<details>\n<summary>a</summary>\n\n- *b*\n\n</details>\n",
    "HTML in a list": "- a\n\n  <p>b <img src='https://a.example/i.png'></p>\n- <div>c</div>\n",
    "HTML in a quote": "> <div>a</div>\n>\n> b\n",
    "many open paragraphs": "<div>\n"
    + "<p>a <a href='https://a.example/'>b</a>\n" * 80
    + "</div>\n",
    "a card": (
        "# T\n\nx\n\n---\n\n<div class=card><h3>a</h3><p>b <a href='http://a.io/'>c</a></p><hr></div>\n"
    ),
    "a card in parts": "# T\n\nx\n\n<p>a</p>\n\n<div class=promo>b</div>\n\n<!-- no -->\n",
    "a card with footnotes": "# T\n\nx[^1]\n\n---\n\n<div>a</div>\n\n[^1]: b\n",
    "a card of Markdown": "x\n\n---\n\n<div class=card>\n\n**a**\n\nb [c](http://c.io/)\n\n</div>\n",
    "a card of a table": (
        "x\n\n---\n\n<table class=card><tr><td>a</td><td><p>b</p><a href='http://c.io/'>c</a></td></table>\n"
    ),
    "a card with text behind it": "x\n\n<div class=card><b>a</b> <a href='http://b.io/'>b</a></div>\n\nc\n",
    "cards among others": "<div class=cta>a</div>\n\n# b\n\n<div class=card>\n\nc\n\n</div>\n\nd\n",
    "boxes that do not match": "</div>\n\na\n\n<div class=card>\n\nb\n\n<div>\n\nc\n\n</div>\n",
    "a rule at the end": "# T\n\n## A\n\nx\n\n---\n",
    "nothing but a rule": "---\n\n---\n",
    "templates and formulas": "{{ a }} {% b %} $c$ \\(d\\) {{{e}}}\n",
    "entities": "&copy; &amp;amp; &#x4e2d; &nosuch; \\* \\&lt;\n",
    "buttons": "**[a](https://a.example/)**\n\n[**b**](https://a.example/)\n\n- **[c](http://c.io/)**\n",
    "pictures side by side": "![a](http://a.io/a.png) ![b](http://a.io/b.png)\n[![c](http://a.io/c)](http://a.io/)\n",
    "who said it": "> a\n> — *b* [c](http://c.io/)\n\n> d\n> - e\n\n> — f\n\n> g\n>\n> -- h\n",
    "a sponsor": "::: sponsor\na\n\n**b:** c\n:::\n\n::: ad Acme *Co*\n> d\n> — e\n:::\n",
    "videos": "a\nhttps://youtu.be/dQw4w9WgXcQ\nb\n\n<https://vimeo.com/1>\n\n- https://vimeo.com/2\n",
    "nothing": "",
}


@pytest.mark.parametrize("source", FIXTURES.values(), ids=FIXTURES)
def test_every_form_keeps_all_its_leaves(source: str) -> None:
    result = parsed(source)

    assert_nothing_is_lost(result)
    assert_lines(result)


WORDS = st.sampled_from(
    "word 影响 洞察： （双向） “主动” 。 a_b x* ** C++ &amp; 1. # [x] 日本語 😀 Impact:".split()
)
URLS = st.sampled_from(
    ("https://a.example/x?a=1&copy=2", "http://b.example/中文", "mailto:a@b.example", "/rel", "无")
)
HREFS = URLS.map(html.escape)


def _around(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    """Inline markup around inline markup."""
    return st.one_of(
        st.builds("*{}*".format, inner),
        st.builds("**{}**".format, inner),
        st.builds("~~{}~~".format, inner),
        st.builds("[{}]({})".format, inner, URLS),
        st.builds("![{}]({})".format, inner, URLS),
        st.builds("<b>{}</b>".format, inner),
        st.builds('<a href="{}">{}</a>'.format, HREFS, WORDS),
        st.builds("{}\n{}".format, inner, inner),
        st.builds("{}{}".format, inner, inner),
    )


INLINE = st.recursive(
    st.one_of(
        WORDS,
        st.builds("`{}`".format, WORDS),
        st.builds("**{}：**{}".format, WORDS, WORDS),
        st.builds("见{}，还有".format, URLS),
        st.sampled_from(
            ["[^1]", "<br>", "<!-- x -->", "&copy;", "\\*", "{{ x }}", "$1$", "[r][r]"]
        ),
        st.builds('<img src="{}" alt="{}">'.format, HREFS, WORDS),
    ),
    _around,
    max_leaves=6,
)
LINE = INLINE.map(lambda text: text.replace("\n", " "))


def _indented(first: str, text: str) -> str:
    """Text with `first` before its first line, and as many spaces before the others."""
    return first + text.replace("\n", "\n" + " " * len(first))


def _below(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    """Blocks that hold blocks."""
    return st.one_of(
        st.lists(inner, min_size=1, max_size=3).map(
            lambda items: "\n".join(_indented("- ", item) for item in items)
        ),
        st.lists(inner, min_size=1, max_size=3).map(
            lambda items: "\n".join(_indented("7. ", item) for item in items)
        ),
        inner.map(lambda text: "> " + text.replace("\n", "\n> ")),
        st.builds("- [x] {}".format, LINE),
        st.builds("{}\n\n{}".format, inner, inner),
    )


BLOCK = st.recursive(
    st.one_of(
        INLINE,
        st.builds("{} {}".format, st.sampled_from(["#", "##", "###", "####"]), LINE),
        st.builds("### [{}]({})".format, WORDS, URLS),
        st.builds("**{}：**\n- {}\n- {}".format, WORDS, LINE, LINE),
        st.builds("**[{}]({})**".format, WORDS, URLS),
        st.builds("{}\nhttps://youtu.be/dQw4w9WgXcQ\n{}".format, WORDS, LINE),
        st.builds("> {}\n> — {}".format, LINE, LINE),
        st.builds("> {}\n> - {}".format, LINE, LINE),
        st.builds("::: sponsor\n{}\n:::".format, INLINE),
        st.builds("```py\n{}\n```".format, WORDS),
        st.builds("| {} | b |\n|---|:-:|\n| c | {} |".format, WORDS, WORDS),
        st.builds("<div class=card><p>{}</p><a href='{}'>go</a></div>".format, WORDS, HREFS),
        st.builds("<ul><li>{}</li><li><img src='{}'></li></ul>".format, WORDS, HREFS),
        st.builds("<table><tr><td>{}</td><td><p>a</p>b</td></tr></table>".format, WORDS),
        st.sampled_from(["---", "***", "[^1]: note", "[r]: https://r.example/", "<!-- x -->"]),
    ),
    _below,
    max_leaves=5,
)
DOCUMENT = st.builds(
    "{}{}\n".format,
    st.sampled_from(["", "---\ntitle: word\n---\n", "# word\n\n"]),
    st.lists(BLOCK, max_size=7).map("\n\n".join),
)


@settings(max_examples=examples(150), derandomize=True)
@given(DOCUMENT)
def test_no_nesting_of_markup_loses_a_leaf(source: str) -> None:
    result = parsed(source)

    assert_nothing_is_lost(result)
    assert_lines(result)


@settings(max_examples=examples(150), derandomize=True)
@given(st.text('*_[]()!`~|#->+.:： 影响a1\n\\&;"^/', max_size=60))
def test_no_heap_of_signs_loses_a_leaf(source: str) -> None:
    result = parsed(source)

    assert_nothing_is_lost(result)
    assert_lines(result)
