"""What the foot of a mail says of its list and the issue before, from planning to the archive."""

import datetime as dt
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from newsletter.audience import lists as service
from newsletter.config import WebSettings
from newsletter.model.email import IN_MAIL, Email, MergeField, Place
from newsletter.model.listing import Hiding
from newsletter.model.send import Foot
from newsletter.sending import foot, rescheduling, run
from newsletter.sending.plan import Order, Rendered, plan
from newsletter.store import Store
from newsletter.store.ledger import corrections, sends
from newsletter.transports.memory import Memory
from newsletter.web.issues import Archive
from tests.integration.commandline import Call
from tests.integration.publishing import letter, site_of
from tests.integration.sending import NOW, alter, fill_list, worker

if TYPE_CHECKING:
    pass

LATER = NOW + dt.timedelta(days=1)


def _passage(needs: str, *inner: str | MergeField) -> tuple[str | MergeField, ...]:
    return (MergeField(needs, Place.BEGINS), *inner, MergeField(needs, Place.ENDS))


def email(title: str = "The news") -> Email:
    html = (
        "<!DOCTYPE html><html><head><title>x</title></head><body><h1>News</h1>",
        *_passage(IN_MAIL, "<p>joined ", MergeField("list_name", Place.HTML, "this list"), "</p>"),
        *_passage("subscribe_url", "<p>", MergeField("subscribe_url", Place.HTML), "</p>"),
        *_passage(
            "previous_url",
            '<p><a href="',
            MergeField("previous_url", Place.URL),
            '">before: ',
            MergeField("previous_title", Place.HTML),
            "</a></p>",
        ),
        '<p><a href="',
        MergeField("unsubscribe_url", Place.URL),
        '">leave</a></p></body></html>',
    )
    return letter(title, html)


def order(
    slug: str, web: WebSettings | None = None, *, title: str = "", segment: str = ""
) -> Order:
    return Order(
        slug=slug,
        email=email(title or slug),
        list_name="readers",
        segment=segment,
        rule="confirmed" if segment else "",
        web=web or WebSettings(),
    )


def mailed(store: Store, send: Order, now: dt.datetime = NOW) -> str:
    """The HTML that the first reader of a send got."""
    transport = Memory()
    run.run(worker(store, transport), plan(store, send, now))
    return transport.delivered[0].html


def test_a_mail_leads_to_the_issue_before(store: Store) -> None:
    fill_list(store, 1)

    first = mailed(store, order("first", title="First & last"))
    second = mailed(store, order("second"))
    again = mailed(store, replace(order("second"), again="a slip"))

    assert "before" not in first
    shown = '<a href="https://news.example.com/archive/first/">before: First &amp; last</a>'
    assert shown in second
    assert shown in again  # never to itself


@pytest.mark.parametrize(
    "before",
    [
        order("before", segment="some"),  # for some readers alone: the archive does not show it
        replace(order("before"), list_name="others"),
        replace(order("before"), scheduled_at=LATER),
    ],
)
def test_what_the_web_does_not_show_of_this_list_is_not_the_issue_before(
    store: Store, before: Order
) -> None:
    fill_list(store, 1)
    fill_list(store, 1, "others", first=9)
    send_id = plan(store, replace(before, rule=""), NOW)
    if before.scheduled_at is None:
        run.run(worker(store, Memory()), send_id)

    assert "before" not in mailed(store, order("now"))


def test_a_list_whose_issues_are_not_public_has_none_before(store: Store) -> None:
    fill_list(store, 1)
    mailed(store, order("first"))
    closed = WebSettings(archive_lists=(), subscribe_lists=("others",))

    html = mailed(store, order("second", closed))

    assert "before" not in html
    assert "/subscribe/" not in html


def test_a_send_that_reached_nobody_is_no_issue_before(store: Store) -> None:
    fill_list(store, 1)
    plan(store, order("never"), NOW)  # and nobody runs it

    with store.read() as connection:
        assert foot.foot_of(connection, "readers", "now", WebSettings()).previous_slug == ""


def test_a_hidden_issue_is_no_issue_before(store: Store) -> None:
    fill_list(store, 1)
    mailed(store, order("first"))
    mailed(store, order("second"))
    with store.write() as connection:
        corrections.hide(connection, Hiding("second", NOW, "", ""))

    assert "before: first" in mailed(store, order("third"))


