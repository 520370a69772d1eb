"""An issue whose file was renamed after it was sent is still that issue."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.integration.commandline import Call, plan_send

OLD = "2026-01-07-valley"


@pytest.fixture
def sent(call: Call, project: Path, readers: str) -> Path:
    """The file of an issue that its readers have had."""
    assert call("send", OLD, "--list", readers, "--yes").code == 0
    return project / "issues" / f"{OLD}.md"


def as_it_is(text: str) -> bytes:
    return text.encode()


def from_windows(text: str) -> bytes:
    return text.replace("\n", "  \r\n").encode("utf-8-sig")


@pytest.mark.pressure
@pytest.mark.parametrize("copied", [as_it_is, from_windows])
@pytest.mark.parametrize("name", ["2026-01-07-hill", "2026-01-08-valley", "VALLEY", "谷"])
def test_it_is_not_sent_again(
    call: Call, sent: Path, readers: str, name: str, copied: Callable[[str], bytes]
) -> None:
    text = sent.read_text("utf-8")
    sent.unlink()
    sent.with_name(f"{name}.md").write_bytes(copied(text))

    asked = call("send", name, "--list", readers, "--dry-run")
    refused = call("send", name, "--list", readers, "--yes")

    assert (asked.code, refused.code) == (5, 5)
    assert f"this issue was already sent to readers, as '{OLD}'" in refused.err
    assert f"slug: {OLD}" in " ".join(refused.err.split())
    assert len(call("sends", "--json").lines) == 1


def test_with_its_old_slug_it_is_the_same_issue_and_with_a_reason_goes_once_more(
    call: Call, sent: Path, readers: str
) -> None:
    renamed = sent.rename(sent.with_name("hill.md"))
    once_more = call("send", "hill", "--list", readers, "--yes", "--again", "it was lost", "--json")
    text = renamed.read_text("utf-8")
    renamed.write_text(text.replace("---\n", f"---\nslug: {OLD}\n", 1), "utf-8")

    named = call("send", "hill", "--list", readers, "--yes")

    assert (once_more.code, once_more.json["accepted"]) == (0, 3)
    assert named.code == 5
    assert f"'{OLD}' was already sent" in named.err


def test_a_copy_beside_it_an_edited_one_and_another_list_are_no_renaming(
    call: Call, sent: Path, readers: str
) -> None:
    call("subscribers", "import", "subscribers/example.csv", "--list", "others")
    text = sent.read_text("utf-8")
    sent.with_name("copy.md").write_text(text, "utf-8")

    copy = call("send", "copy", "--list", readers, "--yes")
    for name in (OLD, "copy"):
        sent.with_name(f"{name}.md").unlink()
    sent.with_name("edited.md").write_text(f"{text}\n\nOne line more.\n", "utf-8")
    edited = call("send", "edited", "--list", readers, "--yes")
    sent.with_name("elsewhere.md").write_text(text, "utf-8")
    elsewhere = call("send", "elsewhere", "--list", "others", "--yes")

    assert [copy.code, edited.code, elsewhere.code] == [0, 0, 0]


def test_what_was_cancelled_before_it_began_was_never_sent(
    call: Call, project: Path, readers: str
) -> None:
    call("cancel", plan_send(project, OLD, readers))
    issues = project / "issues"
    (issues / f"{OLD}.md").rename(issues / "hill.md")

    assert call("send", "hill", "--list", readers, "--yes").code == 0
