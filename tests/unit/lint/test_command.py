"""`newsletter lint`: what it prints in each format, and how it leaves."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from newsletter.cli import COMMANDS
from newsletter.cli.frame import Group, run
from tests.unit.lint.examples import FRONT, PROSE, front

SETTINGS = """
[newsletter]
name = "Valley"
from = "Valley <news@example.com>"
base_url = "https://news.example.com"
postal_address = "1 Road, Valley"
"""


@dataclass(frozen=True)
class Answer:
    code: int
    out: str
    err: str


Lint = Callable[..., Answer]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "newsletter.toml").write_text(SETTINGS)
    issues = tmp_path / "issues"
    issues.mkdir()
    for name, text in {
        "good": FRONT + PROSE,
        "note": front(without="coverImage") + PROSE,
        "vague": FRONT + PROSE + "\n[here](https://example.com/1)\n",
        "draft": front("draft: true") + PROSE,
    }.items():
        titled = text.replace("News of the valley", f"News of {name} weavers")
        (issues / f"2026-01-07-{name}.md").write_text(titled)
    return tmp_path


@pytest.fixture
def lint(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Lint:
    monkeypatch.chdir(project)

    def lint(*arguments: str) -> Answer:
        with pytest.raises(SystemExit) as left:
            run(Group(COMMANDS), ["lint", *arguments])
        captured = capsys.readouterr()
        return Answer(int(left.value.code or 0), captured.out, captured.err)

    return lint


@pytest.mark.parametrize(
    ("issue", "plain", "strict"),
    [
        ("2026-01-07-good", 0, 0),
        ("2026-01-07-note", 0, 0),
        ("2026-01-07-vague", 0, 3),
        ("2026-01-07-draft", 3, 3),
    ],
)
def test_errors_fail_and_with_strict_warnings_too(
    lint: Lint, issue: str, plain: int, strict: int
) -> None:
    assert lint(issue).code == plain
    assert lint(issue, "--strict").code == strict


def test_text_says_place_severity_message_rule_and_advice(lint: Lint) -> None:
    answer = lint("issues/2026-01-07-draft.md")

    assert answer.out.splitlines() == [
        "issues/2026-01-07-draft.md:1: error: the issue is marked as a draft [draft-issue]",
        "    Remove `draft: true` when it is ready.",
    ]
    assert "1 issue checked" in answer.err


def test_without_an_issue_all_are_checked(lint: Lint) -> None:
    answer = lint()

    assert answer.code == 3
    assert "4 issues checked: 1 error, 1 warning, 1 note" in answer.err


@pytest.mark.parametrize("flags", [("--json",), ("--format", "json")])
def test_json_is_one_line_for_each_finding_and_nothing_else(
    lint: Lint, flags: tuple[str, ...]
) -> None:
    answer = lint("2026-01-07-vague", "2026-01-07-draft", *flags)

    found = [json.loads(line) for line in answer.out.splitlines()]
    assert [one["rule"] for one in found] == ["vague-link", "draft-issue"]
    assert found[0]["file"] == "issues/2026-01-07-vague.md"
    assert found[0]["line"] == 9
    assert answer.code == 3


def test_json_of_an_issue_in_order_is_nothing(lint: Lint) -> None:
    answer = lint("2026-01-07-good", "--json")

    assert (answer.code, answer.out, answer.err) == (0, "", "")


def test_sarif_is_one_log_of_all_issues(lint: Lint) -> None:
    answer = lint("2026-01-07-vague", "2026-01-07-draft", "--format", "sarif")

    results = json.loads(answer.out)["runs"][0]["results"]
    assert [result["ruleId"] for result in results] == ["vague-link", "draft-issue"]
    assert answer.code == 3


def test_github_is_one_annotation_for_each_finding(lint: Lint) -> None:
    answer = lint("2026-01-07-vague", "--format", "github")

    (line,) = answer.out.splitlines()
    assert line.startswith("::warning file=issues/2026-01-07-vague.md,line=9,title=vague-link::")


def test_an_unreadable_issue_fails_and_the_others_are_checked_all_the_same(
    lint: Lint, project: Path
) -> None:
    (project / "issues" / "2026-01-07-odd.md").write_bytes(b"# T\n\n\xff\xfe\n")

    answer = lint("2026-01-07-odd", "2026-01-07-vague")

    assert answer.code == 1
    assert "issues/2026-01-07-odd.md:3: is not UTF-8" in answer.err
    assert "[vague-link]" in answer.out


def test_a_missing_issue_is_a_fault_of_usage(lint: Lint) -> None:
    assert lint("2026-02-30-nothing").code == 2


SLIPS = FRONT.replace("title:", "titel:") + PROSE + "\n[a loom](https://a.example/?fbclid=1)\n"


def test_fix_mends_says_what_and_checks_what_is_left(lint: Lint, project: Path) -> None:
    path = project / "issues" / "2026-01-07-vague.md"
    path.write_text(SLIPS)

    answer = lint("2026-01-07-vague", "--fix")

    assert answer.code == 0
    place = "issues/2026-01-07-vague.md"
    gone = "fbclid is gone from https://a.example/?fbclid=1"
    assert answer.out.splitlines() == [
        f"{place}:2: fixed: the key 'titel' was meant as 'title' [unknown-key]",
        f"{place}:9: fixed: {gone} [tracking-parameter]",
    ]
    assert path.read_text() == SLIPS.replace("titel", "title").replace("?fbclid=1", "")
    assert lint("2026-01-07-vague", "--fix").out == ""


def test_json_marks_what_was_fixed(lint: Lint, project: Path) -> None:
    (project / "issues" / "2026-01-07-vague.md").write_text(SLIPS)

    lines = lint("2026-01-07-vague", "2026-01-07-draft", "--fix", "--json").out.splitlines()

    found = [json.loads(line) for line in lines]
    assert [(one["rule"], one.get("fixed")) for one in found] == [
        ("unknown-key", True),
        ("tracking-parameter", True),
        ("draft-issue", None),
    ]
    assert found[0].keys() - {"fixed"} == found[2].keys()


def test_a_dry_run_shows_a_diff_and_changes_nothing(lint: Lint, project: Path) -> None:
    path = project / "issues" / "2026-01-07-vague.md"
    path.write_text(SLIPS)

    answer = lint("2026-01-07-vague", "--fix", "--dry-run")

    assert answer.code == 0
    assert answer.out.splitlines()[:6] == [
        "--- a/issues/2026-01-07-vague.md",
        "+++ b/issues/2026-01-07-vague.md",
        "@@ -1,9 +1,9 @@",
        " ---",
        "-titel: News of the valley",
        "+title: News of the valley",
    ]
    assert path.read_text() == SLIPS
    assert '"fixed": false' in lint("2026-01-07-vague", "--fix", "--dry-run", "--json").out
    assert lint("2026-01-07-vague", "--dry-run").code == 2


def test_an_issue_that_cannot_be_mended_fails_and_the_others_are_mended(
    lint: Lint, project: Path
) -> None:
    (project / "issues" / "2026-01-07-odd.md").write_bytes(b"\xff")
    (project / "issues" / "2026-01-07-vague.md").write_text(SLIPS)

    answer = lint("nothing", "2026-01-07-odd", "2026-01-07-vague", "--fix")

    assert answer.code == 2
    assert answer.err.count("is not UTF-8") == 1
    assert answer.out.count("fixed: ") == 2


def test_people_see_several_findings_of_a_rule_as_one(lint: Lint, project: Path) -> None:
    """The lines of the others are named; programs get each."""
    body = "".join(f"[here](https://example.com/{number})\n\n" for number in range(8))
    (project / "issues" / "2026-01-07-vague.md").write_text(f"{FRONT}{PROSE}\n{body}")

    text = lint("2026-01-07-vague", "2026-01-07-good")
    machine = {form: lint("2026-01-07-vague", "--format", form) for form in ("json", "github")}

    assert text.out.splitlines()[0] == (
        "issues/2026-01-07-vague.md:9: warning: the link text 'here' says nothing; "
        "and 7 more in lines 11, 13, 15, 17, 19, … [vague-link]"
    )
    assert len(text.out.splitlines()) == 2
    assert "2 issues checked: 0 errors, 8 warnings, 0 notes" in text.err
    assert [len(answer.out.splitlines()) for answer in machine.values()] == [8, 8]


def test_each_error_is_shown(lint: Lint, project: Path) -> None:
    """Each has to be mended, whatever its neighbours."""
    body = "".join(f"![Loom](pictures/{name}.png)\n\n" for name in "abc")
    (project / "issues" / "2026-01-07-vague.md").write_text(f"{FRONT}{PROSE}\n{body}")

    answer = lint("2026-01-07-vague")

    assert answer.out.count("[picture-missing]") == 3


def test_findings_of_one_rule_in_two_files_stay_apart(lint: Lint, project: Path) -> None:
    (project / "issues" / "2026-01-07-note.md").write_text(
        FRONT + PROSE + "\n[here](https://example.com/1)\n"
    )

    answer = lint("2026-01-07-note", "2026-01-07-vague")

    assert answer.out.count("[vague-link]") == 2


def test_findings_that_want_different_things_are_each_shown(lint: Lint, project: Path) -> None:
    (project / "issues" / "2026-01-07-vague.md").write_text(
        f"{FRONT}{PROSE}\n[a](a.example/1) [b](b.example/2) [c](mailto:) [d](mailto:)\n"
    )

    answer = lint("2026-01-07-vague")

    assert answer.out.count("[broken-link]") == 3
    assert "Write https://b.example/2." in answer.out
    assert "names no mail address; it leads to 'mailto:'; and 1 more in line 9" in answer.out


def test_a_tool_that_is_missing_is_told_in_each_format(
    lint: Lint, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A note is no fault."""
    monkeypatch.setenv("PATH", str(project))

    people, program = (
        lint("2026-01-07-good", "--tools"),
        lint("2026-01-07-good", "--tools", "--json"),
    )

    assert people.code == program.code == 0
    assert people.out.count("[tool-missing]") == 3
    assert "0 errors, 0 warnings, 3 notes" in people.err
    notes = [json.loads(line) for line in program.out.splitlines()]
    assert [(note["rule"], note["severity"]) for note in notes] == [("tool-missing", "info")] * 3


def test_links_are_only_asked_for_where_somebody_asks_for_that(lint: Lint, project: Path) -> None:
    """Nor do they lead to where no link may lead."""
    issue = project / "issues" / "2026-01-07-inside.md"
    issue.write_text(
        FRONT.replace("https://example.com/cover.png", "") + "[x](http://127.0.0.1:9/)\n"
    )
    kept = project / "subscribers" / "links.json"

    lint("2026-01-07-inside")
    before = kept.exists()
    answer = lint("2026-01-07-inside", "--links")

    assert (before, kept.exists()) == (False, True)
    assert "is dead: no reader reaches it: 127.0.0.1 is 127.0.0.1 [dead-link]" in answer.out
    assert "Asking for links and pictures" in answer.err
