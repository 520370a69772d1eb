"""Entries of feeds as a draft."""

import datetime as dt
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from newsletter.desk.prepare import prepare
from newsletter.drafts.drafting import Draft, draft, since_of
from newsletter.drafts.fetching import Fetched
from newsletter.drafts.wishes import Grouping, Wishes
from newsletter.errors import NewsletterError, Refused, UsageError
from newsletter.model.inline import Image
from newsletter.model.walking import plain_text, walk
from newsletter.project import Project
from tests.unit.drafts.projects import project_in

NOW = dt.datetime(2026, 1, 7, 20, tzinfo=dt.UTC)  # the 8th in Tokyo


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return project_in(tmp_path)


def item(name: str, **facts: object) -> dict[str, object]:
    return {
        "id": f"tag:{name}",
        "url": f"https://example.com/{name}",
        "title": f"About {name}",
        "content_html": f"<p>What {name} is.</p>",
        "date_published": "2026-01-07T08:00:00Z",
    } | facts


def page(*items: Mapping[str, object], title: str = "Looms") -> Fetched:
    facts = {"version": "https://jsonfeed.org/version/1.1", "title": title, "items": items}
    return Fetched("https://feeds.example/feed.json", json.dumps(facts).encode())


def drafted(project: Project, *pages: Fetched, **wishes: Any) -> Draft:
    by_name = {f"https://feeds.example/{number}": each for number, each in enumerate(pages)}
    return draft(project, tuple(by_name), Wishes(**wishes), NOW, fetch=by_name.__getitem__)


def text_of(result: Draft) -> str:
    assert result.path is not None
    return result.path.read_text("utf-8")


def test_a_draft_has_sections_and_items_with_their_source_and_date(project: Project) -> None:
    result = drafted(
        project,
        page(
            item("one", tags=["Craft"]),
            item("two", date_published="2026-01-06T18:00:00Z"),
            item("three", tags=["Craft"], date_published=None),
        ),
        title="The week: looms",
    )

    assert result.path == project.issues / "2026-01-08-the-week-looms.md"
    assert (
        text_of(result)
        == """\
---
title: "The week: looms"
date: 2026-01-08
draft: true
summary:
  - "TODO: write what readers find here"
---

## Craft

### [About one](https://example.com/one)

<!-- entry: tag:one -->

What one is.

*Looms · Wednesday, 7 January 2026*

### [About three](https://example.com/three)

<!-- entry: tag:three -->

What three is.

*Looms*

## Looms

### [About two](https://example.com/two)

<!-- entry: tag:two -->

What two is.

*Looms · Wednesday, 7 January 2026*
"""
    )


def test_lint_tells_what_an_editor_has_to_write(project: Project) -> None:
    drafted(project, page(item("one")))

    findings = prepare(project, "2026-01-08-draft").findings

    unfinished = [each.position.line for each in findings if each.rule == "unfinished-text"]
    assert unfinished == [2, 6]
    assert "draft-issue" in {each.rule for each in findings}


def test_no_entry_comes_twice_across_issues(project: Project) -> None:
    """By its link, however that is written, or by its id."""
    (project.issues / "earlier.md").write_text("See <http://www.example.com/one/?utm_source=x>.")
    first = drafted(project, page(item("one", id="new"), item("two")))

    again = drafted(
        project,
        page(item("one"), item("two", url="https://moved.example/2"), item("three")),
        title="More",
    )

    assert (first.entries, first.skipped_known) == (1, 1)
    assert (again.entries, again.skipped_known) == (1, 2)
    assert "About three" in text_of(again)


def test_an_entry_of_several_feeds_comes_once(project: Project) -> None:
    result = drafted(
        project, page(item("one")), page(item("one", id="tag:other"), item("two"), title="Other")
    )

    assert text_of(result).count("example.com/one") == 1
    assert (result.entries, result.skipped_known) == (2, 1)


def test_nothing_new_writes_nothing(project: Project) -> None:
    drafted(project, page(item("one")))

    result = drafted(project, page(item("one")))

    assert result.path is None
    assert len(list(project.issues.iterdir())) == 1


def test_an_issue_in_the_way_is_left_as_it_is(project: Project) -> None:
    path = project.issues / "2026-01-08-draft.md"
    path.write_text("mine")

    with pytest.raises(Refused):
        drafted(project, page(item("one")))

    assert path.read_text() == "mine"


def test_a_feed_that_fails_leaves_nothing(project: Project) -> None:
    with pytest.raises(NewsletterError):
        drafted(project, page(item("one")), Fetched("https://x.example/", b"<html>"))

    assert not list(project.issues.iterdir())


