"""Two issues with one slug: neither is sent, for nobody could say later which one was."""

import json
from pathlib import Path

import pytest

from newsletter.desk.prepare import prepare
from newsletter.digest import front_matter
from newsletter.project import Project
from tests.counting import calls
from tests.integration.commandline import ISSUE, Call, write_issue


def duplicates(call: Call, issue: str) -> list[tuple[str, int, str]]:
    """(file, line, message) of what lint says of the slug of an issue."""
    found = [json.loads(line) for line in call("lint", issue, "--json").out.splitlines()]
    return [(f["file"], f["line"], f["message"]) for f in found if f["rule"] == "duplicate-slug"]


def test_each_of_two_issues_with_one_slug_names_the_other(call: Call, project: Path) -> None:
    write_issue(project, "2026-01-08-a.md", slug="looms")
    write_issue(project, "2026-01-09-b.md", category="Craft", slug="Looms")

    assert duplicates(call, "2026-01-08-a") == [
        ("issues/2026-01-08-a.md", 2, "issues/2026-01-09-b.md:3 has the slug 'looms' too")
    ]
    assert duplicates(call, "2026-01-09-b") == [
        ("issues/2026-01-09-b.md", 3, "issues/2026-01-08-a.md:2 has the slug 'looms' too")
    ]


def test_it_keeps_lint_and_send_from_their_work_but_not_render(
    call: Call, project: Path, readers: str
) -> None:
    write_issue(project, "2026-01-08-a.md", slug="2026-01-07-valley")

    assert call("lint", "2026-01-08-a").code == 3
    sent = call("send", "2026-01-08-a", "--list", readers, "--yes", "--json")
    rendered = call("render", "2026-01-08-a", "--out", "out", "--json")

    assert sent.code == 3
    assert sent.error["where"] == "issues/2026-01-08-a.md:2"
    assert call("sends", "--json").out == ""
    assert rendered.code == 0
    assert "duplicate-slug" in [found["rule"] for found in rendered.json["findings"]]


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ({"slug": "looms"}, {"slug": "LOOMS"}),
        ({"slug": "2026-01-09-b"}, {}),
        ({"slug": "2026"}, {"slug": '"2026"'}),
    ],
)
def test_slugs_are_compared_as_the_ledger_keeps_them(
    call: Call, project: Path, first: dict[str, str], second: dict[str, str]
) -> None:
    write_issue(project, "2026-01-08-a.md", **first)
    write_issue(project, "2026-01-09-b.md", **second)

    assert len(duplicates(call, "2026-01-08-a")) == 1


def test_file_names_that_differ_in_punctuation_alone_are_one_slug(
    call: Call, project: Path
) -> None:
    write_issue(project, "2026-01-07 Valley.md")

    assert len(duplicates(call, "2026-01-07-valley")) == 1


@pytest.mark.parametrize(
    "other",
    [
        b"---\nslug: looms\n\xff\n",
        b"---\nslug: other\nlooms: [\n---\n",
        b"",
        b"\0",
        b"---\nslug: looms\n",
    ],
)
def test_a_broken_neighbour_is_its_own_affair(call: Call, project: Path, other: bytes) -> None:
    """Its file name is compared still."""
    write_issue(project, "2026-01-08-a.md", slug="other")
    (project / "issues" / "Other.md").write_bytes(other)

    assert len(duplicates(call, "2026-01-08-a")) == 1


def test_lint_of_all_issues_tells_of_both(call: Call, project: Path) -> None:
    write_issue(project, "2026-01-08-a.md", slug="looms")
    write_issue(project, "2026-01-09-b.md", slug="looms")

    answer = call("lint", "--json")

    assert answer.code == 3
    assert [f["file"] for f in answer.lines if f["rule"] == "duplicate-slug"] == [
        "issues/2026-01-09-b.md",
        "issues/2026-01-08-a.md",
    ]


def test_a_copy_elsewhere_of_an_issue_has_its_slug(
    call: Call, project: Path, tmp_path: Path
) -> None:
    """Sending the copy first would have the issue itself refused as already sent."""
    copy = tmp_path / "2026-01-07-valley.md"
    copy.write_text(ISSUE)

    [(file, line, message)] = duplicates(call, str(copy))

    assert (file, line) == (str(copy), 1)
    assert message == "issues/2026-01-07-valley.md:1 has the slug '2026-01-07-valley' too"
    assert duplicates(call, "2026-01-07-valley") == []


def test_one_file_by_many_names_is_one_issue(
    call: Call, project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = project / "issues" / "2026-01-07-valley.md"
    link = tmp_path / path.name
    link.symlink_to(path)
    monkeypatch.chdir(project / "issues")

    for name in (
        "2026-01-07-valley",
        "2026-01-07-valley.md",
        str(path),
        "./../issues/" + path.name,
    ):
        assert duplicates(call, name) == []
    assert duplicates(call, str(link)) == []


def test_a_file_elsewhere_with_a_slug_of_its_own_is_fine(
    call: Call, project: Path, tmp_path: Path
) -> None:
    (tmp_path / "x copy.md").write_text(ISSUE)

    assert duplicates(call, str(tmp_path / "x copy.md")) == []


def test_only_the_front_matter_of_the_others_is_read(call: Call, project: Path) -> None:
    """One that is too large to be an issue has its slug all the same."""
    write_issue(project, "2026-01-08-a.md", slug="looms")
    write_issue(project, "2026-01-09-b.md", ISSUE + "[" * 2_000_000, slug="looms")

    assert len(duplicates(call, "2026-01-08-a")) == 1


def test_the_other_issues_are_not_read(project: Path) -> None:
    """Of a hundred that have slugs of their own, one is asked for."""
    for number in range(100):
        body = "\n\nThe slug of an animal: eighty stomachs, no eyes.\n" * 50
        write_issue(project, f"old-{number}.md", f"{ISSUE}{body}", slug=f"looms-{number}")
    opened = Project.open(project)

    read = calls(lambda: prepare(opened, "old-7"), of=front_matter.split)

    assert read <= 5
