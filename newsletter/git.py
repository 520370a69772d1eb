"""What git knows of a checkout: commits, branches, and who works in it.

git is called as a program, with a time limit, and never changes anything. It obeys the settings of
the checkout and of who runs it, and none that a branch brings along.
"""

import os
import subprocess
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from newsletter.errors import UsageError
from newsletter.model.approval import Editor

MODIFIED = "-modified"  # behind a commit: the file is not as it has it
_SECONDS = 30
_LAST = ("log", "-1", "--no-show-signature")  # whatever the settings of git want to be shown
_ORDINARY = ("100644", "100755")  # the modes of files, executable or not


class GitFailed(UsageError):
    """Git refused, is not installed, or took too long; the message is what it said."""

    code = "git"


def run(folder: Path, *arguments: str) -> str:
    """What git prints in a folder. Raises GitFailed."""
    return run_for_bytes(folder, *arguments).decode("utf-8", "surrogateescape")


def run_for_bytes(folder: Path, *arguments: str, given: bytes = b"") -> bytes:
    """As `run`, for what need not be text; git reads what is `given`."""
    if (place := _without_git_folder(folder)) is not None:
        raise GitFailed(
            f"{place} looks like a repository without a folder .git, so git is not asked"
        )
    command = ["git", "--literal-pathspecs", "-C", str(folder), *arguments]
    # In a git hook, these variables would make git answer for the hook's own repository.
    environment = {key: value for key, value in os.environ.items() if not key.startswith("GIT_")}
    environment |= {"GIT_OPTIONAL_LOCKS": "0", "LC_ALL": "C"}  # change no index, speak English
    try:
        done = subprocess.run(  # noqa: S603 -- no shell, arguments of our own
            command,
            check=True,
            capture_output=True,
            timeout=_SECONDS,
            env=environment,
            input=given,
        )
    except FileNotFoundError as error:
        raise GitFailed("git is not installed") from error
    except subprocess.CalledProcessError as error:
        said = error.stderr.decode("utf-8", "replace").strip().splitlines()
        reason = said[0].removeprefix("fatal: ") if said else f"it ended with {error.returncode}"
        raise GitFailed(f"git: {reason}") from error
    except (OSError, subprocess.SubprocessError) as error:
        raise GitFailed(f"git gave no answer: {type(error).__name__}") from error
    return done.stdout


def _without_git_folder(folder: Path) -> Path | None:
    """What git would take for the repository of a folder though it has no `.git`; None where there
    is no such thing. A branch may hold one below its top, with settings that run programs."""
    folder = folder.resolve()
    for place in (folder, *folder.parents):
        if (place / ".git").exists():
            return None
        if os.path.lexists(place / "HEAD") and any(
            (place / name).exists() for name in ("objects", "commondir")
        ):
            return place
    return None


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
        line = run(path.parent, *_LAST, "--format=%aN%x00%aE", "--", path.name).rstrip("\n")
    except GitFailed:
        return None
    name, _, email = line.partition("\0")
    return Editor(name, email) if line else None


def last_commit(folder: Path, paths: Sequence[Path]) -> str | None:
    """The last commit that touched any of these files and folders. Raises GitFailed."""
    return run(folder, *_LAST, "--format=%H", "--", *map(str, paths)).strip() or None


def differing(folder: Path, paths: Sequence[Path]) -> list[str]:
    """The files among these, and in these folders, that are not as the last commit has them.

    Named from the top of the checkout. Files that git is told not to look at are among them. Hidden
    files that it is told to ignore, such as those of a file manager, do not count unless they are
    named. Raises GitFailed.
    """
    options = ("--porcelain", "-z", "--ignored", "--untracked-files=all", "--no-renames")
    lines = run(folder, "status", *options, "--", *map(str, paths)).split("\0")
    named = {path.name for path in paths}
    changed = [
        line[3:]
        for line in lines
        if line and not (line.startswith("!!") and _is_hidden(Path(line[3:]).name, named))
    ]
    return [*changed, *_not_looked_at(folder, paths)]


