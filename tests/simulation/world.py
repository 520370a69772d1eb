"""A small world: some sends, the processes that run them, and what they are given."""

import datetime as dt
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace

from newsletter.errors import NewsletterError
from newsletter.links import Links
from newsletter.model.email import Message
from newsletter.operations.attend import attend
from newsletter.sending import control, plan, run
from newsletter.sending.canary import CanaryLimits
from newsletter.sending.patience import Patience
from newsletter.sending.worker import Worker
from newsletter.store import Store
from tests.integration.sending import EMAIL, NOW, fill_list
from tests.simulation import faults
from tests.simulation.checker import Broken, Checker
from tests.simulation.choices import Choices
from tests.simulation.faults import Faults
from tests.simulation.scheduler import Process, Scheduler
from tests.simulation.ses import Line, Mail, Ses
from tests.simulation.store import Database, SimulatedStore
from tests.simulation.surroundings import Signal

_RATES = (None, None, 4, 20, 40)
_SLEEPS = (5.0, 70.0, 200.0)
_LINKS = Links("https://news.example.com", ("a key for the simulation alone",))
_CANARY_MINUTES = 2


@dataclass(frozen=True, slots=True)
class Size:
    """A send to `readers`, and, where there are `others`, the same issue to another list that
    shares some of them."""

    readers: int
    others: int
    canary: bool
    spread: bool


@dataclass(frozen=True, slots=True)
class Plan:
    """The world that a schedule begins with. `all_is_reported` says whether each mail is in the
    end."""

    size: Size
    processes: int
    threads: int
    batch: int
    rate: int | None
    is_one_machine: bool
    all_is_reported: bool

    @classmethod
    def of(cls, choices: Choices) -> "Plan":
        size = Size(
            readers=2 + choices.below(11 if choices.sometimes(0.3) else 4),
            others=choices.sometimes(0.25, 5),
            canary=bool(choices.sometimes(0.12)),
            spread=bool(choices.sometimes(0.3)),
        )
        return cls(
            size=size,
            processes=1 + choices.below(3),
            threads=1 + choices.below(3),
            batch=1 + choices.below(4),
            rate=choices.pick(_RATES),
            is_one_machine=bool(choices.sometimes(0.2)),
            all_is_reported=bool(choices.sometimes(0.5)),
        )


