"""`newsletter init` and `new`: a newsletter that works from the first minute."""

import datetime as dt
import os
import stat
import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.integration.commandline import Call, in_process, snapshot, spawn

pytestmark = pytest.mark.usefixtures("project")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "new"


def today() -> str:
    return f"{dt.datetime.now(dt.UTC).date()}"


def test_init_writes_the_files_and_makes_the_store(call: Call, folder: Path) -> None:
    day = today()

    answer = call("init", str(folder), "--json")

    assert answer.code == 0
    assert {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()} == {
        "newsletter.toml",
        f"issues/{day}-welcome.md",
        "issues/pictures/welcome.png",
        "subscribers/example.csv",
        "subscribers/secret.key",
        "subscribers/newsletter.db",
        ".gitignore",
    }
    assert set(answer.json["files"]) <= {str(path) for path in folder.rglob("*")}


def test_what_init_makes_is_for_its_owner_alone(call: Call, folder: Path) -> None:
    call("init", str(folder))

    for name in ("secret.key", "newsletter.db"):
        assert stat.S_IMODE((folder / "subscribers" / name).stat().st_mode) == 0o600


def test_init_writes_settings_that_can_be_sent_with(call: Call, folder: Path) -> None:
    call("init", str(folder))

    settings = tomllib.loads((folder / "newsletter.toml").read_text("utf-8"))
    assert settings["newsletter"]["base_url"] == "https://news.example.com"
    assert settings["newsletter"]["from"] == "Newsletter <news@example.com>"
    assert settings["newsletter"]["postal_address"]
    assert settings["transport"]["kind"] == "outbox"


