"""RSS, Atom and JSON Feed, as they are and as they are not."""

import datetime as dt
import json
import time
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from newsletter.drafts.feeds import Feed, FeedItem, read
from newsletter.drafts.fetching import Fetched
from newsletter.errors import NewsletterError
from tests.share import examples

URL = "https://news.example.com/feed.xml"
RSS = """<?xml version="1.0"?><rss version="2.0"><channel><title>Looms &amp; more</title>
<link>https://news.example.com/</link>{}</channel></rss>"""
ATOM = """<?xml version="1.0"?><feed xmlns="http://www.w3.org/2005/Atom"><title>Looms</title>
{}</feed>"""


def feed(content: str | bytes, *, url: str = URL, kind: str = "") -> Feed:
    data = content.encode() if isinstance(content, str) else content
    return read(Fetched(url, data, kind), "the feed")


def entry(content: str) -> FeedItem:
    [only] = feed(content).entries
    return only


def test_rss_is_read() -> None:
    only = entry(
        RSS.format(
            "<item><title>Looms &amp;amp; <![CDATA[<i>threads</i>]]></title>"
            "<link>/a?utm_source=rss</link><guid isPermaLink='false'>7</guid>"
            "<pubDate>Wed, 07 Jan 2026 08:00:00 +0900</pubDate><category>Craft</category>"
            "<category>Other</category><description>&lt;p&gt;Words&lt;/p&gt;</description></item>"
        )
    )

    assert only == FeedItem(
        link="https://news.example.com/a",
        id="news.example.com:7",
        title="Looms & threads",
        body="<p>Words</p>",
        at=dt.datetime(2026, 1, 6, 23, tzinfo=dt.UTC),
        category="Craft",
        feed="Looms & more",
    )


def test_atom_is_read() -> None:
    only = entry(
        ATOM.format(
            "<entry><title type='text'>Vec&lt;T&gt; &amp;amp; co</title><id>tag:x,2026:1</id>"
            "<link href='https://news.example.com/a'/><updated>2026-01-07T08:00:00Z</updated>"
            "<category term='craft' label='Craft'/>"
            "<content type='html'>&lt;b&gt;x</content></entry>"
        )
    )

    assert only.title == "Vec<T> &amp; co"
    assert (only.id, only.category, only.body) == ("tag:x,2026:1", "Craft", "<b>x")
    assert only.at == dt.datetime(2026, 1, 7, 8, tzinfo=dt.UTC)


@pytest.mark.parametrize("version", ["1", "1.1"])
def test_a_json_feed_is_read(version: str) -> None:
    facts = {
        "version": f"https://jsonfeed.org/version/{version}",
        "title": "Looms",
        "home_page_url": "https://news.example.com/",
        "items": [
            {
                "id": 7,
                "url": "/a",
                "title": "A <b> & \ud800",
                "content_text": "One < two",
                "date_published": "2026-01-07T08:00:00+09:00",
                "tags": ["Craft"],
            },
            {"id": "x", "external_url": "https://else.example/", "content_html": "<p>x"},
            {"id": "nothing"},
            "no entry",
        ],
    }

    first, second = feed(json.dumps(facts)).entries

    assert first == FeedItem(
        "https://news.example.com/a",
        "news.example.com:7",
        "A <b> & \ufffd",
        "One &lt; two",
        dt.datetime(2026, 1, 6, 23, tzinfo=dt.UTC),
        "Craft",
        "Looms",
    )
    assert (second.link, second.body, second.at) == ("https://else.example/", "<p>x", None)


@pytest.mark.parametrize("written", ["", "soon", "Wed, 07 Jan 99999 08:00:00 GMT"])
def test_a_date_that_is_none_is_none(written: str) -> None:
    item = f"<item><title>x</title><pubDate>{written}</pubDate></item>"

    assert entry(RSS.format(item)).at is None


@pytest.mark.parametrize(
    "link", ["javascript:alert(1)", "mailto:a@example.com", "ftp://x.example/", "http://[::1", ""]
)
def test_a_link_that_leads_to_no_page_is_none(link: str) -> None:
    item = f"<item><title>x</title><link>{link}</link></item>"

    assert "javascript" not in entry(RSS.format(item)).link
    assert entry(RSS.format(item)).link in ("", "https://news.example.com/feed.xml")


def test_a_link_that_is_its_own_id_is_no_id() -> None:
    item = "<item><title>x</title><guid>https://news.example.com/a/</guid></item>"

    assert entry(RSS.format(item)).keys == {"news.example.com/a"}


def test_a_web_page_is_told_with_the_feed_that_it_names() -> None:
    page = (
        "<!DOCTYPE html><html><head><link rel='alternate' type='application/rss+xml' "
        "href='/posts.xml'></head><body>Hello</body></html>"
    )

    with pytest.raises(NewsletterError) as failed:
        feed(page)

    assert failed.value.message == "this is a web page, not a feed"
    assert failed.value.hint == "Its feed is https://news.example.com/posts.xml"


@pytest.mark.parametrize(
    "content",
    [
        *("", "just words", '{"a": 1}', "[1, 2]", "{" * 5000, '{"version": "1", "items": []}'),
        *("<html", "\x00\x01\x02", RSS.format("<item><title>x</title></item>")[:40]),
    ],
)
def test_what_is_no_feed_is_refused_with_what_it_is(content: str) -> None:
    with pytest.raises(NewsletterError) as failed:
        feed(content)

    assert failed.value.where == "the feed"
    assert failed.value.hint


