"""Tasks that take turns: one runs at a time, the choices say which, and the time is virtual.

A task is a greenlet: it runs real code, and hands over only where that calls `point` or `wait`.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from greenlet import getcurrent, greenlet

from tests.simulation.choices import Choices

MOST_STEPS = 30_000
_SMALL_LEAPS = 2  # of the clock without progress, after which each is longer
_LONGEST_LEAP_SECONDS = 15.0


class Vanished(BaseException):
    """Unwinds a task whose process has crashed; whatever it tries on the way is refused."""


class Endless(Exception):
    """A schedule that does not come to its end."""


@dataclass(eq=False)
class Process:
    """A process of a machine. `name` is as newsletter.sending.processes makes it."""

    name: str
    is_dead: bool = False
    wakes_at: float = 0.0

    @property
    def host(self) -> str:
        return self.name.partition("/")[0]

    @property
    def title(self) -> str:
        """As a trace names it: machine and number."""
        host, number, _ = self.name.split("/", 2)
        return f"{host}/{number}"


@dataclass(eq=False)
class Task:
    """`until` and `deadline` are what it waits for; it is ready where both are None. `action` is
    what it does there, for the checker. `began_at` is the step at which its transaction began, and
    `began` the time in seconds."""

    name: str
    process: Process
    thread: greenlet
    until: Callable[[], bool] | None = None
    deadline: float | None = None
    action: str = ""
    began_at: int = 0
    began: float = 0.0


@dataclass
class Scheduler:
    """`switching` is how likely another task goes on at a point. `trace` gets the time, the task
    and what it did, if it is there."""

    choices: Choices
    switching: float = 0.3
    trace: list[tuple[float, str, str]] | None = None
    now: float = 0.0
    steps: int = 0
    points: Counter[str] = field(default_factory=Counter)
    failure: BaseException | None = None
    tasks: list[Task] = field(default_factory=list)
    hub: greenlet = field(default_factory=getcurrent)
    _current: Task | None = None
    leaps: int = 0  # of the clock, since something happened

    def seconds(self) -> float:
        """The clock that only measures."""
        return self.now

    @property
    def current(self) -> Task:
        assert self._current is not None
        return self._current

    def start(self, name: str, process: Process, body: Callable[[], object]) -> Task:
        """A new task, which begins when its turn comes."""
        task = Task(name, process, greenlet(lambda: self._guarded(body), self.hub))
        self.tasks.append(task)
        return task

    @contextmanager
    def failing(self) -> Iterator[None]:
        """What is raised here ends the schedule, whatever the code that it goes through makes of
        it."""
        try:
            yield
        except Exception as error:
            self.failure = self.failure or error
            raise

    def _guarded(self, body: Callable[[], object]) -> None:
        try:
            self._check_alive()
            body()
        except Vanished:
            pass
        except BaseException as error:  # noqa: BLE001 -- whatever it is, it is the result
            self.failure = self.failure or error

    def is_running(self, task: Task) -> bool:
        return not task.thread.dead

    def note(self, what: str) -> None:
        if self.trace is not None:
            name = self._current.name if self._current else "the world"
            self.trace.append((self.now, name, what))

    def progress(self) -> None:
        """Something happened: the clock goes in small steps again."""
        self.leaps = 0

    def point(self, what: str) -> None:
        """Let another task go on here, perhaps."""
        self._check_alive()
        self.points[what] += 1
        self._hand_over()

    def wait(self, seconds: float | None, until: Callable[[], bool] | None = None) -> None:
        """Wait for a time, or for something, or for the first of both."""
        self._check_alive()
        task = self.current
        task.until = until
        task.deadline = None if seconds is None else self.now + max(0.0, seconds)
        try:
            self._hand_over()
        finally:
            task.until = task.deadline = None

    def sleep(self, seconds: float) -> None:
        self.wait(seconds)

    def crash(self, process: Process) -> None:
        """A process vanishes with all its tasks; where it is one's own, the caller does not go on.

        The others are unwound, none of which can do anything on its way.
        """
        process.is_dead = True
        self._check_alive()

    def _check_alive(self) -> None:
        if self._current is not None and self._current.process.is_dead:
            raise Vanished

    def _hand_over(self) -> None:
        self.hub.switch()
        self._check_alive()

    def run(self, is_over: Callable[[], bool]) -> None:
        """Let the tasks take turns until it is over. Raises Endless where that does not come, and
        whatever a task raised."""
        while not is_over() and self.failure is None:
            self.steps += 1
            if self.steps > MOST_STEPS:
                raise Endless(f"no end after {self.steps:,} steps and {self.now:,.0f} seconds")
            task = self._next()
            if task is None:
                self._let_time_pass()
                continue
            self._current = task
            task.thread.switch()
            if task.process.is_dead or task.thread.dead:
                self._bury()
        if self.failure is not None:
            raise self.failure

    def _bury(self) -> None:
        for task in self.tasks:
            if task.process.is_dead and not task.thread.dead:
                self._current = task
                if task.thread:
                    task.thread.throw(Vanished)
                else:  # it never began
                    task.thread.throw()
        self._current = None
        self.tasks = [task for task in self.tasks if not task.thread.dead]

    def end(self) -> None:
        """Unwind what is left."""
        for task in self.tasks:
            task.process.is_dead = True
        self._bury()

    def _next(self) -> Task | None:
        ready = [task for task in self.tasks if self._is_ready(task)]
        if not ready:
            return None
        current = self._current
        if current is not None and current in ready:
            ready.remove(current)
            ready.insert(0, current)
            chosen = self.choices.sometimes(self.switching, len(ready) - 1) if ready[1:] else 0
            return ready[chosen]
        return ready[self.choices.below(len(ready))]

    def _is_ready(self, task: Task) -> bool:
        if task.process.wakes_at > self.now:
            return False
        if task.until is not None and task.until():
            return True
        return task.deadline <= self.now if task.deadline is not None else task.until is None

    def _let_time_pass(self) -> None:
        """On to the next deadline; where nothing but polling goes on, further, as where machines
        are slow: a lease that is waited for would take hundreds of steps."""
        moments = [
            max(task.process.wakes_at, task.deadline or 0.0)
            for task in self.tasks
            if task.deadline is not None or task.process.wakes_at > self.now
        ]
        if not moments:
            raise Endless(f"everybody waits for ever: {', '.join(t.name for t in self.tasks)}")
        self.leaps += 1
        leap = min(_LONGEST_LEAP_SECONDS, 4.0 * max(0, self.leaps - _SMALL_LEAPS))
        self.now = max(min(moments), self.now) + leap
