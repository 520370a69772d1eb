"""The pages on moving here: their commands, run on exports of the layout that each is about."""

import datetime as dt
import re
import shlex
from pathlib import Path

import pytest

from newsletter.scaffold import start
from tests.integration.commandline import in_process
from tests.unit.audience.test_systems import EXPORTS, MAILCHIMP

FIRST_DAY = dt.date(2026, 1, 6)
PAGES = Path(__file__).parents[2] / "docs" / "moving"
# The files that each page names, beside the export itself.
BARE = "email\ngone@example.com\n"
FILES = {
    "listmonk": {"subscribers.csv": EXPORTS["listmonk"].text, "unsubscribed.csv": BARE},
    "mailchimp": {
        "subscribed.csv": EXPORTS["mailchimp"].text,
        "unsubscribed.csv": MAILCHIMP.format(
            extra="UNSUB_TIME,", who="gone", values="2023-05-05 10:00:00,"
        ),
        "cleaned.csv": MAILCHIMP.format(
            extra="CLEAN_TIME,", who="dead", values="2023-05-05 10:00:00,"
        ),
    },
    "substack": {"email_list.csv": EXPORTS["substack"].text},
    "ghost": {"members.csv": EXPORTS["ghost"].text},
    "sendy": {"list.csv": EXPORTS["sendy"].text},
    "buttondown": {"subscribers.csv": EXPORTS["buttondown"].text, "unsubscribers.csv": BARE},
    "index": {
        "people.csv": "email,Mail state,Plan active,Internal id\non@example.com,active,gold,7\n",
        "left.csv": BARE,
        "bounced.csv": BARE,
        "complained.csv": BARE,
    },
}


def commands(page: str) -> list[str]:
    text = (PAGES / f"{page}.md").read_text("utf-8")
    blocks = re.findall(r"^ *```sh\n(.*?)^ *```", text, re.MULTILINE | re.DOTALL)
    return [line.strip() for block in blocks for line in block.splitlines()]


def test_there_is_a_page_for_each_system() -> None:
    assert {path.stem for path in PAGES.glob("*.md")} == set(FILES) == {*EXPORTS, "index"}


@pytest.mark.parametrize("page", FILES)
def test_the_steps_of_a_page_work_as_they_stand(
    page: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A dry run writes nothing; afterwards who said no gets nothing, and somebody gets mail."""
    folder = tmp_path / "letter"
    start(folder, FIRST_DAY)
    for name, text in FILES[page].items():
        (folder / name).write_text(text, "utf-8")
    monkeypatch.chdir(folder)
    call = in_process(capsys)

    for line in commands(page):
        words = shlex.split(line.replace("reader@example.com", "on@example.com"))[1:]
        if "people.csv" in words and "Plan active=attribute" not in words and page == "index":
            continue  # each of these is one of several ways to read the same file
        if page == "substack" and "show" in words:
            words[-2 if words[-1] == "--json" else -1] = "free@example.com"
        answer = call(*words)
        assert answer.code == 0, (line, answer.err)
        if "--dry-run" in words:
            assert call("subscribers", "list", "--json").out == ""

    found = call("subscribers", "stats", "--json").json
    (readers,) = found["lists"]
    assert readers["confirmed"] >= 1
    assert readers["unsubscribed"] + sum(found["suppressions"].values()) >= 1