def test_what_can_be_read_of_a_broken_feed_is_read_and_told() -> None:
    whole = RSS.format("<item><title>One</title></item><item><title>Two</title></item>")

    half = feed(whole[: whole.index("Two") + 2])

    assert [each.title for each in half.entries][:1] == ["One"]
    assert "broken" in half.problem


def test_a_feed_in_another_encoding_is_read() -> None:
    source = '<?xml version="1.0" encoding="{}"?>' + RSS.format(
        "<item><title>Bäume</title></item>"
    ).removeprefix('<?xml version="1.0"?>')

    for encoding in ("iso-8859-1", "utf-16", "windows-1252"):
        read_feed = feed(source.format(encoding).encode(encoding))
        assert [each.title for each in read_feed.entries] == ["Bäume"], encoding
        assert not read_feed.problem


def test_a_feed_reads_no_file_and_no_bomb_unpacks() -> None:
    entities = "".join(f'<!ENTITY e{n + 1} "{f"&e{n};" * 10}">' for n in range(5))
    head = f'<!DOCTYPE x [<!ENTITY f SYSTEM "file:///etc/passwd"><!ENTITY e0 "ha">{entities}]>'
    source = RSS.format("<item><title>a&f;&e5;</title></item>").replace("<rss", f"{head}<rss")

    [only] = feed(source).entries

    assert "root:" not in only.title
    assert len(only.title) < 1000


@given(
    cut=st.integers(0, 400),
    junk=st.sampled_from(["<", "&", "]]>", "\x00", "<![CDATA[", "</item>", "\ufffe", "<!--", "%"]),
    at=st.integers(0, 400),
)
@settings(max_examples=examples(100))
def test_a_spoilt_feed_is_read_or_refused(cut: int, junk: str, at: int) -> None:
    source = ATOM.format(
        "<entry><title type='html'>A &lt;b&gt;</title><id>1</id><summary type='xhtml'><div>"
        "words</div></summary><updated>2026-01-07</updated></entry>" * 2
    )
    spoilt = (source[:at] + junk + source[at:])[: max(1, 800 - cut)]

    with suppress(NewsletterError):
        assert all(len(each.title) < 400 for each in feed(spoilt).entries)


@pytest.mark.parametrize(
    "content",
    [
        "<rss>" + "<" * 30_000,
        RSS.format("<a>" * 5_000),
        "&" * 50_000,
        RSS.format("<item " + " ".join(f"a{number}='x'" for number in range(100_000)) + ">"),
    ],
)
def test_a_hostile_feed_takes_no_square_of_its_size(content: str) -> None:
    began = time.process_time()

    with pytest.raises(NewsletterError):
        feed(content)

    assert time.process_time() - began < 5  # seconds; 0.1 are usual


def test_a_tag_without_end_is_told_with_its_line_and_long_words_are_none() -> None:
    words = "many words " * 10_000

    assert feed(RSS.format(f"<item><title><![CDATA[{words}]]></title></item>")).entries
    with pytest.raises(NewsletterError, match="longer than 64 KB") as caught:
        feed("<rss version='2.0'><channel>\n<item " + words)

    assert caught.value.where.endswith(":2")


@pytest.mark.parametrize(
    "content",
    [
        (
            "<rss version='2.0'><channel><title>T</title><link>https://a.example/blog/</link>"
            "<item><title>x</title><link>one</link></item></channel></rss>"
        ),
        (
            "<feed xmlns='http://www.w3.org/2005/Atom'><title>T</title>"
            "<link rel='self' href='https://a.example/blog/feed.xml'/>"
            "<entry><title>x</title><link href='one'/></entry></feed>"
        ),
        (
            "<feed xmlns='http://www.w3.org/2005/Atom' xml:base='https://a.example/blog/'>"
            "<title>T</title><entry><title>x</title><link href='one'/></entry></feed>"
        ),
        (
            '{"version": "https://jsonfeed.org/version/1.1", "title": "T", "items": '
            '[{"id": "1", "title": "x", "url": "one"}], "home_page_url": "https://a.example/blog/"}'
        ),
        (
            '{"version": "https://jsonfeed.org/version/1.1", "title": "T", "items": [{"id": "1", '
            '"title": "x", "url": "one"}], "feed_url": "https://a.example/blog/feed.json", '
            '"home_page_url": "/"}'
        ),
    ],
    ids=["link", "self", "base", "home", "feed"],
)
def test_a_relative_link_in_a_file_leads_to_where_the_feed_is_at_home(content: str) -> None:
    feed = read(Fetched("", content.encode()), "feed.xml")

    assert [entry.link for entry in feed.entries] == ["https://a.example/blog/one"]


def test_a_relative_link_of_a_feed_without_a_home_is_left_out() -> None:
    content = (
        "<rss version='2.0'><channel><item><title>x</title><link>/1</link></item></channel></rss>"
    )

    feed = read(Fetched("", content.encode()), "feed.xml")

    assert [(entry.title, entry.link) for entry in feed.entries] == [("x", "")]
