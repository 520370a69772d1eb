"""A sealed email for everybody: no field stays open, and what remains reads well."""

import pytest
from lxml import html as lxml_html

from newsletter.model.email import LIST_NAME, SEND_FIELDS, URL_FIELDS, MergeField, Place
from newsletter.web.sealed import Surroundings, for_everybody, framed, without_links

AROUND = Surroundings(
    newsletter='The "Quiet" <Machine>',
    web_url="https://news.example.com/archive/news/",
    archive_url="https://news.example.com/archive/",
)
NAMES = (*sorted(URL_FIELDS | SEND_FIELDS), "subscriber.name", "subscriber.city", "subscriber.x")


def name(place: Place = Place.HTML, default: str = "") -> MergeField:
    return MergeField("subscriber.name", place, default)


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ("Hello ", ", welcome", "Hello, welcome"),
        ("Hello ", "!", "Hello!"),
        ("Hello ", " and welcome", "Hello and welcome"),
        ("你好，", "！", "你好，！"),
        ("<p>", "，你好</p>", "<p>你好</p>"),
        ("<p>\n  ", ", here it is</p>", "<p>\n  here it is</p>"),
        ("", ", here it is", "here it is"),
        ("For ", "", "For"),
        ("<p>For ", "</p>", "<p>For </p>"),
        ('<img alt="', '">', '<img alt="">'),
    ],
)
def test_where_a_name_is_missing_the_gap_is_closed(before: str, after: str, expected: str) -> None:
    assert for_everybody((before, name(), after), AROUND) == expected


def test_the_default_of_the_author_stands_for_the_reader() -> None:
    template = ("Hello ", name(default="<friend>"), ", welcome")

    assert for_everybody(template, AROUND) == "Hello &lt;friend&gt;, welcome"


@pytest.mark.parametrize("field", NAMES)
@pytest.mark.parametrize("place", sorted(set(Place) - {Place.BEGINS, Place.ENDS}))
def test_every_field_in_every_place_is_filled_for_nobody(field: str, place: Place) -> None:
    """Nothing is left open, and nothing is a personal link, with a default or without."""
    for default in ("", "reader"):
        text = for_everybody(('<a href="', MergeField(field, place, default), '">'), AROUND)

        assert text.startswith('<a href="')
        assert text.endswith('">')
        assert text.count('"') == 2 or place in (Place.TEXT, Place.HEADER)
        assert not any(part in text for part in ("/u/", "/preferences/", "{{", field))
        value = text.removeprefix('<a href="').removesuffix('">')
        assert ("leave" in value) == (field in ("unsubscribe_url", "preferences_url"))


def test_links_are_relative_in_the_page_and_whole_where_they_are_read() -> None:
    web, leave = (MergeField(name, Place.URL) for name in ("web_url", "unsubscribe_url"))
    shown = MergeField("unsubscribe_url", Place.TEXT)

    assert for_everybody((web, " ", leave), AROUND) == "./ ../#leave"
    assert for_everybody((shown,), AROUND) == "https://news.example.com/archive/#leave"


@pytest.mark.parametrize(
    "value", ["</p><script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "{{ web_url }}"]
)
def test_an_attack_in_a_default_or_in_the_name_is_text(value: str) -> None:
    around = Surroundings(value, AROUND.web_url, AROUND.archive_url)
    template = ("<p>", name(default=value), MergeField(LIST_NAME, Place.HTML), "</p>")

    page = lxml_html.fromstring(for_everybody(template, around))

    assert page.text_content() == value * 2
    assert len(page) == 0


def test_the_bar_stands_first_in_the_body_whatever_its_attributes_hold() -> None:
    html = "<html><head><title>x</title></head><body class='a>b' id=\"<body>\"><p>mail</p></body>"

    page = framed(html, first="<meta charset=utf-8>", last="<style></style>", bar="<nav></nav>")

    assert page == (
        "<html><head><meta charset=utf-8><title>x</title><style></style></head>"
        "<body class='a>b' id=\"<body>\"><nav></nav><p>mail</p></body>"
    )


def test_a_page_has_one_description() -> None:
    mail = '<html><head><meta name="description" content="Hello Ada"></head><body></body></html>'

    page = framed(mail, first='<meta name="description" content="x">', last="", bar="")

    assert page.count('name="description"') == 1
    assert "Ada" not in page


def test_a_text_without_links_keeps_all_other_lines_and_fields() -> None:
    link = MergeField("unsubscribe_url", Place.TEXT)
    template = ("Hello ", name(), ",\nread\n\nthis\nLeave: ", link, " now\nor later\n", link)

    assert without_links(template) == (
        *("Hello ", name(), ",", "\n", "read", "\n", "", "\n", "this", "\n"),
        *("or later", "\n"),
    )
