"""Whether the owner of a send still lives."""

import os
import subprocess
import sys
from collections.abc import Iterator

import pytest

from newsletter.sending import owner

PROGRAM = "from newsletter.sending import owner; print(owner.this_process()); input()"


@pytest.fixture
def process() -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-u", "-c", PROGRAM]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        yield process
        process.kill()


def test_an_owner_is_dead_once_it_was_killed(process: subprocess.Popen[str]) -> None:
    """Also while its parent has not asked for its exit code: in a container maybe nobody does."""
    assert process.stdout is not None
    name = process.stdout.readline().strip()
    alive = owner.is_dead(name)

    process.kill()
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    unburied = owner.is_dead(name)
    process.wait()

    assert alive is False
    assert unburied is True
    assert owner.is_dead(name) is True


def test_another_process_with_the_number_of_a_dead_owner_is_not_it() -> None:
    host, pid, started, nonce = owner.this_process().rsplit("/", 3)

    assert owner.is_dead(f"{host}/{pid}/{started}/{nonce}") is False
    assert owner.is_dead(f"{host}/{pid}/{int(started) - 60_000}/{nonce}") is True


def test_of_a_process_on_another_host_nobody_can_tell() -> None:
    _, pid, started, nonce = owner.this_process().rsplit("/", 3)

    assert owner.is_dead(f"elsewhere/{pid}/{int(started) - 60_000}/{nonce}") is False
