"""Files and folders that are not what they should be, and stores that somebody else holds."""

import os
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from threading import Thread, Timer

from newsletter.files import part_of
from tests.crash.checker import send_of
from tests.hostile.commands import Command
from tests.hostile.scene import Scene, must
from tests.hostile.stage import PAUSED
from tests.hostile.surroundings import surrounding


def _moved(scene: Scene, name: str) -> Path:
    """Take a thing of the project away for a while; returns where it stood."""
    path, aside = scene.stage.project / name, scene.stage.folder / "aside"
    aside.parent.mkdir(exist_ok=True)
    path.rename(aside)
    return path


def _back(scene: Scene, path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
    (scene.stage.folder / "aside").rename(path)


_STORE, _SECRET = "subscribers/newsletter.db", "subscribers/secret.key"


def is_there(command: Command, name: str) -> bool:
    """Whether a thing of the project is there for this command."""
    return name != _STORE or _is_a_file(command)


def _is_a_file(command: Command) -> bool:
    """Whether the store is one."""
    return not command.on_postgresql


def _instead(
    name: str,
    what: str,
    put: Callable[[Path], object],
    where: Callable[[Command], bool] = lambda command: True,
) -> None:
    """Something else stands where a thing of the project should."""

    @surrounding(f"{name} {what}", where=lambda command: where(command) and is_there(command, name))
    def _(scene: Scene) -> Iterator[None]:
        path = _moved(scene, name)
        put(path)
        yield
        _back(scene, path)


for _name in ("newsletter.toml", "issues", "outbox", _STORE, _SECRET, "subscribers/generation"):
    _instead(
        _name,
        "is missing",
        lambda path: None,
        where=lambda command: not command.name.startswith("new "),
    )
    _instead(_name, "is a pipe", os.mkfifo)
    _instead(_name, "is a link to nothing", lambda path: path.symlink_to("nowhere"))


for _name in ("newsletter.toml", _STORE, _SECRET, "subscribers/generation"):
    _instead(_name, "is a folder", Path.mkdir)
    _instead(_name, "is empty", Path.touch)
    _instead(_name, "holds noise", lambda path: path.write_bytes(bytes(range(256)) * 64))


for _name in ("outbox", "issues", "subscribers"):
    _instead(_name, "is a file", Path.touch)


@surrounding("the outbox is a link to a folder elsewhere", harmless=True, shows_all=True)
def _(scene: Scene) -> Iterator[None]:
    outbox = scene.stage.project / "outbox"
    aside = scene.stage.folder / "elsewhere"
    outbox.rename(aside)
    outbox.symlink_to(aside)
    yield
    outbox.unlink()
    aside.rename(outbox)


# --- the place of what is made ---


def _one_file(command: Command) -> bool:
    """Whether it makes one file beside the project."""
    return len(command.makes) == 1 and "*" not in command.makes[0] and "beside" in command.makes[0]


def _place(scene: Scene) -> Path:
    return scene.stage.folder / scene.command.makes[0]


def _is_a_backup(command: Command) -> bool:
    """It needs a new file of its own, or a folder in which it makes one."""
    return "db backup" in command.typed


@surrounding(
    "what is made is a link to a file elsewhere",
    harmless=lambda command: not _is_a_backup(command),
    where=_one_file,
)
def _(scene: Scene) -> Iterator[None]:
    """It stays a link, and what it leads to is written."""
    place, elsewhere = _place(scene), scene.stage.folder / "elsewhere"
    elsewhere.touch(0o600)
    place.symlink_to(elsewhere)
    yield
    assert place.is_symlink(), f"{place.name} was replaced"
    elsewhere.replace(place)


@surrounding("what is made is a device", where=_one_file)
def _(scene: Scene) -> Iterator[None]:
    """One that takes all and keeps nothing, of the stage's own."""
    place = _place(scene)
    must("mknod", "-m", "600", str(place), "c", "1", "3", needs="the right to make devices")
    yield
    assert place.is_char_device(), f"{place.name} was replaced"
    place.unlink()


@surrounding("what is made is a pipe that somebody reads", where=_one_file)
def _(scene: Scene) -> Iterator[None]:
    place, read = _place(scene), list[bytes]()
    os.mkfifo(place)
    handle = os.open(place, os.O_RDWR)  # so that nobody waits for the other side
    reader = Thread(target=lambda: read.extend(iter(lambda: os.read(handle, 4096), b"\0")))
    reader.start()
    yield
    os.write(handle, b"\0")
    reader.join()
    os.close(handle)
    assert place.is_fifo(), f"{place.name} was replaced"
    place.unlink()


@surrounding(
    "what is made is a folder",
    where=lambda command: _one_file(command) and not _is_a_backup(command),
)
def _(scene: Scene) -> Iterator[None]:
    _place(scene).mkdir()
    yield
    _place(scene).rmdir()


# --- the working folder ---------------------------------------------------------------------------


@surrounding("the working folder was deleted")
def _(scene: Scene) -> Iterator[None]:
    gone = scene.stage.folder / "gone"
    gone.mkdir()
    scene.folder = gone
    scene.shell(f"rmdir '{gone}'")
    yield


@surrounding(
    "the working folder is not the project's", where=lambda command: ".." not in command.typed
)
def _(scene: Scene) -> Iterator[None]:
    elsewhere = scene.stage.folder / "elsewhere"
    elsewhere.mkdir()
    scene.folder = elsewhere
    scene.options += ["--project", str(scene.stage.project)]
    yield
    elsewhere.rmdir()


for _kind, _part in (
    ("with spaces, quotes and a line end", "a 'b' \"c\"\n$d"),
    ("in other alphabets", "Zeitung für 读者 رسالة"),
    ("that is no UTF-8", os.fsdecode(b"lettre-\xe9t\xe9")),
    ("of 200 letters, twenty times", "/".join(["n" * 150] * 20)),
):

    @surrounding(f"the project lies in a folder {_kind}")
    def _(scene: Scene, part: str = _part) -> Iterator[None]:
        stage = scene.stage
        moved = stage.folder / "at" / part
        moved.mkdir(parents=True)
        for name in ("letter", "beside"):
            (stage.folder / name).rename(moved / name)
        scene.folder = moved / "letter"
        yield
        for name in ("letter", "beside"):
            (moved / name).rename(stage.folder / name)
        shutil.rmtree(stage.folder / "at")


@surrounding("the project is mounted read-only", harmless=lambda command: not command.writes)
def _(scene: Scene) -> Iterator[None]:
    must("unshare", "-m", "true", needs="the right to a mount namespace")
    folder = scene.stage.project
    scene.before += ["unshare", "-m", "--propagation", "private"]
    scene.shell(f"mount --bind -o ro '{folder}' '{folder}' && cd '{folder}'")
    yield


@surrounding(
    "the project is mounted read-only, and what is written lies elsewhere", where=_is_a_file
)
def _(scene: Scene) -> Iterator[None]:
    must("unshare", "-m", "true", needs="the right to a mount namespace")
    folder, kept = scene.stage.project, scene.stage.folder / "kept"
    kept.mkdir()
    for path in (folder / "subscribers").glob("newsletter.db*"):
        shutil.copy(path, kept)
    scene.environment |= {
        "NEWSLETTER_STORE__URL": f"sqlite:///{kept}/newsletter.db",
        "NEWSLETTER_STORE__STATE": f"{kept}/generation",
        "NEWSLETTER_STORE__ARCHIVE": f"{kept}/archive",
        "NEWSLETTER_TRANSPORT__OUTBOX__PATH": f"{kept}/outbox",
    }
    scene.before += ["unshare", "-m", "--propagation", "private"]
    scene.shell(f"mount --bind -o ro '{folder}' '{folder}' && cd '{folder}'")
    yield
    for path in (folder / "subscribers").glob("newsletter.db*"):
        path.unlink()
    for path in kept.iterdir():
        home = folder if path.name == "outbox" else folder / "subscribers"
        shutil.copytree(
            path, home / path.name, dirs_exist_ok=True
        ) if path.is_dir() else shutil.copy(path, home)
    shutil.rmtree(kept)


@surrounding(
    "the project is mounted read-only, and only the store lies elsewhere", where=_is_a_file
)
def _(scene: Scene) -> Iterator[None]:
    must("unshare", "-m", "true", needs="the right to a mount namespace")
    folder, kept = scene.stage.project, scene.stage.folder / "kept"
    kept.mkdir()
    for path in (folder / "subscribers").glob("newsletter.db*"):
        shutil.copy(path, kept)
    scene.environment |= {"NEWSLETTER_STORE__URL": f"sqlite:///{kept}/newsletter.db"}
    scene.before += ["unshare", "-m", "--propagation", "private"]
    scene.shell(f"mount --bind -o ro '{folder}' '{folder}' && cd '{folder}'")
    yield
    for path in kept.iterdir():
        shutil.copy(path, folder / "subscribers")
    shutil.rmtree(kept)


# --- the store ------------------------------------------------------------------------------------


@surrounding("another program holds the store for two seconds", harmless=True, where=_is_a_file)
def _(scene: Scene) -> Iterator[None]:
    with closing(sqlite3.connect(scene.stage.store, check_same_thread=False)) as database:
        database.execute("BEGIN EXCLUSIVE")

        letting_go = Timer(2, database.rollback)
        scene.while_it_runs = lambda _: letting_go.start()
        yield
        letting_go.join()


@surrounding("another program holds the store and never lets go", where=_is_a_file)
def _(scene: Scene) -> Iterator[None]:
    with closing(sqlite3.connect(scene.stage.store, check_same_thread=False)) as database:
        database.execute("BEGIN EXCLUSIVE")
        yield
        database.rollback()


@surrounding("what a killed process left lies about", harmless=True, shows_all=True)
def _(scene: Scene) -> Iterator[None]:
    """Parts of files, as they stand beside their places when a write was killed. Whatever writes
    there takes them away. For those of backups see tests/integration/test_cli_backup.py."""
    project = scene.stage.project
    outbox = project / "outbox" / str(send_of(scene.stage.url, PAUSED))
    outbox.mkdir(parents=True, exist_ok=True)
    half = part_of(outbox / "0.eml")  # to nobody who still gets one
    places = (
        project / "subscribers" / "generation",
        project / "issues" / "2026-02-01-fresh-news.md",
        scene.stage.beside / "people.csv",
        scene.stage.beside / "report.html",
    )
    before = [_inode(path) for path in places]
    parts = [part_of(path) for path in places]
    for part in (*parts, half):
        part.write_bytes(b"half of it")
    yield
    written = [
        part
        for part, path, inode in zip(parts, places, before, strict=True)
        if _inode(path) not in (None, inode)
    ]
    if any(outbox.glob("*.eml")):
        written.append(half)
    left = [part.name for part in written if part.exists()]
    for part in scene.stage.folder.rglob("*.newsletter-part"):
        part.unlink()
    assert not left, f"it leaves {left}"


def _inode(path: Path) -> int | None:
    return path.stat().st_ino if path.exists() else None
