"""`[policy] require_branch` and `require_approval`: what nobody else has seen does not go out."""

import io
import re
import shlex
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.checkout import SENDER, begin, commit, git, work_as
from tests.integration.commandline import Answer, Call, write_issue
from tests.pictures import png

ISSUE = "2026-01-07-valley"
EDITOR = "Grace Second <grace@example.com>"


@pytest.fixture
def head(project: Path) -> str:
    """The commit of a checkout whose one writer is not who sends."""
    head = begin(project)
    work_as(project, SENDER)
    return head


@pytest.fixture
def required(monkeypatch: pytest.MonkeyPatch) -> Callable[[str, str], None]:
    """Sets a key of the policy."""

    def require(key: str, value: str) -> None:
        monkeypatch.setenv(f"NEWSLETTER_POLICY__{key}", value)

    return require


Required = Callable[[str, str], None]


@pytest.fixture
def on_main(head: str, readers: str, required: Required) -> str:
    """A list that gets only what is on `main`; the commit that has all of it."""
    required("REQUIRE_BRANCH", "main")
    return head


@pytest.fixture
def approved(head: str, readers: str, required: Required) -> str:
    """A list that gets only what a second person approved."""
    required("REQUIRE_APPROVAL", "true")
    return readers


def edit(project: Path, line: str = "One more line.") -> None:
    path = project / "issues" / f"{ISSUE}.md"
    path.write_text(f"{path.read_text()}\n{line}\n")


def send(call: Call, *options: str) -> Answer:
    return call("send", ISSUE, "--list", "readers", "--yes", "--json", *options)


def test_who_is_asked_to_send_sees_the_branch_and_the_approval(
    call: Call, on_main: str, approved: str
) -> None:
    approve(call)

    shown = call("send", ISSUE, "--list", approved, "--dry-run").err

    assert re.search(r"branch\s+main\s", shown)
    assert re.search(rf"approved by\s+{EDITOR}, ", shown)


# --- branches -------------------------------------------------------------------------------------


def test_what_is_on_the_branch_is_sent_and_the_send_says_so(
    call: Call, project: Path, on_main: str
) -> None:
    """The commit is the last one that touched it, whatever came to other files since."""
    write_issue(project, "2026-01-08-new.md")
    commit(project, "Another issue")

    sent = send(call)

    assert (sent.code, sent.json["branch"], sent.json["git_commit"]) == (0, "main", on_main)
    assert f"main, {on_main[:12]}" in call("status").out


def test_without_a_policy_a_send_names_no_branch(call: Call, head: str, readers: str) -> None:
    assert send(call).json["branch"] is None


def change_issue(project: Path) -> None:
    edit(project)


def change_theme(project: Path) -> None:
    folder = project / "templates" / "digest"
    folder.mkdir(parents=True)
    (folder / "theme.toml").write_text('[colours]\naccent = "#0a5a3c"\n')


def change_picture(project: Path) -> None:
    (project / ".gitignore").write_text("*.png\n")
    (project / "issues" / "loom.png").write_bytes(png())
    edit(project, "![A loom](loom.png)")
    commit(project, "A picture that git ignores")


def change_hidden_picture(project: Path) -> None:
    (project / ".gitignore").write_text(".*\n")
    (project / "issues" / ".loom.png").write_bytes(png())
    edit(project, "![A loom](.loom.png)")
    commit(project, "A hidden picture that git ignores")


def hide_change_from_git(project: Path) -> None:
    git(project, "update-index", "--assume-unchanged", f"issues/{ISSUE}.md")
    edit(project)


def leave_change_out(project: Path) -> None:
    git(project, "update-index", "--skip-work", f"issues/{ISSUE}.md")
    edit(project)


def link_theme(project: Path) -> None:
    (project / ".gitignore").write_text("elsewhere/\n")
    (project / "elsewhere").mkdir()
    (project / "elsewhere" / "theme.toml").write_text('[colours]\naccent = "#0a5a3c"\n')
    (project / "templates").mkdir()
    (project / "templates" / "digest").symlink_to("../elsewhere")
    commit(project, "A link to a theme that git ignores")


