"""What is not ready is not sent; looking at it stays possible."""

from pathlib import Path

import pytest

from newsletter import scaffold
from newsletter.desk.prepare import prepare
from newsletter.errors import ConfigurationError
from newsletter.project import Project
from newsletter.transports import open_transport
from tests.integration.commandline import Call
from tests.unit.lint.examples import PROSE, front

ISSUE = "2026-01-08-later"


@pytest.fixture
def unfinished(project: Path) -> str:
    (project / "issues" / f"{ISSUE}.md").write_text(f"{front()}{PROSE}\nTODO: the weather.\n")
    return ISSUE


@pytest.mark.parametrize(
    "flags", [("--yes",), ("--dry-run",), ("--yes", "--at", "2099-01-01 08:00")]
)
def test_an_unfinished_issue_is_neither_sent_nor_scheduled(
    call: Call, readers: str, unfinished: str, flags: tuple[str, ...]
) -> None:
    answer = call("send", unfinished, "--list", readers, "--json", *flags)

    assert answer.code == 3
    assert answer.error["where"] == f"issues/{ISSUE}.md:9"
    assert "'TODO: the weather.'" in answer.error["message"]
    assert "lint-ignore: [unfinished-text]" in answer.error["hint"]
    assert call("sends", "--json").out == ""


def test_what_readers_are_to_see_can_be_sent(
    call: Call, project: Path, readers: str, unfinished: str
) -> None:
    path = project / "issues" / f"{ISSUE}.md"
    path.write_text(path.read_text().replace("---\n", "---\nlint-ignore: [unfinished-text]\n", 1))

    assert call("send", unfinished, "--list", readers, "--yes").code == 0


def test_it_can_be_looked_at(call: Call, unfinished: str) -> None:
    assert call("lint", unfinished).code == 0
    assert call("render", unfinished, "--out", "out").code == 0
    tried = call("test", unfinished, "--to", "you@example.com")

    assert tried.code == 0
    assert "is not finished, and `send` refuses it" in tried.err


@pytest.mark.parametrize(
    ("endpoint", "reaches"),
    [
        ("", True),
        ("https://email.eu-central-1.amazonaws.com", True),
        ("http://10.0.0.7:8005", True),
        ("http://127.0.0.1:8005", False),
        ("http://[::1]:8005", False),
        ("http://localhost:8005", False),
        ("http://stand-in:8005", False),
    ],
)
def test_a_stand_in_nearby_reaches_no_reader(project: Path, endpoint: str, reaches: bool) -> None:
    """What is sent to one is a rehearsal, as what is written into the outbox."""
    assert not open_transport(Project.open(project)).reaches_readers
    settings = project / "newsletter.toml"
    settings.write_text(
        settings.read_text().replace('kind = "outbox"', 'kind = "ses"')
        + f'[transport.ses]\nregion = "eu-central-1"\nendpoint_url = "{endpoint}"\n'
    )

    assert open_transport(Project.open(project)).reaches_readers is reaches


def test_a_scaffold_is_known_by_its_text(call: Call, project: Path) -> None:
    """Its headings may stay, and so may a text of one's own."""
    assert call("new", "Looms", "--date", "2026-03-04").code == 0
    path = project / "issues" / "2026-03-04-looms.md"

    def untouched() -> list[tuple[int, str]]:
        digest = prepare(Project.open(project), str(path)).digest
        return [(f.position.line, f.message) for f in scaffold.untouched(digest)]

    assert [line for line, _ in untouched()] == [6, 7, 14]
    assert untouched()[0][1] == "'First point' is what the scaffold says"
    for scaffolded in ("First point", "Second point", "What it is about."):
        path.write_text(path.read_text().replace(scaffolded, "Looms came."))
    assert untouched() == []


def test_the_welcome_of_a_new_newsletter_is_a_scaffold(project: Path) -> None:
    digest = prepare(Project.open(project), "2026-01-06-welcome").digest

    assert len(list(scaffold.untouched(digest))) == 15


def test_an_issue_of_ones_own_is_none(project: Path) -> None:
    digest = prepare(Project.open(project), "2026-01-07-valley").digest

    assert not list(scaffold.untouched(digest))


def test_the_example_identity_is_named_key_by_key(project: Path) -> None:
    settings = project / "newsletter.toml"

    with pytest.raises(ConfigurationError) as refused:
        scaffold.check_identity(Project.open(project).settings)
    assert [line.split()[0] for line in refused.value.lines] == [
        "newsletter.from",
        "newsletter.base_url",
        "newsletter.postal_address",
    ]

    text = settings.read_text()
    for written, own in (
        ("Newsletter <news@example.com>", "Valley <news@valley.example>"),
        ("https://news.example.com", "https://valley.example"),
        ("Newsletter, 1 Example Street, 00000 Example", "1 Road, Valley"),
    ):
        text = text.replace(written, own)
    settings.write_text(text)
    scaffold.check_identity(Project.open(project).settings)
