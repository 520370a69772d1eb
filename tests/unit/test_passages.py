"""Passages of an email that stand only in mails of a send that has something to say there."""

import pytest

from newsletter.model.email import Email, MergeField, Place, for_send

URL = "previous_url"
BEGINS, ENDS = MergeField(URL, Place.BEGINS), MergeField(URL, Place.ENDS)
READER = MergeField("subscriber.name", Place.HTML, "reader")
TEMPLATE = ("a", BEGINS, '<a href="', MergeField(URL, Place.URL), '">', READER, "</a>", ENDS, "b")


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({URL: "/x?a&b"}, ('a<a href="/x?a&amp;b">', READER, "</a>b")),
        ({URL: ""}, ("ab",)),
        ({}, ("ab",)),
    ],
)
def test_a_passage_is_whole_or_gone(values: dict[str, str], expected: tuple[object, ...]) -> None:
    assert for_send(TEMPLATE, values) == expected


def test_what_no_send_has_stays_open_for_the_reader() -> None:
    template = ("x ", READER, " ", MergeField("list_name", Place.HTML, "this list"))

    assert for_send(template, {}) == template
    assert for_send(template, {"list_name": ""}) == ("x ", READER, " this list")
    assert for_send(template, {"list_name": "<L>"}) == ("x ", READER, " &lt;L&gt;")


def test_an_email_without_passages_is_as_it_was_sealed() -> None:
    """One of an earlier version: the same words for each reader."""
    old = Email("a@b.example", "", "en", ("s",), ("p",), ("<p>", READER, "</p>"), ("t",))

    assert old.for_send({"list_name": "L", URL: "/x"}) == old
