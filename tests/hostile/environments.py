"""Environments: variables, locales, terminals, and clocks that are wrong."""

import fcntl
import os
import struct
import termios
import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from tests import faketime
from tests.hostile.commands import Command
from tests.hostile.scene import CannotBeMade, Scene
from tests.hostile.surroundings import surrounding


def _set(name: str, *, harmless: bool = True, shows_all: bool = True, **values: str) -> None:
    @surrounding(name, harmless=harmless, shows_all=shows_all)
    def _(scene: Scene) -> Iterator[None]:
        scene.environment.update(values)
        yield


@surrounding("there is no environment at all", harmless=True, shows_all=True)
def _(scene: Scene) -> Iterator[None]:
    """As under cron and some supervisors; what names the store and the transport stays."""
    for name in ("PATH", "HOME", "LANG", "GIT_CONFIG_GLOBAL"):
        del scene.environment[name]
    yield


_set("HOME is no folder", HOME="/nonexistent")
_set("HOME cannot be written", HOME="/proc")
_set("PATH is empty", PATH="", harmless=False, shows_all=False)
_set("the locale is C", LANG="C", LC_ALL="C")
_set(
    "the locale is POSIX, and Python is not to mind",
    LC_ALL="POSIX",
    PYTHONCOERCECLOCALE="0",
    PYTHONUTF8="0",
    shows_all=False,
)
_set("the locale is not installed", LC_ALL="tr_TR.ISO-8859-9", shows_all=False)
_set("streams are Latin-1", PYTHONIOENCODING="latin-1", shows_all=False)
_set("streams are ASCII, strictly", PYTHONIOENCODING="ascii:strict", shows_all=False)
_set("streams are UTF-16", PYTHONIOENCODING="utf-16", shows_all=False)
_set("the time zone is nonsense", TZ="Nowhere/Nothing")
_set("the time zone is far east", TZ="Pacific/Kiritimati")
_set("Python optimises asserts and docstrings away", PYTHONOPTIMIZE="2")
_set("Python is safe about paths", PYTHONSAFEPATH="1")
_set("Python writes no bytecode and is not buffered", PYTHONUNBUFFERED="1")
_set("the terminal has 0 columns", COLUMNS="0", LINES="0")
_set("colours are forced", FORCE_COLOR="1", CLICOLOR_FORCE="1", shows_all=False)
_set("a proxy is set that is not there", HTTPS_PROXY="http://127.0.0.1:9", ALL_PROXY="socks5://x")
_set("the AWS profile is missing", AWS_PROFILE="nobody", harmless=False, shows_all=False)
_set(
    "AWS is configured for another machine",
    AWS_CONFIG_FILE="/nonexistent/config",
    AWS_CA_BUNDLE="/nonexistent/ca.pem",
    harmless=False,
    shows_all=False,
)
_set("there are no certificates", SSL_CERT_FILE="/nonexistent", SSL_CERT_DIR="/nonexistent")


@surrounding(
    "a setting is misspelt", where=lambda command: command.writes and "init" not in command.name
)
def _(scene: Scene) -> Iterator[None]:
    scene.environment["NEWSLETTER_TRANSPORT_KIND"] = "outbox"
    yield
    assert scene.answer is not None
    assert scene.answer.code == 2, f"it leaves with {scene.answer.code}"


_set(
    "git is in the middle of a hook",
    GIT_DIR="/nonexistent/.git",
    GIT_INDEX_FILE="/nonexistent/index",
    harmless=False,
    shows_all=False,
)
_set("it is run by a debugger of warnings", PYTHONWARNINGS="always", PYTHONDEVMODE="1")


# --- terminals ------------------------------------------------------------------------------------


def _at_terminal(scene: Scene, columns: int, kind: str) -> Iterator[None]:
    ours, its = os.openpty()
    fcntl.ioctl(its, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    scene.environment["TERM"] = kind
    scene.streams |= {"stdin": its, "stdout": its, "stderr": its}
    said: list[bytes] = []
    reader = threading.Thread(target=_read, args=(ours, said), daemon=True)
    reader.start()
    yield
    os.close(its)
    reader.join(10)
    os.close(ours)
    assert kind != "dumb" or b"\x1b" not in b"".join(said), "it writes escape codes"


def _read(terminal: int, said: list[bytes]) -> None:
    while True:
        try:
            piece = os.read(terminal, 4096)
        except OSError:  # the last writer has left
            return
        if not piece:
            return
        said.append(piece)


def _is_answered(command: Command) -> bool:
    """A terminal has no end of input, and nobody answers at it."""
    return not command.stdin


for _columns, _kind in ((1, "xterm"), (20, "xterm"), (60_000, "xterm"), (80, "dumb"), (80, "none")):

    @surrounding(
        f"a terminal of {_columns} columns, called {_kind}", harmless=True, where=_is_answered
    )
    def _(scene: Scene, columns: int = _columns, kind: str = _kind) -> Iterator[None]:
        yield from _at_terminal(scene, columns, kind)


# --- clocks ---------------------------------------------------------------------------------------


def wrong_clock(clock: str | Path, beside: Mapping[str, str]) -> dict[str, str]:
    library = faketime.found()
    if library is None:
        raise CannotBeMade(faketime.NEEDED)
    return faketime.wrong_clock(library, clock, python_path=beside.get("PYTHONPATH", ""))


def _is_kept(clock: str) -> Callable[[Command], bool]:
    """Whether a command does what it always does: a schedule that is a day old asks a person."""
    return lambda command: "worker" not in command.typed or clock not in ("+1d", "+2d", "+400d")


for _clock in ("+1h", "-1h", "+1d", "-1d", "+400d", "@1970-01-02 00:00:00", "@2069-01-01 00:00:00"):

    @surrounding(f"the clock says {_clock}", harmless=_clock[0] != "@" and _is_kept(_clock))
    def _(scene: Scene, clock: str = _clock) -> Iterator[None]:
        scene.environment |= wrong_clock(clock, scene.environment)
        yield


for _before, _after in (("+0", "+1h"), ("+0", "-1h"), ("+0", "-1d"), ("+2d", "+0")):

    @surrounding(f"the clock is put from {_before} to {_after}", harmless=_is_kept(_before))
    def _(scene: Scene, before: str = _before, after: str = _after) -> Iterator[None]:
        """A moment after the start, as when the network is there and its time, too."""
        file = scene.stage.beside / "clock"
        file.write_text(before)
        scene.environment |= wrong_clock(file, scene.environment)
        step = threading.Timer(0.6, file.write_text, (after,))
        step.start()
        yield
        step.join()
        file.unlink()
