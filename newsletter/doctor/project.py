"""Checks of the newsletter's folder: its settings, its secret, who may read what."""

import os
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path

from newsletter import git, links, scaffold
from newsletter.doctor.base import (
    Check,
    CheckGroup,
    Diagnosis,
    Examination,
    Unseen,
    fail,
    listed,
    ok,
    skipped,
    warn,
)
from newsletter.doctor.transports import bedside_of
from newsletter.errors import ConfigurationError
from newsletter.files import in_the_way, refuse_unlike_a_file
from newsletter.pasting import joined
from newsletter.store import resolve_url

_OTHERS = stat.S_IRWXG | stat.S_IRWXO


def configuration(exam: Examination) -> Iterator[Diagnosis]:
    """Settings that cannot be read end the examination before this one is asked."""
    yield ok(f"newsletter.toml holds for {exam.settings.newsletter.name!r}")


def identity(exam: Examination) -> Iterator[Diagnosis]:
    try:
        scaffold.check_identity(exam.settings)
    except ConfigurationError as error:
        faults, cure = "; ".join(error.lines), "Write your own in newsletter.toml, [newsletter]."
        is_for_readers = bedside_of(exam.settings.transport).is_for_readers
        yield fail(faults, cure) if is_for_readers else warn(faults, cure)
        return
    yield ok("sender, site and postal address are your own")


def secret(exam: Examination) -> Iterator[Diagnosis]:
    try:
        keys = links.load_keys(exam.project.root)
    except ConfigurationError as error:
        yield fail(f"{error.where}: {error.message}", error.hint)
        return
    source = "NEWSLETTER_SECRET" if links.are_given() else "its file"
    yield ok(f"{len(keys)} key{'' if len(keys) == 1 else 's'} from {source}")


def secret_mode(exam: Examination) -> Iterator[Diagnosis]:
    if links.are_given():
        yield skipped("the secret comes from the environment")
        return
    path = links.key_file(exam.project.root)
    mode = _mode(path)
    if mode is None:
        raise Unseen("there is no key file")
    if mode & _OTHERS:
        yield fail(f"{path.name} has mode {mode:04o}: others may read it", _close([path]))
    else:
        yield ok(f"{path.name} has mode {mode:04o}")


def file_modes(exam: Examination) -> Iterator[Diagnosis]:
    """But for the key file, which has a check of its own."""
    paths = [path for path in _private(exam) if path != links.key_file(exam.project.root)]
    open_to_all = [path for path in paths if (_mode(path) or 0) & _OTHERS]
    if open_to_all:
        names = listed(exam.project.name_of(path) for path in open_to_all)
        yield warn(f"others may read {names}", _close(open_to_all))
    else:
        yield ok("what holds people's data is for its owner alone")


def owners(exam: Examination) -> Iterator[Diagnosis]:
    user = exam.surroundings.user
    foreign = [path for path in _private(exam) if path.stat().st_uid != user]
    if foreign:
        names = listed(exam.project.name_of(path) for path in foreign)
        owner = _name_of(foreign[0].stat().st_uid)
        mine = joined(["sudo", "chown", "-R", str(user), *map(str, foreign)])
        theirs = joined(["sudo", "-u", owner, "newsletter", "doctor"])
        cure = f"Run newsletter as {owner}: {theirs}; or else: {mine}"
        yield warn(f"{names}: of {owner}, who is not the user who runs this", cure)
    else:
        yield ok("all of it belongs to the user who runs this")


def writable(exam: Examination) -> Iterator[Diagnosis]:
    """A send notes in this file how old the store is, and is refused where it cannot."""
    file = exam.project.generation
    if folder := in_the_way(file):
        yield fail(f"nothing can be written to {folder}", joined(["chmod", "u+wx", str(folder)]))
        return
    try:
        refuse_unlike_a_file(file)
    except OSError as error:
        yield fail(f"{file}: {error.strerror}", joined(["mv", str(file), f"{file}.aside"]))
    else:
        yield ok("a send can note how old the store is")


def secrets_in_git(exam: Examination) -> Iterator[Diagnosis]:
    root = exam.project.root
    private = [path for path in _private(exam) if path.is_file()]
    names = [str(path.relative_to(root)) for path in private if path.is_relative_to(root)]
    if not names:
        raise Unseen("the folder holds nothing private")
    try:
        tracked = git.run(root, "ls-files", "-z", "--", *names).split("\0")
    except git.GitFailed as error:
        yield skipped(error.message)
        return
    if kept := [name for name in tracked if name]:
        cure = joined(["git", "rm", "--cached", *kept])
        yield fail(
            f"git keeps {listed(kept)}: whoever has the repository has it, in its history, too",
            f"{cure}, then commit; a secret that was shared needs a new first line in its file.",
        )
    else:
        yield ok("git keeps neither secret nor readers")


def _private(exam: Examination) -> Iterable[Path]:
    """What holds the secret or people's data, as far as it is there."""
    project, settings = exam.project, exam.settings
    candidates = [links.key_file(project.root), project.archive, project.outbox]
    if settings.store.url.startswith("sqlite"):
        database = str(resolve_url(settings.store.url, project.root).database)
        candidates += [Path(database + ending) for ending in ("", "-wal", "-shm")]
    return [path for path in candidates if path.exists()]


def _mode(path: Path) -> int | None:
    try:
        return stat.S_IMODE(os.stat(path).st_mode)
    except OSError:
        return None


def _name_of(user: int) -> str:
    import pwd  # noqa: PLC0415 -- not on Windows, where no file has a mode

    try:
        return pwd.getpwuid(user).pw_name
    except KeyError:
        return f"#{user}"


def _close(paths: Iterable[Path]) -> str:
    return joined(["chmod", "-R", "go=", *map(str, paths)])


CHECKS = (
    Check(
        "configuration",
        CheckGroup.PROJECT,
        configuration,
        "Nothing runs with settings that cannot be read.",
    ),
    Check(
        "identity",
        CheckGroup.PROJECT,
        identity,
        "Readers see who sends, from where, and an address.",
    ),
    Check(
        "secret",
        CheckGroup.PROJECT,
        secret,
        "It signs the links in all mails; without it no reader can leave by them.",
    ),
    Check(
        "secret-mode",
        CheckGroup.PROJECT,
        secret_mode,
        "Whoever reads the secret can open the pages of every reader.",
    ),
    Check("file-modes", CheckGroup.PROJECT, file_modes, "The store and the outbox hold addresses."),
    Check(
        "owners",
        CheckGroup.PROJECT,
        owners,
        "Files that another user made can keep a send from writing.",
    ),
    Check(
        "generation-file",
        CheckGroup.PROJECT,
        writable,
        "By this file a store that was restored from a backup is recognised.",
    ),
    Check(
        "secrets-in-git",
        CheckGroup.PROJECT,
        secrets_in_git,
        "A repository is copied and shared, and remembers.",
    ),
)
