"""The documentation says what the program does: every command, setting and word, and no other."""

import json
import re
import shlex
from collections.abc import Iterator
from dataclasses import MISSING, dataclass, is_dataclass
from pathlib import Path
from typing import Any, get_args

import click
import pytest

from newsletter import digest
from newsletter.audience.syncing import Synced
from newsletter.cli import COMMANDS
from newsletter.cli.frame import Group, run
from newsletter.config import Settings
from newsletter.config.tables import is_required, keys
from newsletter.digest.keys import KNOWN
from newsletter.model.blocks import (
    Embed,
    Figure,
    Footnotes,
    LabelKind,
    Labelled,
    LinkList,
    Quote,
    Table,
)
from newsletter.model.inline import Node
from newsletter.model.walking import walk
from tests.checkout import begin

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").rglob("*.md"))]
TEXTS = {path.relative_to(ROOT).as_posix(): path.read_text("utf-8") for path in PAGES}
FENCE = re.compile(r"^ *```(\w*)\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)
PROGRAM = Group(COMMANDS)


# --- settings -------------------------------------------------------------------------------------

SETTING = re.compile(
    r"^\| `(?P<key>\w+)` \| (?P<default>[^|]+) \| `(?P<variable>\w+)` \| (?P<meaning>.+) \|$"
)


def settings_of(settings: type[Any], table: str = "") -> Iterator[tuple[str, str, str]]:
    """Table, key and default of every setting, as newsletter.toml writes them."""
    for key, field in keys(settings).items():
        if isinstance(field.type, type) and is_dataclass(field.type):
            yield from settings_of(field.type, f"{table}.{key}".lstrip("."))
        elif is_dataclass(inner := (get_args(field.type) or (None,))[-1]):
            yield from settings_of(inner, f"{key}.NAME")  # type: ignore[arg-type]
        elif is_required(field):
            yield table, key, "required"
        else:
            default = field.default if field.default_factory is MISSING else field.default_factory()
            yield table, key, f"`{json.dumps(default, ensure_ascii=False)}`"


def documented_settings() -> Iterator[tuple[str, str, str]]:
    table = ""
    for line in TEXTS["docs/settings.md"].splitlines():
        if heading := re.fullmatch(r"#+ `\[([\w.]+)\]`", line):
            table = heading[1]
        elif row := SETTING.fullmatch(line):
            assert row["variable"] == variable(table, row["key"])
            yield table, row["key"], row["default"]


def variable(table: str, key: str) -> str:
    return "NEWSLETTER_" + "__".join([*table.split("."), key]).upper()


def test_every_setting_is_documented_with_its_default_and_variable() -> None:
    assert sorted(documented_settings()) == sorted(settings_of(Settings))


# --- commands -------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Entry:
    """What docs/commands.md says of one command."""

    arguments: tuple[str, ...]
    options: frozenset[str]


def entries() -> dict[str, Entry]:
    found = {}
    text = TEXTS["docs/commands.md"]
    for match in re.finditer(r"^### `newsletter ([^`]+)`\n(.*?)(?=^##|\Z)", text, re.M | re.S):
        words = match[1].split()
        name = " ".join(word for word in words if word.islower())
        options = frozenset(re.findall(r"^\| `(--[\w-]+)", match[2], re.MULTILINE))
        found[name] = Entry(tuple(word for word in words if not word.islower()), options)
    return found


def commands(
    command: click.Command = PROGRAM, path: tuple[str, ...] = ()
) -> Iterator[tuple[str, click.Command]]:
    """Every command that does something, with the words that call it."""
    if path and (not isinstance(command, click.Group) or command.invoke_without_command):
        yield " ".join(path), command
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            inner = command.get_command(context, name)
            assert inner is not None
            yield from commands(inner, (*path, name))


TREE = dict(commands())


def options_of(command: click.Command) -> frozenset[str]:
    """Those that `--help` shows."""
    return frozenset(
        name
        for parameter in command.params
        if isinstance(parameter, click.Option) and not parameter.hidden
        for name in (*parameter.opts, *parameter.secondary_opts)
    )


def test_every_command_is_documented_and_no_other() -> None:
    assert set(entries()) == set(TREE)


@pytest.mark.parametrize("name", TREE)
def test_every_option_of_a_command_is_documented_and_no_other(name: str) -> None:
    """`--json` is explained once, for all of them."""
    command = TREE[name]
    entry = entries()[name]

    assert entry.options == options_of(command) - {"--json"}
    assert "--json" in options_of(command)
    assert len(entry.arguments) == sum(isinstance(p, click.Argument) for p in command.params)


def test_the_options_before_the_command_are_documented() -> None:
    for name in options_of(PROGRAM):
        assert f"\n| `{name}" in TEXTS["docs/commands.md"]


# --- what commands print --------------------------------------------------------------------------

# One call of each command, in an order in which they work; SEND is the send of the newest issue.
CALLS = """
init .
webhooks list
webhooks retry
new Hello --date 2026-01-07
themes
themes list
themes new own
themes check own
themes render own --out out
lists create spare
lists edit spare --title Spare
lint 2026-01-07-hello
render 2026-01-07-hello --out out
review 2026-01-07-hello
subscribers import subscribers/example.csv --list readers
subscribers add bo@example.com --list readers
subscribers remove bo@example.com
subscribers move ada@example.com --list readers --to spare
subscribers imports
subscribers import undo 1
subscribers import subscribers/example.csv --list readers
subscribers show ada@example.com
subscribers list
subscribers export --out people.csv
subscribers stats
lists list
lists
lists show spare
lists create spare2
lists delete spare2
segments create some paused
segments update some paused
segments show some
segments check paused --list readers
segments list
segments
segments delete some
suppressions add bo@example.com
suppressions list
suppressions export --out never.csv
suppressions import never.csv
suppressions remove bo@example.com
explain bo@example.com
subscribers forget bo@example.com --yes
subscribers add cid@example.com --list readers
subscribers delete cid@example.com
test 2026-01-07-hello --to you@example.com
approve 2026-01-07-hello --as bo@example.com --yes
send 2026-01-07-hello --list readers --yes
status SEND
sends
deliveries SEND
report SEND --compare
resume SEND
resolve SEND --unknown accept
archive list
archive correct 2026-01-07-hello --note mended --yes
archive hide 2026-01-07-hello
archive show 2026-01-07-hello
archive build public
events replay people.csv
events set-aside
events replay words.jsonl
events unknown-words
events arm
db upgrade
db adopt --yes
db backup copy.db
db verify
doctor --only store
db restore copy.db --to sqlite:///other.db --yes
sends archive SEND
completion bash
audit
db copy --to sqlite:///moved.db --yes
""".strip().splitlines()
# What needs a send that is under way; they print it as `send` does, which the page says too.
AS_SEND = {"pause", "reschedule", "cancel", "worker"}
AS_REPLAY = {"events pull"}  # needs a queue
SERVES = {name: {"url"} for name in ("serve", "studio", "preview")}  # run until they are stopped
ASKS_ANOTHER = {"webhooks test": {"name", "status"}}
NEEDS_SES = {"suppressions sync": set(Synced().counts("ses"))}
IS_TESTED = {"setup ses"}  # where there is an account of AWS


def documented_keys(name: str) -> set[str]:
    (section,) = re.findall(
        rf"^### `newsletter {name}(?: [A-Z. ]+)?`\n(.*?)(?=^##|\Z)",
        TEXTS["docs/commands.md"],
        re.MULTILINE | re.DOTALL,
    )
    (printed,) = re.findall(r"^JSON(?: lines)?: (.*?\.)(?:\n| )", section, re.M | re.S)
    if other := re.match(r"as `newsletter ([\w ]+)`", printed):
        return documented_keys(other[1])
    if printed == "as below.":
        return documented_keys("lists list")
    return set(re.findall(r"`(\w+)`", re.sub(r"\([^)]*\)", "", printed)))


def called(call: str) -> str:
    """The command of a call: `lists show` and not `lists`."""
    return max((name for name in TREE if f"{call} ".startswith(f"{name} ")), key=len)


def test_every_command_prints_the_keys_that_are_documented(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("NEWSLETTER_WEBHOOKS__CRM__URL", "https://crm.example.com/")
    monkeypatch.setenv("NEWSLETTER_EVENTS__TOPIC_ARNS", '["arn:aws:sns:us-east-1:123456789012:e"]')
    word = '{"eventType": "New", "mail": {"messageId": "m", "timestamp": "2026-01-07T12:00Z"}}'
    (tmp_path / "words.jsonl").write_text(word)
    begin(tmp_path)  # for what asks git
    printed: dict[str, set[str]] = {}
    send_id = ""

    for call in CALLS:
        if call.startswith("archive correct"):
            with next(tmp_path.rglob("2026-01-07-hello.md")).open("a") as issue:
                issue.write("\nWhat was wrong is right now.\n")
        with pytest.raises(SystemExit) as left:
            run(PROGRAM, [*call.replace("SEND", send_id).split(), "--json"])
        assert left.value.code == 0, call
        first = json.loads(capsys.readouterr().out.splitlines()[0])
        send_id = first.get("send_id") or send_id
        name = next(
            name for name in sorted(TREE, reverse=True) if f"{call} ".startswith(f"{name} ")
        )
        printed[name] = set(first)

    elsewhere = AS_SEND | AS_REPLAY | IS_TESTED | set(NEEDS_SES | SERVES | ASKS_ANOTHER)
    assert set(printed) | elsewhere == set(TREE)
    assert {name: documented_keys(name) for name in printed} == printed
    assert all(documented_keys(name) == printed["send"] for name in AS_SEND)
    assert {name: documented_keys(name) for name in NEEDS_SES} == NEEDS_SES
    assert {name: documented_keys(name) for name in SERVES} == SERVES
    assert {name: documented_keys(name) for name in ASKS_ANOTHER} == ASKS_ANOTHER
    assert all(documented_keys(name) == printed["events replay"] for name in AS_REPLAY)


# --- command lines --------------------------------------------------------------------------------


def shell_lines(text: str) -> Iterator[str]:
    for match in FENCE.finditer(text):
        if match[1] == "sh":
            yield from map(str.strip, match[2].splitlines())


def command_lines() -> Iterator[tuple[str, str]]:
    """Every `newsletter …` that a page shows: in blocks for the shell, and in running text."""
    for page, text in TEXTS.items():
        lines = [line for line in shell_lines(text) if line.startswith("newsletter ")]
        spans = re.findall(r"`(newsletter [^`]+)`", FENCE.sub("", text))
        for line in [*lines, *(span.replace("…", "...") for span in spans)]:
            yield page, line


@pytest.mark.parametrize(("page", "line"), sorted(set(command_lines())))
def test_every_command_line_that_is_shown_can_be_typed(page: str, line: str) -> None:
    """Its commands and options exist, and it has no argument too many; values are examples."""
    command, rest = resolved(shlex.split(line, comments=True)[1:])
    context = click.Context(command)

    command.make_parser(context).parse_args(args=[word for word in rest if word != "..."])


def resolved(words: list[str]) -> tuple[click.Command, list[str]]:
    command: click.Command = PROGRAM
    while isinstance(command, click.Group) and words and not words[0].startswith("-"):
        inner = command.get_command(click.Context(command), words[0])
        assert inner is not None, f"there is no command {words[0]!r}"
        command, words = inner, words[1:]
    return command, words


def test_a_command_line_that_cannot_be_typed_would_be_found() -> None:
    command, rest = resolved(["send", "ISSUE", "--lsit", "readers"])

    with pytest.raises(click.NoSuchOption):
        command.make_parser(click.Context(command)).parse_args(args=rest)


# --- writing --------------------------------------------------------------------------------------


def test_every_key_of_front_matter_is_documented_and_no_other() -> None:
    section = TEXTS["docs/writing.md"].partition("## Front matter")[2].partition("\n## ")[0]
    keys = re.findall(r"^\| `([\w-]+)` \|", section, re.MULTILINE)

    assert sorted(keys) == sorted(KNOWN)


def test_the_whole_issue_becomes_what_the_page_says() -> None:
    source = next(text for kind, text in FENCE.findall(TEXTS["docs/writing.md"]) if "---" in text)

    read = parsed(source)

    nodes = list(walk(read.digest))
    labels = [node.kind for node in nodes if isinstance(node, Labelled)]
    assert read.findings == ()
    assert [item.url for item in read.digest.items()] == ["https://example.com/quiet", None]
    assert labels == [LabelKind.INSIGHT, LabelKind.IMPACT]
    assert {Quote, Table, LinkList, Footnotes} <= {type(node) for node in nodes}
    assert read.digest.promo is not None
    assert read.digest.promo.button is not None


@pytest.mark.parametrize(
    ("source", "kind"),
    [
        ("![what it shows](https://example.com/a.png)", Figure),
        ('<iframe src="https://example.com/v"></iframe>', Embed),
        ("**Any label:** text", Labelled),
        ("## In brief\n\n- [One](https://example.com/1)\n", LinkList),
    ],
)
def test_the_forms_of_the_page_are_recognised(source: str, kind: type[Node]) -> None:
    assert kind in {type(node) for node in walk(parsed(f"# T\n\n{source}\n").digest)}


def parsed(source: str) -> digest.Parsed:
    return digest.parse(
        source.encode(),
        file="2026-01-07-x.md",
        stem="2026-01-07-x",
        base_url="https://news.example.com",
        section_labels=(),
    )


# --- words and links ------------------------------------------------------------------------------

WORDS = """Issue Digest Theme Email Merge_field Message Subscriber List Segment Suppression
Send Picture Delivery Ledger Erase Transport Event Batch Claim Lease Epoch Finding Masthead Slug
Tenure Worker""".split()


@pytest.mark.parametrize("word", [word.replace("_", " ") for word in WORDS])
def test_the_glossary_defines_each_word_once(word: str) -> None:
    assert TEXTS["docs/glossary.md"].count(f"\n| **{word}** |") == 1


def targets() -> Iterator[tuple[str, str]]:
    for page, text in TEXTS.items():
        prose = FENCE.sub("", re.sub(r"`[^`\n]+`", "", text))
        found = [
            *re.findall(r"\]\(([^)\s]+)\)", prose),
            *re.findall(r'(?:src|href)="([^"]+)"', prose),
        ]
        yield from ((page, target) for target in found if "://" not in target)


@pytest.mark.parametrize(("page", "target"), sorted(set(targets())))
def test_every_relative_link_leads_somewhere(page: str, target: str) -> None:
    file, _, anchor = target.partition("#")
    path = (ROOT / page).parent / file if file else ROOT / page

    assert path.exists()
    if anchor:
        assert anchor in anchors(path.read_text("utf-8"))


TESTS = "\n".join(
    f"{path.name}\n{path.read_text('utf-8')}" for path in (ROOT / "tests").rglob("test_*.py")
)


@pytest.mark.parametrize(
    "name", sorted(set(re.findall(r"`(test_\w+)", TEXTS["docs/reliability.md"])))
)
def test_every_test_that_the_page_on_reliability_names_is_there(name: str) -> None:
    assert f"def {name}(" in TESTS or f"{name}.py" in TESTS


def anchors(text: str) -> set[str]:
    """The names by which headings are linked to, as forges make them."""
    headings = re.findall(r"^#+ (.+)$", FENCE.sub("", text), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}