def test_old_entries_and_more_than_the_limit_are_left_out(project: Project) -> None:
    """An entry without a date may be new; one of the future is the newest."""
    result = drafted(
        project,
        page(
            item("old", date_published="2026-01-01T00:00:00Z"),
            item("undated", date_published=None),
            item("future", date_published="2999-12-31T23:59:59Z"),
            item("new"),
        ),
        since=NOW - dt.timedelta(days=1),
        limit=2,
    )

    text = text_of(result)
    assert (result.entries, result.skipped_old, result.skipped_more) == (2, 1, 1)
    assert text.index("About future") < text.index("About new")
    assert "About undated" not in text


@pytest.mark.parametrize(
    ("grouping", "headings"),
    [
        (Grouping.CATEGORY, ["Craft", "Other"]),
        (Grouping.FEED, ["Looms", "Other"]),
        (Grouping.DAY, ["Wednesday, 7 January 2026", "Tuesday, 6 January 2026"]),
        (Grouping.NONE, ["About one", "About two"]),
    ],
)
def test_sections_are_what_was_asked_for(
    project: Project, grouping: Grouping, headings: list[str]
) -> None:
    drafted(
        project,
        page(item("one", tags=["Craft"])),
        page(item("two", date_published="2026-01-06T08:00:00Z"), title="Other"),
        grouping=grouping,
    )

    issue = prepare(project, "2026-01-08-draft").digest
    assert [plain_text(section.heading) for section in issue.sections] == headings


def test_an_excerpt_is_short_and_counts_nobody(project: Project) -> None:
    html = (
        '<img src="https://t.example/pixel.gif"><p>One <a href="https://x.example/?utm_source=y">'
        f'link</a> <img src="https://t.example/p.gif"> and {"words " * 100}</p><p>Never</p>'
        "<script>alert(1)</script>"
    )
    drafted(project, page(item("one", content_html=html)))

    issue = prepare(project, "2026-01-08-draft").digest
    [entry] = issue.items()
    text = text_of(drafted(project, page(item("two", content_html=html)), title="x"))
    assert not [node for node in walk(issue) if isinstance(node, Image)]
    assert "One [link](https://x.example/) and words" in text
    assert "words…" in text
    assert "Never" not in text
    assert "alert" not in text
    assert len(text) < 700
    assert entry.url == "https://example.com/one"


def test_an_entry_without_a_title_or_a_link_is_an_item_all_the_same(project: Project) -> None:
    drafted(
        project,
        page(
            item("one", title="", content_html="<p>Only a sentence.</p>"),
            item("two", url=None, content_html=""),
            item("three", title="", content_html=""),
        ),
    )

    items = list(prepare(project, "2026-01-08-draft").digest.items())
    assert [(plain_text(each.heading), each.url) for each in items] == [
        ("Only a sentence.", "https://example.com/one"),
        ("About two", None),
        ("https://example.com/three", "https://example.com/three"),
    ]


def test_thousands_of_entries_are_read(project: Project) -> None:
    result = drafted(project, page(*(item(str(number)) for number in range(2_000))))

    assert (result.entries, result.skipped_more) == (50, 1_950)


def test_more_than_an_issue_holds_is_refused(project: Project) -> None:
    pages = page(*(item(str(number), title=":" * 490) for number in range(110)))

    with pytest.raises(UsageError, match="so many entries make no issue"):
        drafted(project, pages, limit=110)

    assert not list(project.issues.iterdir())


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("7d", "2025-12-31T20:00+00:00"),
        ("12h", "2026-01-07T08:00+00:00"),
        ("1w", "2025-12-31T20:00+00:00"),
        ("2026-01-07", "2026-01-06T15:00+00:00"),
    ],
)
def test_since_is_a_day_of_the_newsletter_or_a_time_ago(text: str, moment: str) -> None:
    assert since_of(text, "Asia/Tokyo", NOW) == dt.datetime.fromisoformat(moment)


@pytest.mark.parametrize("text", ["", "7", "yesterday", "2026-02-30", "-1d"])
def test_since_is_refused_where_it_says_no_time(text: str) -> None:
    with pytest.raises(UsageError):
        since_of(text, "Asia/Tokyo", NOW)


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("none.xml", "there is no such file"),
        (".", "this is not a file"),
        ("a\0b", "name of a file"),
    ],
)
def test_a_file_that_cannot_be_read_is_told(project: Project, source: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        draft(project, (source,), Wishes(), NOW)
