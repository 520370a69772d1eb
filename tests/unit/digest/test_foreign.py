"""Markup of other generators: read, left out, or told because readers see it."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from newsletter.model.blocks import (
    CodeBlock,
    Figure,
    Heading,
    LabelKind,
    Labelled,
    Paragraph,
    Quote,
    Section,
    Table,
)
from newsletter.model.finding import Severity
from newsletter.model.inline import Break, Link, Span
from newsletter.model.walking import plain_text
from tests.share import examples
from tests.unit.digest.reading import all_of, body, finding, findings, read, texts

HEAD = "---\ntitle: T\ndate: 2026-01-07\n---\n"
AROUND = ["{}\n", "- {}\n", "> {}\n", "a\n\n{}\n\nb\n"]
INLINE_AROUND = [
    "x {} y\n",
    "- *w {} v* y\n",
    "> [{}](https://a.example/)\n",
    "| a |\n|-|\n| {} |\n",
]


def squeezed(source: str) -> str:
    return "".join(texts(read(HEAD + source).digest).split())


@pytest.mark.parametrize("around", INLINE_AROUND)
@pytest.mark.parametrize(
    ("source", "shown"),
    [
        (":rocket:", "🚀"),
        (":tada::+1:", "🎉👍"),
        (":warning:", "⚠️"),
        ("[[a page]]", "a page"),
        ("==marked text==", "marked text"),
        ("%% a note %%", ""),
        ("{/* a note */}", ""),
        ("`code`{: .x #y z='w' }", ""),
        ("`code`{#id .x}", ""),
    ],
)
def test_the_harmless_is_read_and_noted(source: str, shown: str, around: str) -> None:
    parsed = read(HEAD + around.format(source))

    expected = squeezed(around.format(shown)).replace("code", "")
    assert "".join(texts(parsed.digest).split()) == expected
    assert finding(parsed, "foreign-markup")[0] is Severity.INFO


@pytest.mark.parametrize("around", AROUND)
@pytest.mark.parametrize(
    "source",
    [
        'import Card from "../card.mdx";',
        "import { a, b } from 'c'",
        "%% one",
        "[TOC]",
        "[[_TOC_]]",
        "{: .notice }",
        "{:toc}",
    ],
)
def test_lines_that_are_not_for_readers_go(source: str, around: str) -> None:
    if source == "%% one":
        source = around[:2].join(["%% one\n", "two %%"]) if around == "> {}\n" else source
        source = source if "two" in source else "%% one two %%"
    parsed = read(HEAD + around.format(source))

    assert "".join(texts(parsed.digest).split()) in ("", "ab")
    assert finding(parsed, "foreign-markup")[0] is Severity.INFO


def test_a_note_may_hold_blank_lines() -> None:
    parsed = read(f"{HEAD}a\n\n%%\nsecret\n\nmore\n%%\n\nb\n\n%% secret\n\nmore %%\n\nc\n")

    assert squeezed("a\n\n%%\nsecret\n\nmore\n%%\n\nb\n\n%% secret\n\nmore %%\n\nc\n") == "abc"
    assert finding(parsed, "foreign-markup") == (Severity.INFO, 7)


def test_attributes_go_from_headings_pictures_links_and_paragraphs() -> None:
    digest = body(
        "## A heading {#id .x}\n\n![p](https://a.example/p.png){: .left w=2 }\n\n"
        "[l](https://a.example/){target=_blank} and\n{: .notice}\n"
    )
    (section,) = all_of(digest, Section)
    (link,) = all_of(digest, Link)

    assert plain_text(section.heading) == "A heading"
    assert len(all_of(digest, Figure)) == 1
    assert plain_text(link.children) == "l"
    assert texts(digest) == "A headingl and"
    assert not all_of(digest, Break)


def test_a_page_that_has_another_name_shows_that() -> None:
    assert squeezed("see [[Page#part|the page]], [a [[b|c]] d](https://a.example/)\n") == (
        "seethepage,acd"
    )
    assert len(all_of(body("[a [[b|c]] d](https://a.example/)\n"), Link)) == 1


def test_brackets_around_a_link_are_no_page() -> None:
    digest = body("[[a]]\n\n[a]: https://a.example/\n")

    assert texts(digest) == "[a]"
    assert len(all_of(digest, Link)) == 1


def test_only_what_begins_a_paragraph_is_a_directive() -> None:
    assert not findings(read(f"{HEAD}*a*:::b and `c`##d\n"), "foreign-markup")


def test_a_break_of_kramdown_breaks() -> None:
    (paragraph,) = body("one\\\\\n  two\n").lead

    assert isinstance(paragraph, Paragraph)
    assert [type(node) for node in paragraph.inline][1] is Break
    assert texts(body("one\\\\\n  two\n")) == "onetwo"


def test_marked_text_is_bold_with_what_is_in_it() -> None:
    (span,) = all_of(body("==a [b](https://a.example/)==\n"), Span)

    assert plain_text(span.children) == "a b"


@pytest.mark.parametrize(
    ("source", "label"),
    [
        ("::: tip A *title*\nOne.\n\n- two\n:::", "A title"),
        (":::note\nOne.\n\n- two\n:::", "Note"),
        ("::: {.call-out #x}\nOne.\n\n- two\n:::", "Call out"),
        (":::{warning}\nOne.\n\n- two\n:::", "Warning"),
        (":::info[Title]\nOne.\n\n- two\n:::", "Title"),
        (":::info[See [x](https://a.example/)]{.x}\nOne.\n\n- two\n:::", "See x"),
        ("::: tip Use [x](https://a.example/) now\nOne.\n\n- two\n:::", "Use x now"),
        ("::: tip [x](https://a.example/)\nOne.\n\n- two\n:::", "x"),
        ("::: tip [a] and [b]\nOne.\n\n- two\n:::", "[a] and [b]"),
        ("::: details A {open}\nOne.\n\n- two\n:::", "A"),
        ("::: note: A\nOne.\n\n- two\n:::", "A"),
        ("::: 提示 标题\nOne.\n\n- two\n:::", "标题"),
        ("::: подсказка\nOne.\n\n- two\n:::", "Подсказка"),
        ("> [!注意]\n> One.\n>\n> - two", "注意"),
        ('!!! info "Title"\n    One.\n\n    - two', "Title"),
        ("!!! warning\n\n    One.\n\n    - two", "Warning"),
        ("???+ note inline\n    One.\n\n    - two", "Note"),
        ("> [!NOTE]\n> One.\n>\n> - two", "Note"),
        ("> [!tip]- A title\n> One.\n>\n> - two", "A title"),
    ],
)
@pytest.mark.parametrize("before", ["", "Text.\n\n", "- "])
def test_a_block_that_is_named_is_labelled(source: str, label: str, before: str) -> None:
    if before == "- ":
        source = source.replace("\n", "\n  ")
    parsed = read(f"{HEAD}{before}{source}\n\nAfter.\n")
    (block,) = all_of(parsed.digest, Labelled)

    assert plain_text(block.label) == label
    assert "".join(texts(parsed.digest).split()).endswith("One.twoAfter.")
    assert len(block.blocks) == 2
    assert block.position.line == (7 if before == "Text.\n\n" else 5)
    assert not findings(parsed, "foreign-markup")


def test_blocks_that_are_named_nest_and_hold_anything() -> None:
    digest = body(":::: a\n::: insight\n# H\n\n```\n:::\n```\n:::\n> [!NOTE]\n> x\n::::\nend\n")
    outer, inner, note = all_of(digest, Labelled)

    assert [type(block) for block in inner.blocks] == [Heading, CodeBlock]
    assert inner.kind is LabelKind.INSIGHT
    assert outer.blocks == (inner, note)


def test_a_label_in_a_block_that_is_named_is_one() -> None:
    _, inner = all_of(body("::: a\n**Impact:** x\n:::\n"), Labelled)

    assert inner.kind is LabelKind.IMPACT


def test_a_longer_container_needs_a_longer_end() -> None:
    assert squeezed("::::: a\nx\n:::\ny\n:::::\nz\n") == "Ax:::yz"


@pytest.mark.parametrize(
    "source", ["- ::: a\n  b\n:::\nc\n", "- ::: a\n  b\n\nc\n\n  :::\nd\n", "> ::: a\n:::\n"]
)
def test_a_container_that_does_not_end_where_it_begins_loses_nothing(source: str) -> None:
    signs = squeezed(source).lower()

    assert signs.replace(":", "") == "".join(filter(str.isalpha, source))


@pytest.mark.parametrize("around", AROUND)
@pytest.mark.parametrize(
    ("source", "visible"),
    [
        ("{% include sponsor.html %}", "{%includesponsor.html%}"),
        ('{{< figure src="a.png" >}}', "{{<figure"),
        ("{{% notice %}}", "{{%notice%}}"),
        ("[gallery ids='1'] a [/gallery]", "[/gallery]"),
        ("export const a = 1", "exportconsta=1"),
        ("see {ref}`name`", "{ref}"),
        ("::: tip and no end", ":::tip"),
        ("::youtube{#a}", "::youtube{#a}"),
        ("![[a note]]", "![[anote]]"),
        ("--8<-- 'a.md'", "--8<--"),
        ("H~2~O", "H~2~O"),
        ("a^[note of it] b", "a^[noteofit]b"),
        ("x^2^ and 10^th^", "x^2^and10^th^"),
        ("a ++later added++ b", "a++lateradded++b"),
        (": What it means", ":Whatitmeans"),
        (":   What it means", ":Whatitmeans"),
        ("*[HTML]: Hyper Text", "*[HTML]:HyperText"),
        ('=== "Tab"', "==="),
        ("\\newpage", "\\newpage"),
        ("<<< @/part.md", "<<<@/part.md"),
        ("Dear <%= name %>,", "<%=name%>"),
        ("##No space", "##Nospace"),
        ("===", "==="),
    ],
)
def test_what_is_left_as_text_is_told(source: str, visible: str, around: str) -> None:
    parsed = read(HEAD + around.format(source))

    assert visible.replace("--", "") in "".join(texts(parsed.digest).split()).replace("--", "")
    assert finding(parsed, "foreign-markup")[0] is Severity.WARNING


def test_each_entry_of_a_definition_list_is_told() -> None:
    (found,) = findings(read(f"{HEAD}Warp\n: Along it.\n\nWeft\n: Across it.\n"), "foreign-markup")

    assert found.position.line == 6
    assert "and 1 more" in found.message


@pytest.mark.parametrize("attributes", ["{: .wide }", "{:.wide #x}", "   {: a='b' }"])
@pytest.mark.parametrize("before", ["", "> "])
def test_attributes_below_a_table_are_no_row_of_it(attributes: str, before: str) -> None:
    rows = ["| a | b |", "|---|---|", "| c | d |", attributes]
    parsed = read(HEAD + "".join(f"{before}{row}\n" for row in rows) + "\nAfter.\n")

    (table,) = all_of(parsed.digest, Table)
    assert len(table.rows) == 1
    assert texts(parsed.digest) == "abcdAfter."
    assert finding(parsed, "foreign-markup") == (Severity.INFO, 8)


def test_braces_in_a_cell_are_text_of_it() -> None:
    (table,) = all_of(body("| a | b |\n|---|---|\n{x} | {y}\n| {: c |\n"), Table)

    assert [plain_text(row.cells[0]) for row in table.rows] == ["{x}", "{: c"]


def test_a_directive_in_a_fence_is_told_and_code_is_not() -> None:
    parsed = read(f"{HEAD}```{{note}}\na\n```\n\n```{{r}}\nb\n```\n")

    assert finding(parsed, "foreign-markup") == (Severity.WARNING, 5)


def test_many_of_one_kind_are_one_finding() -> None:
    (found,) = findings(read(f"{HEAD}a\n\n{{% x %}}\n\n{{% y %}}\n\n{{% z %}}\n"), "foreign-markup")

    assert found.position.line == 7
    assert "and 2 more" in found.message


def test_the_summary_is_read_too() -> None:
    parsed = read('---\ntitle: T\nsummary: "- :rocket: and ==this=="\n---\nText.\n')

    assert [plain_text(point) for point in parsed.digest.summary] == ["🚀 and this"]
    assert len(findings(parsed, "foreign-markup")) == 2


@pytest.mark.parametrize(
    "text",
    [
        "if a == b and c == d, or a==b and c==d",
        "at 10:30:45 in a:b:c and std::rocket::x, :nosuch: or :ref:`x`",
        "100%% sure, 50% or 60%, %%name%% and %% alone",
        "tuples {:ok, value} and {#each items}, sets {a, b}, a {name} and {.5}",
        "prices $5_000 and $6, $E=mc^2$ and $H_{2}O$",
        "[[ -f x ]] and [[1]] and a[[0]]",
        "wow!!! great news",
        "imports from abroad and exports",
        "import taxes rise",
        "C# and F#, #1 and #tag, issue ##",
        "a ~ b, 5~7~9 and ~x",
        "\\:rocket: and \\==x== and \\[[x]]",
        "{{ subscriber.name }} and { x }",
        "100 % and %d and {0}",
        "Note: this [x] is open",
        "Result: done",
        "see note:key: here",
        "a==b== c",
        "C++ and D++, C++/D++, i++ + ++j, a ++ b ++ c",
        "at 2^10, 2^8 and 2^6, a ^ b ^ c",
        "so: a colon, and :this too",
        "if 5 <% 3 then b",
        "see [HTML]: it is * marked",
    ],
)
def test_ordinary_text_is_not_mistaken(text: str) -> None:
    parsed = read(f"{HEAD}{text}\n")

    shown = text.replace("\\", "").replace("`x`", "")
    assert texts(parsed.digest) == shown
    assert not findings(parsed, "foreign-markup")


@pytest.mark.parametrize(
    "source",
    [
        "`{% x %} :rocket: ==a== [[b]] {: .c} %% d e %%`\n",
        "```\n::: tip\n!!! note\n{% x %}\nimport 'a'\n[TOC]\n%%\n```\n",
        "    ::: tip\n    :rocket:\n",
        "<https://a.example/:rocket:/==x==>\n",
        "https://a.example/:rocket:/==x==\n",
        "$$\na \\\\\nb\n$$\n",
        "> quoted [!NOTE]\n",
        "[toc]\n\n[toc]: https://a.example/\n",
    ],
)
def test_code_addresses_and_mathematics_stay(source: str) -> None:
    parsed = read(HEAD + source)

    assert not findings(parsed, "foreign-markup")
    assert not all_of(parsed.digest, Labelled)
    assert all_of(parsed.digest, Quote) or not source.startswith(">")


PIECES = st.sampled_from(
    ":rocket: :x :: ==a== == %%a b%% %% %%n%% {% a %} {{< b >}} {: .c} {#d} {e=f} {/* g */} [[h]] "
    "[[i|j]] ![[k]] {ref} H~2~O $l^2$ 10:30:45 <T> <U-v> <Card/> &c. @m #n 100% a=b c==d".split(" ")
)


@settings(max_examples=examples(300), derandomize=True)
@given(st.lists(st.one_of(PIECES, st.text("{}%:=#.|/^$@ab1", max_size=8)), max_size=8))
def test_whatever_is_not_shown_as_it_is_written_is_told(pieces: list[str]) -> None:
    """None of these signs is Markdown, so readers see each of them, or a finding says why not."""
    source = "x " + " ".join(pieces)
    parsed = read(HEAD + source + "\n")

    told = {found.rule for found in parsed.findings} & {"foreign-markup", "html-dropped"}
    assert told or texts(parsed.digest).split() == source.split()
