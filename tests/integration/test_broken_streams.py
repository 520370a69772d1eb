"""Standard output that takes no more, a machine without memory, files that are none."""

import errno
import os
import re
import subprocess
from pathlib import Path

import pytest

from newsletter.cli.failures import as_ours
from newsletter.errors import NewsletterError, Stopped
from newsletter.sending.patience import giving_up
from tests.integration.commandline import Answer, fork

ISSUE = "2026-01-07-valley"


@pytest.fixture
def full(tmp_path: Path) -> int:
    """A device that takes nothing, made here."""
    path = tmp_path / "full"
    if subprocess.run(["mknod", path, "c", "1", "7"], capture_output=True, check=False).returncode:
        pytest.skip("needs the right to make devices")
    return os.open(path, os.O_WRONLY)


@pytest.mark.parametrize(
    "arguments",
    [
        ("subscribers", "export"),
        ("subscribers", "list"),
        ("sends", "--json"),
        ("render", ISSUE, "--out", "out"),
        ("themes",),
    ],
)
@pytest.mark.usefixtures("readers")
def test_a_full_standard_output_is_named(
    project: Path, full: int, arguments: tuple[str, ...]
) -> None:
    fork(project, "send", ISSUE, "--list", "readers", "--yes")

    answer = fork(project, *arguments, stdout=full)

    assert answer.code == 1
    assert "error: standard output: the system refused: No space left on device" in answer.err


@pytest.mark.parametrize("name", ["secret.key", "generation", "newsletter.db"])
@pytest.mark.usefixtures("readers")
def test_a_pipe_in_the_place_of_a_file_is_not_waited_for(project: Path, name: str) -> None:
    path = project / "subscribers" / name
    path.unlink(missing_ok=True)
    os.mkfifo(path)

    answer: Answer = fork(project, "send", ISSUE, "--list", "readers", "--yes", "--json")

    assert answer.code in (1, 2)
    assert answer.error["where"] == str(path)
    assert "ordinary file" in answer.error["message"]
    assert answer.error["hint"]


MAPS_NOTHING = ImportError("etree.so: failed to map segment from shared object")
SAYS_NOTHING = SystemError("error return without exception set")


@pytest.mark.parametrize("given", [MemoryError(), MAPS_NOTHING, SAYS_NOTHING])
def test_a_machine_without_memory_is_told(given: Exception) -> None:
    error = as_ours(given)

    assert type(error) is NewsletterError
    assert "no memory left" in error.message


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (MemoryError(), "this machine has no memory left"),
        (MAPS_NOTHING, "this machine has no memory left"),
        (SAYS_NOTHING, "this machine has no memory left"),
        (RuntimeError("can't start new thread"), "this machine starts no more threads"),
        (OSError(errno.EMFILE, "Too many open files", "core.py"), "too many files are open"),
    ],
)
def test_a_send_that_a_machine_cannot_go_on_with_can_go_on_later(
    error: Exception, reason: str
) -> None:
    with (
        pytest.raises(Stopped, match=f"the send stopped: {reason}") as stopped,
        giving_up("send", "newsletter resume 20260102-abcdef"),
    ):
        raise error

    assert stopped.value.exit_code == 4
    assert "newsletter resume 20260102-abcdef" in stopped.value.hint


@pytest.mark.parametrize(
    "given",
    [RuntimeError("a loop is closed"), ImportError("no such name"), PermissionError(13, "denied")],
)
def test_what_is_no_fault_of_the_machine_is_not_told_as_one(given: Exception) -> None:
    with (
        pytest.raises(type(given), match=re.escape(str(given))),
        giving_up("send", "newsletter resume"),
    ):
        raise given
