"""The editor's commands where only Windows is: what POSIX has is missing, and open files stay."""

import ast
import json
import subprocess
import sys
from pathlib import Path

import pytest

import newsletter
from tests.integration.commandline import Answer
from tests.waiting import PATIENCE_SECONDS
from tests.windows import POSIX_MODULES

ISSUE = "2026-01-07-valley"


def windows(folder: Path, *arguments: str, program: tuple[str, ...] = ()) -> Answer:
    done = subprocess.run(
        [sys.executable, *(program or ("-m", "tests.windows")), *arguments],
        cwd=folder,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE_SECONDS,
    )
    assert "Traceback" not in done.stderr
    return Answer(done.returncode, done.stdout, done.stderr)


def test_an_editor_works_on_windows(project: Path, readers: str, tmp_path: Path) -> None:
    """From a new newsletter to mails in the outbox, and again over what is there."""
    assert windows(tmp_path, "init", "another").code == 0
    for arguments in (
        ("new", "Hills", "--date", "2026-01-08"),
        ("lint", ISSUE),
        *[("render", ISSUE, "--out", "out")] * 2,
        *[("test", ISSUE, "--to", "me@example.org")] * 2,
        ("subscribers", "add", "new@example.com", "--list", readers),
        ("subscribers", "export", "--out", "people.csv"),
        ("send", ISSUE, "--list", readers, "--yes"),
        ("send", ISSUE, "--list", readers, "--yes", "--again", "to see"),
        ("themes", "new", "mine"),
    ):
        done = windows(project, *arguments)
        assert done.code == 0, (arguments, done.err)

    assert (project / "out" / ISSUE / "email.eml").read_bytes().endswith(b"--\r\n")
    assert len(list((project / "outbox").glob("2*/*.eml"))) == 8
    assert len(list((project / "outbox" / "test").glob("*.eml"))) == 2
    assert list(project.rglob("*.newsletter-part")) == []
    assert list(project.rglob(".lock")) == []


def test_the_studio_saves_on_windows(project: Path) -> None:
    program = """
from pathlib import Path
from tests.windows import become_windows
become_windows()
from newsletter.desk.editing import read_source, save
path = Path("issues/2026-01-07-valley.md")
there = read_source(path, "valley")
save(path, there.text + "One more line.\\n", there.version, "valley")
"""

    done = windows(project, program=("-c", program))

    assert done.code == 0, done.err
    assert (project / "issues" / f"{ISSUE}.md").read_text("utf-8").endswith("One more line.\n")
    assert list(project.rglob(".lock")) == []


@pytest.mark.parametrize(
    ("arguments", "environment"),
    [
        (("worker", "--once"), {}),
        (("serve",), {}),
        (("doctor",), {}),
        (("db", "backup", "letter.backup"), {}),
        (("send", ISSUE, "--list", "readers", "--yes"), {"NEWSLETTER_TRANSPORT__KIND": "smtp"}),
    ],
)
@pytest.mark.usefixtures("readers")
def test_what_windows_has_not_says_so(
    project: Path,
    arguments: tuple[str, ...],
    environment: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)

    refused = windows(project, *arguments, "--json")

    assert refused.code == 2
    assert "needs Linux or macOS" in refused.error["message"]
    assert "outbox" in refused.error["hint"]
    assert list(project.glob("letter.backup*")) == []


def test_the_stand_in_for_windows_lacks_what_it_says(tmp_path: Path) -> None:
    """A program that opens a folder, or replaces an open file, fails in it."""
    program = """
import json, os
from tests.windows import become_windows
become_windows()
failed = []
try:
    os.open(".", os.O_RDONLY)
except PermissionError:
    failed.append("folder")
with open("a", "w"), open("b", "w"):
    try:
        os.replace("a", "b")
    except PermissionError:
        failed.append("replace")
scope = {"__name__": "newsletter.x"}
for line in ("import fcntl", "import os; os.O_NOFOLLOW", "import signal; signal.SIGHUP"):
    try:
        exec(line, scope)
    except (ImportError, AttributeError):
        failed.append(line[:8])
print(json.dumps(failed))
"""

    done = windows(tmp_path, program=("-c", program))

    assert json.loads(done.out) == ["folder", "replace", "import f", "import o", "import s"]


def test_no_module_needs_posix_to_be_imported() -> None:
    [package] = newsletter.__path__
    found = []
    for path in Path(package).rglob("*.py"):
        for node in ast.parse(path.read_text("utf-8")).body:
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            found += [f"{path.name}: {name}" for name in names if name in POSIX_MODULES]

    assert found == []
