"""What docs/extending.md says is enough: its changes are made in a copy of the program, which runs.

Each touches the places that the page names and no other.
"""

import filecmp
import json
import mailbox
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.waiting import PATIENCE_SECONDS

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "extending.md").read_text("utf-8")
BLOCK = re.compile(r"^`(?P<path>[\w./]+)`:\n\n```(?P<kind>\w+)\n(?P<text>.*?)^```$", re.M | re.S)
# Runs commands one after the other, and prints what each of them left with and wrote.
RUN = """
import contextlib, io, json, sys
from newsletter.cli import COMMANDS, frame
answers = []
for arguments in json.loads(sys.argv[1]):
    out, err = (io.TextIOWrapper(io.BytesIO(), "utf-8") for _ in range(2))
    code = 0
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            frame.run(frame.Group(COMMANDS), arguments)
        except SystemExit as left:
            code = left.code or 0
    for stream in (out, err):
        stream.seek(0)
    answers.append({"code": code, "out": out.read(), "err": err.read()})
print(json.dumps({"answers": answers, "file": frame.__file__}))
"""


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

    def follow(self, section: str) -> set[str]:
        """Make the changes of a section of the page; returns the files that it names."""
        (text,) = re.findall(rf"^## {section}\n(.*?)(?=^## |\Z)", PAGE, re.M | re.S)
        blocks = list(BLOCK.finditer(text))
        for block in blocks:
            path = self.root / block["path"]
            if block["kind"] == "diff":
                path.write_text(patched(path.read_text("utf-8"), block["text"]), "utf-8")
            else:
                path.parent.mkdir(exist_ok=True)
                path.write_text(block["text"], "utf-8")
        return {block["path"] for block in blocks}

    def changed(self) -> set[str]:
        """The files that differ from the program's, or are new."""
        return {
            path.relative_to(self.root).as_posix()
            for path in self.root.rglob("*.py")
            if not (ROOT / path.relative_to(self.root)).exists()
            or not filecmp.cmp(path, ROOT / path.relative_to(self.root), shallow=False)
        }

    def call(self, *commands: Sequence[str], **environment: str) -> list[Any]:
        clean = {name: value for name, value in os.environ.items() if "NEWSLETTER" not in name}
        ran = subprocess.run(
            [
                sys.executable,
                "-c",
                RUN,
                json.dumps(commands),
            ],
            cwd=self.letter,
            env={**clean, "PYTHONPATH": str(self.root), **environment},
            capture_output=True,
            text=True,
            timeout=PATIENCE_SECONDS,
            check=False,
        )
        assert ran.returncode == 0, ran.stderr
        found = json.loads(ran.stdout)
        assert Path(found["file"]).is_relative_to(self.root)
        return list(found["answers"])


def patched(source: str, change: str) -> str:
    """A text with a change of the page made, whose old lines stand in it once."""
    lines = change.splitlines(keepends=True)
    old = "".join(line[1:] for line in lines if not line.startswith("+"))
    new = "".join(line[1:] for line in lines if not line.startswith("-"))
    assert source.count(old) == 1, old
    return source.replace(old, new)


@pytest.fixture
def copy(new_project: Path, tmp_path: Path) -> Copy:
    root, letter = tmp_path / "copy", tmp_path / "letter"
    shutil.copytree(new_project, letter)
    for folder in ("newsletter", "templates"):
        shutil.copytree(ROOT / folder, root / folder)
    return Copy(root, letter)


def test_a_newcomer_adds_a_transport(copy: Copy) -> None:
    named = copy.follow("A transport")

    _, sent, pulled = copy.call(
        *SEND,
        ["events", "pull", "--once", "--json"],
        NEWSLETTER_TRANSPORT__KIND="maildir",
        NEWSLETTER_TRANSPORT__MAILDIR__PATH="mails",
    )

    assert sent["code"] == 0, sent
    assert json.loads(sent["out"])["accepted"] == 3
    assert len(mailbox.Maildir(copy.letter / "mails", create=False)) == 3
    assert "the Maildir reports nothing" in json.loads(pulled["out"])["error"]["message"]
    assert copy.changed() == named == {"newsletter/transports/maildir.py", "newsletter/config.py"}


def test_a_newcomer_adds_a_source_of_events(copy: Copy) -> None:
    named = copy.follow("A source of events")
    *_, sent = copy.call(*SEND)
    send_id = json.loads(sent["out"])["send_id"]
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
    assert json.loads(words["out"])["word"] == "bounced/tired"
    assert json.loads(suppressed["out"])["address"] == json.loads(explained["out"])["address"]
    assert "Acme reported Bounce: no-such-mailbox" in explained["out"]
    assert copy.changed() == named
    assert named == {"newsletter/feedback/acme/__init__.py", "newsletter/config.py"}


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
    assert answer["code"] == 0, answer
    found = json.loads(answer["out"])
    return {name: found[name] for name in ("applied", "set_aside", "duplicate")}
