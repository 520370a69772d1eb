"""Whether the process of a name still lives."""

import os
import subprocess
import sys
from collections.abc import Iterator

import psutil
import pytest

from newsletter.sending import processes

PROGRAM = "from newsletter.sending import processes; print(processes.this_process()); input()"


@pytest.fixture
def process() -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-u", "-c", PROGRAM]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        yield process
        process.kill()


def test_a_process_is_dead_once_it_was_killed(process: subprocess.Popen[str]) -> None:
    """Also while its parent has not asked for its exit code: in a container maybe nobody does."""
    assert process.stdout is not None
    name = process.stdout.readline().strip()
    alive = processes.is_dead(name)

    process.kill()
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    unburied = processes.is_dead(name)
    process.wait()

    assert alive is False
    assert unburied is True
    assert processes.is_dead(name) is True


def test_another_process_with_the_number_of_a_dead_one_is_not_it() -> None:
    host, pid, started, nonce = processes.this_process().rsplit("/", 3)
    boot, ticks = started.split(":")

    assert processes.is_dead(f"{host}/{pid}/{started}/{nonce}") is False
    assert processes.is_dead(f"{host}/{pid}/{boot}:{int(ticks) - 100}/{nonce}") is True


def test_what_ran_before_the_machine_was_started_again_is_dead() -> None:
    host, pid, started, nonce = processes.this_process().rsplit("/", 3)
    _, ticks = started.split(":")

    assert processes.is_dead(f"{host}/{pid}/another-boot:{ticks}/{nonce}") is True


def test_a_process_is_named_by_nothing_that_a_step_of_the_clock_changes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """psutil adds the time of the boot, which steps with the clock, to the ticks since."""
    name = processes.this_process()

    monkeypatch.setattr(psutil, "boot_time", lambda: 0.0)
    monkeypatch.setattr(psutil._pslinux, "boot_time", lambda: 0.0)

    assert processes.is_dead(name) is False


def test_processes_that_earlier_versions_named_are_still_told_apart() -> None:
    host, pid, _, nonce = processes.this_process().rsplit("/", 3)
    started = int(psutil.Process().create_time() * 1000)

    assert processes.is_dead(f"{host}/{pid}/{started}/{nonce}") is False
    assert processes.is_dead(f"{host}/{pid}/{started - 60_000}/{nonce}") is True


def test_of_a_process_on_another_host_nobody_can_tell() -> None:
    _, pid, _, nonce = processes.this_process().rsplit("/", 3)

    assert processes.is_dead(f"elsewhere/{pid}/1/{nonce}") is False
