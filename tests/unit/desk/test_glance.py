"""A glance at an issue leaves open the slug that its digest has, whatever its author wrote."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from newsletter.desk.glance import glance
from newsletter.errors import UnreadableIssue
from tests.share import examples
from tests.unit.digest.reading import read

# "§" stands for a space, "%" for a value.
VALUES = (
    "looms Looms \"looms\" 'looms' 2026-01-07-valley 2026-01-07 '2026' 2026 0123 1e-5 -01 0x1F "
    '1_000 yes null ~ nan 织机 "织机" a_b a--b looms§#§note "a§b" a§b !!str§looms &a§looms *a '
    "[looms] {a:§b} \"l\\x6foms\" looms: \"looms 'looms\" ''looms'' |§ >- - . \"\" '' Straße ﬁne "
    "e\u0301t\u0301 \u202alooms\u202c"
).split(" ")
LINES = (
    "slug:§% slug:§% Slug:§% SLUG:% slug§:§% §§slug:§% slug§=§% slug=% \"slug\":§% 'slug':§% "
    '?§slug §§% :§% sl\x01ug:§% "\\x73lug":§% title:§% title:§"a§§§% b" §§% §§-§% #§slug:§% '
    '--- --- +++ ... Title:§T title="T" date:§2026-01-07 tags:§[a,§b] summary:§| '
    "<<:§{slug:§%} {slug:§%} [table] ---\xa0 \x01--- -\x01-- \ufeff--- ___ Text. slug\u2028slug:§%"
).split(" ")
ENDS = ["\n", "\n", "\n", "\r\n", "\r", "\n\n", "\u2028", "\x85", " \n", "\t\n"]


@st.composite
def sources(draw: st.DrawFn) -> str:
    """The beginnings of issues, most of them with a slug, in every kind of front matter."""
    fence = draw(st.sampled_from(["---", "---", "---", "+++", "", "Title: T", "\ufeff---", "--- "]))
    end = draw(st.sampled_from(ENDS))
    lines = [
        line.replace("%", draw(st.sampled_from(VALUES))).replace("§", " ")
        for line in draw(st.lists(st.sampled_from(LINES), max_size=5))
    ]
    closing = draw(st.sampled_from([fence.strip("\ufeff "), fence.strip("\ufeff "), "...", ""]))
    rest = draw(st.sampled_from(["", "# Title", "the slug: of an animal", "slug: other"]))
    return "".join(line + end for line in [fence, *lines, closing, rest])


@settings(max_examples=examples(3000), derandomize=True)
@given(sources(), st.sampled_from(["2026-01-07-valley", "Looms", "织机", "slug", "---"]))
def test_the_slug_of_the_digest_is_always_among_those(source: str, stem: str) -> None:
    data = source.encode()
    try:
        slug = read(data, stem=stem).digest.slug
    except UnreadableIssue:
        return

    possible = glance(data, stem).slugs

    assert possible is None or slug in possible


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
@pytest.mark.parametrize(
    ("front", "possible"),
    [
        ("---\ntitle: T\nslug: looms\n---\n", {"issue", "looms"}),
        ("---\ntitle: T\nslug: 2026-01-07-Looms\n---\n", {"issue", "2026-01-07-looms"}),
        ('---\nslug: "looms"\ntitle: T\n---\n', {"issue", "looms"}),
        ("---\ntitle: T\nslug: 织机\n...\n", {"issue", "织机"}),
        ("+++\ntitle = 'T'\nslug = 'looms'\n+++\n", {"issue", "looms"}),
        ("Title: T\nSlug: looms\n\n", {"issue", "looms"}),
        ('---\nsummary: "- one\\n- two"\nslug: looms\n---\n', {"issue", "looms"}),
        ("---\ntitle: T\n---\n", {"issue"}),
        ("# Title\n\n", {"issue"}),
    ],
)
def test_an_ordinary_issue_need_not_be_read(
    front: str, possible: set[str], mark: str, end: str
) -> None:
    """Its body may say the word as often as it likes."""
    source = mark + (front + "slug: other\n\nThe slug and the slug.\n" * 9).replace("\n", end)

    assert glance(source.encode(), "issue").slugs == frozenset(possible)


@pytest.mark.parametrize(
    "front",
    [
        "---\ntitle: a slug\nslug: looms\n---\n",
        "---\nslug: looms\n  and more\n---\n",
        "---\nslug: 0123\n---\n",
        '---\n"\\x73lug": looms\n---\n',
        "---\nsl\x01ug: looms\n---\n",
        "---\u00a0\ntitle: T\n\nslug: looms\n---\n",
        "+++\nslug = 1e-5\n+++\n",
    ],
)
def test_what_is_not_clear_has_to_be_read(front: str) -> None:
    assert glance(front.encode(), "issue").slugs is None
