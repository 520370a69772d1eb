"""Definitions of links that stand right below a text."""

import pytest

from newsletter.model.blocks import Quote
from newsletter.model.inline import Link
from newsletter.model.walking import plain_text
from tests.unit.digest.reading import all_of, body, findings, read, texts

TARGET = "https://a.example/x"


@pytest.mark.parametrize(
    "source",
    [
        f"See [the text][name].\n[name]: {TARGET}\n",
        f"See [the text][].\n{{% include links.md %}}\n[The Text]: {TARGET} 'Title'\n",
        f"- see [the text][name]\n[other]: https://b.example/\n[name]: <{TARGET}>\n\n[other]\n",
        f"> see [the text][name]\n[name]: {TARGET}\n",
        f"> see [the text][name]\n> [name]: {TARGET}\n",
        f"Text\n   [the text]: {TARGET}\nmore text, and [the text]\n",
        f"[the text]\n===\n\nText\n[the text]: {TARGET}\n",
    ],
)
def test_a_definition_below_text_is_read(source: str) -> None:
    digest = body(source)

    assert ("the text", TARGET) in [
        (plain_text(link.children), link.url) for link in all_of(digest, Link)
    ]
    assert "]:" not in texts(digest)


@pytest.mark.parametrize(
    "source",
    [
        "Sources:\n[1]: https://a.example/\n[2]: https://b.example/\n",
        "We say [note], and\n[note]: see below\n",
        "We say [note], and\n[note]: important\n",
        "> see [a]\n    [a]: https://a.example/\n",
        "    [a]\n    [a]: https://a.example/\n",
        "```\n[a]\n[a]: https://a.example/\n```\n",
    ],
)
def test_what_readers_are_to_see_stays(source: str) -> None:
    parsed = read(f"---\ntitle: T\n---\n{source}")

    assert "]:" in repr(parsed.digest.lead)
    assert not findings(parsed, "unused-definition")


@pytest.mark.parametrize("source", ["[a]:", "Text.\n\n[a]:  ", "> [a]:\n", "- [a]:\n\n  b\n"])
def test_a_name_with_nothing_behind_it_is_text(source: str) -> None:
    """At the end of a file, or of what it stands in, there is nothing to look at."""
    assert "[a]:" in texts(body(source))


def test_unused_definitions_are_told_once() -> None:
    (found,) = findings(
        read("# T\n\n[a]: https://a.io/\n[b]: https://b.io/\n"), "unused-definition"
    )

    assert "[a] and 1 more" in found.message
    assert found.position.line == 3


def test_an_indented_definition_below_a_quote_is_text_of_it() -> None:
    (quote,) = body("> see [a]\n    [a]: https://a.example/\n").lead

    assert isinstance(quote, Quote)
    assert len(quote.blocks) == 1


def test_links_without_a_target_are_told_once_at_the_first() -> None:
    source = "# T\n\nText.\n\nSee [this][one]\nand [that][two].\n"
    (found,) = findings(read(source), "unresolved-reference")

    assert found.message.startswith("'[this][one]', and 1 more:")
    assert found.position.line == 5


def test_a_name_of_two_links_is_told_with_the_one_that_counts() -> None:
    source = "# T\n\nSee [a].\n\n[a]: https://a.example/\n\n[A]: https://b.example/\n"
    parsed = read(source)
    (found,) = findings(parsed, "duplicate-definition")

    assert found.position.line == 7
    assert found.message == "[a] is defined in line 5 too, and that one counts"
    assert [link.url for link in all_of(parsed.digest, Link)] == ["https://a.example/"]


def test_a_name_of_two_footnotes_is_told_with_the_one_that_is_shown() -> None:
    parsed = read("# T\n\nSee[^a].\n\n[^a]: One.\n\n> [^a]: Two.\n")
    (found,) = findings(parsed, "duplicate-definition")

    assert found.position.line == 7
    assert found.message == "the footnote [^a] is also in line 5, and the last one is shown"
    assert "Two." in texts(parsed.digest)
    assert "One." not in texts(parsed.digest)


@pytest.mark.parametrize(
    "source",
    [
        "[a] [b]\n\n[a]: https://a.example/\n[b]: https://a.example/\n",
        "[a]\n\n[a]: https://a.example/\n[a]: https://a.example/ 'Title'\n",
        "x[^a] y[^b]\n\n[^a]: One.\n[^b]: Two.\n",
        "x[^a]\n\n[^a]: One.\n\n```\n[^a]: Two.\n```\n",
    ],
)
def test_names_that_mean_one_thing_are_not_told(source: str) -> None:
    assert findings(read(f"# T\n\n{source}"), "duplicate-definition") == []
