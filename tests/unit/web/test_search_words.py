"""The words of a text and of a query, in any script."""

import pytest

from newsletter.web.search_words import excerpt, marked, terms, wanted

NFD = "Zu\u0308rich"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("The Looms, again!", ["the", "looms", "again"]),
        ("慢软件 ABC", ["慢软", "软件", "件", "abc"]),
        ("バックアップ", ["バッ", "ック", "クア", "アッ", "ップ", "プ"]),
        ("ﾊﾞｯｸ", ["バッ", "ック", "ク"]),
        ("第2章", ["第", "2", "章"]),
        ("한국어", ["한국", "국어", "어"]),
        (f"{NFD} Zürich ZÜRICH Ａ", ["zurich", "zurich", "zurich", "a"]),
        ("Ελλάς ΕΛΛΑΣ", ["ελλασ", "ελλασ"]),
        ("مَرْحَبًا", ["مرحبا"]),
        ("हिन्दी।", ["हिन्दी"]),
        ("snake_case don't", ["snake", "case", "don", "t"]),
        ("━━ ■ 😀 ̈", []),
    ],
)
def test_a_text_is_parted_into_what_it_is_found_by(text: str, expected: list[str]) -> None:
    assert list(terms(text)) == expected


def test_a_query_has_a_few_words_however_long_it_is() -> None:
    hostile = " ".join(f'"w{number}"*' for number in range(10_000))

    assert len(wanted(hostile)) == 8
    assert len(wanted("慢" * 10_000)[0].terms) == 8
    assert wanted("AND ( \" * -- ' ;")[0].terms == ("and",)
    assert wanted("… \x00 ( )") == ()


def test_short_words_are_found_whole_and_others_by_their_beginning() -> None:
    assert [(word.terms, word.is_prefix) for word in wanted("ai loom 慢 慢软件")] == [
        (("ai",), False),
        (("loom",), True),
        (("慢",), True),
        (("慢软", "软件"), False),
    ]


@pytest.mark.parametrize(
    ("text", "query", "expected"),
    [
        ("All Looms!", "loom", ["Looms"]),
        ("慢一点的软件", "软件 慢", ["慢", "软件"]),
        ("Zürich", "zurich", ["Zürich"]),
        ("ﾊﾞｯｸ", "バック", ["ﾊﾞｯｸ"]),
        ("Aim at AI", "ai", ["AI"]),
    ],
)
def test_what_is_found_is_marked_as_it_is_written(
    text: str, query: str, expected: list[str]
) -> None:
    pieces = marked(text, wanted(query))

    assert "".join(piece for piece, _ in pieces) == text
    assert [piece for piece, is_met in pieces if is_met] == expected


def test_an_excerpt_shows_the_place_where_most_words_are() -> None:
    filler = "and so it goes on and on, " * 30
    text = f"A loom. {filler}The shuttle of a loom is here. {filler}"

    shown = excerpt(text, wanted("loom shuttle"))

    assert "The shuttle of a loom is here." in shown
    assert shown.startswith("…")
    assert shown.endswith("…")
    assert len(shown) < 200
    assert excerpt(text, wanted("other")) == ""
    assert excerpt("慢" * 400 + "软件" + "慢" * 400, wanted("软件")).count("软件") == 1


@pytest.mark.processor_seconds(3)
def test_a_text_full_of_what_is_searched_for_is_no_work() -> None:
    """Comparing each of its places with all others would take hours."""
    assert excerpt("loom " * 100_000, wanted("loom")).startswith("loom loom")
    assert excerpt("软件" * 100_000, wanted("软件 件软")).startswith("软件")