def test_init_in_the_folder_where_one_stands_leads_nowhere_else(
    call: Call, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder.mkdir()
    elsewhere = call("init", str(folder.with_name("other")))
    monkeypatch.chdir(folder)

    here = call("init", ".")

    assert "  cd " in elsewhere.err
    assert "  cd " not in here.err
    assert "  newsletter send " in here.err


def test_init_makes_no_list(call: Call, folder: Path) -> None:
    call("init", str(folder))

    assert call("--project", str(folder), "lists", "--json").out == ""


def test_a_new_newsletter_is_clean_and_sends_at_once(
    folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The commands that `init` prints at its end."""
    call = in_process(capsys)
    told = call("init", str(folder)).err
    monkeypatch.chdir(folder)

    assert call("lint", "--strict", "--json").out == ""
    for line in told.splitlines()[-2:]:
        arguments = line.split()[1:]
        answer = call(*arguments, *(["--yes"] if "send" in arguments else []))
        assert answer.code == 0, answer.err
    assert len(list((folder / "outbox").rglob("*.eml"))) == 3


def test_a_folder_that_holds_a_newsletter_is_refused_untouched(call: Call, project: Path) -> None:
    before = snapshot(project)

    answer = call("init", str(project), "--json")

    assert answer.code == 5
    assert answer.error["where"].endswith("newsletter.toml")
    assert snapshot(project) == before


def test_init_keeps_what_is_there_and_adds_to_gitignore(call: Call, folder: Path) -> None:
    """Addresses and the secret must not get into a repository that has its own .gitignore."""
    (folder / "subscribers").mkdir(parents=True)
    (folder / "subscribers" / "example.csv").write_text("email\nmine@example.com\n")
    (folder / ".gitignore").write_text("*.pyc")

    assert call("init", str(folder)).code == 0

    assert (folder / "subscribers" / "example.csv").read_text() == "email\nmine@example.com\n"
    lines = (folder / ".gitignore").read_text().splitlines()
    assert lines[0] == "*.pyc"
    assert {"subscribers/*", "!subscribers/example.csv", "outbox/"} <= set(lines)


@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir])
def test_a_gitignore_that_is_no_file_is_named_and_not_waited_for(
    call: Call, folder: Path, make: Callable[[Path], None]
) -> None:
    folder.mkdir()
    make(folder / ".gitignore")

    answer = call("init", str(folder), "--json")

    assert answer.code == 1
    assert answer.error["where"].endswith(".gitignore")
    assert not (folder / "newsletter.toml").exists()


def test_an_init_that_failed_can_be_run_again(
    call: Call, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """newsletter.toml comes last: without it the folder is not yet a newsletter."""
    monkeypatch.setenv("NEWSLETTER_STORE__URL", "sqlite:////dev/null/newsletter.db")
    failed = call("init", str(folder), "--json")
    monkeypatch.delenv("NEWSLETTER_STORE__URL")
    assert failed.code == 1
    assert not (folder / "newsletter.toml").exists()

    assert call("init", str(folder)).code == 0
    assert call("--project", str(folder), "lists").code == 0


def test_init_on_a_file_is_a_usage_error(call: Call, project: Path) -> None:
    assert call("init", str(project / "newsletter.toml"), "--json").code == 2


def test_new_writes_an_issue_that_lints(call: Call, project: Path) -> None:
    answer = call("new", "Looms & looms", "--date", "2026-03-04", "--json")

    assert answer.json == {
        "file": str(project / "issues" / "2026-03-04-looms-looms.md"),
        "slug": "2026-03-04-looms-looms",
    }
    assert call("lint", "2026-03-04-looms-looms").code == 0


def test_new_is_of_today_in_the_newsletters_time_zone(
    call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NEWSLETTER_NEWSLETTER__TIMEZONE", "Pacific/Kiritimati")
    ahead = dt.timezone(dt.timedelta(hours=14))
    before = dt.datetime.now(ahead).date()

    slug = call("new", "Looms", "--json").json["slug"]

    assert slug in {f"{before}-looms", f"{dt.datetime.now(ahead).date()}-looms"}


@pytest.mark.parametrize(
    ("title", "kept"),
    [
        ('A "quoted": {{ title }} # no comment', 'A "quoted": {{ title }} # no comment'),
        ("中文标题：「早安」", "中文标题：「早安」"),
        ("two\nlines\x7f\u202e", "two lines"),
        ("{braces} and \\ slashes", "{braces} and \\ slashes"),
    ],
)
def test_new_keeps_any_title(call: Call, title: str, kept: str) -> None:
    slug = call("new", title, "--date", "2026-03-04", "--json").json["slug"]

    answer = call("render", slug, "--out", "out", "--json")

    assert not [f for f in answer.json["findings"] if f["severity"] == "error"]
    headers = Path("out", slug, "digest.json").read_text("utf-8")
    assert kept.replace("\\", "\\\\").replace('"', '\\"') in headers


def test_new_gives_a_long_title_a_file_name_that_fits(call: Call) -> None:
    """A name of 255 bytes is the longest; a character may take four."""
    answer = call("new", "標" * 300, "--json")

    assert answer.code == 0
    assert call("lint", answer.json["slug"]).code == 0


def test_new_never_overwrites(call: Call, project: Path) -> None:
    call("new", "Looms", "--date", "2026-03-04")
    before = snapshot(project)

    answer = call("new", "Looms!", "--date", "2026-03-04", "--json")

    assert answer.code == 5
    assert answer.error["where"].endswith("2026-03-04-looms.md")
    assert snapshot(project) == before


@pytest.mark.parametrize("arguments", [["  "], ["x", "--date", "2026-13-01"], []])
def test_new_without_a_title_or_a_date_is_a_usage_error(
    call: Call, project: Path, arguments: list[str]
) -> None:
    before = snapshot(project)

    assert call("new", *arguments, "--json").code == 2
    assert snapshot(project) == before


def test_a_title_that_is_no_text_leaves_no_file(project: Path) -> None:
    before = snapshot(project)
    done = subprocess.run(
        [sys.executable, "-m", "newsletter", "new", b"caf\xe9", "--json"],
        cwd=project,
        capture_output=True,
        check=False,
    )

    assert done.returncode == 2
    assert b"not UTF-8" in done.stdout
    assert snapshot(project) == before


def test_init_in_a_process_of_its_own(folder: Path, tmp_path: Path) -> None:
    answer = spawn(tmp_path, "init", "new")

    assert answer.code == 0
    assert "newsletter send" in answer.err
    assert "newsletter.toml" in answer.out
