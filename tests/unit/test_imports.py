"""Start-up stays light: a command loads what it needs, and --help needs next to nothing."""

import subprocess
import sys
from pathlib import Path

import pytest

HEAVY = {
    *(
        "babel",
        "boto3",
        "botocore",
        "sqlalchemy",
        "alembic",
        "premailer",
        "lxml",
        "fastapi",
        "uvicorn",
    ),
    *("jinja2", "mjml", "pydantic", "rich", "markdown_it", "nh3", "yaml", "frontmatter"),
    *("email_validator", "itsdangerous", "psycopg", "psutil", "lark", "PIL"),
}


def loaded_by(folder: Path, *arguments: str) -> set[str]:
    """The top-level modules that a call of the program has loaded when it leaves."""
    program = (
        "import atexit, sys\n"
        "atexit.register(lambda: print(*sys.modules, file=sys.stderr))\n"
        "from newsletter.cli import main\n"
        "main()\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    names = done.stderr.splitlines()[-1].split()
    assert "click" in names
    return {name.partition(".")[0] for name in names}


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], [], ["lsits"]], ids=" ".join)
def test_help_loads_nothing_heavy(tmp_path: Path, arguments: list[str]) -> None:
    assert loaded_by(tmp_path, *arguments) & HEAVY == set()


@pytest.mark.parametrize(
    "command", ["init", "render", "lint", "send", "status", "resume", "worker", "db", "subscribers"]
)
def test_the_help_of_a_command_loads_nothing_heavy(tmp_path: Path, command: str) -> None:
    assert loaded_by(tmp_path, command, "--help") & HEAVY == set()


AWS = {"boto3", "botocore", "s3transfer"}
WEB = {"fastapi", "starlette", "uvicorn", "jwt"}
RENDERING = {"jinja2", "mjml", "premailer", "lxml", "cssutils", "markdown_it", "nh3", "yaml"}


@pytest.fixture(scope="module")
def letter(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A new newsletter that sends to its outbox, with its list and one send."""
    folder = tmp_path_factory.mktemp("project")
    letter = folder / "letter"
    loaded_by(folder, "init", "letter")
    loaded_by(letter, "lists", "create", "news")
    loaded_by(letter, "subscribers", "add", "ada@example.com", "--list", "news")
    loaded_by(letter, "send", _issue(letter), "--list", "news", "--yes")
    assert list((letter / "outbox").glob("*/*.eml"))
    return letter


def _issue(letter: Path) -> str:
    return next((letter / "issues").glob("*.md")).stem


@pytest.mark.parametrize(
    "arguments",
    [
        ["subscribers", "add", "bob@example.com", "--list", "news"],
        ["subscribers", "show", "ada@example.com"],
        ["suppressions", "add", "eve@example.com"],
        ["suppressions", "list"],
        ["lists"],
        ["status"],
        ["sends"],
        ["explain", "ada@example.com"],
    ],
    ids=" ".join,
)
def test_what_asks_the_store_loads_nothing_but_the_store(
    letter: Path, arguments: list[str]
) -> None:
    loaded = loaded_by(letter, *arguments)

    assert "sqlalchemy" in loaded
    assert (
        loaded & (AWS | WEB | RENDERING | {"alembic", "psycopg", "lark", "cryptography"}) == set()
    )


@pytest.mark.parametrize("arguments", [["--dry-run"], ["--yes", "--again", "more"]], ids=" ".join)
def test_sending_to_the_outbox_asks_neither_aws_nor_the_web(
    letter: Path, arguments: list[str]
) -> None:
    loaded = loaded_by(letter, "send", _issue(letter), "--list", "news", *arguments)

    assert {"sqlalchemy", "jinja2"} <= loaded
    assert loaded & (AWS | WEB | {"alembic", "psycopg", "lark"}) == set()


def test_a_command_loads_no_part_of_another(tmp_path: Path) -> None:
    """Looking at the store renders nothing; rendering opens no store. Neither talks to Amazon."""
    setup = loaded_by(tmp_path, "init", "letter")
    looking = loaded_by(tmp_path / "letter", "sends")
    (tmp_path / "letter" / "issues" / "plain.md").write_text("# Plain\n\nNo picture.\n", "utf-8")
    rendering = loaded_by(tmp_path / "letter", "render", "plain", "--out", "out")

    assert "sqlalchemy" in looking & setup
    assert (
        looking & {"jinja2", "mjml", "premailer", "lxml", "markdown_it", "alembic", "lark"} == set()
    )
    assert "jinja2" in rendering
    assert rendering & {"sqlalchemy", "alembic", "psycopg"} == set()
    assert (setup | looking | rendering) & {"boto3", "botocore", "fastapi", "PIL"} == set()
