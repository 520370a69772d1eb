"""The pages on moving here: their commands, run on exports of the layout that each is about."""

import csv
import datetime as dt
import io
import re
import shlex
from contextlib import closing
from pathlib import Path

import pytest

from newsletter.audience.systems import SYSTEMS, System
from newsletter.scaffold import start
from newsletter.store import open_store
from tests.integration.audience.test_systems import EXPORTS, MAILCHIMP, standings
from tests.integration.commandline import Answer, Call, in_process

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
}
# Whom the files beside the export itself are about.
ELSEWHERE = {
    "listmonk": {"gone": "unsubscribed"},
    "mailchimp": {"gone": "unsubscribed", "dead": "hard_bounce"},
    "buttondown": {"gone": "unsubscribed"},
}


def text_of(page: str) -> str:
    return (PAGES / f"{page}.md").read_text("utf-8")


def commands(text: str) -> list[str]:
    blocks = re.findall(r"^ *```sh\n(.*?)^ *```", text, re.MULTILINE | re.DOTALL)
    return [line.strip() for block in blocks for line in block.splitlines()]


def steps(page: str) -> dict[str, list[str]]:
    """The commands of each numbered step, by the name of the step."""
    parts = re.split(r"^\d\. \*\*(\w+)\.\*\*", text_of(page), flags=re.MULTILINE)
    return dict(zip(parts[1::2], map(commands, parts[2::2]), strict=True))


@pytest.fixture
def call(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Call:
    """The program in a newsletter that nobody has joined."""
    folder = tmp_path / "letter"
    start(folder, FIRST_DAY)
    monkeypatch.chdir(folder)
    return in_process(capsys)


def follow(call: Call, line: str) -> Answer:
    """Do what a line of a page says."""
    program, *words = shlex.split(line)
    assert program == "newsletter"
    answer = call(*words)
    assert answer.code == 0, (line, answer.err)
    return answer


def here() -> dict[str, str]:
    """Where everybody stands in the newsletter of the current folder."""
    with closing(open_store("sqlite:///subscribers/newsletter.db", Path.cwd())) as store:
        return standings(store)


def test_there_is_a_page_for_each_system() -> None:
    assert {path.stem for path in PAGES.glob("*.md")} == {*FILES, "index"} == {*EXPORTS, "index"}
    for system in EXPORTS:
        assert f"({system}.md)" in text_of("index")


@pytest.mark.parametrize("page", FILES)
def test_the_steps_of_a_page_work_as_they_stand(page: str, call: Call) -> None:
    """A dry run writes nothing; afterwards everybody stands where they stood in the old system."""
    for name, text in FILES[page].items():
        Path(name).write_text(text, "utf-8")
    todo = steps(page)
    expected = EXPORTS[page].standings | ELSEWHERE.get(page, {})

    for line in todo["Look"]:
        assert "Nothing was written" in follow(call, line).err
    assert here() == {}
    for line in todo["Import"]:
        follow(call, line)
    assert here() == expected

    assert list(todo) == ["Export", "Look", "Import", "Check"]
    assert todo["Export"] == []
    assert {word for line in todo["Import"] for word in line.split() if ".csv" in word} == set(
        FILES[page]
    )
    stats, show = todo["Check"]
    confirmed = next(who for who, standing in expected.items() if standing == "confirmed")
    assert follow(call, f"{stats} --json").json["lists"][0]["name"] == "readers"
    shown = follow(call, show.replace("reader@", f"{confirmed}@") + " --json").json
    assert shown["subscriptions"][0]["status"] == "confirmed"
    for line in todo["Import"]:
        follow(call, line)
    assert here() == expected


STANDING = re.compile(
    r"\b(confirmed|pending|unsubscribed|manual|hard_bounce|soft_bounce|complaint)\b"
)


@pytest.mark.parametrize("page", FILES)
def test_the_table_of_a_page_says_how_its_words_are_read(page: str) -> None:
    system = SYSTEMS[page]
    rows = re.findall(r"^\| (.*) \| (.*) \|$", text_of(page), re.MULTILINE)[1:]
    told = set()

    for theirs, ours in rows:
        words = re.findall(r"`([^`]+)`", theirs.lower())
        words = [word for word in words if word not in system.consent_at]  # where they are missing
        if "left out" in ours:
            assert set(words) <= system.ignored
            continue
        if ours.startswith("you say"):  # until then a cell of such a column refuses the file
            assert all(set(system.words[word].values()) == {None} for word in words)
            continue
        for column in re.findall(r"since `(\w+)`|else `(\w+)`|from `(\w+)`", ours.lower()):
            assert set(column) - {""} <= {*system.consent_at, *system.consent_ip}
        found = STANDING.findall(ours)
        if not found or not words:
            assert not set(words) & (system.ignored | set(system.words) | set(system.happened))
            continue
        for word, standing in zip(
            words, found * len(words) if len(found) == 1 else found, strict=True
        ):
            assert means(system, word, theirs.lower()) == standing, word
            told.add(word)
    assert told >= {word for word in words_of(EXPORTS[page].text) if is_word(system, word)}


def means(system: System, word: str, where: str) -> str | None:
    """What a word, or a column that is filled or has a truth in it, says in a system's export."""
    if truth := re.search(rf"`{word}` is (true|false)", where):
        return system.words[word][truth[1]]
    if word in system.happened:
        return system.happened[word]
    return next((table[word] for table in system.words.values() if word in table), None)


def is_word(system: System, word: str) -> bool:
    return any(word in table for table in system.words.values()) and word not in ("true", "false")


def words_of(text: str) -> set[str]:
    return {cell.lower() for row in csv.reader(io.StringIO(text)) for cell in row if cell}


def test_what_the_page_on_anything_else_says_works(call: Call) -> None:
    look, mapped, kept, left, bounced, complained = commands(text_of("index"))

    Path("people.csv").write_text("email,status\non@example.com,active\n", "utf-8")
    assert "Nothing was written" in follow(call, look).err
    assert here() == {}
    Path("people.csv").write_text(
        "email,Mail state\non@example.com,active\nleft@example.com,opted out\n", "utf-8"
    )
    follow(call, mapped)
    Path("people.csv").write_text(
        "email,Plan active,Internal id\nmore@example.com,gold,7\n", "utf-8"
    )
    refused = call(*shlex.split(look)[1:])
    assert (refused.code, "gold" in refused.err) == (2, True)
    follow(call, kept)
    for name, who in (("left", "gone"), ("bounced", "dead"), ("complained", "angry")):
        Path(f"{name}.csv").write_text(f"email\n{who}@example.com\n", "utf-8")
    for line in (complained, left, bounced):
        follow(call, line)

    assert here() == {
        "on": "confirmed",
        "left": "unsubscribed",
        "more": "confirmed",
        "gone": "unsubscribed",
        "dead": "hard_bounce",
        "angry": "complaint",
    }
    shown = call("subscribers", "show", "more@example.com", "--json").json
    assert shown["attributes"] == {"plan_active": "gold"}
