"""Feeds are well-formed whatever an issue says."""

import datetime as dt
import json

from lxml import etree

from newsletter.web import feeds

ID = feeds.identity("issue", "20260107-abcdef", "慢")
NOW = dt.datetime(2026, 1, 7, tzinfo=dt.UTC)
CHANNEL = feeds.Channel("A & B \x00", "zh-CN", "https://news.example.com", NOW)


def test_what_xml_cannot_hold_is_left_out_and_all_else_is_kept() -> None:
    said = "]]><b>&amp;\x00\x08\x1b\ufffe\ud800 慢软件 😀 ü"
    entry = feeds.FeedEntry(
        ID, "https://news.example.com/archive/%E6%85%A2/", said, said, said, said, "zh", NOW, NOW
    )

    atom = etree.fromstring(feeds.atom(CHANNEL, [entry]))
    feed = json.loads(feeds.json_feed(CHANNEL, [entry]))

    spaces = {"a": "http://www.w3.org/2005/Atom"}
    expected = "]]><b>&amp; 慢软件 😀 ü"
    assert atom.xpath("string(a:entry/a:title)", namespaces=spaces) == expected
    assert atom.xpath("string(a:entry/a:summary)", namespaces=spaces) == expected
    assert atom.xpath("string(a:title)", namespaces=spaces) == "A & B "
    assert atom.xpath("string(a:entry/a:content)", namespaces=spaces) == expected
    assert atom.xpath("string(a:entry/a:content/@type)", namespaces=spaces) == "html"
    assert atom.xpath("string(a:entry/a:id)", namespaces=spaces) == feed["items"][0]["id"] == ID
    assert "慢软件 😀 ü" in feed["items"][0]["title"]
    assert "慢软件 😀 ü" in feed["items"][0]["content_html"]


def test_an_issue_without_a_preheader_has_its_title_as_summary() -> None:
    """Atom demands a summary where an entry has no content (RFC 4287, 4.1.1)."""
    url = "https://news.example.com/archive/a/"
    entry = feeds.FeedEntry(ID, url, "Title", "", "", "", "en", NOW, NOW)

    atom = feeds.atom(CHANNEL, [entry]).decode()

    assert "<summary>Title</summary>" in atom or '<summary type="text">Title</summary>' in atom
