"""`newsletter archive correct`, `hide`, `show` and `list`."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from newsletter.errors import Refused
from newsletter.model.slug import spellings
from newsletter.operations import correcting
from newsletter.project import Project, utc_now
from newsletter.store import open_store
from newsletter.web.issues import Archive
from newsletter.web.site import Site
from tests.integration.commandline import Call, write_issue

ISSUE = "2026-01-07-valley"
OTHER = "The text as it should have been, long enough to be no slip of anybody's pen at all. " * 4
NOTE = ("--note", "The  day was\nwrong.", "--yes")


@pytest.fixture
def sent_id(project: Path, readers: str, call: Call) -> str:
    """The id of a send of the issue, to all readers."""
    write_issue(project, f"{ISSUE}.md", tags="[Tools]")
    send_id: str = call("send", ISSUE, "--list", readers, "--yes", "--json").json["send_id"]
    return send_id


def mend(project: Path) -> None:
    path = project / "issues" / f"{ISSUE}.md"
    path.write_text(path.read_text("utf-8") + f"\n{OTHER}\n", "utf-8")


@contextmanager
def archive_of(folder: Path) -> Iterator[Archive]:
    project = Project.open(folder)
    with closing(open_store(project.settings.store.url, folder)) as store:
        archive = Archive(Site.of(project, store))
        archive.refresh()
        yield archive


def page_of(folder: Path, name: str = "index.html") -> str:
    with archive_of(folder) as archive:
        file = archive.file(f"archive/{ISSUE}/{name}")
        return file.content.decode() if file else ""


def mails(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in (folder / "outbox").rglob("*.eml")}


def test_correcting_shows_the_file_as_it_is_now_and_touches_no_mail(
    project: Path, call: Call, sent_id: str
) -> None:
    before, was_mailed = mails(project), page_of(project)
    mend(project)

    answer = call("archive", "correct", ISSUE, *NOTE, "--json")

    assert answer.code == 0
    assert answer.json["send_id"] == sent_id
    assert answer.json["note"] == "The day was wrong."
    assert answer.json["original"] == f"{answer.json['url']}original/"
    assert (answer.json["corrections"], answer.json["undone"]) == (1, False)
    assert answer.json["by"]
    assert "should have been" in page_of(project)
    assert "should have been" not in page_of(project, "original/index.html")
    assert "should have been" not in was_mailed
    assert mails(project) == before


def test_a_correction_can_be_taken_back(project: Path, call: Call, sent_id: str) -> None:
    was_mailed = page_of(project)
    mend(project)
    call("archive", "correct", ISSUE, *NOTE)

    answer = call("archive", "correct", ISSUE, "--undo")
    again = call("archive", "correct", ISSUE, "--undo")

    assert answer.code == 0
    assert "shows again what was mailed" in answer.out
    assert "The mails that were sent stay as they are." in " ".join(answer.out.split())
    assert again.code == 5
    assert "no correction" in again.err
    assert (
        page_of(project).partition("article:modified")[0] == was_mailed.partition("article:mod")[0]
    )


def test_only_what_was_sent_and_has_changed_is_corrected(
    project: Path, call: Call, readers: str
) -> None:
    """Each refusal says what to do."""
    unsent = call("archive", "correct", ISSUE, *NOTE)
    call("send", ISSUE, "--list", readers, "--yes")
    same = call("archive", "correct", ISSUE, *NOTE)
    write_issue(project, f"{ISSUE}.md", "---\ntitle: Hello\n---\n")
    empty = call("archive", "correct", ISSUE, *NOTE)
    mend(project)

    calls = {
        "unsent": (unsent, 5, "has reached nobody"),
        "same": (same, 5, "says what the archive shows already"),
        "empty": (empty, 3, "Nothing was corrected."),
        "without a note": (call("archive", "correct", ISSUE, "--yes"), 2, "needs a note"),
        "an empty note": (call("archive", "correct", ISSUE, "--note", " "), 2, "needs a note"),
        "a long note": (call("archive", "correct", ISSUE, "--note", "x" * 501), 2, "500 at most"),
        "unconfirmed": (call("archive", "correct", ISSUE, *NOTE[:2]), 5, "Add --yes"),
        "unknown": (call("archive", "correct", "nothing", *NOTE), 2, "no issue"),
        "both": (call("archive", "correct", ISSUE, *NOTE, "--undo"), 2, "--undo takes no --note"),
    }

    for name, (answer, code, words) in calls.items():
        assert answer.code == code, name
        assert words in " ".join(answer.err.split()), name
    assert call("archive", "list", "--json").json["corrections"] == []


def test_an_issue_is_hidden_even_when_its_file_is_gone(
    project: Path, call: Call, sent_id: str
) -> None:
    (project / "issues" / f"{ISSUE}.md").unlink()

    hidden = call("archive", "hide", ISSUE, "--reason", "a wish", "--json")
    again = call("archive", "hide", ISSUE)
    listed = call("archive", "list", "--json").json
    gone = page_of(project)
    shown = call("archive", "show", ISSUE, "--json")

    assert hidden.json == {"slug": ISSUE, "hidden": True, "changed": True}
    assert (again.code, "already" in again.out) == (0, True)
    assert (listed["slug"], listed["hidden"], listed["reason"]) == (ISSUE, True, "a wish")
    assert listed["tags"] == ["Tools"]
    assert gone == ""
    assert shown.json == {"slug": ISSUE, "hidden": False, "changed": True}
    assert page_of(project) != ""
    assert call("archive", "hide", "nothing").code == 2


def test_an_issue_is_hidden_even_when_its_file_has_another_slug_by_now(
    project: Path, call: Call, sent_id: str
) -> None:
    """By its old slug, or by the file that had it."""
    write_issue(project, f"{ISSUE}.md", slug="another")

    for name in (ISSUE, f"issues/{ISSUE}.md"):
        assert call("archive", "hide", name, "--json").json["slug"] == ISSUE
        assert call("archive", "show", name, "--json").json["changed"]

    (project / "issues" / f"{ISSUE}.md").rename(project / "issues" / "2026-01-07-moved.md")
    assert call("archive", "hide", f"issues/{ISSUE}.md", "--json").json["slug"] == ISSUE
    refused = call("archive", "correct", "2026-01-07-moved", *NOTE)
    assert refused.code == 5
    assert "If its file had another name, say in it: slug: …" in " ".join(refused.err.split())


def test_a_note_has_something_to_read_and_no_control_characters(
    project: Path, call: Call, sent_id: str
) -> None:
    """No browser shows them, and no HTML may hold them."""
    mend(project)

    empty = [
        call("archive", "correct", ISSUE, "--note", note, "--yes")
        for note in ("\x01", "\u200b\u202e")
    ]
    hostile = "<script>alert(1)</script> ]]>\x1b[2J &amp; الخميس\x7f"
    answer = call("archive", "correct", ISSUE, "--note", hostile, "--yes", "--json")

    assert [each.code for each in empty] == [2, 2]
    assert answer.json["note"] == "<script>alert(1)</script> ]]>[2J &amp; الخميس"
    shown = "&lt;script&gt;alert(1)&lt;/script&gt; ]]&gt;[2J &amp;amp; الخميس"
    assert f"<bdi>{shown}</bdi>" in page_of(project)


def test_all_spellings_of_a_slug_are_hidden_at_once(
    project: Path, call: Call, readers: str
) -> None:
    """Earlier versions made another slug of a name whose "ü" is two characters."""
    write_issue(project, "2026-01-08-über.md")
    send = ("send", "2026-01-08-über", "--list", readers, "--yes")
    assert call(*send).code == 0
    with closing(sqlite3.connect(project / "subscribers" / "newsletter.db")) as store, store:
        store.execute("UPDATE sends SET slug = ?", (spellings("2026-01-08-über")[1],))
    assert call(*send, "--again", "a test").code == 0

    call("archive", "hide", "2026-01-08-über")

    with archive_of(project) as archive:
        assert archive.issues == ()
    call("archive", "show", "2026-01-08-über")
    with archive_of(project) as archive:
        assert len(archive.issues) == 2


def test_of_two_who_correct_an_issue_at_once_one_is_refused(
    project: Path, call: Call, sent_id: str
) -> None:
    """Neither would have seen what the other wrote."""
    mend(project)
    opened = Project.open(project)
    with closing(open_store(opened.settings.store.url, project)) as store:
        first, second = (
            correcting.propose(opened, store, ISSUE, note, lambda prepared: None)
            for note in ("The first.", "The second.")
        )
        correcting.correct(opened, store, first, utc_now())

        with pytest.raises(Refused, match="meanwhile"):
            correcting.correct(opened, store, second, utc_now())

    assert "The second." not in page_of(project)
