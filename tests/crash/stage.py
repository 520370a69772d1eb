"""Where crashes are played: a project with its readers, its store, and what takes its mails."""

import json
import signal
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from itertools import count
from multiprocessing.synchronize import Barrier
from pathlib import Path
from typing import Any

import psutil
import sqlalchemy as sa

from newsletter.project import utc_now
from newsletter.sending import lost
from newsletter.store import open_store
from newsletter.store.schema import tenures
from tests.crash import checker, driver
from tests.crash.checker import Ledger, Taken
from tests.crash.driver import Job, Orders
from tests.integration.server import Server
from tests.standin.client import StandIn, running
from tests.waiting import PATIENCE_SECONDS, until
from tests.warm import Program

LIST = "readers"
LARGEST_CALL = 50


@dataclass(frozen=True, slots=True)
class Command:
    """A command that runs, or has run."""

    job: Job
    process: Program

    def runs_for(self, seconds: float) -> bool:
        """Let it run for so long; whether it still does then."""
        self.process.join(seconds)
        return self.process.is_alive()

    def comes_to(self, what: str) -> None:
        """Let it run until it has passed a point of this kind, or has left."""
        until(lambda: not self.process.is_alive() or what in self.job.trace.read_text("utf-8"))

    def says(self, what: str) -> None:
        """Let it run until it has said this, or has left."""
        until(lambda: not self.process.is_alive() or what in self.said)

    def kill(self) -> None:
        self.process.kill()
        self.process.join()

    def wake(self) -> None:
        """Let it go on after SIGSTOP, to its end."""
        self.stir()
        self.process.join(PATIENCE_SECONDS)

    def stir(self) -> None:
        """Let it go on after SIGSTOP."""
        self.process.send_signal(signal.SIGCONT)

    @property
    def is_over(self) -> bool:
        return not self.process.is_alive()

    @property
    def code(self) -> int:
        """Its exit code, once it has left; a negative one is the signal that ended it."""
        return self.process.code

    @property
    def was_killed(self) -> bool:
        return self.code == -signal.SIGKILL

    @property
    def json(self) -> dict[str, Any]:
        """What it printed; empty where it printed nothing that can be read."""
        try:
            found: dict[str, Any] = json.loads(self.job.output.read_text("utf-8"))
        except ValueError:
            return {}
        return found

    @property
    def said(self) -> str:
        return self.job.output.read_text("utf-8") + self.job.notes.read_text("utf-8")

    @property
    def points(self) -> list[str]:
        """The points that it passed, in order."""
        return self.job.trace.read_text("utf-8").splitlines()


@dataclass
class Stage:
    """A project and how its commands are run; `standin` is None where the outbox takes the mails.

    One stage serves many sends, one after the other: each has an issue of its own.
    """

    project: Path
    url: str
    environment: dict[str, str]
    standin: StandIn | None
    orders: Orders
    kind: str
    server: Server | None = None  # of its store, where that may crash
    _numbers: "count[int]" = field(default_factory=lambda: count(1))

    @property
    def batch_size(self) -> int:
        """How many recipients one thread has in flight at most."""
        if self.orders.batch_size:
            return self.orders.batch_size
        return 10 if self.kind == "raw" else LARGEST_CALL

    @property
    def threads(self) -> int:
        return 1 if self.standin is None else self.orders.threads

    def start(self, *arguments: str, gate: Barrier | None = None, **orders: Any) -> Command:
        """Begin `newsletter ARGUMENTS --json`."""
        job = Job(
            (*arguments, "--json"),
            self.project,
            self.environment,
            self.project / "runs" / f"{next(self._numbers)}.out",
            replace(self.orders, **orders),
        )
        for file in (job.trace, job.output, job.notes):
            file.touch()
        return Command(job, driver.start(job, gate))

    def call(self, *arguments: str, **orders: Any) -> Command:
        """Run a command to its end."""
        command = self.start(*arguments, **orders)
        assert command.code >= 0 or orders.get("at"), command.said
        return command

    def by_way_of(self, url: str) -> "Stage":
        """The same stage, whose commands reach the store by another URL."""
        return replace(self, environment={**self.environment, "NEWSLETTER_STORE__URL": url})

    def new_play(self) -> "Play":
        """An issue that nobody has had yet."""
        number = next(self._numbers)
        [sample] = (self.project / "issues").glob("*-welcome.md")
        (self.project / "issues" / f"play-{number}.md").write_text(
            sample.read_text("utf-8"), "utf-8"
        )
        log = self.standin.log.stat().st_size if self.standin is not None else 0
        return Play(self, f"play-{number}", log)

    def quieten(self) -> None:
        """Wait until what killed processes left behind has come to rest.

        A request that reached the stand-in is still judged, and PostgreSQL ends a commit that it
        has begun.
        """
        seen: list[int] = []
        while self.standin is not None and seen[-3:] != [*seen[-1:]] * 3:
            seen.append(self.standin.stats()["requests"])
        until(lambda: checker.others_connected(self.url) == 0)


