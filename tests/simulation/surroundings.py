"""What the real code is given in place of threads, of processes and of the system's clock.

Everything that is replaced is of Python or of the system: the pool of threads and the wait for
them, an event that is waited for, the number of a thread, and whether a process lives.
"""

import logging
import threading
from collections.abc import Callable, Collection, Iterator
from concurrent.futures import FIRST_EXCEPTION, Future
from contextlib import contextmanager
from types import SimpleNamespace, TracebackType
from typing import Any
from unittest import mock

from newsletter.sending import pace, processes, threads
from tests.simulation.scheduler import Process, Scheduler, Task, Vanished


class Signal(threading.Event):
    """An event that is waited for in virtual time."""

    def __init__(self, scheduler: Scheduler) -> None:
        super().__init__()
        self._scheduler = scheduler

    def wait(self, timeout: float | None = None) -> bool:
        if not self.is_set():
            self._scheduler.points["waits"] += 1
            self._scheduler.wait(timeout, self.is_set)
        return self.is_set()


class _Pool:
    """Threads that take turns. Like the real one it waits for them at its end."""

    def __init__(self, scheduler: Scheduler, name: str) -> None:
        self._scheduler, self._name = scheduler, name
        self._tasks: list[Task] = []

    def submit(self, body: Callable[..., None], *arguments: Any) -> "Future[None]":
        future: Future[None] = Future()
        process = self._scheduler.current.process

        def run() -> None:
            try:
                body(*arguments)
            except Vanished:
                raise
            except BaseException as error:  # noqa: BLE001 -- as the real one does
                future.set_exception(error)
            else:
                future.set_result(None)

        name = f"{process.title} {self._name} {len(self._tasks) + 1}"
        self._tasks.append(self._scheduler.start(name, process, run))
        return future

    def __enter__(self) -> "_Pool":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if not self._scheduler.current.process.is_dead:
            self._scheduler.wait(None, lambda: all(task.thread.dead for task in self._tasks))


@contextmanager
def simulated(scheduler: Scheduler, all_processes: Collection[Process]) -> Iterator[None]:
    """Let the real code run in this world; `all_processes` may grow."""

    def wait(
        futures: Collection["Future[None]"], timeout: float | None, return_when: str
    ) -> tuple[set["Future[None]"], set["Future[None]"]]:
        is_failure_enough = return_when == FIRST_EXCEPTION
        scheduler.wait(
            timeout, lambda: _are_done(futures) or (is_failure_enough and _has_failed(futures))
        )
        done = {future for future in futures if future.done()}
        return done, set(futures) - done

    def is_here(name: str) -> bool:
        return name.partition("/")[0] == scheduler.current.process.host

    def is_this(name: str) -> bool:
        return name == scheduler.current.process.name

    def is_dead(name: str) -> bool:
        return is_here(name) and any(p.name == name and p.is_dead for p in all_processes)

    with (
        mock.patch.object(threads, "ThreadPoolExecutor", lambda _, name: _Pool(scheduler, name)),
        mock.patch.object(threads, "wait", wait),
        mock.patch.object(
            pace, "threading", SimpleNamespace(get_ident=lambda: id(scheduler.current))
        ),
        _silence(),
        mock.patch.multiple(processes, is_here=is_here, is_this=is_this, is_dead=is_dead),
    ):
        yield


@contextmanager
def _silence() -> Iterator[None]:
    """Nothing is logged: it would take longer than what it tells of."""
    before = logging.root.manager.disable
    logging.disable()
    try:
        yield
    finally:
        logging.disable(before)


def _are_done(futures: Collection["Future[None]"]) -> bool:
    return all(future.done() for future in futures)


def _has_failed(futures: Collection["Future[None]"]) -> bool:
    return any(future.done() and future.exception() is not None for future in futures)