def link_part_of_theme(project: Path) -> None:
    link_theme(project)
    folder = project / "templates" / "digest"
    folder.unlink()
    folder.mkdir()
    (folder / "theme.toml").symlink_to("../../elsewhere/theme.toml")
    commit(project, "A link to a file that git ignores")


@pytest.mark.parametrize(
    ("change", "file", "options"),
    [
        (change_hidden_picture, "issues/.loom.png", []),
        (hide_change_from_git, f"issues/{ISSUE}.md", []),
        (leave_change_out, f"issues/{ISSUE}.md", []),
        (link_theme, "elsewhere/", []),
        (link_part_of_theme, "elsewhere/", []),
        (change_issue, f"issues/{ISSUE}.md", ["--at", "2999-01-01 08:00", "--detach"]),
        (change_theme, "templates/digest/theme.toml", ["--dry-run"]),
        (change_picture, "issues/loom.png", []),
    ],
)
def test_what_is_in_no_commit_is_not_sent(
    call: Call,
    project: Path,
    on_main: str,
    rows: Callable[[], list[str]],
    change: Callable[[Path], None],
    file: str,
    options: list[str],
) -> None:
    change(project)
    before = rows()

    answer = send(call, *options)

    assert answer.code == 5
    assert file in answer.error["message"]
    assert "require_branch requires main" in answer.error["message"]
    assert rows() == before


def test_what_a_branch_of_its_own_has_is_not_sent_until_it_is_merged(
    call: Call, project: Path, on_main: str
) -> None:
    git(project, "switch", "-q", "-c", "draft")
    edit(project)
    drafted = commit(project, "A draft")

    refused = send(call)
    git(project, "switch", "-q", "main")
    git(project, "merge", "-q", "draft")
    sent = send(call)

    assert refused.code == 5
    assert f"commit {drafted[:12]}" in refused.error["message"]
    assert "is not on main" in refused.error["message"]
    assert (sent.code, sent.json["git_commit"]) == (0, drafted)


def test_a_branch_counts_as_others_have_it(call: Call, project: Path, on_main: str) -> None:
    """What was committed to one's own `main` and pushed nowhere was seen by nobody."""
    git(project, "update-ref", "refs/remotes/origin/main", on_main)
    edit(project)
    pushed = commit(project, "Not pushed yet")

    refused = send(call)
    git(project, "update-ref", "refs/remotes/origin/main", pushed)
    sent = send(call)

    assert refused.code == 5
    assert "is not on origin/main" in refused.error["message"]
    assert (sent.code, sent.json["branch"]) == (0, "origin/main")


def test_a_branch_that_is_not_there_has_nothing(
    call: Call, on_main: str, required: Required
) -> None:
    required("REQUIRE_BRANCH", "release")

    answer = send(call)

    assert answer.code == 5
    assert "knows no branch 'release'" in answer.error["message"]
    assert "git fetch origin release" in answer.error["hint"]


def test_outside_a_checkout_nothing_is_on_a_branch(
    call: Call, readers: str, required: Required
) -> None:
    required("REQUIRE_BRANCH", "main")

    answer = send(call)

    assert answer.code == 5
    assert "not a git repository" in answer.error["message"]


def test_other_content_for_a_send_passes_the_same_check(
    call: Call, project: Path, on_main: str
) -> None:
    planned = send(call, "--at", "2999-01-01 08:00", "--detach").json["send_id"]
    edit(project)

    refused = call("reschedule", planned, "--replace", "--json")
    new = commit(project, "One more line")
    replaced = call("reschedule", planned, "--replace", "--json")

    assert refused.code == 5
    assert (replaced.code, replaced.json["git_commit"]) == (0, new)


# --- approvals ------------------------------------------------------------------------------------


def approve(call: Call, editor: str = EDITOR) -> Answer:
    return call("approve", ISSUE, "--as", editor, "--yes", "--json")


def test_what_nobody_approved_is_not_sent(call: Call, approved: str) -> None:
    answer = send(call)

    assert answer.code == 5
    assert "was not approved in this form" in answer.error["message"]
    assert f"newsletter approve {ISSUE}" in answer.error["hint"]


