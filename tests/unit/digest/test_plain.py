"""What is let through at a glance becomes just what it would have become after a long look."""

from copy import deepcopy
from types import SimpleNamespace
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import helpers
from markdown_it.common.normalize_url import normalizeLink
from markdown_it.rules_block import StateBlock, reference, table
from markdown_it.rules_core import StateCore, linkify
from markdown_it.rules_inline import StateInline
from markdown_it.token import Token

from newsletter.digest import bare_urls, definitions, markdown, tables, urls
from newsletter.digest.characters import harmless
from newsletter.digest.urls import Use

ADDRESSES = st.from_regex(
    r"https?://([a-z0-9-]{1,8}\.){0,4}[a-z]{1,8}([/?#][A-Za-z0-9/?#=+,;:.~_!$()*'%&@{}\[\]-]*)?",
    fullmatch=True,
)


def texts_of(*pieces: str) -> st.SearchStrategy[str]:
    return st.lists(st.sampled_from(pieces), max_size=14).map("".join)


def block_state(text: str) -> StateBlock:
    return StateBlock(text, markdown.parser(), {}, [])


@given(ADDRESSES)
@pytest.mark.parametrize("use", Use)
def test_a_plain_address_stays_as_it_is(use: Use, address: str) -> None:
    """White space around it, which is taken off, is not plain."""
    assert urls.check(address, "", use).url == urls.check(f" {address} ", "", use).url
    assert markdown.parser().normalizeLink(address) == normalizeLink(address)


@given(texts_of("a", "https://a.bc/d", "é", "(", ")", "<", ">", " ", "\n", "\\", "&amp;", "\x7f"))
def test_a_plain_target_ends_where_the_stock_helper_ends_it(text: str) -> None:
    source = f"({text})"

    own = markdown.parser().helpers.parseLinkDestination(source, 1, len(source))
    stock = helpers.parseLinkDestination(source, 1, len(source))

    assert own.ok == stock.ok
    assert not own.ok or (own.pos, own.str) == (stock.pos, stock.str)


@given(texts_of("a", "é", " ", "\n", "[", "]", "(b)", "`", "*", "_", "\\", "<b>", "&lt;", "!", ":"))
def test_a_plain_label_ends_where_the_stock_helper_ends_it(text: str) -> None:
    source = f"[{text}](https://example.com)"
    parser = markdown.parser()

    own = parser.helpers.parseLinkLabel(StateInline(source, parser, {}, []), 0)

    assert own == helpers.parseLinkLabel(StateInline(source, parser, {}, []), 0)


@pytest.mark.parametrize("depth", [1, 59, 60, 61, 90])
def test_a_plain_label_is_read_only_as_deep_as_others(depth: int) -> None:
    source = "[" * depth + "a" + "]" * depth
    parser = markdown.parser()

    own = parser.helpers.parseLinkLabel(StateInline(source, parser, {}, []), 0)

    assert own == helpers.parseLinkLabel(StateInline(source, parser, {}, []), 0)


@given(texts_of("a", " ", "    ", "\n", "[", "]", "]:", "\\", ":", "/b", "[c]: /d\n", "> ", '"e"'))
def test_what_begins_no_definition_is_none_for_the_stock_rule(text: str) -> None:
    own, stock = block_state(f"[{text}"), block_state(f"[{text}")

    assert definitions.rule(own, 0, own.lineMax, False) == reference(stock, 0, stock.lineMax, False)
    assert own.env == stock.env
    assert own.line == stock.line


@given(texts_of("a", "|", "-", ":", " ", "    ", "\n", "|a|b|\n", "|-|-|\n", "\\|"))
def test_what_stands_above_no_row_of_hyphens_is_no_table_for_the_stock_rule(text: str) -> None:
    own, stock = block_state(f"a{text}"), block_state(f"a{text}")

    assert tables.rule(own, 0, own.lineMax, True) == table(stock, 0, stock.lineMax, True)


@given(
    st.lists(
        texts_of("a", " ", ":", "//a.bc", "http://", "https://a.bc", "mailto:a@b.cd", "a@b.cd", "ä")
    )
)
def test_paragraphs_without_a_sign_of_an_address_have_no_link_for_the_stock_rule(
    texts: list[str],
) -> None:
    own = [
        Token("inline", "", 0, content=text, children=[Token("text", "", 0, content=text)])
        for text in texts
    ]
    stock = deepcopy(own)
    parser = markdown.parser()

    bare_urls.addresses_in_texts(cast("StateCore", SimpleNamespace(md=parser, tokens=own)))
    linkify(cast("StateCore", SimpleNamespace(md=parser, tokens=stock)))

    assert own == stock


@given(st.text())
def test_printable_text_is_harmless(text: str) -> None:
    """A line end, which is not printable, makes it be looked into."""
    assert harmless(f"{text}\n") == f"{harmless(text)}\n"
