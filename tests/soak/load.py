"""The steady work: readers join, issues are sent, SES reports, cron fetches.

It is paced by the clock, and waits for what it has begun: a slow machine has less to do, and the
report says how much there was.
"""

import datetime as dt
import itertools
import json
import random
import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from tests.crash.checker import Taken
from tests.integration.commandline import write_issue
from tests.soak.stage import Stage
from tests.standin import log

LISTS = ("hills", "lakes", "moors", "valley")
_OUTCOMES = ("Bounce", "Bounce", "SoftBounce", "DeliveryDelay", "Complaint")
_BEHIND = 200  # reports, before the next issue waits: a slow machine has less to do
_AHEAD = dt.timedelta(seconds=30)  # a slow machine takes that long to plan it
_LINK = "list-unsubscribe"
_OF_A_SEND = re.compile(r"\d{8}-[a-z0-9]{6}-\d+")


@dataclass(frozen=True, slots=True)
class Pace:
    """How much there is to do: seconds between two sends, readers who join before each, readers of
    a list, visits a second."""

    send_seconds: float
    joining: int
    readers: int
    visits_a_second: float

    @staticmethod
    def of(seconds: float) -> "Pace":
        if seconds < 60:
            return Pace(2.0, 6, 24, 8.0)
        return Pace(15.0, 8, 100, 6.0)


@dataclass(frozen=True, slots=True)
class Planned:
    """A send that was ordered; `before` and `after` that, by the monotonic clock."""

    slug: str
    list_name: str
    before: float
    after: float


@dataclass(frozen=True, slots=True)
class Mail:
    """One that SES took; `at` by the monotonic clock, when it was seen."""

    taken: Taken
    path: str  # the link by which its reader leaves
    at: float


@dataclass
class Work:
    """What was done, which the witness compares with the store."""

    planned: list[Planned] = field(default_factory=list)
    mails: list[Mail] = field(default_factory=list)
    single: list[str] = field(default_factory=list)  # the addresses of mails of no send
    published: list[dict[str, Any]] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    paused: list[str] = field(default_factory=list)  # why
    fetched: int = 0  # times that cron fetched
    joined: int = 0


