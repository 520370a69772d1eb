"""`/archive/search`: what everybody may read, and nothing else, by its words."""

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest
from lxml import html as lxml_html

from newsletter.model.email import Email, MergeField, Place
from newsletter.model.listing import Correction, Hiding, Listing
from newsletter.store import Store
from newsletter.store.ledger import corrections
from newsletter.web import search
from tests.factories import on_sqlite
from tests.integration.publishing import Visitor, letter, planned, sent, site_of, visiting
from tests.integration.sending import FixedClock, fill_list


def issue(title: str, text: str, language: str = "en") -> Email:
    email = letter(title, language=language)
    fields = (MergeField("subscriber.name", Place.TEXT, "reader"), ", hello.\n")
    address = "\nThe Quiet Machine\n1 Example Street\nhttps://example.com/zebra\n"
    leave = ("Unsubscribe: ", MergeField("unsubscribe_url", Place.TEXT), "\n")
    return Email(
        email.sender,
        "",
        language,
        (title,),
        ("What is new",),
        email.html,
        ("Dear ", *fields, text, address, *leave),
    )


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock()


@pytest.fixture
def client(store: Store, tmp_path: Path, clock: FixedClock) -> Iterator[Visitor]:
    """A visitor of a newsletter that sent three issues, and one to some readers only."""
    fill_list(store, 2)
    rule = 'address = "r1@example.com"'
    sent(store, "looms", issue("Old looms", "A shuttle flies. Zürich wove, too."), clock)
    clock.forward(60)
    text = "朋友，早上好。一个十五年没有改过格式的笔记本：少一个选项。"
    listing = Listing(("工具",))
    sent(store, "slow", issue("慢一点的软件", text, "zh-CN"), clock, listing=listing)
    clock.forward(60)
    sent(store, "mills", issue("Of mills", "No loom is here, but a shuttle bus."), clock)
    sent(store, "some", issue("Of looms for one", "A loom."), clock, segment="one", rule=rule)
    planned(store, "draft", issue("Draft of looms", "A loom."), clock)
    clock.forward(2)
    with visiting(site_of(store, tmp_path, clock=clock)) as client:
        yield client


def found(client: Visitor, query: str, more: str = "") -> list[str]:
    page = lxml_html.fromstring(client.get(f"/archive/search?q={quote(query)}{more}").text)
    return [link.text_content() for link in page.cssselect("h2 a")]


def test_issues_are_found_by_their_words_the_best_first(client: Visitor) -> None:
    """What stands in the title counts most; what nobody or only some had is not there."""
    assert found(client, "loom") == ["Old looms", "Of mills"]
    assert found(client, "SHUTTLE zurich") == ["Old looms"]
    assert found(client, "软件") == ["慢一点的软件"]
    for of_slow in ("笔", "一个选项", "工具"):
        assert found(client, of_slow) == ["慢一点的软件"]
    assert found(client, "选一") == []
    assert len(found(client, "reader hello")) == 3
    for of_no_issue in ("unsubscribe", "zebra", "Quiet Machine", "draft", "absent"):
        assert found(client, of_no_issue) == []


@on_sqlite
def test_the_page_shows_where_and_escapes_all_else(client: Visitor) -> None:
    page = client.get(f"/archive/search?q={quote('shuttle')}")
    hostile = client.get(f"/archive/search?q={quote('<script>alert(1)</script> shuttle')}")
    quoted = client.get(f"/archive/search?q={quote('x onfocus=1 autofocus')}&page=-1&q=2")

    tree = lxml_html.fromstring(page.text)
    assert [mark.text for mark in tree.cssselect("mark")] == ["shuttle", "shuttle"]
    assert "Issues found: 2" in page.text
    assert '<meta name="robots" content="noindex">' in page.text
    assert page.headers["cache-control"] == "public, max-age=60"
    assert lxml_html.fromstring(hostile.text).xpath("//script") == []
    assert lxml_html.fromstring(quoted.text).cssselect("input")[0].get("onfocus") is None
    assert "script-src 'none'" in str(page.headers["content-security-policy"])
    assert client.get("/archive/search/").status == client.get("/archive/search").status == 200
    assert client.get("/archive/search?q=%00%ff%fe%22").status == 200
    assert 'action="../archive/search/"' in client.get("/archive/").text


def test_what_is_corrected_or_hidden_is_found_as_it_is_shown(
    client: Visitor, store: Store, clock: FixedClock
) -> None:
    assert sorted(found(client, "shuttle")) == ["Of mills", "Old looms"]
    mended = issue("New looms", "A spindle turns.")
    with store.write() as connection:
        corrections.hide(connection, Hiding("mills", clock(), "", ""))
        corrections.add(
            connection,
            Correction(0, 1, clock(), "No shuttle.", ""),
            email=mended.to_json(),
            content_hash="",
            source_hash="",
            git_commit=None,
            listing=Listing(),
        )
    clock.forward(2)

    assert found(client, "shuttle") == []
    assert found(client, "spindle") == ["New looms"]

    with store.write() as connection:
        corrections.show(connection, "mills")
    clock.forward(2)
    assert found(client, "shuttle") == ["Of mills"]


@on_sqlite
def test_one_network_may_search_so_often_in_a_minute(client: Visitor, clock: FixedClock) -> None:
    """The form without a query is no search."""
    clock.now = clock.now.replace(second=0)
    for _ in range(search.A_MINUTE):
        assert client.get("/archive/search?q=loom").status == 200

    refused = client.get("/archive/search?q=loom")
    form = client.get("/archive/search")
    clock.forward(60)

    assert refused.status == 429
    assert refused.headers["retry-after"] == "60"
    assert "Too many searches" in refused.text
    assert form.status == 200
    assert client.get("/archive/search?q=loom").status == 200


@on_sqlite
def test_results_are_paged(store: Store, tmp_path: Path, clock: FixedClock) -> None:
    fill_list(store, 1)
    for number in range(11):
        sent(store, f"issue-{number}", issue(f"Issue {number}", "A loom."), clock)
        clock.forward(60)

    with visiting(site_of(store, tmp_path, clock=clock)) as client:
        first, second = (
            lxml_html.fromstring(client.get(f"/archive/search?q=loom+%26&page={page}").text)
            for page in (1, 2)
        )
        assert len(first.cssselect("h2 a")) == 10
        assert [a.get("href") for a in first.cssselect("a[rel=next]")] == [
            "/archive/search?q=loom%20%26&page=2"
        ]
        assert [a.text_content() for a in second.cssselect("h2 a")] == ["Issue 0"]
        assert found(client, "loom", "&page=99999") == ["Issue 0"]


@on_sqlite
def test_an_issue_that_is_called_search_keeps_its_page(
    store: Store, tmp_path: Path, clock: FixedClock
) -> None:
    fill_list(store, 1)
    sent(store, "search", issue("In search of", "A loom."), clock)

    with visiting(site_of(store, tmp_path, clock=clock)) as client:
        assert "here it is" in client.get("/archive/search/").text
        assert found(client, "loom") == ["In search of"]
