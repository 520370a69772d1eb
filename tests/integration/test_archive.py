"""The archive: what was really sent, for everybody, with nothing of any one reader."""

import datetime as dt
import itertools
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from urllib.parse import quote

import pytest
from lxml import etree
from lxml import html as lxml_html

from newsletter.model.email import Message
from newsletter.model.send import Outcome, Rejected
from newsletter.sending import control, run
from newsletter.store import Store
from newsletter.transports.memory import Memory
from newsletter.web.site import Site
from tests.factories import on_sqlite
from tests.integration.publishing import BASE_URL, Visitor, letter, planned, sent, site_of, visiting
from tests.integration.sending import FixedClock, fill_list, worker
from tests.integration.statements import statements

POLICY = (
    "default-src 'none'; img-src 'self' https: data:; style-src 'unsafe-inline'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
ATOM = "{http://www.w3.org/2005/Atom}"


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock()


@pytest.fixture
def client(store: Store, tmp_path: Path, clock: FixedClock) -> Iterator[Visitor]:
    """A visitor of a newsletter with two readers that has sent nothing yet."""
    fill_list(store, 2)
    with visiting(site_of(store, tmp_path, clock=clock)) as client:
        yield client


def titles(client: Visitor) -> list[str]:
    """What the index shows, from its first page to its last."""
    found, path = [], "/archive/"
    while path:
        page = lxml_html.fromstring(client.get(path).text, base_url=f"{BASE_URL}{path}")
        page.make_links_absolute()
        found += [link.text_content() for link in page.cssselect("h2 a")]
        following = page.cssselect("a[rel=next]")
        path = str(following[0].get("href")).removeprefix(BASE_URL) if following else ""
    return found


def refused(send_id: str, batch: Sequence[Message]) -> list[Outcome]:
    return [Rejected("the address is blocked") for _ in batch]


# --- what is in it --------------------------------------------------------------------------------


def test_an_archive_without_issues_says_so(client: Visitor) -> None:
    answer = client.get("/archive/")

    assert answer.status == 200
    assert "Nothing has been sent yet." in answer.text
    assert client.get("/feed.json").json["items"] == []
    assert len(etree.fromstring(client.get("/feed.xml").content).findall(f"{ATOM}entry")) == 0


def test_an_issue_appears_when_it_reached_somebody_and_not_before(
    client: Visitor, store: Store, clock: FixedClock
) -> None:
    """A send that is planned, and one that waits for its time, are drafts to the public."""
    send_id = planned(store, "news", letter(), clock)
    planned(store, "later", letter("Later"), clock, scheduled_at=clock() + dt.timedelta(days=1))
    clock.forward(2)
    assert titles(client) == []
    assert client.get("/archive/news/").status == 404

    run.run(worker(store, Memory(), clock=clock), send_id)
    clock.forward(2)

    assert titles(client) == ["The news"]
    assert "here it is" in client.get("/archive/news/").text
    assert client.get("/archive/later/").status == 404


def test_an_issue_that_everybody_was_refused_is_not_shown(
    client: Visitor, store: Store, clock: FixedClock
) -> None:
    sent(store, "news", letter(), clock, transport=Memory(refused))
    clock.forward(2)

    assert titles(client) == []
    assert client.get("/archive/news/").status == 404


def test_an_issue_that_was_cancelled_after_some_had_it_is_shown(
    client: Visitor, store: Store, clock: FixedClock
) -> None:
    """It is in their mailboxes: the link in it must lead somewhere."""

    def stops(send_id: str, batch: Sequence[Message]) -> list[Outcome]:
        one_batch.stop.set()
        return Memory().deliver(send_id, batch)

    fill_list(store, 200, "readers2", first=10)
    send_id = planned(store, "news", letter(), clock, list_name="readers2")
    one_batch = worker(store, Memory(stops), clock=clock)
    run.run(one_batch, send_id)
    control.cancel(store, send_id, clock)
    clock.forward(2)

    assert titles(client) == ["The news"]


def test_the_newest_render_of_an_issue_is_shown_at_its_first_date(
    client: Visitor, store: Store, clock: FixedClock
) -> None:
    sent(store, "news", letter("Wrogn"), clock)
    clock.forward(86400)
    sent(store, "other", letter("Other"), clock)
    clock.forward(86400)
    sent(store, "news", letter("Right"), clock, again="a typo")
    clock.forward(2)

    assert titles(client) == ["Other", "Right"]
    (_, item) = client.get("/feed.json").json["items"]
    assert item["date_published"] == "2026-01-07T08:00:00+00:00"
    assert item["date_modified"] > item["date_published"]


def test_lists_that_are_not_public_are_left_out(
    store: Store, tmp_path: Path, clock: FixedClock
) -> None:
    fill_list(store, 1)
    fill_list(store, 1, "staff", first=5)
    sent(store, "news", letter("For all"), clock)
    sent(store, "secret", letter("For us"), clock, list_name="staff")

    with visiting(site_of(store, tmp_path, web={"archive_lists": ["readers"]})) as client:
        assert titles(client) == ["For all"]
        assert client.get("/archive/secret/").status == 404


def test_what_went_to_a_segment_is_shown_once_it_went_to_a_whole_list(
    client: Visitor, store: Store, clock: FixedClock
) -> None:
    """It may hold what only some should read. Its mails link to a page that says no more."""
    rule = 'address = "r1@example.com"'
    sent(store, "secret", letter("For one"), clock, segment="first", rule=rule)
    clock.forward(2)

    absent = client.get("/archive/secret/")
    assert titles(client) == []
    assert "For one" not in client.get("/feed.xml").text + client.get("/feed.json").text
    assert absent.status == 404
    assert "went to some readers only" in absent.text
    assert client.get("/archive/nothing/").content == absent.content

    sent(store, "secret", letter("For all"), clock)
    clock.forward(2)
    assert titles(client) == ["For all"]


@on_sqlite
def test_the_index_is_paged(client: Visitor, store: Store, clock: FixedClock) -> None:
    for number in range(101):
        sent(store, f"issue-{number}", letter(f"Issue {number}"), clock)
        clock.forward(60)

    assert titles(client) == [f"Issue {number}" for number in reversed(range(101))]
    assert client.get("/archive/page/3/").status == 200
    for page in ("0", "1", "4", "-1", "x", "02", "%D9%A3"):
        assert client.get(f"/archive/page/{page}/").status == 404


# --- the page of an issue -------------------------------------------------------------------------


def test_the_page_is_the_mail_with_links_that_are_nobodys(
    client: Visitor, store: Store, clock: FixedClock
) -> None:
    sent(store, "news", letter(), clock)

    answer = client.get("/archive/news/")

    page = lxml_html.fromstring(answer.text)
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert page.cssselect("p")[0].text == "Dear, here it is."
    assert page.xpath("//a[text()='leave']/@href") == ["../#leave"]
    assert 'id="leave"' in client.get("/archive/").text
    for text in (answer.text, client.get("/feed.json").text, client.get("/feed.xml").text):
        assert not re.search(r"/u/|/preferences/|example\.com/confirm", text)


def test_the_page_may_load_pictures_and_nothing_else(
    client: Visitor, store: Store, clock: FixedClock
) -> None:
    """In a header and, for the static site, in the page."""
    sent(store, "news", letter(), clock)

    answer = client.get("/archive/news/")

    (said,) = lxml_html.fromstring(answer.text).xpath(
        "//meta[@http-equiv='Content-Security-Policy']/@content"
    )
    assert answer.headers.get_all("content-security-policy") == [POLICY]
    assert f"{said}; frame-ancestors 'none'" == POLICY


def test_the_bar_speaks_the_language_of_the_mail(
    client: Visitor, store: Store, clock: FixedClock
) -> None:
    sent(store, "news", letter(language="zh-CN"), clock)

    (bar,) = lxml_html.fromstring(client.get("/archive/news/").text).cssselect("body > nav")

    assert bar.get("lang") == "zh-CN"
    links = [(link.text, link.get("href")) for link in bar.cssselect("a")]
    assert links == [
        ("The Quiet Machine", "../"),
        ("往期内容", "../"),
        ("订阅", f"{BASE_URL}/subscribe/readers"),
    ]


def test_each_issue_is_shown_in_its_own_direction(
    client: Visitor, store: Store, clock: FixedClock
) -> None:
    """Whatever the language of the newsletter."""
    sent(store, "arabic", letter("خبر", language="ar"), clock)
    clock.forward(60)
    sent(store, "english", letter("News"), clock)

    index = lxml_html.fromstring(client.get("/archive/").text)
    bars = lxml_html.fromstring(client.get("/archive/arabic/").text).cssselect("body > nav")

    assert index.get("dir") == "ltr"
    assert [item.get("dir") for item in index.cssselect(".issues li")] == ["ltr", "rtl"]
    assert [bar.get("dir") for bar in bars] == ["rtl", "rtl"]


def test_nobody_is_asked_to_join_a_list_whose_form_is_closed(
    store: Store, tmp_path: Path, clock: FixedClock
) -> None:
    fill_list(store, 1)
    sent(store, "news", letter(), clock)

    with visiting(site_of(store, tmp_path, web={"subscribe_lists": []})) as client:
        for path in ("/archive/", "/archive/news/"):
            assert "/subscribe/" not in client.get(path).text


def test_search_machines_may_keep_the_archive(
    client: Visitor, store: Store, clock: FixedClock
) -> None:
    sent(store, "news", letter(), clock)

    for path in ("/archive/", "/archive/news/"):
        assert '<meta name="robots" content="index, follow">' in client.get(path).text
        assert "noindex" not in client.get(path).text


def test_slugs_of_any_script_have_pages(client: Visitor, store: Store, clock: FixedClock) -> None:
    slug = "2026-慢软件-ß"
    sent(store, slug, letter(), clock)

    assert client.get(f"/archive/{quote(slug)}/").status == 200
    assert f'href="../archive/{quote(slug)}/"' in client.get("/archive/").text
    assert client.get("/feed.json").json["items"][0]["url"] == (
        f"{BASE_URL}/archive/{quote(slug)}/"
    )


def test_titles_are_text_wherever_they_stand(
    client: Visitor, store: Store, clock: FixedClock
) -> None:
    title = "</title><script>alert(1)</script>\"'&"
    sent(store, "news", letter(title), clock)

    for path in ("/archive/", "/archive/news/"):
        page = lxml_html.fromstring(client.get(path).text)
        assert page.xpath("//script") == []
    assert client.get("/feed.json").json["items"][0]["title"] == title
    entry = etree.fromstring(client.get("/feed.xml").content).find(f"{ATOM}entry")
    assert entry is not None
    assert entry.findtext(f"{ATOM}title") == title


# --- feeds ----------------------------------------------------------------------------------------


@on_sqlite
def test_feeds_hold_the_newest_twenty(client: Visitor, store: Store, clock: FixedClock) -> None:
    for number in range(22):
        sent(store, f"issue-{number}", letter(f"Issue {number}"), clock)
        clock.forward(60)
    expected = [f"Issue {number}" for number in reversed(range(2, 22))]

    atom = client.get("/feed.xml")
    feed = client.get("/feed.json")

    tree = etree.fromstring(atom.content)
    assert atom.headers["content-type"].startswith("application/atom+xml")
    assert [entry.findtext(f"{ATOM}title") for entry in tree.findall(f"{ATOM}entry")] == expected
    assert str(tree.findtext(f"{ATOM}id")).startswith("urn:uuid:")
    links = {link.get("rel"): link.get("href") for link in tree.findall(f"{ATOM}link")}
    assert links == {"alternate": f"{BASE_URL}/archive/", "self": f"{BASE_URL}/feed.xml"}
    for entry in tree.findall(f"{ATOM}entry"):
        assert all(entry.findtext(f"{ATOM}{name}") for name in ("id", "updated", "published"))
    assert feed.headers["content-type"].startswith("application/feed+json")
    assert feed.json["version"] == "https://jsonfeed.org/version/1.1"
    assert [item["title"] for item in feed.json["items"]] == expected
    assert {item["content_text"] for item in feed.json["items"]} == {"The news."}
    assert {entry.findtext(f"{ATOM}content") for entry in tree.iter(f"{ATOM}entry")} == {
        "<p>Dear, here it is.</p>"
    }
    assert {item["content_html"] for item in feed.json["items"]} == {"<p>Dear, here it is.</p>"}


def test_no_id_changes_when_the_site_moves_or_an_issue_is_sent_again(
    store: Store, tmp_path: Path, clock: FixedClock
) -> None:
    """RFC 4287, 4.2.6: readers would show all issues as new."""
    fill_list(store, 2)
    sent(store, "news", letter(), clock)
    sent(store, "other", letter("Other"), clock)
    before = ids(site_of(store, tmp_path, clock=clock))
    clock.forward(86400)
    sent(store, "news", letter("Right"), clock, again="a typo")
    clock.forward(2)

    moved = site_of(store, tmp_path, clock=clock, base_url="https://other.example/letters")

    assert ids(moved) == before
    assert len(set(before)) == 3  # the feed's own, and those of two issues in both feeds


def ids(site: Site) -> list[str]:
    with visiting(site) as visitor:
        tree = etree.fromstring(visitor.get("/feed.xml").content)
        items = visitor.get("/feed.json").json["items"]
    atom = sorted(str(element.text) for element in tree.iter(f"{ATOM}id"))
    return atom + sorted(item["id"] for item in items)


def test_the_address_of_the_site_leads_to_the_archive(client: Visitor) -> None:
    answer = client.get("/")
    robots = client.get("/robots.txt").text

    assert (answer.status, answer.headers["location"]) == (308, "archive/")
    assert [line for line in robots.splitlines() if line.startswith("Disallow")] == [
        "Disallow: /u/",
        "Disallow: /preferences/",
        "Disallow: /confirm/",
    ]


# --- HTTP -----------------------------------------------------------------------------------------

PATHS = ("/archive/", "/archive/news/", "/feed.xml", "/feed.json")


@pytest.mark.parametrize("path", PATHS)
def test_a_copy_that_is_the_same_is_not_sent_again(
    client: Visitor, store: Store, clock: FixedClock, path: str
) -> None:
    sent(store, "news", letter(), clock)

    first = client.get(path)

    assert first.headers["cache-control"] == "public, max-age=10"
    tag, date = first.headers["etag"], first.headers["last-modified"]
    for known in (
        {"If-None-Match": tag},
        {"If-None-Match": f'"other", W/{tag}'},
        {"If-None-Match": "*"},
        {"If-Modified-Since": date},
    ):
        again = client.get(path, known)
        assert (again.status, again.content) == (304, b"")
        assert again.headers["etag"] == tag
    for other in (
        {"If-None-Match": '"other"', "If-Modified-Since": date},
        {"If-Modified-Since": "Mon, 05 Jan 2026 00:00:00 GMT"},
        {"If-Modified-Since": "yesterday"},
    ):
        assert client.get(path, other).content == first.content


@pytest.mark.parametrize("path", PATHS)
def test_head_and_queries_answer_as_the_page_does(
    client: Visitor, store: Store, clock: FixedClock, path: str
) -> None:
    sent(store, "news", letter(), clock)
    page = client.get(path)

    head = client.get(path, method="HEAD")
    query = client.get(f"{path}?page=2&utm_source=x")

    assert (head.status, head.content) == (200, b"")
    assert head.headers["content-length"] == page.headers["content-length"]
    assert query.content == page.content


def test_a_changed_archive_has_another_tag(
    client: Visitor, store: Store, clock: FixedClock
) -> None:
    sent(store, "news", letter(), clock)
    before = client.get("/archive/")
    clock.forward(60)
    sent(store, "more", letter("More"), clock)
    clock.forward(2)

    after = client.get("/archive/", headers={"If-None-Match": before.headers["etag"]})

    assert after.status == 200
    assert after.headers["last-modified"] > before.headers["last-modified"]


def test_a_path_without_its_slash_leads_there_whatever_the_host(
    client: Visitor, store: Store, clock: FixedClock
) -> None:
    sent(store, "慢", letter(), clock)

    answer = client.get(f"/archive/{quote('慢')}", headers={"Host": "evil.example"})

    assert (answer.status, answer.headers["location"]) == (308, f"{quote('慢')}/")
    assert client.get("/archive").headers["location"] == "archive/"
    assert client.get("/archive/none").status == 404


STRANGE = [
    "/archive/../../etc/passwd",
    "/archive/../../etc/passwd/",
    "/archive/%2e%2e/",
    "/archive/%2e%2e%2f%2e%2e%2fetc%2fpasswd/",
    "/archive/..%5c..%5cetc%5cpasswd/",
    "/archive/%00/",
    "/archive/news%00/",
    "/archive/news%00.html/",
    "/archive/%c0%ae%c0%ae/",
    "/archive/%c0%ae%c0%ae%c0%afetc/",
    "/archive/%ff%fe/",
    "/archive/%ed%a0%80/",
    "/archive/unknown/",
    "/archive/draft/",
    "/archive/NEWS/",
    "/archive/news/index.html",
    "/archive/news//",
    "/archive//",
    "/archive/page/",
    "/archive/page/1/index.html/",
    "/archive/news%2findex.html/",
    "/archive/%0d%0aSet-Cookie:x/",
    "/archive/page/%2e%2e/",
    f"/archive/{'a' * 10_000}/",
    f"/archive/{'%e6%85%a2' * 1_100}/",
]


def test_strange_paths_are_not_found(client: Visitor, store: Store, clock: FixedClock) -> None:
    """Paths are looked up among the pages there are, and never on the disk."""
    sent(store, "news", letter(), clock)
    planned(store, "draft", letter("Draft"), clock)
    clock.forward(2)

    for path, method in itertools.product(STRANGE, ("GET", "HEAD")):
        answer = client.get(path, method=method)
        assert answer.status == 404, path[:40]
        assert "root:" not in answer.text, path[:40]


def test_an_issue_that_is_only_a_file_is_never_served(
    store: Store, tmp_path: Path, clock: FixedClock
) -> None:
    (tmp_path / "issues").mkdir()
    (tmp_path / "issues" / "2026-01-07-draft.md").write_text("# Draft\n\nNot yet.\n")

    with visiting(site_of(store, tmp_path, clock=clock)) as client:
        assert client.get("/archive/2026-01-07-draft/").status == 404
        assert titles(client) == []


def test_the_sealed_mail_is_read_once(client: Visitor, store: Store, clock: FixedClock) -> None:
    """Later requests find the finished page, and the newest one is looked for once a second."""
    sent(store, "news", letter(), clock)
    client.get("/archive/news/")

    with statements(store) as asked:
        for _ in range(20):
            assert client.get("/archive/news/").status == 200

    assert asked == []
