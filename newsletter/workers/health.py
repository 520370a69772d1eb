"""What supervisors are told of a worker: whether it lives, and whether it can send.

A worker that is not live hangs, and only a new process can mend that. One that is live but not
ready waits for its store, and goes on by itself.
"""

import json
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from newsletter.errors import StoreError, UsageError
from newsletter.files import target_of, write_whole
from newsletter.sending.worker import Worker
from newsletter.store import figures
from newsletter.supervising import SILENT_SECONDS, SideThread

_ASK_SECONDS = 2.0
_UNHEARD_SECONDS = 15.0  # without an answer, the store is away
_OPTION = "--health"
_HIGHEST_PORT = 65535


@dataclass(frozen=True, slots=True)
class Health:
    """What is told."""

    live: bool
    ready: bool

    def to_json(self) -> bytes:
        return json.dumps(asdict(self)).encode() + b"\n"


class _Doctor:
    """Looks after a worker."""

    def __init__(self, worker: Worker) -> None:
        self._worker = worker
        self._answered_at: float | None = None
        worker.vitals.looks()

    def ask(self, side: SideThread) -> None:
        """Ask the store now and then, in a thread of its own: an answer may take long."""
        worker = self._worker
        while not side.stop.is_set():
            side.beat()
            try:
                with worker.store.read() as connection:
                    figures.answers(connection)
                self._answered_at = worker.seconds()
            except StoreError:
                self._answered_at = None
            side.stop.wait(_ASK_SECONDS)

    def health(self) -> Health:
        live = not self._worker.vitals.is_unwatched(SILENT_SECONDS)
        return Health(live, live and self._store_answers())

    def _store_answers(self) -> bool:
        at = self._answered_at
        return at is not None and self._worker.seconds() - at < _UNHEARD_SECONDS


@contextmanager
def told(worker: Worker, target: str) -> Iterator[str]:
    """Tell of a worker's health at a port of the loopback interface, or in a file; yields where.

    Raises UsageError where that cannot be.
    """
    doctor, stop = _Doctor(worker), threading.Event()
    teller = _at_port if target.isdecimal() else _in_file
    asking = SideThread("health", doctor.ask, stop=stop)
    with teller(target, doctor.health, stop) as place:
        asking.start()
        try:
            yield place
        finally:
            asking.leave(_ASK_SECONDS)


# --- a file ---------------------------------------------------------------------------------------


@contextmanager
def _in_file(target: str, health: Callable[[], Health], stop: threading.Event) -> Iterator[str]:
    """Renew a file every few seconds while the worker lives; remove it in the end."""
    try:
        path = _place_of(Path(target).absolute())
        write_whole(path, health().to_json())
    except OSError as error:
        raise UsageError(
            f"cannot write {target}: {error.strerror}",
            where=_OPTION,
            hint="Name a file in a folder that exists and may be written to.",
        ) from error

    def renew(side: SideThread) -> None:
        while not side.stop.is_set():
            side.beat()
            if (now := health()).live:
                _renew(path, now.to_json())
            side.stop.wait(_ASK_SECONDS)

    writing = SideThread("health-file", renew, stop=stop, again_seconds=_ASK_SECONDS)
    writing.start()
    try:
        yield str(path)
    finally:
        writing.leave(_ASK_SECONDS)
        path.unlink(missing_ok=True)


def _place_of(target: Path) -> Path:
    """Where a file goes, also by a link. Raises UsageError where something else would be lost, or
    is there that can hold no state, such as a device; and OSError."""
    path = target_of(target)
    if path is None:
        raise UsageError(
            f"{target} is not a regular file", where=_OPTION, hint="Name another file."
        )
    try:
        before = json.loads(path.read_bytes() or b"{}")
    except FileNotFoundError:
        return path
    except (OSError, ValueError):
        before = None
    if not (isinstance(before, dict) and before.keys() <= Health.__dataclass_fields__.keys()):
        raise UsageError(
            f"{path} exists, and is not the health file of a worker",
            where=_OPTION,
            hint="Name another file.",
        )
    return path


def _renew(path: Path, content: bytes) -> None:
    """Without waiting for the disk, where only the time changes."""
    try:
        if path.read_bytes() == content:
            os.utime(path)
            return
    except FileNotFoundError:
        pass
    write_whole(path, content)


# --- a port ---------------------------------------------------------------------------------------


@contextmanager
def _at_port(target: str, health: Callable[[], Health], stop: threading.Event) -> Iterator[str]:
    """Answer on the loopback interface: `/healthz` is 200 where the worker is ready, `/livez` where
    it lives, else 503."""

    class Answers(BaseHTTPRequestHandler):
        timeout = 5.0  # of a caller who says nothing

        def do_GET(self) -> None:
            now = health()
            answers = {"/healthz": now.ready, "/livez": now.live}
            path = self.path.partition("?")[0]
            is_well = answers.get(path)
            content = now.to_json() if path in answers else b""
            self.send_response(404 if is_well is None else 200 if is_well else 503)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.send_header("Cache-Control", "no-store")
            self.end_headers()
            with suppress(OSError):
                self.wfile.write(content)

        def version_string(self) -> str:
            return "newsletter"

        def log_message(self, *_: object) -> None:
            """Supervisors ask often."""

    with _listening(target, Answers) as server:

        def serve(side: SideThread) -> None:
            while not side.stop.is_set():
                side.beat()
                server.handle_request()

        serving = SideThread("health-port", serve, stop=stop)
        serving.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/healthz"
        finally:
            serving.leave(_ASK_SECONDS)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    timeout = 0.5  # of waiting for a request, after which it looks whether to stop

    def handle_error(self, *_: object) -> None:
        """A caller who leaves early is no fault."""


def _listening(target: str, answers: type[BaseHTTPRequestHandler]) -> ThreadingHTTPServer:
    """Raises UsageError where the port cannot be had."""
    digits = target.lstrip("0") or "0"
    if len(digits) > len(str(_HIGHEST_PORT)) or (port := int(digits)) > _HIGHEST_PORT:
        raise UsageError(
            f"there is no port {digits}", where=_OPTION, hint=f"Name one up to {_HIGHEST_PORT}."
        )
    try:
        return _Server(("127.0.0.1", port), answers)
    except OSError as error:
        reason = str(error.strerror or error)
        raise UsageError(
            f"cannot listen on port {port}: {reason}",
            where=_OPTION,
            hint="Another process may use it: name a free one, or 0 to have one picked.",
        ) from error
