"""A network of a test's own, whose packets can be made to vanish."""

import ctypes
import os
import subprocess
import threading
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeVar

import pytest

T = TypeVar("T")

_CLONE_NEWNET = 0x40000000


@dataclass(frozen=True)
class Network:
    """It has a loopback interface and no other. A socket stays in the network it was made in."""

    name: str

    def enter(self) -> None:
        """Let the calling thread, and those that it starts, be in this network."""
        network = os.open(f"/run/netns/{self.name}", os.O_RDONLY)
        result = ctypes.CDLL(None, use_errno=True).setns(network, _CLONE_NEWNET)
        os.close(network)
        assert result == 0, os.strerror(ctypes.get_errno())

    def inside(self, work: Callable[[], T]) -> T:
        """What a function returns in this network."""
        results: list[T] = []

        def enter_and_work() -> None:
            self.enter()
            results.append(work())

        thread = threading.Thread(target=enter_and_work)
        thread.start()
        thread.join()
        return results[0]

    def lose_all(self) -> None:
        """Let every packet vanish, and tell nobody who has a connection."""
        _ip("-n", self.name, "link", "set", "lo", "down")

    def work(self) -> None:
        _ip("-n", self.name, "link", "set", "lo", "up")


@contextmanager
def own_network() -> Iterator[Network]:
    """Skips the test where this user may make none."""
    network = Network(f"newsletter-{uuid.uuid4().hex[:12]}")
    try:
        _ip("netns", "add", network.name)
    except (FileNotFoundError, subprocess.CalledProcessError):
        pytest.skip("needs the right to make a network namespace, and `ip`")
    network.work()
    try:
        yield network
    finally:
        _ip("netns", "delete", network.name)


def _ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True, capture_output=True)
