"""What lint says of an issue among others, and of its date."""

import datetime as dt
import json
from pathlib import Path

import pytest

from newsletter.desk.prepare import prepare
from newsletter.project import Project, utc_now
from tests.integration.commandline import Call
from tests.unit.lint.examples import PROSE, front

UNLINKED = "---\ntitle: Looms\ndate: 2026-01-07\ncoverImage: https://e.example/c.png\n---\nLooms.\n"


def rules(call: Call, issue: str) -> set[str]:
    return {json.loads(line)["rule"] for line in call("lint", issue, "--json").out.splitlines()}


def fill(project: Path, linked: int, unlinked: int) -> None:
    for path in (project / "issues").glob("*.md"):
        path.unlink()
    for number in range(linked):
        (project / "issues" / f"2026-01-{10 + number}-linked.md").write_text(front() + PROSE)
    for number in range(unlinked):
        (project / "issues" / f"2026-02-{10 + number}-plain.md").write_text(UNLINKED)


@pytest.mark.parametrize(
    ("linked", "unlinked", "told"),
    [
        (2, 1, True),
        (3, 0, True),
        (2, 2, False),
        (0, 3, False),
        (2, 0, False),  # too few to be a habit, as the scaffold beside a first issue
        (1, 0, False),
        (0, 0, False),
    ],
)
def test_a_link_to_a_source_is_missed_where_most_issues_have_one(
    call: Call, project: Path, linked: int, unlinked: int, told: bool
) -> None:
    fill(project, linked, unlinked)
    (project / "issues" / "2026-03-01-new.md").write_text(UNLINKED)

    assert ("no-source-link" in rules(call, "2026-03-01-new")) is told


def test_a_link_of_its_own_is_enough(call: Call, project: Path) -> None:
    fill(project, 3, 0)

    assert "no-source-link" not in rules(call, "2026-01-10-linked")


def test_a_neighbours_cover_card_and_picture_are_no_source(call: Call, project: Path) -> None:
    fill(project, 0, 0)
    card = '\n---\n\n<div class="card"><a href="https://e.example/">Join</a></div>\n'
    for name in ("2026-01-01-a.md", "2026-01-02-b.md"):
        (project / "issues" / name).write_text(f"{UNLINKED}![x](https://e.example/x.png)\n{card}")
    (project / "issues" / "2026-03-01-new.md").write_text(UNLINKED)

    assert "no-source-link" not in rules(call, "2026-03-01-new")


TITLED = "---\n{}\ndate: 2026-01-07\n---\n" + PROSE


@pytest.mark.parametrize(
    ("earlier", "later", "told"),
    [
        ("title: Looms", "title: Looms!", True),
        ("title: 'Looms'", "title: Other\nsubject: looms", True),
        ("title: Looms\nsubject: Other", "title: Looms", False),
        ("title: Looms", "title: Looms\nsubject: Other", False),
        ("title: Looms 1", "title: Looms 2", False),
        ("title: Other", "title: Looms", False),
        ("author: Ann", "title: News of the valley", True),  # by its heading
        ("author: Ann", "title: Looms", False),
    ],
)
def test_a_title_of_an_earlier_issue_is_told(
    call: Call, project: Path, earlier: str, later: str, told: bool
) -> None:
    """By the subject, whatever its signs and capitals; the earlier one has its title rightly."""
    fill(project, 0, 0)
    heading = "\n# News of the valley\n" if "title" not in earlier else ""
    (project / "issues" / "2026-01-10-a.md").write_text(TITLED.format(earlier) + heading)
    (project / "issues" / "2026-01-11-b.md").write_text(TITLED.format(later))

    assert ("repeated-title" in rules(call, "2026-01-11-b")) is told
    assert "repeated-title" not in rules(call, "2026-01-10-a")


@pytest.mark.parametrize(("days", "told"), [(32, True), (31, False), (-400, False)])
def test_a_date_far_ahead_is_told_at_its_line(
    call: Call, project: Path, days: int, told: bool
) -> None:
    """Old issues are checked with the new ones, so that the past is no fault to lint."""
    today = dt.date(2026, 1, 7)
    path = project / "issues" / "looms.md"
    path.write_text(f"---\ntitle: Looms\ndate: {today + dt.timedelta(days)}\n---\nLooms.\n")

    found = prepare(Project.open(project), str(path), today=today).findings

    lines = [finding.position.line for finding in found if finding.rule == "date-far"]
    assert lines == ([3] if told else [])


def test_an_issue_of_last_year_is_told_before_it_is_sent(
    call: Call, project: Path, readers: str
) -> None:
    day = utc_now().date()
    for name, date in (("old", day - dt.timedelta(365)), ("new", day)):
        source = front(f"date: {date}", without="date") + PROSE
        (project / "issues" / f"{name}.md").write_text(source)

    old = call("send", "old", "--list", readers, "--dry-run")
    new = call("send", "new", "--list", readers, "--dry-run")
    planned = call(
        "send", "new", "--list", readers, "--dry-run", "--at", f"{day.year + 1}-12-31 08:00"
    )

    assert "days before it goes out." in old.err
    assert f"Warning: the issue is dated {day - dt.timedelta(365)}, 36" in old.err
    assert "days before it goes out." not in new.err
    assert "days before it goes out." in planned.err