def test_the_foot_is_sealed_when_the_send_is_planned(store: Store) -> None:
    fill_list(store, 1)
    service.edit(store, "readers", title="As planned")
    mailed(store, order("first"))
    transport = Memory()
    send_id = plan(store, order("third"), NOW)

    mailed(store, order("second"))
    service.edit(store, "readers", title="Changed since")
    run.run(worker(store, transport), send_id)

    html = transport.delivered[0].html
    assert "joined As planned" in html
    assert "/archive/first/" in html
    assert "/subscribe/readers" in html


def test_the_foot_of_another_content_is_that_of_its_day(store: Store) -> None:
    """`reschedule --replace` seals anew; another time alone does not."""
    fill_list(store, 1)
    send_id = plan(store, replace(order("later"), scheduled_at=LATER), NOW)
    service.edit(store, "readers", title="New")

    def sealed() -> Foot:
        with store.read() as connection:
            return sends.record(connection, sends.number_of(connection, send_id)).foot

    rescheduling.reschedule(store, send_id, LATER + dt.timedelta(days=1), None)
    assert sealed() == Foot("", True)

    later = Rendered(email("later"), "h")
    rescheduling.reschedule(store, send_id, None, later, WebSettings(subscribe_lists=()))
    assert sealed() == Foot("New", False)


def test_the_page_of_the_archive_says_nothing_that_only_a_mail_says(
    store: Store, tmp_path: Path
) -> None:
    fill_list(store, 1)
    mailed(store, order("first"))
    mailed(store, order("second"))
    archive = Archive(site_of(store, tmp_path))
    archive.refresh()

    page = archive.file("archive/second/index.html")
    feed = archive.file("feed.json")

    assert page is not None
    assert feed is not None
    assert '<a href="../first/">before: first</a>' in page.content.decode()
    assert "joined" not in page.content.decode()
    assert "joined" not in feed.content.decode()
    assert "before" not in feed.content.decode()


def test_the_page_leads_to_no_issue_that_is_no_longer_public(store: Store, tmp_path: Path) -> None:
    fill_list(store, 1)
    mailed(store, order("first"))
    mailed(store, order("second"))
    with store.write() as connection:
        (first, _) = sorted(each.id for each in sends.newest_first(connection))
        number = sends.number_of(connection, first)
        slug = sends.record(connection, number).slug
        alter(connection, number, segment="some")
    other = {"first": "second", "second": "first"}[slug]
    archive = Archive(site_of(store, tmp_path))
    archive.refresh()

    page = archive.file(f"archive/{other}/index.html")

    assert page is not None
    assert "before" not in page.content.decode()


def test_what_was_tested_is_what_is_sent(call: Call, project: Path) -> None:
    """The test of an issue that names its list shows the foot that a send would have."""
    call("subscribers", "import", "subscribers/example.csv", "--list", "readers")
    call("lists", "edit", "readers", "--title", "The Letter")
    for issue in (project / "issues").glob("*.md"):
        issue.write_text(issue.read_text().replace("date:", "list: readers\ndate:", 1))

    call("send", "2026-01-07-valley", "--yes")
    (other,) = [p.stem for p in (project / "issues").glob("*.md") if "valley" not in p.stem]
    tested = call("test", other, "--to", "me@example.com", "--json").json
    sent = call("send", other, "--yes", "--json").json

    assert tested["content_hash"] == sent["content_hash"]
    texts = [
        next((project / "outbox" / folder).glob("*.eml")).read_text().partition("=E2=94=81")[2]
        for folder in ("test", sent["send_id"])
    ]
    assert all("because you joined The Letter" in text for text in texts)
    assert all("Previous issue: News of the valley" in text for text in texts)


def test_a_test_of_an_issue_that_names_no_list_is_as_for_the_only_one(
    call: Call, project: Path
) -> None:
    call("lists", "create", "readers", "--title", "The Letter")
    path = project / "issues" / "2026-01-07-valley.md"
    path.write_text(path.read_text() + "\nIn {{ subscriber.town | default('town') }}.\n")

    one = call("test", path.stem, "--to", "me@example.com")
    call("lists", "create", "others")
    two = call("test", path.stem, "--to", "me@example.com")

    shown = [
        "The Letter" in mail.read_text() for mail in sorted((project / "outbox/test").glob("*.eml"))
    ]
    assert shown == [True, False]
    assert "nobody of readers has" in one.err
    assert "nobody has" in two.err