@dataclass
class Load:
    """Works until it is stopped; what SES reports is passed on until `leave`."""

    stage: Stage
    pace: Pace
    seed: int
    work: Work = field(default_factory=Work)
    _stop: threading.Event = field(default_factory=threading.Event)
    _end: threading.Event = field(default_factory=threading.Event)
    _log_from: int = 0
    _behind: int = 0  # reports that are not in the queue yet
    _numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))
    _outcomes: dict[str, str] = field(default_factory=dict)
    _fresh: list[Mail] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def prepare(self) -> None:
        """Readers for each list, before anything runs."""
        for name in LISTS:
            self.stage.must("lists", "create", name, "--title", name.title())
            self._join(name, self.pace.readers)

    @contextmanager
    def going_on(self) -> Iterator[None]:
        """The work of all, until this ends; what SES reports goes on until `leave`."""
        every = (
            (self.send_one, self.pace.send_seconds),
            (self._fetch_as_cron, max(3.0, 2 * self.pace.send_seconds)),
        )
        threads = [
            threading.Thread(target=self._repeat, args=pair, name=pair[0].__name__)
            for pair in every
        ]
        self._bridge = threading.Thread(target=self._report, name="bridge")
        for thread in (*threads, self._bridge):
            thread.start()
        try:
            yield
        finally:
            self._stop.set()
            for thread in threads:
                thread.join()

    def leave(self) -> None:
        self._stop.set()
        self._end.set()
        self._bridge.join()

    def new_mails(self) -> list[Mail]:
        """Those that were taken since this was last asked."""
        with self._lock:
            fresh, self._fresh = self._fresh, []
        return fresh

    def _repeat(self, do: Callable[[], None], seconds: float) -> None:
        while not self._stop.is_set():
            began = time.monotonic()
            try:
                do()
            except Exception as error:  # noqa: BLE001 -- told at the end
                self.work.faults.append(f"{do.__name__}: {error!r}")
            self._stop.wait(max(0.1, began + seconds - time.monotonic()))

    # --- sends ------------------------------------------------------------------------------------

    def send_one(self) -> None:
        """An issue of its own to the next list, every third at a time to come."""
        while self._behind > _BEHIND and not self._stop.wait(0.2):
            pass
        number = next(self._numbers)
        name, slug = LISTS[number % len(LISTS)], f"issue-{number}"
        self._join(name, self.pace.joining)
        title = f"News of the {name} {number}"
        write_issue(self.stage.project, f"{slug}.md", slug=slug, subject=title)
        at = dt.datetime.now(dt.UTC) + _AHEAD
        when = ("--at", at.isoformat()) if number % 3 == 0 else ()
        order = ("send", slug, "--list", name, "--yes", "--detach", *when, "--json")
        before = time.monotonic()
        if self._insist(*order, done=(0, 5)):
            self.work.planned.append(Planned(slug, name, before, time.monotonic()))

    def _join(self, name: str, amount: int) -> None:
        numbers = [next(self._numbers) for _ in range(amount)]
        people = [f"reader{number}@example.net" for number in numbers]
        for person, number in zip(people, numbers, strict=True):
            if number % 8 == 0:  # what is said about them when they are mailed for the first time
                self._outcomes[person] = _OUTCOMES[number // 8 % len(_OUTCOMES)]
        self.stage.ses.configure(outcomes=self._outcomes)
        file = self.stage.folder / "joining.csv"
        file.write_text("email\n" + "".join(f"{person}\n" for person in people), "utf-8")
        if self._insist("subscribers", "import", str(file), "--list", name, "--json", done=(0,)):
            self.work.joined += amount

    def _insist(self, *arguments: str, done: tuple[int, ...]) -> bool:
        """Call a command again while the store is away, as an operator would."""
        while True:
            answer = self.stage.call(*arguments)
            if answer.code in done:
                return True
            if "store-" not in answer.out or self._stop.wait(1.0):
                if not self._stop.is_set():
                    self.work.faults.append(
                        f"{arguments[:2]} left with {answer.code}: {answer.out}{answer.err}"
                    )
                return False

    def _fetch_as_cron(self) -> None:
        answer = self.stage.call("events", "pull", "--once", "--json")
        self.work.fetched += 1
        is_away = "store-" in answer.out or "queue-" in answer.out
        if (answer.code and not is_away) or "Traceback" in answer.err:
            self.work.faults.append(f"events pull --once left with {answer.code}: {answer.out}")

    # --- reports ----------------------------------------------------------------------------------

    def _report(self) -> None:
        """What SES took and reports, until the end."""
        while not self._end.wait(0.3):
            self.pass_on()

    def pass_on(self) -> bool:
        """Pass on what SES reports to the queue; whether there was anything."""
        before = len(self.work.published)
        self._read_log()
        events = self.stage.ses.events_since(len(self.work.published))
        self._behind = len(events)
        self.stage.queue.add([json.dumps(event) for event in events])
        self.work.published += events
        self._behind = 0
        return len(self.work.published) > before

    def _read_log(self) -> None:
        now, mails = time.monotonic(), []
        for _, after, record in log.read(self.stage.ses.log, self._log_from):
            self._log_from = after
            if record["kind"] != "accepted":
                continue
            tags = record["tags"]
            if not _OF_A_SEND.fullmatch(tags.get("delivery", "")):
                self.work.single.append(record["to"])
                continue
            taken = Taken(
                record["to"], record["message_id"], tags["delivery"], int(tags["attempt"])
            )
            mails.append(Mail(taken, _link_of(record), now))
        with self._lock:
            self.work.mails += mails
            self._fresh += mails


def _link_of(record: log.Record) -> str:
    for name, value in record["headers"]:
        if name.lower() == _LINK:
            return "/" + str(value).strip("<>").split("/", 3)[3]
    return ""


def chance_of(seed: int, purpose: str) -> random.Random:
    return random.Random(f"{seed} {purpose}")
