"""Limits of this machine for a while: how large a file may be, how many may be open."""

import os
import resource
import subprocess
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import TypeVar

import pytest

from tests.warm import PROCESSES

T = TypeVar("T")


@contextmanager
def limited(what: int, most: int) -> Iterator[None]:
    """Lower a limit of this process, such as resource.RLIMIT_FSIZE."""
    soft, hard = resource.getrlimit(what)
    resource.setrlimit(what, (most, hard))
    try:
        yield
    finally:
        resource.setrlimit(what, (soft, hard))


@contextmanager
def few_open_files(free: int) -> Iterator[None]:
    """Let only so many more files be opened, by all threads of this process together."""
    with ExitStack() as probes:
        for _ in range(free + 1):  # each takes the lowest free number, of which some lie apart
            last = os.open(os.devnull, os.O_RDONLY)
            probes.callback(os.close, last)
    with limited(resource.RLIMIT_NOFILE, last):
        yield


def alone(work: Callable[..., T], *arguments: object) -> T:
    """What a function returns in a process of its own, where no other thread opens a file."""
    with ProcessPoolExecutor(1, mp_context=PROCESSES) as process:
        return process.submit(work, *arguments).result()


@contextmanager
def small_disk(folder: Path, kilobytes: int) -> Iterator[None]:
    """A disk of its own at a folder, where this user may mount one."""
    folder.mkdir(parents=True, exist_ok=True)
    mount = ["mount", "-t", "tmpfs", "-o", f"size={kilobytes}k", "tmpfs", str(folder)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("needs the right to mount a disk")
    try:
        yield
    finally:
        subprocess.run(["umount", str(folder)], check=True)


@contextmanager
def filled(folder: Path) -> Iterator[None]:
    """Leave no room on the disk of a folder."""
    ballast = folder / "ballast"
    with ballast.open("wb", buffering=0) as file, suppress(OSError):
        while True:
            file.write(bytes(4096))
    try:
        yield
    finally:
        ballast.unlink()


def enlarge(folder: Path, kilobytes: int) -> None:
    options = f"remount,size={kilobytes}k"
    subprocess.run(["mount", "-o", options, str(folder)], check=True)