def _is_hidden(name: str, named: Collection[str]) -> bool:
    return name.startswith(".") and name not in named


def _not_looked_at(folder: Path, paths: Sequence[Path]) -> Iterator[str]:
    """Those that `git update-index` marked, and that are there: git calls them unchanged unseen."""
    place = place_of(folder)
    for line in filter(
        None, run(folder, "ls-files", "-v", "-z", "--", *map(str, paths)).split("\0")
    ):
        mark, name = line[0], line[2:]
        if mark.islower() or (mark == "S" and (folder / name).exists()):
            yield os.path.normpath(place + name)


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


def commit(folder: Path, revision: str) -> str | None:
    """The commit that a revision names, as a whole hash; None where it names none."""
    try:
        name = f"{revision}^{{commit}}"
        return run(folder, "rev-parse", "--verify", "--quiet", "--end-of-options", name).strip()
    except GitFailed:
        return None


def parted(folder: Path, one: str, another: str) -> str | None:
    """The last commit that both have; None where none is known."""
    try:
        return run(folder, "merge-base", one, another).strip()
    except GitFailed:
        return None


def is_shallow(folder: Path) -> bool:
    """Whether a checkout has only the end of its history. Raises GitFailed."""
    return run(folder, "rev-parse", "--is-shallow-repository").strip() == "true"


def default_branch(folder: Path) -> str | None:
    """What work branches off: the default branch of `origin`, else `main` or `master` there or
    here; None where there is none of them."""
    try:
        head = run(folder, "symbolic-ref", "--quiet", "refs/remotes/origin/HEAD").strip()
        return head.removeprefix("refs/remotes/")
    except GitFailed:
        names = ("origin/main", "origin/master", "main", "master")
        return next((name for name in names if commit(folder, name)), None)


def place_of(folder: Path) -> str:
    """A folder as seen from the top of its checkout, with a slash at the end; empty for the top.
    Raises GitFailed."""
    return run(folder, "rev-parse", "--show-prefix").rstrip("\n")


@dataclass(frozen=True, slots=True)
class Blob:
    """An ordinary file of a commit; `name` is its path below the folder that was asked for."""

    name: str
    id: str
    size_bytes: int


def blobs(folder: Path, commit: str) -> list[Blob]:
    """The ordinary files that a commit has below a folder: no links and no other repositories.
    Raises GitFailed."""
    place = place_of(folder)
    lines = run(folder, "ls-tree", "-r", "-z", "-l", "--full-tree", commit, "--", place or ".")
    found = []
    for line in filter(None, lines.split("\0")):
        about, _, name = line.partition("\t")
        mode, _, blob_id, size = about.split()
        if mode in _ORDINARY:
            found.append(Blob(name.removeprefix(place), blob_id, int(size)))
    return found


def contents(folder: Path, wanted: Sequence[Blob]) -> Iterator[tuple[Blob, bytes]]:
    """The files with what is in them, by one call of git. Raises GitFailed."""
    if not wanted:
        return
    names = "".join(f"{blob.id}\n" for blob in wanted)
    answer = run_for_bytes(folder, "cat-file", "--batch", given=names.encode())
    start = 0
    for blob in wanted:
        start = answer.index(b"\n", start) + 1
        yield blob, answer[start : start + blob.size_bytes]
        start += blob.size_bytes + 1


def changed_since(folder: Path, commit: str) -> frozenset[str]:
    """The files below a folder that are not as a commit has them, new ones included. Raises
    GitFailed."""
    options = ("--name-only", "-z", "--no-renames", "--relative")
    known = run(folder, "diff", *options, commit, "--")
    new = run(folder, "ls-files", "-z", "--others", "--exclude-standard")
    return frozenset(filter(None, f"{known}\0{new}".split("\0")))
