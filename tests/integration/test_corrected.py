"""An issue that was corrected or hidden, and what leads from one issue to another."""

import datetime as dt
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from lxml import etree
from lxml import html as lxml_html

from newsletter.config import WebSettings
from newsletter.errors import OutcomeUnknown
from newsletter.model.email import MergeField, Place
from newsletter.model.listing import Correction, Hiding, Listing, tag_key
from newsletter.sending import control, run
from newsletter.store import Store
from newsletter.store.ledger import corrections, sends
from newsletter.transports.memory import Memory
from newsletter.web.static_site import build
from tests.factories import on_sqlite
from tests.integration.publishing import (
    BASE_URL,
    Visitor,
    letter,
    planned,
    sent,
    site_of,
    visiting,
)
from tests.integration.sending import FixedClock, fill_list, worker

ATOM = "{http://www.w3.org/2005/Atom}"
MENDED = "<html><head></head><body><p>It is on Thursday.</p></body></html>"


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock()


@pytest.fixture
def client(store: Store, tmp_path: Path, clock: FixedClock) -> Iterator[Visitor]:
    """A visitor of a newsletter that has sent `old`, `news` and `late`, a day after the other."""
    fill_list(store, 1)
    for slug in ("old", "news", "late"):
        listing = Listing(("Tools", "C++"), "https://pictures.example/cover.png")
        sent(
            store,
            slug,
            letter(f"Of {slug}"),
            clock,
            listing=listing if slug == "news" else Listing(),
        )
        clock.forward(86400)
    with visiting(site_of(store, tmp_path, clock=clock)) as client:
        yield client


def number_of(store: Store, slug: str) -> int:
    """The number of its first send."""
    with store.read() as connection:
        *_, send = [each for each in sends.newest_first(connection) if each.slug == slug]
        return sends.number_of(connection, send.id)


def correct(
    store: Store,
    clock: FixedClock,
    note: str,
) -> int:
    """Correct `news`."""
    mended = letter("Of Thursday", (MENDED,))
    with store.write() as connection:
        correction_id = corrections.add(
            connection,
            Correction(0, number_of(store, "news"), clock(), note, "ada@desk"),
            email=mended.to_json(),
            content_hash=mended.content_hash,
            source_hash="",
            git_commit=None,
            listing=Listing(("Mended",)),
        )
    clock.forward(2)
    return correction_id


def hide(store: Store, clock: FixedClock, slug: str) -> None:
    with store.write() as connection:
        corrections.hide(connection, Hiding(slug, clock(), "a wish", "ada@desk"))
    clock.forward(2)


def page(client: Visitor, path: str) -> lxml_html.HtmlElement:
    tree: lxml_html.HtmlElement = lxml_html.fromstring(client.get(path).text)
    return tree


def links(tree: lxml_html.HtmlElement, selector: str) -> list[tuple[str, str]]:
    return [
        (str(a.get("href")), " ".join(a.text_content().split())) for a in tree.cssselect(selector)
    ]


# --- corrections ----------------------------------------------------------------------------------


def test_a_corrected_issue_shows_its_new_text_below_its_notes(
    client: Visitor, store: Store, clock: FixedClock
) -> None:
    """The newest first, each with its day; and the archive has the new title and tags."""
    correct(store, clock, "The day was wrong.")
    clock.forward(86400)
    correct(store, clock, "So was <the> place.")

    news = page(client, "/archive/news/")

    notes = [" ".join(p.text_content().split()) for p in news.cssselect(".archive-note p")]
    assert notes[:2] == [
        "Corrected on Sunday, 11 January 2026: So was <the> place.",
        "Corrected on Saturday, 10 January 2026: The day was wrong.",
    ]
    assert "It is on Thursday." in news.text_content()
    assert "here it is" not in news.text_content()
    assert ("../tags/mended/", "Mended") in links(news, ".archive-tags a")
    index = page(client, "/archive/")
    assert [a.text for a in index.cssselect("h2 a")] == ["Of late", "Of Thursday", "Of old"]
    assert len(index.cssselect(".mark")) == 1


