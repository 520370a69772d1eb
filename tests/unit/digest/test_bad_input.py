"""Files that are broken or hostile: one clear error or finding, in no time, and nothing unsafe."""

import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from newsletter import digest
from newsletter.digest import limits, urls
from newsletter.errors import UnreadableIssue, UsageError
from newsletter.model.blocks import (
    CodeBlock,
    Embed,
    Figure,
    Paragraph,
    Quote,
)
from newsletter.model.finding import Severity
from newsletter.model.inline import Image, Link
from newsletter.model.walking import walk
from tests.unit.digest.reading import BASE, all_of, finding, findings, read, texts

# Not a benchmark: what these tests hand in once took minutes, hours, or the process.
pytestmark = pytest.mark.processor_seconds(15)

HEAD = "---\ntitle: T\ndate: 2026-01-07\n---\n"
ERROR, WARNING, INFO = Severity.ERROR, Severity.WARNING, Severity.INFO


# --- files that are not text ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "said", "line"),
    [
        ("# T\n\nGröße\n".encode("latin-1"), "UTF-8", 3),
        ("# 标题\n".encode("gb18030"), "UTF-8", 1),
        (b"# T\n\xed\xa0\x80\n", "UTF-8", 2),
        (b"# T\n\nx\x00y\n", "NUL", 3),
        ("# T\n".encode("utf-16"), "NUL", 1),
    ],
    ids=["latin-1", "gb18030", "surrogate", "nul", "utf-16"],
)
def test_what_is_no_utf_8_text_is_refused_with_its_line(data: bytes, said: str, line: int) -> None:
    with pytest.raises(UnreadableIssue, match=said) as caught:
        read(data)

    assert caught.value.where == f"issues/issue.md:{line}"
    assert caught.value.hint


def test_a_megabyte_is_the_most(tmp_path: Path) -> None:
    """A larger file is refused by its size alone; this one would take 10 GB to read."""
    path = tmp_path / "large.md"
    with path.open("wb") as file:
        file.truncate(10 << 30)

    with pytest.raises(UnreadableIssue, match="larger than 1024 KB") as caught:
        read(digest.read(path, file=str(path)))

    assert caught.value.where == "issues/issue.md"
    with pytest.raises(UnreadableIssue, match="larger"):
        read(b"x" * ((1 << 20) + 1))
    assert read(b"x " * (1 << 19)).digest


