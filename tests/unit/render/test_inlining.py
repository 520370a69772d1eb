"""Inlining is premailer's, byte for byte; only the ways to its rules are shorter."""

import logging

from hypothesis import example, given, settings
from hypothesis import strategies as st
from premailer import Premailer

from newsletter.render import inlining
from tests.share import examples

TAGS = ("p", "td", "a", "o:p", "h1")
NAMES = ("a", "b", "c", "long-name", "none")
SELECTORS = (
    *(f".{name}" for name in NAMES),
    ".a .b",
    "p.a",
    "p",
    ".a:hover",
    ".b:first-child",
    ".a.b",
    "#i",
    ".c, td",
    "*",
    "a > .b",
)
PROPERTIES = ("color: #102030", "margin: 0", "width: 100%", "color: #ffffff !important")
RULES = st.lists(
    st.tuples(st.sampled_from(SELECTORS), st.sampled_from(PROPERTIES)), min_size=1, max_size=9
)
ELEMENTS = st.lists(
    st.tuples(st.sampled_from(TAGS), st.lists(st.sampled_from(NAMES), max_size=3)), max_size=6
)


def page(rules: list[tuple[str, str]], elements: list[tuple[str, list[str]]]) -> str:
    sheet = " ".join(f"{selector} {{ {declaration} }}" for selector, declaration in rules)
    opened = "".join(f'<{tag} class="{" ".join(names)}" id="i">中 ' for tag, names in elements)
    return (
        f"<!DOCTYPE html><html><head><style>{sheet}</style></head><body>"
        f'<!--[if mso | IE]><table class="a"><tr><td><![endif]-->{opened}</body></html>'
    )


def by_premailer(html: str) -> str:
    """As premailer inlines it by itself."""
    return str(
        Premailer(
            html,
            strip_important=False,
            allow_network=False,
            disable_validation=True,
            cssutils_logging_level=logging.CRITICAL,
            disable_basic_attributes=["width", "height", "align", "valign", "bgcolor"],
        ).transform(pretty_print=False)
    )


@settings(max_examples=examples(150), derandomize=True)
@given(RULES, ELEMENTS)
@example([(".a", "color: #102030")], [("p", ["a", "md:a"])])
@example([(".a", "color: #102030")], [("p", ["a", "&quot;"]), ("p", ["a"])])
def test_every_page_is_what_premailer_makes_of_it(
    rules: list[tuple[str, str]], elements: list[tuple[str, list[str]]]
) -> None:
    html = page(rules, elements)

    assert inlining.inlined(html, "x", floats=True) == by_premailer(html)


def test_the_later_of_two_rules_for_one_class_wins() -> None:
    """Though one class of the tag is met in many tags, and the other in this one alone."""
    html = page([(".a", "color: #111111"), (".b", "color: #222222")], [("p", ["a", "b"])])

    assert '<p class="a b" id="i" style="color:#222">' in inlining.inlined(html, "x", floats=False)


def test_a_sheet_is_read_once() -> None:
    """Reading one takes as long as all the rest of a mail."""
    html = page([(".a", "color: #123789")], [("p", ["a"])])
    inlining.inlined(html, "x", floats=False)
    reads = inlining._read.cache_info().misses

    inlining.inlined(html.replace("中", "other words"), "x", floats=False)

    assert inlining._read.cache_info().misses == reads
