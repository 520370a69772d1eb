"""A machine that gives out: no room, few files, little memory, another user, parts that are not
there."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from tests.hostile.commands import Command
from tests.hostile.places import is_there
from tests.hostile.scene import CannotBeMade, Scene, must
from tests.hostile.surroundings import surrounding

_OTHER_USER = "54321"


def _writes(command: Command) -> bool:
    return command.writes or command.stays


# --- disks ----------------------------------------------------------------------------------------


def _small_disk(scene: Scene, folder: Path, options: str) -> None:
    """Let a folder be a disk of its own."""
    content = scene.stage.folder / "content"
    folder.mkdir(exist_ok=True)
    shutil.move(folder, content)
    folder.mkdir()
    must(
        *("mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)),
        needs="the right to mount a disk",
    )
    scene.kept.callback(subprocess.run, ["umount", "--lazy", str(folder)], check=True)
    shutil.copytree(content, folder, symlinks=True, dirs_exist_ok=True)
    shutil.rmtree(content)


def fill(folder: Path, left: int) -> Path:
    """Leave so many bytes of a disk free."""
    ballast = folder / ".ballast"
    state = os.statvfs(folder)
    with ballast.open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, max(1, state.f_bavail * state.f_frsize - left))
    return ballast


def _full(scene: Scene, folder: Path, left: int) -> Iterator[None]:
    _small_disk(scene, folder, "size=64m")
    ballast = fill(folder, left)
    yield
    ballast.unlink()


def _of_disks(command: Command) -> bool:
    return _writes(command) or command.matters


for _kilobytes in (0, 16, 100, 400, 1000):

    @surrounding(f"the project's disk has {_kilobytes} KB left", where=_of_disks)
    def _(scene: Scene, left: int = _kilobytes << 10) -> Iterator[None]:
        yield from _full(scene, scene.stage.project, left)


for _kilobytes in (0, 12, 90):

    @surrounding(
        f"the disk of what is made has {_kilobytes} KB left",
        where=lambda command: any("beside" in path for path in command.makes),
    )
    def _(scene: Scene, left: int = _kilobytes << 10) -> Iterator[None]:
        yield from _full(scene, scene.stage.beside, left)

    @surrounding(
        f"the disk of the outbox has {_kilobytes} KB left",
        where=lambda command: any("outbox" in path for path in command.makes),
    )
    def _(scene: Scene, left: int = _kilobytes << 10) -> Iterator[None]:
        yield from _full(scene, scene.stage.project / "outbox", left)


@surrounding("the project's disk takes no more files", where=_of_disks)
def _(scene: Scene) -> Iterator[None]:
    folder = scene.stage.project
    _small_disk(scene, folder, "size=64m,nr_inodes=2000")
    state = os.statvfs(folder)
    names = [folder / f".ballast{number}" for number in range(state.f_favail)]
    for name in names:
        name.touch()
    yield
    for name in names:
        name.unlink()


@surrounding("the disk of temporary files is full", where=_of_disks)
def _(scene: Scene) -> Iterator[None]:
    folder = scene.stage.beside / "tmp"
    _small_disk(scene, folder, "size=64k")
    ballast = fill(folder, 0)
    scene.environment["TMPDIR"] = str(folder)
    yield
    ballast.unlink()


@surrounding("there is no folder for temporary files", where=_of_disks)
def _(scene: Scene) -> Iterator[None]:
    scene.environment["TMPDIR"] = str(scene.stage.beside / "missing")
    yield


# --- limits ---------------------------------------------------------------------------------------

for _limit in (0, 4, 16, 64, 400):

    @surrounding(f"no file may be larger than {_limit} KB", where=_of_disks)
    def _(scene: Scene, most: int = _limit << 10) -> Iterator[None]:
        scene.before += ["prlimit", f"--fsize={most}"]
        yield


for _limit in (10, 14, 20, 32):

    @surrounding(f"at most {_limit} files may be open")
    def _(scene: Scene, most: int = _limit) -> Iterator[None]:
        scene.before += ["prlimit", f"--nofile={most}"]
        yield


for _limit in (60, 120, 200, 320):

    @surrounding(f"at most {_limit} MB of memory may be had")
    def _(scene: Scene, most: int = _limit << 20) -> Iterator[None]:
        scene.before += ["prlimit", f"--as={most}"]
        yield


@surrounding("the stack is small")
def _(scene: Scene) -> Iterator[None]:
    scene.before += ["prlimit", "--stack=262144"]
    yield


@surrounding("no page may be locked in memory", harmless=True, shows_all=True)
def _(scene: Scene) -> Iterator[None]:
    scene.before += ["prlimit", "--memlock=0"]
    yield


# --- users ----------------------------------------------------------------------------------------


def _become(scene: Scene) -> None:
    if os.geteuid() != 0:
        raise CannotBeMade("needs root, to become another user")
    change = ["setpriv", f"--reuid={_OTHER_USER}", f"--regid={_OTHER_USER}", "--clear-groups"]
    program = (sys.executable, "-c", "import newsletter.cli")
    must(*change, *program, needs="a checkout that other users can read")
    scene.before += change


def _give(folder: Path) -> None:
    """Let all that lies there belong to the other user."""
    owner = f"{_OTHER_USER}:{_OTHER_USER}"
    subprocess.run(["chown", "--no-dereference", "--recursive", owner, folder], check=True)


def _take_back(scene: Scene) -> None:
    owner = f"{os.getuid()}:{os.getgid()}"
    subprocess.run(["chown", "-hR", owner, scene.stage.folder], check=True)


@surrounding("the user has no entry in passwd", harmless=True, shows_all=True)
def _(scene: Scene) -> Iterator[None]:
    _become(scene)
    _give(scene.stage.folder)
    yield
    _take_back(scene)


@surrounding("no more threads or processes may be started")
def _(scene: Scene) -> Iterator[None]:
    _become(scene)
    _give(scene.stage.folder)
    scene.before += ["prlimit", "--nproc=1"]
    yield
    _take_back(scene)


@surrounding("the project belongs to another user")
def _(scene: Scene) -> Iterator[None]:
    _become(scene)
    _give(scene.stage.beside)
    yield
    _take_back(scene)


for _closed in (
    *("newsletter.toml", "issues", "subscribers", "subscribers/newsletter.db"),
    *("subscribers/secret.key", "subscribers/generation", "outbox"),
):

    @surrounding(
        f"{_closed} belongs to another user",
        where=lambda command, name=_closed: is_there(command, name),  # type: ignore[misc]
    )
    def _(scene: Scene, name: str = _closed) -> Iterator[None]:
        _become(scene)
        _give(scene.stage.folder)
        path = scene.stage.project / name
        mode = path.stat().st_mode
        os.chown(path, 0, 0)
        path.chmod(0o700 if path.is_dir() else 0o600)
        yield
        path.chmod(mode)
        _take_back(scene)


for _mask in ("000", "077", "777"):

    @surrounding(f"umask is {_mask}", harmless=_mask != "777", shows_all=_mask != "777")
    def _(scene: Scene, mask: str = _mask) -> Iterator[None]:
        if mask == "777":
            _become(scene)
            _give(scene.stage.folder)
        scene.shell(f"umask {mask}")
        yield
        _take_back(scene)


# --- parts of the machine -------------------------------------------------------------------------


def _without(scene: Scene, *paths: str) -> None:
    """Hide parts of the machine from the command alone."""
    must("unshare", "-m", "true", needs="the right to a mount namespace")
    empty = scene.stage.beside / "empty"
    empty.mkdir(exist_ok=True)
    scene.before += ["unshare", "-m", "--propagation", "private"]
    for path in paths:
        if Path(path).is_dir():
            scene.shell(f"mount --bind {empty} {path}")
        elif Path(path).exists():
            scene.shell(f"mount --bind {_empty_file(scene)} {path}")


def _empty_file(scene: Scene) -> Path:
    file = scene.stage.beside / "empty.file"
    file.touch()
    return file


@surrounding("there is no /proc", harmless=True, shows_all=True)
def _(scene: Scene) -> Iterator[None]:
    _without(scene, "/proc")
    yield


@surrounding("there is no shared memory", harmless=True, shows_all=True)
def _(scene: Scene) -> Iterator[None]:
    _without(scene, "/dev/shm")
    yield


@surrounding("there are no time zones, users, hosts or certificates", harmless=True, shows_all=True)
def _(scene: Scene) -> Iterator[None]:
    _without(scene, "/usr/share/zoneinfo", "/etc")
    yield


@surrounding("there is no network", where=lambda command: not command.stays)
def _(scene: Scene) -> Iterator[None]:
    must("unshare", "-n", "true", needs="the right to a network namespace")
    scene.before += ["unshare", "-n"]
    yield


@surrounding("the host is named in another alphabet", harmless=True, shows_all=True)
def _(scene: Scene) -> Iterator[None]:
    must("unshare", "--uts", "true", needs="the right to name a host")
    scene.before += ["unshare", "--uts"]
    scene.shell("hostname ''; hostname 'rechner-ü'")
    yield
