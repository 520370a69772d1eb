"""`newsletter new --from-feed`: a draft, and what became of the entries."""

from pathlib import Path

import pytest

from tests.integration.commandline import Call

FEED = """<?xml version="1.0"?><rss version="2.0"><channel><title>Looms</title>
<item><title>One</title><link>https://example.com/1</link></item>
<item><title>Two</title><link>https://example.com/2</link>
<pubDate>Wed, 07 Jan 2026 08:00:00 GMT</pubDate></item></channel></rss>"""


@pytest.fixture
def feed(project: Path) -> str:
    (project / "feed.xml").write_text(FEED, "utf-8")
    return "feed.xml"


def test_a_draft_is_written_and_its_entries_are_counted(call: Call, feed: str) -> None:
    answer = call("new", "Week", "--date", "2026-03-04", "--from-feed", feed, "--json")

    assert answer.code == 0
    assert answer.json == {
        "file": str(Path.cwd() / "issues" / "2026-03-04-week.md"),
        "slug": "2026-03-04-week",
        "entries": 2,
        "skipped_known": 0,
        "skipped_old": 0,
        "skipped_more": 0,
        "feeds": [{"source": "feed.xml", "title": "Looms", "entries": 2, "problem": ""}],
    }
    assert call("lint", "2026-03-04-week").code == 3


def test_nothing_new_is_no_failure(call: Call, feed: str) -> None:
    call("new", "--from-feed", feed)

    answer = call("new", "--from-feed", feed)

    assert answer.code == 0
    assert answer.out == ""
    assert answer.err == "0 new, 2 in an issue already: no draft was written.\n"


def test_the_feeds_of_the_settings_are_asked_together(call: Call, feed: str, project: Path) -> None:
    settings = project / "newsletter.toml"
    before = call("new", "--from-feeds")
    settings.write_text(f'{settings.read_text("utf-8")}\n[feeds]\nurls = ["{feed}"]\n', "utf-8")

    after = call("new", "--from-feeds", "--since", "2026-01-08")

    assert before.code == 2
    assert "names no feeds" in before.err
    assert after.err == "1 new, 1 too old.\n"


def test_a_page_that_is_no_feed_is_told(call: Call, project: Path) -> None:
    Path("page.html").write_text("<html><body>x</body></html>", "utf-8")

    answer = call("new", "--from-feed", "page.html", "--json")

    assert answer.code == 1
    assert answer.error["message"] == "this is a web page, not a feed"
    assert not list((project / "issues").glob("*draft*"))
