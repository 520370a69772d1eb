"""What docs/extending.md says is enough: its changes are made in a copy of the program, which runs.

Each touches the places that the page names and no other.
"""

import filecmp
import json
import mailbox
import re
import shutil
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pytest

from tests.integration.commandline import Answer, in_folder, in_process
from tests.integration.elsewhere import Elsewhere

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "extending.md").read_text("utf-8")
BLOCK = re.compile(r"^`(?P<path>[\w./]+)`:\n\n```(?P<kind>\w+)\n(?P<text>.*?)^```$", re.M | re.S)
# An issue goes to three people.
SEND = (
    ["subscribers", "import", "subscribers/example.csv", "--list", "readers"],
    ["send", "2026-01-06-welcome", "--list", "readers", "--yes", "--json"],
)


@dataclass(frozen=True)
class Copy:
    """A copy of the program that somebody changes, and a newsletter beside it."""

    root: Path
    letter: Path
    running: ExitStack

    def follow(self, section: str) -> set[str]:
        """Make the changes of a section of the page; returns the files that it names.

        Those of a theme are made in the newsletter, which has its own `templates/`. What is no
        change of a file that is there goes to its end.
        """
        ((_, text),) = re.findall(rf"^(##+) {section}\n(.*?)(?=^##|\Z)", PAGE, re.M | re.S)
        blocks = list(BLOCK.finditer(text))
        for block in blocks:
            root = self.letter if block["path"].startswith("templates/") else self.root
            path = root / block["path"]
            path.parent.mkdir(exist_ok=True, parents=True)
            there = path.read_text("utf-8") if path.exists() else ""
            new = (
                patched(there, block["text"]) if block["kind"] == "diff" else there + block["text"]
            )
            path.write_text(new, "utf-8")
        return {block["path"] for block in blocks}

    def changed(self) -> set[str]:
        """The files that differ from the program's, or are new."""
        return {
            path.relative_to(self.root).as_posix()
            for path in self.root.rglob("*")
            if path.is_file() and path.suffix != ".pyc"
            if not (ROOT / path.relative_to(self.root)).exists()
            or not filecmp.cmp(path, ROOT / path.relative_to(self.root), shallow=False)
        }

    def call(self, *commands: Sequence[str], **environment: str) -> list[Answer]:
        return [
            self._running.call(self.letter, *command, environment=environment)
            for command in commands
        ]

    def run(self, program: str, *arguments: str) -> Any:
        """What a program that uses the copy writes as JSON."""
        answer = self._running.run(self.letter, program, *arguments)
        assert answer.code == 0, answer.err
        return answer.json

    @cached_property
    def _running(self) -> Elsewhere:
        """The copy as it is when it is first called."""
        running = self.running.enter_context(Elsewhere(self.root))
        assert running.file.is_relative_to(self.root)
        return running


def patched(source: str, change: str) -> str:
    """A text with a change of the page made, whose old lines stand in it once."""
    lines = change.splitlines(keepends=True)
    old = "".join(line[1:] for line in lines if not line.startswith("+"))
    new = "".join(line[1:] for line in lines if not line.startswith("-"))
    assert source.count(old) == 1, old
    return source.replace(old, new)


@pytest.fixture
def copy(new_project: Path, tmp_path: Path) -> Iterator[Copy]:
    root, letter = tmp_path / "copy", tmp_path / "letter"
    shutil.copytree(new_project, letter)
    for folder in ("newsletter", "templates"):
        shutil.copytree(ROOT / folder, root / folder)
    with ExitStack() as running:
        yield Copy(root, letter, running)


def test_a_newcomer_adds_a_theme(copy: Copy) -> None:
    named = copy.follow("A new theme")

    (*_, sent) = copy.call(*SEND, NEWSLETTER_NEWSLETTER__THEME="plain")

    assert sent.code == 0, sent
    mails = [path.read_text("utf-8") for path in copy.letter.glob("outbox/*/*.eml")]
    assert len(mails) == 3
    assert all("Leave this list" in mail for mail in mails)
    assert {path.rpartition("/")[0] for path in named} == {"templates/plain"}
    assert copy.changed() == set()


