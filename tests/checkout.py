"""A checkout of git for tests: who works in it, and its commits."""

import subprocess
from pathlib import Path

import pytest

WRITER = ("Ada Writer", "ada@example.com")
SENDER = ("Sam Sender", "sam@example.com")


def git(folder: Path, *arguments: str) -> str:
    """What git prints in a folder; the test is skipped where there is no git."""
    try:
        done = subprocess.run(
            ["git", *arguments], cwd=folder, capture_output=True, text=True, check=True
        )
    except FileNotFoundError:
        pytest.skip("needs git")
    return done.stdout.strip()


def work_as(folder: Path, editor: tuple[str, str]) -> None:
    """Let git name somebody as who works in a checkout."""
    name, email = editor
    git(folder, "config", "user.name", name)
    git(folder, "config", "user.email", email)


def begin(folder: Path) -> str:
    """Make a folder a checkout of a branch `main` that has all of it; returns the commit."""
    git(folder, "init", "-q", "-b", "main")
    work_as(folder, WRITER)
    return commit(folder, "All of it")


def commit(folder: Path, message: str) -> str:
    """Commit all that changed; returns the commit."""
    git(folder, "add", "-A")
    git(folder, "commit", "-q", "-m", message)
    return git(folder, "rev-parse", "HEAD")
