"""`newsletter review`: a branch that was prepared shows exactly what was prepared."""

import base64
import io
import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from newsletter.desk import chromium
from tests.checkout import begin, commit, git
from tests.chromium import needed
from tests.integration.commandline import ISSUE, Answer, Call, write_issue
from tests.pictures import png

VALLEY = "2026-01-07-valley"
WELCOME = "2026-01-06-welcome"


@pytest.fixture
def main(project: Path) -> str:
    """The commit that `main` is at; the checkout is on a branch `draft`."""
    (project / "issues" / "loom.png").write_bytes(png(40, 30))
    write_issue(project, "2026-01-05-hills.md", ISSUE.replace("valley", "hills"))
    write_issue(project, f"{VALLEY}.md", f"{ISSUE}\n![A loom](loom.png)\n")
    head = begin(project)
    git(project, "switch", "-q", "-c", "draft")
    return head


def edit(project: Path, name: str, old: str, new: str) -> None:
    path = project / name
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def review(call: Call, *arguments: str) -> Answer:
    return call("review", *arguments, "--json")


def changes_of(answer: Answer) -> dict[str, str]:
    return {issue["issue"]: issue["status"] for issue in answer.json["issues"]}


def test_two_files_that_have_one_name_here_are_no_review(
    call: Call, project: Path, main: str
) -> None:
    """As "A.md" and "a.md" where the file system takes them for one: here a tree has a name
    twice."""
    tree = subprocess.run(
        ["git", "ls-tree", "main:issues"], cwd=project, capture_output=True, text=True, check=True
    ).stdout
    twice = "".join(f"{line}\n" * (1 + ("hills" in line)) for line in tree.splitlines())
    issues = git_of(project, "mktree", given=twice)
    rest = git(project, "ls-tree", "main")
    old = git(project, "rev-parse", "main:issues")
    root = git_of(project, "mktree", given=rest.replace(old, issues) + "\n")
    forged = git(project, "commit-tree", root, "-p", "main", "-m", "Forged")
    git(project, "reset", "-q", "--soft", forged)

    refused = call("review", "--base", forged)

    assert refused.code == 2
    assert "issues/2026-01-05-hills.md and another file" in " ".join(refused.err.split())


