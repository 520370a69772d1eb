"""What git knows of a checkout: commits, branches, and who works in it.

git is called as a program, with a time limit, and never changes anything.
"""

import os
import subprocess
from collections.abc import Sequence
from pathlib import Path

from newsletter.errors import UsageError
from newsletter.model.approval import Editor

MODIFIED = "-modified"  # behind a commit: the file is not as it has it
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
    """The commit that the file's folder is at, with MODIFIED where the file differs from it.

    None outside a git checkout, or without git.
    """
    path = path.resolve()
    try:
        commit = run(path.parent, "rev-parse", "HEAD").strip()
        changed = run(path.parent, "status", "--porcelain", "--ignored", "--", path.name)
    except GitFailed:
        return None
    return commit + MODIFIED if changed else commit


def me(folder: Path) -> Editor | None:
    """Who works in a checkout, as git would name them in a commit; None where it does not know."""
    editor = Editor(_setting(folder, "user.name"), _setting(folder, "user.email"))
    return editor if editor.name or editor.email else None


def _setting(folder: Path, key: str) -> str:
    try:
        return run(folder, "config", "--get", key).strip()
    except GitFailed:
        return ""


def last_author(path: Path) -> Editor | None:
    """The author of the last commit that touched a file; None where there is none, or no git."""
    try:
        line = run(path.parent, "log", "-1", "--format=%aN%x00%aE", "--", path.name).rstrip("\n")
    except GitFailed:
        return None
    name, _, email = line.partition("\0")
    return Editor(name, email) if line else None


def last_commit(folder: Path, paths: Sequence[Path]) -> str | None:
    """The last commit that touched any of these files and folders. Raises GitFailed."""
    return run(folder, "log", "-1", "--format=%H", "--", *map(str, paths)).strip() or None


def differing(folder: Path, paths: Sequence[Path]) -> list[str]:
    """The files among these, and in these folders, that are not as the last commit has them.

    Named from the top of the checkout. Hidden files that git is told to ignore, such as those of a
    file manager, do not count. Raises GitFailed.
    """
    options = ("--porcelain", "-z", "--ignored", "--untracked-files=all", "--no-renames")
    lines = run(folder, "status", *options, "--", *map(str, paths)).split("\0")
    return [
        line[3:]
        for line in lines
        if line and not (line.startswith("!!") and Path(line[3:]).name.startswith("."))
    ]


def ref_of(folder: Path, branch: str) -> str | None:
    """The full name of what stands for a branch: that of `origin` where it has one, since others
    have that, else the one of this checkout; None where there is neither. Raises GitFailed."""
    for ref in (f"refs/remotes/origin/{branch}", f"refs/heads/{branch}", f"refs/remotes/{branch}"):
        if run(folder, "for-each-ref", "--format=%(refname)", ref).strip() == ref:
            return ref
    return None


def is_on(folder: Path, commit: str, ref: str) -> bool:
    """Whether a branch, by its full name, has a commit. Raises GitFailed."""
    return not run(folder, "rev-list", "--max-count=1", commit, f"^{ref}")