def prepare(store: Store, size: Size) -> None:
    """Fill an empty store with readers and sends."""
    fill_list(store, size.readers, "readers")
    if size.others:
        fill_list(store, size.others, "others", first=size.readers - size.others // 2)
    for name in ("readers", "others") if size.others else ("readers",):
        order = plan.Order(
            slug="news",
            email=EMAIL,
            list_name=name,
            spread=size.spread,
            canary=0.3 if size.canary else None,
        )
        plan.plan(store, order, NOW)


@dataclass
class World:
    """All that takes part in a schedule."""

    choices: Choices
    scheduler: Scheduler
    database: Database
    faults: Faults
    plan: Plan
    processes: list[Process] = field(default_factory=list)
    workers: dict[str, Worker] = field(default_factory=dict)
    is_clock_wrong: bool = False
    _offset: dt.timedelta = dt.timedelta()

    def __post_init__(self) -> None:
        self.ses = Ses(self.scheduler, self.faults, self.clock)
        self.checker = Checker(
            self.database, self.scheduler, self.ses, self.clock, threads=self.plan.threads
        )
        self.ses.takes = self._take
        self.checker.largest = self.largest_call
        self.checker.rate = self.plan.rate
        self.checker.is_one_machine = self.plan.is_one_machine
        host = "m1" if self.plan.is_one_machine else "desk"  # which knows its processes
        self.outside = Process(f"{host}/99/boot:99/n99")
        self.store = self._store(self.outside, Faults(self.choices))
        self._called = 0

    @property
    def largest_call(self) -> int:
        rate = self.plan.rate
        return self.plan.batch if rate is None else max(1, min(self.plan.batch, rate // 10))

    def clock(self) -> dt.datetime:
        """The clock that all share, as that of their store."""
        return NOW + dt.timedelta(seconds=self.scheduler.now) + self._offset

    def step_clock(self, by: dt.timedelta) -> None:
        self.scheduler.note(f"the clock is set by {by.total_seconds():+.0f} seconds")
        self._offset += by
        self.is_clock_wrong = self.checker.is_clock_wrong = True

    def _store(self, process: Process, own_faults: Faults) -> SimulatedStore:
        return SimulatedStore(
            self.database,
            self.scheduler,
            own_faults,
            strike=lambda fault: self._strike(process, fault),
            cut_off=lambda: self.checker.suspects.add(process.name),
            committed=self._compare,
        )

    def _strike(self, process: Process, fault: str | None) -> None:
        """Carry out a fault of a process, at the point where one of its tasks stands."""
        if fault is None:
            return
        self.checker.suspects.add(process.name)
        if fault == faults.ASLEEP:
            seconds = self.choices.pick(_SLEEPS)
            self.scheduler.note(f"sleeps for {seconds:.0f} seconds")
            process.wakes_at = self.scheduler.now + seconds
            self.scheduler.point("falls asleep")
            return
        self.scheduler.note(fault)
        self.scheduler.crash(process)

    # --- processes --------------------------------------------------------------------------------

    def begin(self, name: str, body: Callable[[Worker], object]) -> Worker:
        """Start a process that does something with a worker."""
        number = len(self.processes) + 1
        host = "m1" if self.plan.is_one_machine else f"m{number}"
        process = Process(f"{host}/{number}/boot:{number}/n{number}")
        self.processes.append(process)
        worker = self._worker(process)
        self.workers[process.name] = worker
        self.scheduler.start(
            f"{process.title} {name}", process, lambda: _until_refused(body, worker)
        )
        return worker

    def _worker(self, process: Process) -> Worker:
        scheduler = self.scheduler
        store = self._store(process, self.faults)
        line = Line(
            ses=self.ses,
            process=process,
            concurrency=self.plan.threads,
            batch_size=self.plan.batch,
            strike=lambda fault: self._strike(process, fault),
            called=self._call,
        )
        return Worker(
            store=store,
            transport=line,
            links=_LINKS,
            max_rate=self.plan.rate or 0,
            clock=self.clock,
            stop=Signal(scheduler),
            notify=lambda line: None,
            chance=lambda: 0.5,
            canary_limits=replace(
                CanaryLimits(), patience=dt.timedelta(minutes=_CANARY_MINUTES), poll_seconds=5.0
            ),
            name=process.name,
            by_person=Signal(scheduler),
            seconds=scheduler.seconds,
            patience=Patience(elapsed=scheduler.seconds, sleep=scheduler.sleep),
        )

    def resume(self, send_id: str, worker: Worker) -> None:
        """What `newsletter resume` does."""
        worker.patience.until_back(
            lambda: control.reopen(worker.store, send_id, worker.clock, worker=worker.name)
        )
        run.run(worker, send_id)

    def attend(self, worker: Worker) -> None:
        """What `newsletter worker` does."""
        self.checker.attending.add(worker.name)
        attend(worker, once=False, settled=lambda send: True)

    def is_anybody_at_work(self) -> bool:
        running = {task.process for task in self.scheduler.tasks}
        return any(process in running for process in self.processes)

    def _take(self, mail: Mail) -> None:
        with self.scheduler.failing():
            self.checker.takes(mail)

    def _compare(self) -> None:
        with self.scheduler.failing():
            self.checker.committed()

    def _call(self, line: Line, batch: Sequence[Message]) -> None:
        with self.scheduler.failing():
            self._check_call(line, batch)

    def _check_call(self, line: Line, batch: Sequence[Message]) -> None:
        """The rate holds for all calls together, from the first one on; and where a process waits
        for the quota, each of its threads may have one call on its way."""
        if self.plan.size.spread and self.scheduler.now < line.held_until:
            line.calls_in_spite += 1
            if line.calls_in_spite > self.plan.threads and not self.is_clock_wrong:
                raise Broken(f"{line.calls_in_spite} calls were made although there is no quota")
        else:
            line.calls_in_spite = 0
        now, rate = self.scheduler.now, self.plan.rate
        if rate is None or self.is_clock_wrong:
            return
        allowed = rate * now + self.largest_call
        self._called += len(batch)
        if self._called > allowed + 1e-6:
            raise Broken(f"{self._called} were sent in {now:.2f} seconds at {rate} a second")


def _until_refused(body: Callable[[Worker], object], worker: Worker) -> None:
    """A process ends with the errors that its user is told."""
    with suppress(NewsletterError):
        body(worker)


def readers_of(database: Database) -> list[tuple[int, str]]:
    """Ids and addresses of all readers."""
    query = "SELECT id, address FROM subscribers ORDER BY id"
    return [(row[0], row[1]) for row in database.look(query)]