def git_of(folder: Path, *arguments: str, given: str) -> str:
    done = subprocess.run(
        ["git", *arguments], cwd=folder, input=given, capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


# --- what changed ---------------------------------------------------------------------------------


def test_a_branch_without_changes_changes_no_mail(call: Call, main: str) -> None:
    answer = review(call)

    assert answer.code == 0
    assert answer.json == {
        "base": main,
        "revision": "main",
        "issues": [],
        "same": 3,
        "sent": 0,
        "older": 0,
        "errors": 0,
    }


def test_the_changes_of_an_issue_are_exactly_those_that_were_made(
    call: Call, project: Path, main: str
) -> None:
    """Committed or not: what counts is what would be rendered now."""
    edit(project, f"issues/{VALLEY}.md", "title: News", "title: Fresh news")
    edit(project, f"issues/{VALLEY}.md", "https://example.com/looms", "https://example.com/weavers")
    commit(project, "A better title")
    edit(
        project, f"issues/{VALLEY}.md", "![A loom]", "[more](https://example.com/more)\n\n![A loom]"
    )

    answer = review(call)

    (change,) = answer.json["issues"]
    assert (answer.code, change["issue"], change["status"]) == (0, VALLEY, "changed")
    assert change["headers"] == [
        {"name": "Subject", "before": "News of the valley", "after": "Fresh news of the valley"}
    ]
    assert change["links"] == [
        {
            "name": "the valley",
            "before": "https://example.com/looms",
            "after": "https://example.com/weavers",
        }
    ]
    assert change["links_added"] == [{"text": "more", "url": "https://example.com/more"}]
    assert change["html_bytes"]["before"] < change["html_bytes"]["after"]
    for key in ("links_removed", "pictures_added", "pictures_removed", "findings_removed"):
        assert change[key] == []
    assert [finding["rule"] for finding in change["findings_added"]] == ["vague-link"]
    assert answer.json["same"] == 2


def test_issues_that_come_go_and_are_renamed(call: Call, project: Path, main: str) -> None:
    write_issue(project, "2026-01-08-new.md", "---\ntitle: New\n---\nSomething else.\n")
    (project / "issues" / f"{VALLEY}.md").unlink()
    hills = project / "issues" / "2026-01-05-hills.md"
    hills.rename(hills.with_name("2026-01-04-hills.md"))

    answer = review(call)

    assert changes_of(answer) == {
        "2026-01-08-new": "added",
        VALLEY: "removed",
        "2026-01-04-hills": "renamed",
    }
    assert answer.json["issues"][2]["was"] == "2026-01-05-hills"


def test_of_two_copies_the_one_of_a_like_name_is_the_renamed_one(
    call: Call, project: Path, main: str
) -> None:
    hills = project / "issues" / "2026-01-05-hills.md"
    write_issue(project, "2026-01-09-zenith.md", hills.read_text())
    hills.rename(hills.with_name("2026-01-06-hills.md"))

    assert changes_of(review(call)) == {
        "2026-01-09-zenith": "added",
        "2026-01-06-hills": "renamed",
    }


def test_a_file_that_git_does_not_look_at_was_there_before(
    call: Call, project: Path, main: str
) -> None:
    git(project, "update-index", "--assume-unchanged", f"issues/{VALLEY}.md")
    (project / "issues" / f"{VALLEY}.md").unlink()

    assert changes_of(review(call, VALLEY)) == {VALLEY: "removed"}


def test_another_picture_of_the_same_name_is_a_change(call: Call, project: Path, main: str) -> None:
    (project / "issues" / "loom.png").write_bytes(png(50, 30))

    (change,) = review(call).json["issues"]

    assert change["issue"] == VALLEY
    assert [picture["text"] for picture in change["pictures_added"]] == ["A loom"]
    assert [picture["text"] for picture in change["pictures_removed"]] == ["A loom"]


def test_a_picture_is_found_by_a_name_that_is_written_as_in_a_url(
    call: Call, project: Path, main: str
) -> None:
    (project / "issues" / "my loom.png").write_bytes(png(40, 30))
    edit(project, f"issues/{VALLEY}.md", "(loom.png)", "(my%20loom.png)")
    commit(project, "A name with a space")
    (project / "issues" / "my loom.png").write_bytes(png(50, 30))

    assert changes_of(review(call, "--base", "HEAD")) == {VALLEY: "changed"}


def test_a_logo_is_found_however_its_place_is_written(call: Call, project: Path, main: str) -> None:
    (project / "logo.png").write_bytes(png(40, 30))
    with (project / "newsletter.toml").open("a") as settings:
        settings.write('\n[brand]\nlogo = "./logo.png"\n')
    commit(project, "A logo")
    (project / "logo.png").write_bytes(png(50, 30))

    assert len(changes_of(review(call, "--base", "HEAD"))) == 3


def set_accent(project: Path) -> None:
    folder = project / "templates" / "digest"
    folder.mkdir(parents=True)
    (folder / "theme.toml").write_text('[colours]\naccent = "#0a5a3c"\n')


def set_name(project: Path) -> None:
    edit(project, "newsletter.toml", 'name = "Newsletter"', 'name = "The Loom"')


@pytest.mark.parametrize("change", [set_accent, set_name])
def test_what_all_mails_share_changes_all_that_were_not_sent(
    call: Call,
    project: Path,
    readers: str,
    main: str,
    change: Callable[[Path], None],
) -> None:
    """What is out does not change any more."""
    assert call("send", VALLEY, "--list", readers, "--yes").code == 0
    change(project)

    answer = review(call)

    assert changes_of(answer) == {WELCOME: "changed", "2026-01-05-hills": "changed"}
    assert (answer.json["same"], answer.json["sent"]) == (0, 1)


def test_without_a_store_only_the_newest_unchanged_files_are_looked_at(
    call: Call, project: Path, main: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As in CI, where nobody knows what was sent."""
    monkeypatch.setattr("newsletter.desk.review.pairs.MOST_OTHERS", 1)
    (project / "subscribers" / "newsletter.db").unlink()
    set_accent(project)

    answer = review(call)

    assert changes_of(answer) == {VALLEY: "changed"}
    assert answer.json["older"] == 2
    assert "What was sent is not known" in answer.err


def test_a_store_that_only_the_branch_names_is_not_opened(
    call: Call, project: Path, readers: str, main: str
) -> None:
    """It may be any server, which would be given a password of this machine."""
    edit(
        project,
        "newsletter.toml",
        "sqlite:///subscribers/newsletter.db",
        "postgresql://127.0.0.1:9/x",
    )

    answer = review(call)

    assert "What was sent is not known: [store] is another than before." in answer.err
    assert "127.0.0.1" not in answer.err


def test_one_issue_can_be_asked_for(call: Call, project: Path, main: str) -> None:
    edit(project, f"issues/{VALLEY}.md", "title: News", "title: Fresh news")
    (project / "issues" / "2026-01-05-hills.md").unlink()

    assert changes_of(review(call, VALLEY)) == {VALLEY: "changed"}
    assert changes_of(review(call, WELCOME)) == {}
    assert changes_of(review(call, "2026-01-05-hills")) == {"2026-01-05-hills": "removed"}
    assert review(call, "2026-01-09-nothing").code == 2


def test_errors_that_came_leave_with_3_and_those_that_were_there_do_not(
    call: Call, project: Path, main: str
) -> None:
    edit(project, f"issues/{VALLEY}.md", "(loom.png)", "(nowhere.png)")

    first = review(call)
    commit(project, "A picture that is not there")
    again = review(call, "--base", "HEAD")

    assert (first.code, first.json["errors"]) == (3, 1)
    assert first.json["issues"][0]["findings_added"][0]["rule"] == "picture-missing"
    assert (again.code, again.json["issues"]) == (0, [])


def test_an_issue_that_no_theme_renders_any_more_is_told(
    call: Call, project: Path, main: str
) -> None:
    edit(project, f"issues/{VALLEY}.md", "---\n", "---\ntheme: nothing\n")

    answer = review(call)

    assert answer.code == 3
    assert "there is no theme 'nothing'" in answer.json["issues"][0]["problem"]


# --- with what ------------------------------------------------------------------------------------


def test_it_compares_with_where_the_branch_left_the_other(
    call: Call, project: Path, main: str
) -> None:
    """What came to `main` since is nothing that this branch takes away."""
    git(project, "switch", "-q", "main")
    write_issue(project, "2026-01-09-later.md")
    commit(project, "Later")
    git(project, "switch", "-q", "draft")

    answer = review(call, "--base", "main")

    assert (answer.json["base"], answer.json["issues"]) == (main, [])


def test_a_newsletter_below_the_top_of_its_checkout(
    call: Call, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begin(project.parent)
    edit(project, f"issues/{VALLEY}.md", "title: News", "title: Fresh news")

    assert changes_of(review(call)) == {VALLEY: "changed"}


def test_a_branch_brings_no_settings_of_git_along(
    call: Call, project: Path, tmp_path: Path
) -> None:
    """git takes a folder for a repository that looks like one, and runs what its settings name."""
    commit = begin(project.parent)
    (project / "refs" / "heads").mkdir(parents=True)
    (project / "refs" / "heads" / "main").write_text(f"{commit}\n")
    (project / "objects" / "info").mkdir(parents=True)
    objects = project.parent / ".git" / "objects"
    (project / "objects" / "info" / "alternates").write_text(f"{objects}\n")
    (project / "HEAD").write_text("ref: refs/heads/main\n")
    ran = tmp_path / "ran"
    settings = {
        "repositoryformatversion": "0",
        "bare": "false",
        "work" + "tree": ".",
        "fsmonitor": f'"touch {ran}; false"',
    }
    lines = "".join(f"{key} = {value}\n" for key, value in settings.items())
    (project / "config").write_text(f"[core]\n{lines}")

    answer = review(call, "--base", "main")

    assert not ran.exists()
    assert answer.code == 2
    assert "looks like a repository" in answer.error["message"]


@pytest.mark.parametrize("target", ["../.git/config", "../subscribers/secret.key"])
def test_no_issue_is_a_link_to_another_kind_of_file(
    call: Call, project: Path, main: str, target: str
) -> None:
    (project / "issues" / "2026-01-09-leak.md").symlink_to(target)

    everything, alone = review(call), review(call, "2026-01-09-leak")

    assert everything.json["issues"] == []
    assert alone.code == 2
    assert "link to a file that is no Markdown" in alone.error["message"]


def test_a_folder_that_was_no_newsletter_yet_has_new_issues(call: Call, project: Path) -> None:
    git(project, "init", "-q", "-b", "main")
    git(
        project,
        "-c",
        "user.name=A",
        "-c",
        "user.email=a@b.c",
        "commit",
        "-q",
        "--allow-empty",
        "-mx",
    )

    assert changes_of(review(call)) == {VALLEY: "added", WELCOME: "added"}


@pytest.mark.parametrize(
    ("prepare", "arguments", "message"),
    [
        (lambda project: None, (), "not a git repository"),
        (lambda project: git(project, "init", "-q"), (), "has no commit yet"),
        (begin, ("--base", "v9"), "knows no revision 'v9'"),
        (begin, ("--base", "--output=x"), "knows no revision '--output=x'"),
        (
            lambda project: (begin(project), git(project, "branch", "-m", "work")),
            (),
            "neither a branch main nor master",
        ),
    ],
)
def test_where_git_cannot_tell_it_says_what_to_do(
    call: Call,
    project: Path,
    prepare: Callable[[Path], object],
    arguments: tuple[str, ...],
    message: str,
) -> None:
    prepare(project)

    answer = review(call, *arguments)

    assert answer.code == 2
    assert message in answer.error["message"]
    assert answer.error["hint"]


def test_a_checkout_without_its_history_says_how_to_fetch_it(
    call: Call, project: Path, main: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    edit(project, f"issues/{VALLEY}.md", "title: News", "title: Fresh news")
    commit(project, "A better title")
    git(tmp_path, "clone", "-q", "--depth", "1", "-b", "draft", f"file://{project}", "shallow")
    monkeypatch.chdir(tmp_path / "shallow")

    answer = review(call, "--base", main)

    assert answer.code == 2
    assert "fetch-depth: 0" in answer.error["hint"]


def test_without_git_there_is_nothing_to_compare_with(
    call: Call, main: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "")

    answer = review(call)

    assert (answer.code, answer.error["message"]) == (2, "git is not installed")


# --- what is written ------------------------------------------------------------------------------


def test_the_comment_is_printed_or_written(call: Call, project: Path, main: str) -> None:
    edit(project, f"issues/{VALLEY}.md", "title: News", "title: Fresh news")

    printed = call("review", "--markdown", "-")
    written = call("review", "--markdown", "comment.md")

    assert (printed.code, written.code) == (0, 0)
    assert printed.out == (project / "comment.md").read_text()
    assert "- `Subject`: `News of the valley` → `Fresh news of the valley`" in printed.out
    assert call("review", "--markdown", "-", "--json").code == 2


def test_without_chromium_the_page_says_so(
    call: Call, project: Path, main: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    edit(project, f"issues/{VALLEY}.md", "title: News", "title: Fresh news")
    monkeypatch.setattr(chromium, "PROGRAMS", ("no-chromium",))

    assert call("review", "--out", "review.html").code == 0

    page = (project / "review.html").read_text()
    assert "no Chromium was found" in page
    assert "Fresh news of the valley" in page


def test_pictures_show_both_sides_with_what_differs_marked(
    call: Call, project: Path, main: str
) -> None:
    needed()
    edit(project, f"issues/{VALLEY}.md", "Looms that count", "Fast looms that count")

    assert call("review", "--out", "review.html").code == 0

    sources = re.findall(r'src="data:image/webp;base64,([^"]+)" width="(\d+)"', _page(project))
    shots = [Image.open(io.BytesIO(base64.b64decode(content))) for content, _ in sources]
    assert [int(width) for _, width in sources] == [640, 640, 390, 390]
    for shot in shots:
        marked = [y for y in range(shot.height) if _is_bar(shot, y)]
        assert 0 < len(marked) < shot.height / 2


def _page(project: Path) -> str:
    return (project / "review.html").read_text()


def _is_bar(shot: Image.Image, y: int) -> bool:
    red, green, blue = (int(value) for value in shot.convert("RGB").getpixel((3, y)))  # type: ignore[union-attr]
    return red > 150 and green < 90 and 60 < blue < 190
