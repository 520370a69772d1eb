"""One newsletter command in a process of its own, which can be told where to die.

The command is the real one. It passes counted points: at each statement that changes rows, before
and after each COMMIT, each write to a socket, each answer, each rename. At the chosen one the
process sends itself a signal, so that every place where a crash can fall is visited in turn.
"""

import http.client
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import partial
from multiprocessing.synchronize import Barrier
from pathlib import Path
from typing import Any

from sqlalchemy import event
from sqlalchemy.engine import Connection, Engine
from sqlalchemy.engine.default import DefaultDialect

from newsletter.model.send import Send
from newsletter.operations import worker as workers
from newsletter.project import Project
from newsletter.sending import core, lost, run, tenure, threads
from newsletter.sending.pace import Vitals
from newsletter.sending.threads import Progress
from newsletter.sending.worker import Worker
from newsletter.store.dialects import is_sqlite
from newsletter.store.ledger import tenures
from newsletter.store.statements import Statement
from newsletter.transports import Transport, open_transport
from newsletter.transports.outbox import Outbox
from newsletter.transports.ses.transport import Ses
from newsletter.workers import apps, tending
from newsletter.workers import run as workers_run
from tests.crash import guards
from tests.networks import Network
from tests.warm import PROCESSES, Program


@dataclass(frozen=True, slots=True)
class Orders:
    """How a command is run; what is left out is as ever.

    `at` is the point at which `signal` comes: its number, counted from 1, or a name of a point and
    which of that name.
    """

    threads: int = 0
    batch_size: int = 0
    without: str = ""  # the guard that is switched off
    at: int | tuple[str, int] | None = None
    signal: int = signal.SIGKILL
    host: str = ""
    lease_seconds: float = 0.0
    silent_seconds: float = 0.0
    network: Network | None = None


@dataclass(frozen=True, slots=True)
class Job:
    """A command, where it runs, and the files that take its output and the points it passed."""

    arguments: tuple[str, ...]
    project: Path
    environment: Mapping[str, str]
    output: Path
    orders: Orders = field(default_factory=Orders)

    @property
    def notes(self) -> Path:
        return self.output.with_suffix(".err")

    @property
    def trace(self) -> Path:
        return self.output.with_suffix(".points")


def start(job: Job, gate: Barrier | None = None) -> Program:
    """Begin a command; with a `gate`, when as many as it waits for are ready."""
    with job.output.open("wb") as output, job.notes.open("wb") as notes:
        return Program(
            job.project,
            *job.arguments,
            environment=job.environment,
            stdout=output.fileno(),
            stderr=notes.fileno(),
            first=partial(_prepare, job, gate),
        )


def gate(processes: int) -> Barrier:
    return PROCESSES.Barrier(processes)


def _prepare(job: Job, gate: Barrier | None) -> None:
    _obey(job.orders)
    if job.orders.network is not None:
        job.orders.network.enter()
    watch(Points(job.trace, job.orders))
    if job.orders.without:
        guards.switch_off(job.orders.without)
    if gate is not None:
        gate.wait()


# --- orders ---------------------------------------------------------------------------------------


def _obey(orders: Orders) -> None:
    run_ordinarily = run.run

    def open_as_ordered(project: Project) -> Transport:
        transport = open_transport(project)
        if isinstance(transport, Ses) and orders.threads:
            transport = Ses(project.settings.transport.ses, concurrency=orders.threads)
        if orders.batch_size:
            transport.batch_size = orders.batch_size
        return transport

    def run_impatiently(worker: Worker, send_id: str, *progress: Progress) -> Send:
        return run_ordinarily(replace(worker, backoff_seconds=0.01), send_id, *progress)

    workers.open_transport = open_as_ordered  # type: ignore[attr-defined]
    run.run = run_impatiently  # type: ignore[assignment]
    core._RETRY_AFTER = timedelta(milliseconds=10)
    if orders.host:
        socket.gethostname = lambda: orders.host
    if orders.lease_seconds:
        lease = timedelta(seconds=orders.lease_seconds)
        core.LEASE = tenure.LEASE = threads.LEASE = lost.LEASE = lease  # type: ignore[attr-defined]
        tenures.RESERVED = lease
        threads._RENEW_SECONDS = orders.lease_seconds / 4
        # Who wakes is stopped by the ledger, also where it does not see for itself that it slept.
        Vitals.is_unwatched = lambda self, seconds: False  # type: ignore[method-assign]
    if orders.silent_seconds:  # until the jobs of a dead worker are removed, and made anew
        apps.SILENT_SECONDS = tending.SILENT_SECONDS = orders.silent_seconds  # type: ignore[attr-defined]
        apps._RESCUE_CRON = workers_run._TEND_CRON = "* * * * * *"


