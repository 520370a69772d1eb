"""What a process that is killed amid a send to the outbox leaves there."""

import os
import signal
import sys
from pathlib import Path
from typing import Any

import pytest

from newsletter.files import part_of
from tests.integration.commandline import Call, fork

ISSUE = "2026-01-07-valley"


def die_before_the_second_mail() -> None:
    """Right before it gets its name: one is there, two are written beside their places."""
    mails = 0

    def count(event: str, arguments: tuple[Any, ...]) -> None:
        nonlocal mails
        if event == "os.rename" and str(arguments[1]).endswith(".eml"):
            mails += 1
            if mails == 2:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(count)


@pytest.fixture
def killed(call: Call, project: Path, readers: str) -> str:
    """The id of a send whose process was killed."""
    done = fork(
        project, "send", ISSUE, "--list", readers, "--yes", first=die_before_the_second_mail
    )
    assert done.code == -signal.SIGKILL
    [folder] = (project / "outbox").iterdir()
    assert len(list(folder.glob("*.eml"))) == 1
    assert len(list(folder.iterdir())) == 3
    return folder.name


@pytest.mark.parametrize(
    "command",
    [
        *("resume {}", "resolve {} --unknown accept", "resolve {} --unknown resend"),
        *("cancel {}", "worker --once"),
    ],
)
def test_mails_half_done_are_gone_once_they_are_unknown(
    call: Call, project: Path, killed: str, command: str
) -> None:
    """Whoever was to get one may never be written to again, so nothing else would delete it."""
    folder = project / "outbox" / killed
    others = [part_of(project / "outbox" / "another" / "1.eml"), folder / "1.eml.part"]
    for path in others:
        path.parent.mkdir(exist_ok=True)
        path.write_text("of others")

    call(*command.format(killed).split())

    assert [path.name for path in folder.iterdir() if path.name.startswith(".")] == []
    assert [path.read_text() for path in others] == ["of others"] * 2
