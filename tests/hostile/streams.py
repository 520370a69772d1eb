"""Standard streams that are closed, full, slow or left; signals that somebody else has set."""

import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import suppress

from tests.hostile.scene import Running, Scene, is_there, must
from tests.hostile.surroundings import surrounding

_SLOWLY_SECONDS = 0.01


@surrounding("standard input is closed", harmless=True, where=lambda command: not command.stdin)
def _(scene: Scene) -> Iterator[None]:
    scene.redirections.append("<&-")
    yield


@surrounding("standard output is closed", harmless=True)
def _(scene: Scene) -> Iterator[None]:
    scene.redirections.append(">&-")
    yield


@surrounding("standard error is closed", harmless=True, shows_all=True)
def _(scene: Scene) -> Iterator[None]:
    scene.redirections.append("2>&-")
    yield


@surrounding("all streams are closed", harmless=True, where=lambda command: not command.stdin)
def _(scene: Scene) -> Iterator[None]:
    scene.redirections.append("<&- >&- 2>&-")
    yield


@surrounding(
    "standard input never ends and never says anything",
    harmless=True,
    shows_all=True,
    where=lambda command: not command.stdin,
)
def _(scene: Scene) -> Iterator[None]:
    reading, writing = os.pipe()
    scene.kept.callback(os.close, reading)
    scene.kept.callback(os.close, writing)
    scene.streams["stdin"] = reading
    yield


def _device(scene: Scene, name: str, number: int) -> str:
    """A device of the stage's own: those of the machine are nobody's to write to."""
    path = scene.stage.beside / name
    must("mknod", "-m", "666", str(path), "c", "1", str(number), needs="the right to make devices")
    scene.kept.callback(path.unlink)
    return str(path)


@surrounding("standard output goes to a full disk")
def _(scene: Scene) -> Iterator[None]:
    scene.redirections.append(f">{_device(scene, 'full', 7)}")
    yield


@surrounding("standard error goes to a full disk", harmless=True, shows_all=True)
def _(scene: Scene) -> Iterator[None]:
    scene.redirections.append(f"2>{_device(scene, 'full', 7)}")
    yield


@surrounding("who reads standard output has left")
def _(scene: Scene) -> Iterator[None]:
    scene.streams["stdout"] = _left(scene)
    yield


@surrounding("who reads standard error has left", harmless=True, shows_all=True)
def _(scene: Scene) -> Iterator[None]:
    scene.streams["stderr"] = _left(scene)
    yield


def _left(scene: Scene) -> int:
    reading, writing = os.pipe()
    os.close(reading)
    scene.kept.callback(os.close, writing)
    return writing


@surrounding("standard output is a slow pipe that does not block", harmless=True)
def _(scene: Scene) -> Iterator[None]:
    """As of some supervisors and of tools in Node: what does not fit is refused at once."""
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    reader = threading.Thread(target=_read_slowly, args=(reading,))
    reader.start()
    scene.streams["stdout"] = writing
    yield
    os.close(writing)
    reader.join()
    os.close(reading)


def _read_slowly(reading: int) -> None:
    while os.read(reading, 512):
        time.sleep(_SLOWLY_SECONDS)


@surrounding("under nohup, and its terminal is gone", harmless=True, shows_all=True)
def _(scene: Scene) -> Iterator[None]:
    is_there("env", "coreutils")
    scene.before += ["env", "--ignore-signal=HUP", "--ignore-signal=INT"]

    hung_up = threading.Event()

    def hang_up(process: Running) -> None:
        """Again and again, for it may begin to heed the signal at any time."""
        while not hung_up.wait(0.1) and process.returncode is None:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGHUP)

    scene.while_it_runs = lambda process: threading.Thread(target=hang_up, args=[process]).start()
    yield
    hung_up.set()


@surrounding("signals of children are ignored", harmless=True, shows_all=True)
def _(scene: Scene) -> Iterator[None]:
    scene.before += ["env", "--ignore-signal=CHLD"]
    yield


@surrounding(
    "all signals are blocked",
    harmless=True,
    shows_all=True,
    where=lambda command: not command.stays,
)
def _(scene: Scene) -> Iterator[None]:
    scene.before += ["env", "--block-signal"]
    yield


@surrounding("a broken pipe kills", harmless=True, shows_all=True)
def _(scene: Scene) -> Iterator[None]:
    scene.before += ["env", "--default-signal=PIPE"]
    yield