def test_what_was_mailed_stays_as_it_was_beside_it(
    client: Visitor, store: Store, clock: FixedClock
) -> None:
    """Search machines keep the corrected page alone, and its links work one level below."""
    before = page(client, "/archive/news/").cssselect("body > p")[0].text_content()
    assert client.get("/archive/news/original/").status == 404
    correct(store, clock, "The day was wrong.")

    original = page(client, "/archive/news/original/")

    assert links(page(client, "/archive/news/"), ".archive-note a") == [
        ("original/", "Read it as it was mailed")
    ]
    assert original.cssselect("body > p")[0].text_content() == before
    assert "This version was corrected later." in original.text_content()
    assert original.xpath("//meta[@name='robots']/@content") == ["noindex"]
    assert original.xpath("//link[@rel='canonical']/@href") == [f"{BASE_URL}/archive/news/"]
    assert original.xpath("//a[text()='leave']/@href") == ["../../#leave"]
    assert ("../", "Read the corrected version") in links(original, "aside a")
    answer = client.get("/archive/news/original/")
    assert "default-src 'none'" in str(answer.headers["content-security-policy"])


def test_a_corrected_entry_keeps_its_id_and_is_newer(
    client: Visitor, store: Store, clock: FixedClock
) -> None:
    before = {item["title"]: item for item in client.get("/feed.json").json["items"]}["Of news"]
    clock.forward(86400)
    correct(store, clock, "The day was <wrong>.")

    after = client.get("/feed.json").json["items"][1]

    assert (after["id"], after["url"]) == (before["id"], before["url"])
    assert after["date_published"] == before["date_published"]
    assert after["date_modified"] > before["date_modified"]
    assert after["tags"] == ["Mended"]
    note = (
        "<p><strong>Corrected on Sunday, 11 January 2026: The day was &lt;wrong&gt;.</strong></p>"
    )
    assert after["content_html"] == f"{note}<p>It is on Thursday.</p>"
    assert after["content_text"].startswith("Corrected on Sunday, 11 January 2026: The day was <w")
    entries = etree.fromstring(client.get("/feed.xml").content).findall(f"{ATOM}entry")
    assert entries[1].findtext(f"{ATOM}content") == after["content_html"]
    assert [each.get("term") for each in entries[1].findall(f"{ATOM}category")] == ["Mended"]


def test_a_correction_that_is_taken_back_leaves_what_was_before(
    client: Visitor, store: Store, clock: FixedClock
) -> None:
    """And copies of it are asked for again: nothing gets older."""
    correction_id = correct(store, clock, "The day was wrong.")
    corrected = client.get("/archive/news/")
    clock.forward(60)
    with store.write() as connection:
        corrections.undo(connection, correction_id, clock())
    clock.forward(2)

    known = {"If-Modified-Since": corrected.headers["last-modified"]}
    after = client.get("/archive/news/", known)

    assert after.status == 200
    assert "here it is" in after.text
    assert "The day was wrong." not in after.text
    assert client.get("/archive/news/original/").status == 404


def test_what_is_sent_again_needs_no_correction_any_more(
    client: Visitor, store: Store, clock: FixedClock
) -> None:
    correct(store, clock, "The day was wrong.")

    sent(store, "news", letter("Right at last"), clock, again="mended")
    clock.forward(2)

    news = page(client, "/archive/news/")
    assert "here it is" in news.text_content()
    assert news.cssselect(".archive-note") == []


def test_a_correction_stands_over_a_mail_that_was_sealed_before_it(
    client: Visitor, store: Store, clock: FixedClock
) -> None:
    """As with a schedule of the same issue for another list: it goes out later, with the slip."""
    fill_list(store, 1, "others", first=9)
    send_id = planned(store, "news", letter("Of news"), clock, list_name="others")
    clock.forward(60)
    correction_id = correct(store, clock, "The day was wrong.")
    before = client.get("/feed.json").json["items"][1]
    clock.forward(60)

    run.run(worker(store, Memory(), clock=clock), send_id)
    clock.forward(2)

    news = page(client, "/archive/news/")
    assert "It is on Thursday." in news.text_content()
    assert "The day was wrong." in news.cssselect(".archive-note")[0].text_content()
    assert client.get("/archive/news/original/").status == 200
    assert client.get("/feed.json").json["items"][1] == before

    with store.write() as connection:
        corrections.undo(connection, correction_id, clock())
    clock.forward(2)
    assert "here it is" in page(client, "/archive/news/").text_content()
    assert client.get("/feed.json").json["items"][1]["date_modified"] > before["date_modified"]


