"""Start-up stays light: a command loads what it needs, and --help needs next to nothing."""

import json
import subprocess
import sys
from collections.abc import Sequence
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
    *("email_validator", "itsdangerous", "psycopg", "psutil", "lark", "PIL", "structlog"),
}


# Runs commands one after the other; says what is loaded when each of them has left.
PROGRAM = """
import contextlib, io, json, sys
from newsletter.cli import main
loaded = []
for sys.argv[1:] in json.loads(sys.argv[1]):
    out, err = (io.TextIOWrapper(io.BytesIO(), "utf-8") for _ in range(2))
    with (
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
        contextlib.suppress(SystemExit),
    ):
        main()
    loaded.append(list(sys.modules))
print(json.dumps(loaded))
"""


def loaded_by(folder: Path, *calls: Sequence[str]) -> list[set[str]]:
    """The modules that each call of the program has loaded, or one before it in the same process:
    the first with a module that it should not have is to blame."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, json.dumps(calls)],
        cwd=folder,
        capture_output=True,
        text=True,
        check=True,
    )
    loaded = [set(names) for names in json.loads(done.stdout)]
    assert "click" in loaded[0]
    return loaded


SIMPLE: tuple[list[str], ...] = (["--help"], ["--version"], [], ["lsits"])
COMMANDS = ("init", "render", "lint", "send", "status", "resume", "worker", "db", "subscribers")
HELP = (*SIMPLE, *([command, "--help"] for command in COMMANDS))


@pytest.fixture(scope="module")
def loaded_by_help(tmp_path_factory: pytest.TempPathFactory) -> dict[str, set[str]]:
    loaded = loaded_by(tmp_path_factory.mktemp("nothing"), *HELP)
    return dict(zip(map(" ".join, HELP), loaded, strict=True))


@pytest.mark.parametrize("arguments", HELP, ids=" ".join)
def test_help_loads_nothing_heavy(
    loaded_by_help: dict[str, set[str]], arguments: list[str]
) -> None:
    assert loaded_by_help[" ".join(arguments)] & HEAVY == set()


AWS = {"boto3", "botocore", "s3transfer"}
WEB = {"fastapi", "starlette", "uvicorn", "jwt"}
RENDERING = {"jinja2", "mjml", "premailer", "lxml", "cssutils", "markdown_it", "nh3", "yaml"}


@pytest.fixture(scope="module")
def letter(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("letter")


@pytest.fixture(scope="module")
def loaded_by_init(letter: Path) -> set[str]:
    """A new newsletter that sends to its outbox, with its list and one send."""
    [loaded] = loaded_by(letter, ["init", "."])
    loaded_by(
        letter,
        ["lists", "create", "news"],
        ["subscribers", "add", "ada@example.com", "--list", "news"],
        ["send", issue(letter), "--list", "news", "--yes"],
    )
    assert list((letter / "outbox").glob("*/*.eml"))
    return loaded


def issue(letter: Path) -> str:
    return next((letter / "issues").glob("*-welcome.md")).stem


READING = (
    ["subscribers", "show", "ada@example.com"],
    ["suppressions", "list"],
    ["lists"],
    ["status"],
    ["sends"],
    ["explain", "ada@example.com"],
)
READING_JSON = tuple([*call, "--json"] for call in READING)
ASKING = (
    *READING,
    ["segments"],
    ["subscribers", "add", "bob@example.com", "--list", "news"],
    ["suppressions", "add", "eve@example.com"],
)
# Reading the store takes nothing of these: it neither migrates it, nor mails, nor signs.
ELSEWHERE = {
    *("alembic", "pydantic", "psycopg", "cryptography", "psutil", "babel", "PIL"),
    *("lark", "email_validator", "sqlalchemy.orm", "sqlalchemy.dialects.postgresql", "structlog"),
    *("newsletter.sending.core", "newsletter.store.ledger.claims"),
}


@pytest.fixture(scope="module")
def loaded_by_asking(letter: Path, loaded_by_init: set[str]) -> dict[str, set[str]]:
    in_json, asking = (loaded_by(letter, *calls) for calls in (READING_JSON, ASKING))
    calls = map(" ".join, (*READING_JSON, *ASKING))
    return dict(zip(calls, (*in_json, *asking), strict=True))


@pytest.mark.parametrize("arguments", ASKING, ids=" ".join)
def test_what_asks_the_store_loads_nothing_but_the_store(
    loaded_by_asking: dict[str, set[str]], arguments: list[str]
) -> None:
    loaded = loaded_by_asking[" ".join(arguments)]

    assert "sqlalchemy" in loaded
    assert loaded & (AWS | WEB | RENDERING | {"alembic", "psycopg", "pydantic"}) == set()


@pytest.mark.parametrize("arguments", [*READING_JSON, *READING], ids=" ".join)
def test_what_reads_the_store_loads_no_more_than_that_takes(
    loaded_by_asking: dict[str, set[str]], arguments: list[str]
) -> None:
    loaded = loaded_by_asking[" ".join(arguments)]
    heavy = ELSEWHERE | {"rich"} if "--json" in arguments else ELSEWHERE

    assert loaded & heavy == set()


@pytest.mark.usefixtures("loaded_by_init")
def test_sending_to_the_outbox_asks_neither_aws_nor_the_web(letter: Path) -> None:
    send = ["send", issue(letter), "--list", "news"]

    trying, sending = loaded_by(letter, [*send, "--dry-run"], [*send, "--yes", "--again", "more"])

    for loaded in (trying, sending):
        assert {"sqlalchemy", "jinja2"} <= loaded
        assert loaded & (AWS | WEB | {"alembic", "psycopg", "lark"}) == set()


def test_a_command_loads_no_part_of_another(
    letter: Path, loaded_by_init: set[str], loaded_by_asking: dict[str, set[str]]
) -> None:
    """Looking at the store renders nothing; rendering opens no store. Neither talks to Amazon."""
    looking = loaded_by_asking["sends"]
    (letter / "issues" / "plain.md").write_text("# Plain\n\nNo picture.\n", "utf-8")
    [rendering] = loaded_by(letter, ["render", "plain", "--out", "out"])

    assert "sqlalchemy" in looking & loaded_by_init
    assert (
        looking & {"jinja2", "mjml", "premailer", "lxml", "markdown_it", "alembic", "lark"} == set()
    )
    assert "jinja2" in rendering
    assert rendering & {"sqlalchemy", "alembic", "psycopg"} == set()
    assert (loaded_by_init | looking | rendering) & {"boto3", "botocore", "fastapi", "PIL"} == set()


def test_the_studio_is_ready_before_what_renders_and_asks_the_store_is_loaded() -> None:
    program = "import json, sys, newsletter.studio.app; print(json.dumps(list(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )

    loaded = set(json.loads(done.stdout))

    assert "fastapi" in loaded
    assert loaded & {"sqlalchemy", "premailer", "lxml", "mjml", "markdown_it", "boto3"} == set()
