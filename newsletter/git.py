"""What git knows of a checkout: commits, branches, and who works in it.

git is called as a program, with a time limit, and never changes anything.
"""

import os
import subprocess
from pathlib import Path

from newsletter.errors import UsageError

_SECONDS = 30


class GitFailed(UsageError):
    """Git refused, is not installed, or took too long; the message is what it said."""

    code = "git"


def run(folder: Path, *arguments: str) -> str:
    """What git prints in a folder. Raises GitFailed."""
    return run_for_bytes(folder, *arguments).decode("utf-8", "surrogateescape")


def run_for_bytes(folder: Path, *arguments: str) -> bytes:
    """As `run`, for what need not be text."""
    command = ["git", "--literal-pathspecs", "-C", str(folder), *arguments]
    # In a git hook, these variables would make git answer for the hook's own repository.
    environment = {key: value for key, value in os.environ.items() if not key.startswith("GIT_")}
    try:
        done = subprocess.run(  # noqa: S603 -- no shell, arguments of our own
            command, check=True, capture_output=True, timeout=_SECONDS, env=environment
        )
    except FileNotFoundError as error:
        raise GitFailed("git is not installed") from error
    except subprocess.CalledProcessError as error:
        said = error.stderr.decode("utf-8", "replace").strip().splitlines()
        raise GitFailed(said[0] if said else f"git ended with {error.returncode}") from error
    except (OSError, subprocess.SubprocessError) as error:
        raise GitFailed(f"git gave no answer: {type(error).__name__}") from error
    return done.stdout


def commit_of(path: Path) -> str | None:
    """The commit that the file's folder is at, with `-modified` where the file differs from it.

    None outside a git checkout, or without git.
    """
    path = path.resolve()
    try:
        commit = run(path.parent, "rev-parse", "HEAD").strip()
        changed = run(path.parent, "status", "--porcelain", "--ignored", "--", path.name)
    except GitFailed:
        return None
    return f"{commit}-modified" if changed else commit