def test_the_issue_after_names_it_by_its_corrected_title(
    client: Visitor, store: Store, clock: FixedClock
) -> None:
    """Its page where it was mailed before, and the mails that are planned since."""
    named = (
        "<html><head></head><body>",
        MergeField("previous_url", Place.BEGINS),
        "<h2>",
        MergeField("previous_title", Place.HTML),
        "</h2>",
        MergeField("previous_url", Place.ENDS),
        "</body></html>",
    )
    with store.write() as connection:
        corrections.hide(connection, Hiding("late", clock(), "", ""))
    sent(store, "next", letter("Next", named), clock, web=WebSettings())
    correct(store, clock, "The day was wrong.")
    sent(store, "next", letter("Next", named), clock, web=WebSettings(), again="a slip")
    clock.forward(2)

    with store.read() as connection:
        titles = [
            send.foot.previous_title for send in map(partial(sends.record, connection), (4, 5))
        ]

    assert titles == ["Of news", "Of Thursday"]
    assert page(client, "/archive/next/").cssselect("h2")[0].text == "Of Thursday"


def test_a_search_finds_the_words_of_the_correction_alone(
    client: Visitor, store: Store, clock: FixedClock, tmp_path: Path
) -> None:
    """Those that were mailed are found no more, and on a static site neither."""
    site, folder = site_of(store, tmp_path, clock=clock), tmp_path / "public"
    assert len(page(client, "/archive/search/?q=tools").cssselect("h2")) == 1
    build(site, folder)
    correct(store, clock, "The day was wrong.")

    build(site, folder)

    assert [
        h2.text_content() for h2 in page(client, "/archive/search/?q=thursday").cssselect("h2")
    ] == ["Of Thursday"]
    assert page(client, "/archive/search/?q=tools").cssselect("h2") == []
    words = "".join(path.read_text() for path in (folder / "archive/search/words").iterdir())
    assert '"thursday"' in words
    assert '"tools"' not in words
    assert not (folder / "archive" / "tags" / "tools").exists()
    assert (folder / "archive" / "news" / "original" / "index.html").exists()
    hide(store, clock, "news")
    assert page(client, "/archive/search/?q=thursday").cssselect("h2") == []
    build(site, folder)
    words = "".join(path.read_text() for path in (folder / "archive/search/words").iterdir())
    assert '"thursday"' not in words


# --- hiding ---------------------------------------------------------------------------------------


def test_a_hidden_issue_is_gone_everywhere_and_says_so_to_its_readers(
    client: Visitor, store: Store, clock: FixedClock
) -> None:
    """Mails lead there: 410, and a page that leads on."""
    correct(store, clock, "The day was wrong.")
    hide(store, clock, "news")

    for path in ("/archive/news/", "/archive/news/original/"):
        answer = client.get(path)
        assert answer.status == 410
        assert "This issue was taken off the web" in answer.text
        assert 'href="/archive/"' in answer.text
    for path in ("/archive/", "/feed.xml", "/feed.json", "/archive/late/", "/archive/old/"):
        assert "Of Thursday" not in client.get(path).text
        assert "/news/" not in client.get(path).text
    assert client.get("/archive/tags/mended/").status == 404
    assert client.get("/archive/none/").status == 404

    with store.write() as connection:
        corrections.show(connection, "news")
    clock.forward(2)
    assert client.get("/archive/news/").status == 200


@on_sqlite
def test_the_feed_stays_the_same_feed_without_its_oldest_issue(
    client: Visitor, store: Store, clock: FixedClock
) -> None:
    def feed_id() -> str | None:
        return etree.fromstring(client.get("/feed.xml").content).findtext(f"{ATOM}id")

    before = feed_id()
    hide(store, clock, "old")

    assert feed_id() == before


@on_sqlite
def test_a_static_site_loses_what_was_hidden(
    client: Visitor, store: Store, tmp_path: Path, clock: FixedClock
) -> None:
    site, folder = site_of(store, tmp_path, clock=clock), tmp_path / "public"
    build(site, folder)
    assert (folder / "archive" / "tags" / "c++" / "index.html").exists()
    hide(store, clock, "news")

    assert build(site, folder).pages == 2

    folders = {path.name for path in (folder / "archive").iterdir() if path.is_dir()}
    assert folders == {"late", "old", "search"}
    assert "Tools" not in (folder / "archive" / "search" / "issues.json").read_text()