# --- points ---------------------------------------------------------------------------------------


class Points:
    """Counts the points that the process passes, and writes their names into a file."""

    def __init__(self, trace: Path, orders: Orders) -> None:
        self._trace = os.open(trace, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND)
        self._orders = orders
        self._lock = threading.Lock()
        self._passed = 0
        self._of_the_name = 0

    def reach(self, what: str) -> None:
        """Pass a point of this kind in the function of ours that is running, or die there."""
        name = f"{what} in {_function()}"
        with self._lock:
            self._passed += 1
            os.write(self._trace, f"{name}\n".encode())
            if self._is_chosen(name):
                # To this thread: sent to the process, it would let the thread run on a little.
                signal.pthread_kill(threading.get_ident(), self._orders.signal)

    def _is_chosen(self, name: str) -> bool:
        match self._orders.at:
            case (chosen, which):
                self._of_the_name += name == chosen
                return name == chosen and self._of_the_name == which
            case number:
                return number == self._passed


# Whoever calls them says more.
_BELOW = ("newsletter.store.engine", "newsletter.store.statements", "newsletter.transports")


def _function() -> str:
    """The innermost function of ours that says what is going on: `sending.core._record`."""
    frame = sys._getframe(1)
    while frame.f_back is not None:
        frame = frame.f_back
        module = frame.f_globals.get("__name__", "")
        if module.startswith("newsletter.") and not module.startswith(_BELOW):
            outer, _, _ = frame.f_code.co_qualname.partition(".<locals>")
            return f"{module.removeprefix('newsletter.')}.{outer.rpartition('.')[2]}"
    return "nothing of ours"


def watch(points: Points) -> None:
    """Let this process pass its points from now on."""

    def executing(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        if statement.startswith(("INSERT", "UPDATE", "DELETE")):
            points.reach("at a change")

    event.listen(Engine, "before_cursor_execute", executing)
    _by_the_driver(points)
    _around(points, DefaultDialect, "do_commit", "the commit")
    _around(points, http.client.HTTPConnection, "send", "a write to the socket")
    _around(points, http.client.HTTPConnection, "getresponse", "the answer")
    _around(points, os, "replace", "the rename")
    _around(points, Ses, "deliver", "the delivery")
    _around(points, Outbox, "deliver", "the delivery")


def _by_the_driver(points: Points) -> None:
    """SQLite's driver runs some statements without SQLAlchemy, which then tells nobody."""
    for name in ("run", "run_each"):
        original: Callable[..., Any] = getattr(Statement, name)

        def counted(
            statement: Statement,
            connection: Connection,
            *parameters: Any,
            original: Callable[..., Any] = original,
        ) -> Any:
            if is_sqlite(connection) and statement.changes:
                points.reach("at a change")
            return original(statement, connection, *parameters)

        setattr(Statement, name, counted)


def _around(points: Points, owner: Any, name: str, what: str) -> None:
    original: Callable[..., Any] = getattr(owner, name)

    def counted(*arguments: Any, **options: Any) -> Any:
        points.reach(f"before {what}")
        result = original(*arguments, **options)
        points.reach(f"after {what}")
        return result

    setattr(owner, name, counted)