def test_the_command_that_is_advised_takes_no_name_for_an_option(
    call: Call, project: Path, approved: str
) -> None:
    (project / "issues" / f"{ISSUE}.md").rename(project / "issues" / "-d 2.md")

    refused = call("send", "issues/-d 2.md", "--list", approved, "--yes", "--json")
    _, *words = shlex.split(refused.error["hint"].partition("run: ")[2])

    assert words == ["approve", "--", "-d 2"]
    assert call(*words[:1], "--as", EDITOR, "--yes", *words[1:]).code == 0


def test_what_a_second_person_approved_is_sent_and_the_send_says_so(
    call: Call, approved: str
) -> None:
    yes = approve(call).json

    sent = send(call)

    assert (sent.code, yes["approved_by"]) == (0, EDITOR)
    assert sent.json["content_hash"] == yes["content_hash"]
    assert (sent.json["approved_by"], sent.json["approved_at"]) == (EDITOR, yes["approved_at"])
    assert EDITOR in call("status").out


def test_an_edit_voids_an_approval_and_taking_it_back_makes_it_good(
    call: Call, project: Path, approved: str
) -> None:
    approve(call)
    edit(project)

    edited = send(call)
    git(project, "checkout", "-q", "--", ".")

    assert edited.code == 5
    assert send(call).code == 0


@pytest.mark.parametrize(
    "editor",
    [
        "Somebody <ADA@example.com>",
        "ada writer <ada@home.example.com>",
        "\uff21da\u200b\u00a0Writer <ada@home.example.com>",
    ],
)
def test_who_wrote_it_last_cannot_approve_it(call: Call, approved: str, editor: str) -> None:
    """By another name, by one that only looks the same, or by another address it is the same
    person."""
    answer = approve(call, editor)

    assert answer.code == 5
    assert "wrote '2026-01-07-valley' last" in answer.error["message"]


def test_who_edits_it_cannot_approve_the_edit(call: Call, project: Path, approved: str) -> None:
    edit(project)

    answer = call("approve", ISSUE, "--yes", "--json")

    assert answer.code == 5
    assert "Sam Sender" in answer.error["message"]


def test_who_sends_is_not_the_second_person(call: Call, approved: str) -> None:
    yes = call("approve", ISSUE, "--yes", "--json")

    answer = send(call)

    assert (yes.code, answer.code) == (0, 5)
    assert "Sam Sender <sam@example.com> alone" in answer.error["message"]


def test_who_approves_twice_said_so_the_first_time(call: Call, approved: str) -> None:
    assert approve(call).json == approve(call).json


def test_an_approval_is_recorded_even_if_none_is_required(
    call: Call, head: str, readers: str
) -> None:
    approve(call)

    assert send(call).json["approved_by"] == EDITOR


class Keyboard(io.StringIO):
    """What somebody types at a terminal."""

    def isatty(self) -> bool:
        return True


def test_who_is_asked_to_approve_sees_what_and_who_wrote_it(
    call: Call, approved: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", Keyboard("yes\n"))

    answer = call("approve", ISSUE, "--as", EDITOR)

    assert answer.code == 0
    assert f"Approved by {EDITOR}" in answer.out
    for shown in ("News of the valley", "Ada Writer <ada@example.com>", EDITOR):
        assert shown in answer.err


def test_only_yes_is_a_yes(call: Call, approved: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", Keyboard("no\n"))

    assert call("approve", ISSUE, "--as", EDITOR).code == 5
    assert send(call).code == 5


def test_without_a_terminal_nobody_approves_in_silence(call: Call, approved: str) -> None:
    answer = call("approve", ISSUE, "--as", EDITOR, "--json")

    assert answer.code == 5
    assert "no terminal" in answer.error["message"]
    assert send(call).code == 5


def test_findings_of_severity_error_refuse_an_approval(call: Call, project: Path) -> None:
    write_issue(project, f"{ISSUE}.md", "---\ntitle: Empty\n---\n")

    assert approve(call).code == 3
