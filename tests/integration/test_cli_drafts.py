"""`newsletter new` from feeds and from archives: what is written, and what is told of it."""

import re
from pathlib import Path

import pytest

from tests.integration.commandline import Call
from tests.unit.drafts.samples import GHOST, SUBSTACK, as_zip

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


def test_an_archive_is_looked_at_and_adopted_as_its_page_says(call: Call, project: Path) -> None:
    page = (Path(__file__).parents[2] / "docs" / "adopting.md").read_text("utf-8")
    as_zip(GHOST, project / "export.zip")
    before = {path.name for path in (project / "issues").iterdir()}
    look, adopt, check = re.findall(r"^   newsletter (.*)$", page, re.MULTILINE)

    looked = call(*look.split())
    assert {path.name for path in (project / "issues").iterdir()} == before
    adopted = call(*adopt.split())

    assert (looked.code, adopted.code, call(*check.split()).code) == (0, 0, 3)  # one is a draft
    assert "3 issues of ghost would be adopted, 1 of them drafts, with 3 pictures." in looked.err
    assert "3 issues of ghost adopted, 1 of them drafts, with 3 pictures." in adopted.err
    assert "looms.ghost.2024-06-07.json#about: it is a page, not a post" in adopted.err
    assert "A line for each change: changes.csv" in looked.err
    assert (project / "changes.csv").read_text("utf-8").count("\n") > 10
    assert call(*look.split()).code == 2  # a report that stands there is not replaced


def test_what_was_adopted_is_counted(call: Call, project: Path) -> None:
    as_zip(SUBSTACK, project / "export.zip")

    counts = call("new", "--from", "export.zip", "--json").json

    issues = Path.cwd() / "issues"
    findings = counts.pop("findings")
    assert counts == {
        "dry_run": False,
        "system": "substack",
        "adopted": 2,
        "drafts": 1,
        "pictures": 0,
        "files": [str(issues / "2024-03-04-a-loom.md"), str(issues / "2024-04-05-draft.md")],
        "left": [{"place": "posts.csv#103.gone", "reason": "there is no file of it in posts"}],
        "changes": {"dropped": 2, "picture-remote": 1, "noted": 2, "left": 1},
        "report": None,
    }
    assert findings["draft-issue"] == 1


@pytest.mark.parametrize(
    "arguments",
    [
        ["--dry-run"],
        ["--report", "x.csv"],
        ["--system", "hugo"],
        ["--fetch-pictures"],
        ["--from", "none"],
        ["--from", "issues"],
        ["A title", "--from", "issues"],
        ["--from", "issues", "--from-feed", "x"],
    ],
)
def test_what_makes_no_sense_of_an_archive_is_refused(call: Call, arguments: list[str]) -> None:
    assert call("new", *arguments, "--json").code == 2