@on_sqlite
def test_an_entry_keeps_its_id_whichever_send_ends_first(
    client: Visitor, store: Store, clock: FixedClock
) -> None:
    """A schedule that was made before goes out later; one whose outcomes were unknown reached
    somebody after all. Else feed readers would show the issue as new."""
    fill_list(store, 1, "others", first=8)
    fill_list(store, 1, "more", first=9)
    day = dt.timedelta(days=1)
    later = planned(store, "new", letter(), clock, list_name="others", scheduled_at=clock() + day)
    unsure = planned(store, "new", letter(), clock, list_name="readers")
    lost = Memory(lambda *_: (_ for _ in ()).throw(OutcomeUnknown("no answer")))
    run.run(worker(store, lost, clock=clock), unsure)
    sent(store, "new", letter(), clock, list_name="more")
    clock.forward(2)
    before = client.get("/feed.json").json["items"][0]

    control.resolve(store, unsure, control.Decision.ACCEPT, clock)
    clock.forward(2)
    accepted = client.get("/feed.json").json["items"][0]
    clock.forward(2 * 86400)
    run.run(worker(store, Memory(), clock=clock), later)
    clock.forward(2)
    after = client.get("/feed.json").json["items"][0]

    assert before["id"] == accepted["id"] == after["id"]
    assert before["date_published"] == after["date_published"]


# --- from one to another --------------------------------------------------------------------------


@on_sqlite
def test_each_issue_leads_to_the_ones_beside_it(client: Visitor) -> None:
    assert links(page(client, "/archive/news/"), ".archive-beside a") == [
        ("../old/", "Previous issue Of old"),
        ("../late/", "Next issue Of late"),
    ]
    assert [
        rel.get("rel") for rel in page(client, "/archive/late/").cssselect(".archive-beside a")
    ] == ["prev"]
    assert [
        rel.get("rel") for rel in page(client, "/archive/old/").cssselect(".archive-beside a")
    ] == ["next"]


@on_sqlite
def test_tags_lead_to_all_issues_that_have_them(
    client: Visitor, store: Store, clock: FixedClock
) -> None:
    """However they are written; those of C and C++ are two."""
    sent(store, "more", letter("More"), clock, listing=Listing(("tools", "C", "../..")))
    clock.forward(2)

    assert links(page(client, "/archive/news/"), ".archive-tags a") == [
        ("../tags/tools/", "Tools"),
        ("../tags/c%2B%2B/", "C++"),
    ]
    tools = page(client, "/archive/tags/tools/")
    assert links(tools, "h2 a") == [
        ("../../../archive/more/", "More"),
        ("../../../archive/news/", "Of news"),
    ]
    assert links(page(client, "/archive/tags/c/"), "h2 a") == [("../../../archive/more/", "More")]
    assert links(page(client, "/archive/tags/c%2B%2B/"), "h2 a") == [
        ("../../../archive/news/", "Of news")
    ]
    assert client.get("/archive/tags/none/").status == 404
    assert client.get("/feed.json").json["items"][2]["tags"] == ["Tools", "C++"]


@pytest.mark.parametrize(
    ("one", "other", "are_one"),
    [("की", "का", False), ("ที่", "ทา", False), ("Ü", "u\u0308", True), ("ΐ", "Ϊ́", True)],
)
def test_vowel_signs_tell_one_tag_from_another(one: str, other: str, *, are_one: bool) -> None:
    """And however accents are written, they are one tag."""
    assert (tag_key(one) == tag_key(other)) is are_one


@on_sqlite
def test_links_to_a_page_show_what_it_is(client: Visitor) -> None:
    """Elsewhere: its title, what it says, and its cover."""

    def said(path: str) -> dict[str, str]:
        found = page(client, path).xpath("//meta[@property or @name]")
        return {str(m.get("property") or m.get("name")): str(m.get("content")) for m in found}

    news, index, old = said("/archive/news/"), said("/archive/"), said("/archive/old/")

    assert news["og:title"] == "Of news"
    assert news["og:description"] == news["description"] == "What is new"
    assert news["og:image"] == "https://pictures.example/cover.png"
    assert news["og:url"] == f"{BASE_URL}/archive/news/"
    assert news["twitter:card"] == "summary_large_image"
    assert "og:image" not in old
    assert old["twitter:card"] == "summary"
    assert index["og:title"] == index["description"] == "The Quiet Machine"
    assert page(client, "/archive/").xpath("//link[@rel='canonical']/@href") == [
        f"{BASE_URL}/archive/"
    ]