def test_a_missing_file_and_a_folder_are_told_apart(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no such issue"):
        digest.read(tmp_path / "none.md", file=str(tmp_path / "none.md"))
    with pytest.raises(UnreadableIssue, match="directory"):
        digest.read(tmp_path, file=str(tmp_path))


# --- too much of a good thing -------------------------------------------------------------------

LARGE = 300_000


@pytest.mark.parametrize(
    "paragraph",
    [
        "[" * 50_000 + "x" + "]" * 50_000,
        "[" * LARGE,
        "![" * (LARGE // 2),
        "[](" * (LARGE // 3),
        "[^" * (LARGE // 2),
        "*a_" * (LARGE // 3),
        "x " + "<b>" * 10_000 + "y",
        "x " + '<a href="https://a.example/">' * 10_000 + "y",
        "x <![CDATA[" * (LARGE // 11),
        "http://" * (LARGE // 7),
        "x " + "`a``" * (LARGE // 8),
        "&" * LARGE,
    ],
    ids=lambda text: text[:12],
)
def test_a_paragraph_of_nothing_but_signs_is_shown_as_it_is(paragraph: str) -> None:
    parsed = read(f"{HEAD}before\n\n{paragraph}\n\nafter\n")

    assert finding(parsed, "markup-limit") == (WARNING, 7)
    assert texts(parsed.digest) == f"before{paragraph}after"


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_too_many_lines_are_refused_at_the_first_too_many(end: str) -> None:
    head = HEAD.splitlines()
    lines = [*head, "", *["a"] * (limits.MAX_PARTS - len(head)), "too much", "more"]

    with pytest.raises(UnreadableIssue, match="50,000 blocks, lines and signs") as caught:
        read(end.join(lines))

    assert caught.value.where == f"issues/issue.md:{limits.MAX_PARTS + 2}"
    assert "Split it" in caught.value.hint


@pytest.mark.pressure
@pytest.mark.parametrize(
    ("source", "line"),
    [
        (HEAD + "a\n\n" * (limits.MAX_PARTS // 2) + "too much\n", 5 + limits.MAX_PARTS),
        (HEAD + "*a* b\n\n" * (limits.MAX_PARTS // 4) + "too much\n", 5 + limits.MAX_PARTS // 2),
        (HEAD + f"a\n\n<div>{'<p>' * limits.MAX_PARTS}\n", 7),
        ("---\ntitle: T\nsummary: [" + "a," * (limits.MAX_PARTS // 2 + 1) + "]\n---\n", 3),
    ],
    ids=["paragraphs", "signs", "tags", "points"],
)
def test_too_many_parts_are_refused_at_the_first_too_many(source: str, line: int) -> None:
    with pytest.raises(UnreadableIssue, match="50,000 blocks, lines and signs") as caught:
        read(source)

    assert caught.value.where == f"issues/issue.md:{line}"
    assert "Split it" in caught.value.hint


def test_cells_that_a_table_is_given_count_too() -> None:
    """A row of one cell gets as many as the table has columns."""
    table = f"{'|a' * 200}|\n{'|-' * 200}|\n" + "|b|\n" * 200

    with pytest.raises(UnreadableIssue, match="blocks, lines and signs"):
        read(HEAD + table)


def test_the_most_of_all_is_read() -> None:
    digest = read(HEAD + "a\n\n" * (limits.MAX_PARTS // 2)).digest

    assert len(all_of(digest, Paragraph)) == limits.MAX_PARTS // 2


def test_a_paragraph_with_many_links_is_read_as_ever() -> None:
    parsed = read(HEAD + "[a](https://a.example/) " * 500)

    assert len(all_of(parsed.digest, Link)) == 500
    assert parsed.findings == ()


@pytest.mark.parametrize(
    "source",
    [
        "> " * 10_000 + "deep",
        "- " * 10_000 + "deep",
        "1. " * 10_000 + "deep",
        "> - " * 5_000 + "deep",
        "".join("  " * depth + "- level\n" for depth in range(1_000)) + "  " * 1_000 + "deep",
    ],
    ids=["quotes", "bullets", "numbers", "mixed", "lines"],
)
def test_nesting_too_deep_is_text(source: str) -> None:
    parsed = read(f"{HEAD}{source}\n")
    (found,) = findings(parsed, "markup-limit")

    assert found.severity is WARNING
    assert found.position.line >= 5
    assert texts(parsed.digest).endswith("deep")
    assert len(all_of(parsed.digest, Quote)) < 50


@pytest.mark.parametrize("tag", ["div", "blockquote", "span", "ul><li", "table><tr><td", "b"])
@pytest.mark.parametrize("depth", [100, 10_000])
def test_html_nested_too_deep_keeps_its_text(tag: str, depth: int) -> None:
    depth //= 1 + tag.count("<")
    parsed = read(f"{HEAD}<div>\n{f'<{tag}>' * depth}deep &lt;b&gt;\n</div>\n")

    assert finding(parsed, "nesting-too-deep") == (WARNING, 5)
    assert texts(parsed.digest).strip() == "deep <b>"


def test_emphasis_too_deep_keeps_its_text_and_its_links() -> None:
    digest = read(f"{HEAD}{'*a **b ' * 200}[deep](https://a.example/){'** c*' * 200}\n").digest

    assert [link.url for link in all_of(digest, Link)] == ["https://a.example/"]
    assert texts(digest).count("b") == 200


@pytest.mark.pressure
@pytest.mark.parametrize(
    "source",
    [
        "<div>\n" + "<a " * (LARGE // 3),
        "<div>\n" + "<" * (LARGE - 100),
        "<div " + " on" * (LARGE // 3),
        "<div>" + "< on" * (LARGE // 4),
        "<div>\n" + "<!--" * (LARGE // 4),
        "<div>\n" + '<a title="' * (LARGE // 10),
        "<div>\n" + "<p>" * (LARGE // 8),
        "|a" * 10_000 + "\n" + "|-" * 10_000 + "\n",
        "".join(f"[^{number}]: x\n\n" for number in range(6_000)),
        "[a]: \n" * 30_000,
        "a  \n" * 20_000,
        "=" * LARGE,
    ],
    ids=lambda text: text[:12].strip(),
)
def test_no_form_takes_time_that_grows_with_its_square(source: str) -> None:
    assert read(f"{HEAD}before\n\n{source}").digest.lead


# --- links that run code ------------------------------------------------------------------------

SCRIPTS = [
    "javascript:alert(1)",
    "JaVaScRiPt:alert(1)",
    "javascript&#58;alert(1)",
    "javascript&colon;alert(1)",
    "&#106;avascript:alert(1)",
    "&#x6A;avascript:alert(1)",
    "java&#9;script:alert(1)",
    "java&#10;script:alert(1)",
    "java&Tab;script:alert(1)",
    "&#1;javascript:alert(1)",
    "javascript%3Aalert(1)",
    "java%0ascript:alert(1)",
    "%6Aavascript:alert(1)",
    "javascript&amp;#58;alert(1)",
    "vbscript:msgbox(1)",
    "data:text/html;base64,PHNjcmlwdD4=",
    "DATA:image/svg+xml,<svg/onload=x>",
    "file:///etc/passwd",
]


@pytest.mark.parametrize("target", SCRIPTS)
@pytest.mark.parametrize(
    "source",
    [
        "[text](<{}>)\n",
        "[text][r]\n\n[r]: <{}>\n",
        'a <a href="{}">text</a>\n',
        '<div>\n<a href="{}">text</a></div>\n',
        "### [text](<{}>)\n\nx\n",
        "![text](<{}>)\n",
        'a <img src="{}" alt="text">\n',
        '<div>\n<img src="{}" alt="text"></div>\n',
        '<div>\n<iframe src="{}">text</iframe></div>\n',
    ],
)
def test_a_target_that_could_run_code_is_an_error_and_only_its_text_stays(
    source: str, target: str
) -> None:
    if "image" not in source and source.startswith(("[", "#", "!")):
        target = target.replace("<", "%3C").replace(">", "%3E")
    parsed = read(HEAD + source.format(target))

    (found,) = {found for found in parsed.findings if found.rule == "unsafe-link"}
    assert found.severity is ERROR
    assert found.position.line in (5, 6)
    assert "text" in texts(parsed.digest)
    assert not all_of(parsed.digest, Link)
    assert not all_of(parsed.digest, Image)
    assert not all_of(parsed.digest, Embed)


@pytest.mark.parametrize(
    "target", ["webcal://a.example/x", "hhttps://a.example", "SMS:123", "t&#103;:x", "a.b+c-d:x"]
)
@pytest.mark.parametrize(
    "source",
    [
        'a <a href="{}">text</a>\n',
        "a <a href={}>text</a>\n",
        "<div>\n<a class='x' href = '{}'>text</a></div>\n",
        'a <img src="{}" alt="text">\n',
        '<div>\n<img src="{}" alt="text"></div>\n',
    ],
)
def test_an_address_of_html_that_leads_nowhere_is_told(source: str, target: str) -> None:
    parsed = read(HEAD + source.format(target))

    (found,) = findings(parsed, "unknown-scheme")
    assert found.severity is WARNING
    assert found.position.line in (5, 6)
    assert "text" in texts(parsed.digest)
    assert not all_of(parsed.digest, Link)


@pytest.mark.parametrize(
    "target",
    [
        "\u200bjavascript:alert(1)",
        "java\u200bscript:alert(1)",
        "\u3000javascript:alert(1)",
        "ｊavascript:alert(1)",
        "feed:javascript:alert(1)",
        "view-source:javascript:alert(1)",
        "jar:https://a.example!/",
        "java script:alert(1)",
        "\\\\evil.example/x",
        "//[",
        "https://",
        "https:///x",
        "https://[::1",
        "https:x",
        "mailto",
    ],
)
def test_an_odd_target_is_a_web_address_or_nothing(target: str) -> None:
    checked = urls.check(target, BASE)

    assert checked.rule
    assert checked.url is None or checked.url.startswith(f"{BASE}/")


@settings(max_examples=300, derandomize=True)
@given(
    st.text("javascriptdahttps:/\\.&#x3;%0a\t\n\u200b\u202e[]@?=<>\"' 中", max_size=40)
    | st.text(max_size=20),
    st.sampled_from(urls.Use),
)
def test_every_target_is_a_safe_address_or_none(raw: str, use: urls.Use) -> None:
    """What passes is a web or mail address in ASCII, without a quote, space or angle bracket."""
    url = urls.check(raw, BASE, use).url

    assert url is None or re.fullmatch(r"(https?://[^\s\"<>\\]+|mailto:[^\s\"<>\\]*)", url)
    assert url is None or (url.isascii() and url.isprintable())


def test_a_host_that_hides_behind_a_user_is_told() -> None:
    parsed = read(f"{HEAD}[a](https://bank.example@evil.example/)\n")

    assert finding(parsed, "user-in-url") == (WARNING, 5)


def test_a_parameter_that_looks_like_an_entity_stays_what_it_is() -> None:
    """`&copy=` and `&section=` name parameters: decoded twice they would become signs."""
    url = "https://a.example/?a=1&copy=2&section=3&lt=4"
    written = url.replace("&", "&amp;")
    digest = read(
        f"{HEAD}[a]({url}) <{url}> <a href='{written}'>a</a>\n\n<p><a href='{written}'>a</a></p>\n"
    ).digest

    assert {link.url for link in all_of(digest, Link)} == {url}
    assert len(all_of(digest, Link)) == 4


# --- HTML that does things ----------------------------------------------------------------------


@pytest.mark.parametrize("source", ["<{0}>secret</{0}> shown\n", "shown <{0}>secret</{0}>\n"])
@pytest.mark.parametrize("tag", ["script", "style", "SCRIPT", "Style"])
def test_scripts_and_styles_are_left_out_and_told(source: str, tag: str) -> None:
    source = source.format(tag)
    parsed = read(f"{HEAD}<div>\n{source}</div>\n\nand {source}")

    assert {
        (found.severity, found.position.line) for found in findings(parsed, "html-dropped")
    } == {
        (INFO, 5),
        (INFO, 9),
    }
    assert "secret" not in texts(parsed.digest)
    assert texts(parsed.digest).count("shown") == 2


@pytest.mark.parametrize(
    "source",
    [
        '<img src="https://a.example/i.png" onerror="alert(1)">',
        "<img src=https://a.example/i.png OnError = alert(1)>",
        '<b onclick="alert(1)">x</b>',
        '<svg onload="alert(1)">',
        "<details open ontoggle=alert(1)>x</details>",
    ],
)
@pytest.mark.parametrize("around", ["<div>\n{}\n</div>\n", "\n\na {}\n"])
def test_event_handlers_are_left_out_and_told(source: str, around: str) -> None:
    parsed = read(HEAD + around.format(source))
    (found,) = findings(parsed, "html-dropped")

    assert found.severity is WARNING
    assert found.position.line in (5, 7)
    assert "alert" not in repr(parsed.digest)


@pytest.mark.parametrize(
    "source",
    [
        "<svg><script>alert(1)</script><a xlink:href='javascript:x()'>y</a></svg>",
        "<math><mtext><table><mglyph><style><img src=x onerror=alert(1)></style></table></math>",
        "<noscript><p title='</noscript><img src=x onerror=alert(1)>'></noscript>",
        "<object data='javascript:alert(1)'>y</object>",
        "<form action='javascript:alert(1)'><button formaction='javascript:alert(1)'>y</button>",
        "<base href='javascript:alert(1)//'>",
        "<meta http-equiv=refresh content='0;url=javascript:alert(1)'>",
        "<link rel=stylesheet href='javascript:alert(1)'>",
        "<div style='background:url(javascript:alert(1))'>y</div>",
        "<iframe srcdoc='<script>alert(1)</script>'></iframe>",
        "<template><script>alert(1)</script></template>",
        "<isindex action=javascript:alert(1) type=image>",
        "<!--><script>alert(1)</script>-->",
        "<![CDATA[<script>alert(1)</script>]]>",
        "<?php alert(1) ?>",
    ],
)
@pytest.mark.parametrize("around", ["<div>\n{}\n</div>\n", "a {}\n", "- b\n\n  <p>{}</p>\n"])
def test_no_trick_of_html_gets_into_the_digest(source: str, around: str) -> None:
    """Text of it may stay as text; a node of HTML does not exist."""
    digest = read(HEAD + around.format(source)).digest

    for node in walk(digest):
        match node:
            case Link(url=url) | Image(url=url) | Embed(url=url) | Figure(url=str(url)):
                assert url.startswith(("https://", "http://", "mailto:"))
            case _:
                pass


def test_an_instruction_in_a_comment_is_not_published() -> None:
    digest = read(
        f"{HEAD}<!-- [a](https://secret.example/) -->\n\nx <!-- https://secret.example/ --> y\n\n"
        "<div>\n<!-- <a href='https://secret.example/'>a</a> -->\nz</div>\n"
    ).digest

    assert "secret" not in repr(digest)
    assert re.sub(r"\s", "", texts(digest)) == "xyz"


# --- characters ---------------------------------------------------------------------------------


@pytest.mark.parametrize("number", [0x202A, 0x202B, 0x202C, 0x202D, 0x202E])
def test_text_that_reads_otherwise_than_it_is_written_is_told_and_mended(number: int) -> None:
    parsed = read(f"{HEAD}a\nb{chr(number)}c\n")
    (found,) = findings(parsed, "bidirectional-control")

    assert (found.severity, found.position.line, found.position.column) == (WARNING, 6, 2)
    assert f"U+{number:04X}" in found.message
    assert texts(parsed.digest) == "abc"


@pytest.mark.parametrize("number", [0x2066, 0x2067, 0x2068])
def test_an_isolate_stays(number: int) -> None:
    """Who names an English firm in an Arabic text needs it."""
    parsed = read(f"{HEAD}a {chr(number)}b\u2069 c &#x2068;d&#x2069;\n")

    assert findings(parsed, "bidirectional-control") == []
    assert texts(parsed.digest) == f"a {chr(number)}b\u2069 c \u2068d\u2069"


@pytest.mark.parametrize(
    "source",
    [
        "a&#8238;b\n",
        "a&#x202E;b\n",
        "- a *&#x202a;b*\n",
        "<div>a&#8238;b</div>\n",
        "![a&#8238;b](https://a.example/i.png)\n",
        "[x](https://a.example/ 'a&#8238;b')\n",
        "x <img src='https://a.example/i.png' alt='a&#8238;b'>\n",
        "<pre>a&#8238;b</pre>\n",
    ],
)
def test_an_entity_brings_no_direction_override_in(source: str) -> None:
    parsed = read(HEAD + source)

    assert not re.search("[\u202a-\u202e]", str(list(walk(parsed.digest))))
    assert "\\u202e" not in repr(parsed.digest)


def test_an_entity_for_a_control_character_is_told() -> None:
    for source in ("x\n\na&#8238;b\n", "x\n\n<div>a&#8238;b</div>\n"):
        assert finding(read(HEAD + source), "control-character") == (WARNING, 7)


@pytest.mark.parametrize("source", ["<form>a\ufffe</form>", "<form>&#xFFFF;b</form>", "a\uffffb"])
def test_what_unicode_calls_no_character_is_removed_and_told(source: str) -> None:
    """No tree of HTML can hold it."""
    assert finding(read(f"{HEAD}x\n\n{source}\n"), "control-character") == (WARNING, 7)


def test_control_characters_are_removed_and_told_once_a_line() -> None:
    parsed = read(f"{HEAD}a\x07\x08b\nc\x1b[0m\x7f\x85d\te\n")

    assert [
        (found.severity, found.position.line, found.position.column)
        for found in findings(parsed, "control-character")
    ] == [(WARNING, 5, 2), (WARNING, 6, 2)]
    assert texts(parsed.digest) == "abc[0md\te"


def test_characters_of_no_width_that_scripts_and_emoji_need_stay() -> None:
    text = "می\u200cخواهم 👩\u200d💻 ❤\ufe0f a\u200fb"
    parsed = read(f"{HEAD}{text}\n")

    assert texts(parsed.digest) == text
    assert parsed.findings == ()


def test_a_lost_character_is_told() -> None:
    assert finding(read(f"{HEAD}a\ufffdb\n"), "replacement-character") == (WARNING, 5)
    assert finding(read(f"{HEAD}(a\ufffd) \ufffd\n"), "replacement-character") == (WARNING, 5)


@pytest.mark.parametrize("text", ["the sign (\ufffd)", "`\ufffd`", "“\ufffd”", "「\ufffd」"])
def test_the_sign_for_a_lost_character_may_be_spoken_of(text: str) -> None:
    assert read(f"{HEAD}{text}\n").findings == ()


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_line_ends_and_a_byte_order_mark_make_no_difference(end: str, mark: str) -> None:
    source = f"{HEAD}# A\n\nb  \nc\n\n```\nd\n\ne\n```\n\n- f\n- g\n"
    plain, parsed = read(source), read(mark + source.replace("\n", end))

    assert parsed.digest == plain.digest
    assert parsed.findings == plain.findings
    assert [block.text for block in all_of(parsed.digest, CodeBlock)] == ["d\n\ne"]


def test_mixed_line_ends_are_told_and_lines_count_as_in_an_editor() -> None:
    parsed = read("# T\r\n\r\na\n\nb\rc\r\n\r\n[d](javascript:x)\n")

    assert finding(parsed, "mixed-line-ends") == (WARNING, 1)
    assert finding(parsed, "unsafe-link") == (ERROR, 8)


@settings(max_examples=150, derandomize=True)
@given(
    st.binary(max_size=200)
    | st.text(max_size=100).map(lambda text: text.encode("utf-8", "replace"))
)
def test_no_bytes_make_it_fail(data: bytes) -> None:
    """Either a digest comes of it, or one error with its place."""
    try:
        title = read(data).digest.title_text
    except UnreadableIssue as error:
        title = error.where

    assert title


TAGS = """
<div> </div> <p> <table> <tr> <td> </table> <ul> <li> <b> <h2> <pre> <svg> <math> <style> <script>
</script> <!-- --> <a§href='https://a.example/'> </a> <img§src=x§onerror=y> <video> </iframe>
<iframe§src='//b.example/'> <source§src='https://c.example/v'> &lt; text [x](y.md) **
"""


PIECES = [piece.replace("§", " ") for piece in TAGS.split()]


@settings(max_examples=150, derandomize=True)
@given(st.lists(st.sampled_from([*PIECES, "\n", "\n\n"]), max_size=25).map("".join))
def test_no_heap_of_tags_makes_it_fail(source: str) -> None:
    digest = read(f"{HEAD}{source}\n").digest

    assert all(link.url.startswith("https://") for link in all_of(digest, Link))