def test_a_newcomer_adds_a_lint_rule(copy: Copy) -> None:
    named = copy.follow("A lint rule")
    items = "".join(f"### Item {number}\n\nText.\n\n" for number in range(13))
    (copy.letter / "issues" / "2026-01-07-crowded.md").write_text(f"# T\n\n## S\n\n{items}")

    crowded, welcome = copy.call(
        ["lint", "2026-01-07-crowded", "--json"], ["lint", "2026-01-06-welcome", "--json"]
    )

    rules = [json.loads(line)["rule"] for line in crowded.out.splitlines()]
    assert rules.count("crowded-section") == 1
    assert "crowded-section" not in welcome.out
    files = ("lint/shape.py", "lint/__init__.py", "rules/rules.toml")
    assert copy.changed() == named == {f"newsletter/{file}" for file in files}


def test_a_newcomer_adds_a_command(copy: Copy) -> None:
    named = copy.follow("A command")

    length, other, usage = copy.call(
        ["length", "2026-01-06-welcome", "--json"], ["length", "none"], ["--help"]
    )

    assert length.json == {"minutes": 1}
    assert other.code == 2
    assert "Tell how many minutes an issue takes to read." in usage.out
    assert copy.changed() == named == {"newsletter/cli/length.py", "newsletter/cli/__init__.py"}


def test_a_check_of_the_doctor(copy: Copy) -> None:
    named = copy.follow("A check of the doctor")

    (machine,) = copy.call(["doctor", "--only", "machine", "--json"])

    assert "processors" in [line["check"] for line in machine.json["checks"]]
    assert copy.changed() == named == {"newsletter/doctor/machine.py"}


# The status of a page, and its text.
GET = """
import json, sys
from pathlib import Path
from starlette.testclient import TestClient
from newsletter.project import Project
from newsletter.store import open_store
from newsletter.web.app import make_app
from newsletter.web.site import Site
project = Project.open(Path.cwd())
store = open_store(project.settings.store.url, project.root)
with TestClient(make_app(Site.of(project, store))) as site:
    answer = site.get(sys.argv[1])
print(json.dumps([answer.status_code, answer.text, answer.headers["x-frame-options"]]))
"""


def test_a_newcomer_adds_a_page(copy: Copy) -> None:
    named = copy.follow("A page")
    copy.call(SEND[0])

    status, text, framing = copy.run(GET, "/imprint/")

    assert (status, framing) == (200, "DENY")
    assert "<h1>" in text
    assert "Example Street" in text
    assert copy.changed() == named
    assert named == {
        "newsletter/web/imprint.py",
        "newsletter/web/templates/imprint.html",
        "newsletter/web/app.py",
    }


def test_a_newcomer_adds_a_setting(copy: Copy) -> None:
    named = copy.follow("A setting")
    second = copy.letter / "issues" / "2026-01-07-second.md"
    shutil.copy(copy.letter / "issues" / "2026-01-06-welcome.md", second)
    other = ["send", second.stem, "--list", "readers", "--yes", "--json"]

    *_, by_default = copy.call(*SEND, other, ["archive", "build", "all"])
    (narrowed,) = copy.call(["archive", "build", "one"], NEWSLETTER_WEB__ISSUES_IN_FEEDS="1")

    assert (by_default.code, narrowed.code) == (0, 0), narrowed
    feeds = [json.loads((copy.letter / name / "feed.json").read_text()) for name in ("all", "one")]
    assert [len(feed["items"]) for feed in feeds] == [2, 1]
    assert copy.changed() == named == {"newsletter/config/settings.py", "newsletter/web/issues.py"}


# What a reader may fetch of their own.
OWN_DATA = """
from pathlib import Path
from newsletter.audience.own_data import everything
from newsletter.store import open_store
print("".join(everything(open_store("sqlite:///subscribers/newsletter.db", Path.cwd()), 1)))
"""


