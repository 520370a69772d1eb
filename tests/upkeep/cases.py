"""The commands that are killed, and what goes before each."""

import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace

import pyrage

from tests import older
from tests.integration.commandline import Call
from tests.integration.sending import EMAIL
from tests.upkeep.place import Place

ISSUE = "2026-01-07-valley"
KEY = pyrage.x25519.Identity.generate()
PUBLIC = str(KEY.to_public())
OLDER = "0004"
DONE, REFUSED = 0, 5

Preparation = Callable[[Place, Call], None]


@dataclass(frozen=True, slots=True)
class Case:
    """A command and where it is run.

    `codes` are the exit codes with which the same command may end when it is repeated: where it had
    come to its end before it was killed, it may say so. `once_adopted`: its end is a store that
    sends nothing before that.
    """

    name: str
    arguments: tuple[str, ...]
    prepare: Preparation
    codes: tuple[int, ...] = (DONE,)
    store: str = "sqlite"
    with_children: bool = False
    once_adopted: bool = False

    def __str__(self) -> str:
        how = ", with its children" if self.with_children else ""
        return f"{self.name}, {self.store}{how}"


def used(place: Place, call: Call) -> None:
    """Three readers, one issue sent to them, and somebody who left since."""
    call("subscribers", "import", "subscribers/example.csv", "--list", "readers")
    assert call("send", ISSUE, "--list", "readers", "--yes").code == 0
    call("subscribers", "remove", "lin@example.com", "--list", "readers")
    (place.project / "copies").mkdir()


def backed_up(place: Place, call: Call) -> None:
    """And an earlier backup of it."""
    used(place, call)
    assert call("db", "backup", "copies").code == 0


def backed_up_before(place: Place, call: Call) -> None:
    """A backup of before the issue was sent, somebody left, and somebody was erased."""
    call("subscribers", "import", "subscribers/example.csv", "--list", "readers")
    (place.project / "copies").mkdir()
    assert call("db", "backup", "copies").code == 0
    assert call("send", ISSUE, "--list", "readers", "--yes").code == 0
    call("subscribers", "remove", "lin@example.com", "--list", "readers")
    call("subscribers", "forget", "sam@example.com", "--yes")


def lost(place: Place, call: Call) -> None:
    """The store is gone, and there is a backup."""
    backed_up(place, call)
    place.lose()
    (place.project / "subscribers" / "generation").unlink(missing_ok=True)


def lost_and_sealed(place: Place, call: Call) -> None:
    """The same, and the backup is encrypted."""
    lost(place, call)
    [copy] = (place.project / "copies").iterdir()
    (place.project / "key").write_text(str(KEY))
    sealed = pyrage.encrypt(copy.read_bytes(), [KEY.to_public()])
    copy.with_name(f"{copy.name}.age").write_bytes(sealed)
    copy.unlink()


def older_store(place: Place, call: Call) -> None:
    """A store of an earlier version amid everything."""
    place.lose()
    older.migrate(place.url, OLDER)
    older.fill(place.url, EMAIL.to_json())
    if place.database is None:
        place.file.chmod(0o600)


def none(place: Place, call: Call) -> None:
    """No store, and no key."""
    place.lose()
    (place.project / "subscribers" / "secret.key").unlink()


def nothing(place: Place, call: Call) -> None:
    """Not even a newsletter."""
    for path in place.project.iterdir():
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()


_ON_BOTH = (
    Case("backup", ("db", "backup", "copies", "--keep", "2"), backed_up),
    Case("backup to a file", ("db", "backup", "copies/mine"), used, (DONE, REFUSED)),
    Case("backup, encrypted", ("db", "backup", "copies", "--recipient", PUBLIC), used),
    Case("restore", ("db", "restore", "copies", "--yes"), lost, (DONE, REFUSED), once_adopted=True),
    Case("drill", ("db", "verify", "--backup", "copies"), backed_up),
    Case("upgrade", ("db", "upgrade"), older_store),
    Case("first upgrade", ("db", "upgrade"), none),
)
_ON_SQLITE = (
    Case(
        "restore, encrypted",
        ("db", "restore", "copies", "--identity", "key", "--yes"),
        lost_and_sealed,
        (DONE, REFUSED),
        once_adopted=True,
    ),
    Case(
        "restore in place of another",
        ("db", "restore", "copies", "--replace", "--yes"),
        backed_up_before,
        once_adopted=True,
    ),
    Case("init", ("init", "."), nothing, (DONE, REFUSED)),
)
_RUN_PROGRAMS = ("backup", "restore", "drill")  # of PostgreSQL, on such a store


def cases() -> list[Case]:
    on_postgresql = [replace(case, store="postgresql") for case in _ON_BOTH]
    with_children = [
        replace(case, with_children=True) for case in on_postgresql if case.name in _RUN_PROGRAMS
    ]
    return [*_ON_BOTH, *_ON_SQLITE, *on_postgresql, *with_children]