@dataclass(frozen=True, slots=True)
class Play:
    """One send on a stage, from its first command to the last look at it."""

    stage: Stage
    slug: str
    log_from: int

    @property
    def send_id(self) -> str | None:
        return checker.send_of(self.stage.url, self.slug)

    def next_command(self, *options: str) -> tuple[str, ...]:
        """What an operator types: `send`, and once there is a send, `resume`."""
        if (send_id := self.send_id) is not None:
            return ("resume", send_id)
        return ("send", self.slug, "--list", LIST, "--yes", *options)

    def end_lease(self, host: str) -> None:
        """Let the leases of a host's workers be over."""
        store = open_store(self.stage.url, self.stage.project)
        with store.write() as connection:
            held = sa.update(tenures).where(tenures.c.worker.startswith(f"{host}/"))
            connection.execute(held.values(lease_until=tenures.c.since))
        store.close()

    def give_up_lost(self) -> None:
        """Look for workers that are lost, as one of another host does."""
        with closing(open_store(self.stage.url, self.stage.project)) as store:
            lost.look_for(store, None, utc_now, lost.LeaseWatch(time.monotonic))

    def ledger(self) -> Ledger:
        assert self.send_id is not None, "there is no send"
        return checker.read_ledger(self.stage.url, self.send_id)

    def taken(self) -> list[Taken]:
        """The mails of this send that were taken, by the witness outside."""
        if self.stage.standin is not None:
            return checker.taken_by_ses(self.stage.standin.log, self.log_from)
        return checker.taken_by_outbox(self.stage.project / "outbox" / (self.send_id or "none"))

    def finish(self) -> Command:
        """Resume, undisturbed, until the send has ended."""
        for _ in range(20):
            command = self.stage.call(*self.next_command())
            if command.json.get("status") in ("finished", "unresolved"):
                return command
        raise AssertionError(f"{self.slug} does not end: {command.said}")

    def replay(self, **orders: Any) -> Command:
        """`newsletter events replay` of what the stand-in reports of this send: all about whom the
        ledger doubts, and about every fiftieth of the others, for they say little and take long.
        """
        assert self.stage.standin is not None
        rows = self.ledger().rows
        chosen = {
            f"{self.send_id}-{row.number}"
            for row in rows
            if row.status == "unknown" or row.number % 50 == 0
        }
        file = self.stage.project / "runs" / f"{self.slug}.events"
        with file.open("w", encoding="utf-8") as lines:
            for event in self.stage.standin.events():
                if chosen.intersection(event["mail"]["tags"].get("delivery", ())):
                    lines.write(f"{json.dumps(event)}\n")
        return self.stage.call("events", "replay", str(file), **orders)


@contextmanager
def staged(
    folder: Path, url: str, kind: str, recipients: int, orders: Orders, latency_ms: float = 0.0
) -> Iterator[Stage]:
    """A new project with `recipients` readers on a list; `kind` is bulk, raw or outbox.

    `url` is that of an upgraded store, or empty for the SQLite file of the project.
    """
    project = folder / "letter"
    (folder / "runs").mkdir(parents=True)
    beginning = Stage(folder, url, {}, None, Orders(), "outbox")
    done = beginning.call("init", str(project))
    assert done.code == 0, done.said
    (project / "runs").mkdir()
    rows = "".join(f"reader{n}@example.com,Reader {n}\n" for n in range(recipients))
    (project / "readers.csv").write_text(f"email,name\n{rows}", "utf-8")
    url = url or f"sqlite:///{project}/subscribers/newsletter.db"
    environment = {"NEWSLETTER_STORE__URL": url}
    if kind == "outbox":
        yield _peopled(Stage(project, url, environment, None, orders, kind))
        return
    with running(folder / "ses.jsonl", latency_ms=latency_ms) as standin:
        environment |= {
            "NEWSLETTER_TRANSPORT__KIND": "ses",
            "NEWSLETTER_TRANSPORT__SES__MODE": kind,
            "NEWSLETTER_TRANSPORT__SES__REGION": "eu-central-1",
            "NEWSLETTER_TRANSPORT__SES__ENDPOINT_URL": standin.url,
            "NEWSLETTER_TRANSPORT__SES__CONFIGURATION_SET": "newsletter",
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_EC2_METADATA_DISABLED": "true",
        }
        yield _peopled(Stage(project, url, environment, standin, orders, kind))


def _peopled(stage: Stage) -> Stage:
    done = stage.call("subscribers", "import", "readers.csv", "--list", LIST)
    assert done.code == 0, done.said
    return stage


def falls_asleep(command: Command) -> None:
    """Wait until a command was stopped by SIGSTOP."""

    def is_asleep() -> bool:
        assert command.process.is_alive(), f"it left: {command.said}"
        return psutil.Process(command.process.pid).status() == psutil.STATUS_STOPPED

    until(is_asleep)