def test_a_newcomer_adds_a_column_of_subscribers(
    copy: Copy, capsys: pytest.CaptureFixture[str]
) -> None:
    """Readers are shown what it holds of them, and erasing empties it, without a further line."""
    assert in_folder(in_process(capsys), copy.letter)(*SEND[0]).code == 0
    named = copy.follow("A column of subscribers")
    copy.call(["db", "upgrade"])
    store = sqlite3.connect(copy.letter / "subscribers" / "newsletter.db")
    with closing(store):
        store.execute("UPDATE subscribers SET phone = '+1 555 0100'")
        store.commit()
        own = copy.run(OWN_DATA)

        (forgotten,) = copy.call(["subscribers", "forget", own["address"], "--yes"])

        phones = list(store.execute("SELECT id, phone FROM subscribers ORDER BY id"))
    assert own["phone"] == "+1 555 0100"
    assert forgotten.code == 0, forgotten
    assert phones == [(1, ""), (2, "+1 555 0100"), (3, "+1 555 0100")]
    assert copy.changed() == named
    assert named == {
        "newsletter/store/schema/people.py",
        "newsletter/store/migrations/versions/v0020_phone.py",
    }


def test_a_newcomer_adds_a_transport(copy: Copy) -> None:
    named = copy.follow("A transport")

    _, sent, pulled = copy.call(
        *SEND,
        ["events", "pull", "--once", "--json"],
        NEWSLETTER_TRANSPORT__KIND="maildir",
        NEWSLETTER_TRANSPORT__MAILDIR__PATH="mails",
    )

    assert sent.code == 0, sent
    assert sent.json["accepted"] == 3
    assert len(mailbox.Maildir(copy.letter / "mails", create=False)) == 3
    assert "the Maildir reports nothing" in pulled.json["error"]["message"]
    assert (
        copy.changed()
        == named
        == {"newsletter/transports/maildir.py", "newsletter/config/settings.py"}
    )


def test_a_newcomer_adds_a_source_of_events(copy: Copy) -> None:
    named = copy.follow("A source of events")
    *_, sent = copy.call(*SEND)
    send_id = sent.json["send_id"]
    told = [
        event(send_id, 1, "bounced", reason="no-such-mailbox"),
        event(send_id, 2, "bounced", reason="tired"),
        event(send_id, 3, "delivered"),
        "no event",
    ]
    (copy.letter / "events.jsonl").write_text("\n".join(told))

    replayed, again, words, suppressed, explained = copy.call(
        ["events", "replay", "events.jsonl", "--json"],
        ["events", "replay", "events.jsonl", "--json"],
        ["events", "unknown-words", "--json"],
        ["suppressions", "list", "--json"],
        ["explain", f"{send_id}-1", "--json"],
        NEWSLETTER_EVENTS__KIND="acme",
    )

    assert counts(replayed) == {"applied": 3, "set_aside": 1, "duplicate": 0}
    assert counts(again) == {"applied": 0, "set_aside": 0, "duplicate": 4}
    assert words.json["word"] == "bounced/tired"
    assert suppressed.json["address"] == explained.json["address"]
    assert "Acme reported Bounce: no-such-mailbox" in explained.out
    assert copy.changed() == named
    assert named == {"newsletter/feedback/acme/__init__.py", "newsletter/config/settings.py"}


def event(send_id: str, number: int, kind: str, **facts: str) -> str:
    return json.dumps(
        {
            "event": kind,
            "time": "2026-01-07T09:00:00+00:00",
            "id": f"acme-{number}",
            "X-Newsletter-Ref": f"{send_id}-{number}.1",
            **facts,
        }
    )


def counts(answer: Any) -> dict[str, int]:
    assert answer.code == 0, answer
    found = answer.json
    return {name: found[name] for name in ("applied", "set_aside", "duplicate")}
