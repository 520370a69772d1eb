"""What a newsletter lives on: its folder, its store, SES and the queue of its reports."""

import datetime as dt
import signal
import sqlite3
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from newsletter.scaffold import start
from newsletter.store import upgrade
from tests.integration import server
from tests.integration.commandline import Answer, fork
from tests.integration.server import Server, free_port
from tests.soak.parts import Part, may_name_hosts
from tests.standin.client import StandIn
from tests.standin.client import running as running_ses
from tests.standin.queue import QueueStandIn
from tests.standin.queue import main as serve_queue
from tests.warm import Program, beside

# Of what is received and not deleted. moto does as AWS does, but loses messages where several send,
# receive and delete at once.
_HIDDEN_SECONDS = 30.0
_SETTINGS = """
[web]
trusted_proxies = ["127.0.0.1"]
subscribe_lists = ["*"]
requests_per_domain = 1000000

[policy]
# Many of few bounce here, which is no reason to stop.
complaint_pause = 0.5
bounce_pause = 0.5
"""


@dataclass(frozen=True, slots=True)
class Stage:
    """`server` is that of the store on PostgreSQL; without one the store is a file of SQLite."""

    folder: Path
    url: str
    server: Server | None
    ses: StandIn
    queue: QueueStandIn
    queue_process: Program
    port: int

    @property
    def project(self) -> Path:
        return self.folder / "letter"

    @property
    def temporary(self) -> Path:
        return self.folder / "tmp"

    @property
    def logs(self) -> Path:
        return self.folder / "logs"

    @property
    def file(self) -> Path | None:
        return None if self.server else self.project / "subscribers" / "newsletter.db"

    @property
    def environment(self) -> Mapping[str, str]:
        return {
            **self.ses.settings,
            **self.queue.environment,
            "NEWSLETTER_STORE__URL": self.url,
            # As services have it: see deploy/systemd.
            "NEWSLETTER_LOG__LEVEL": "info",
            "MALLOC_ARENA_MAX": "2",
            "TMPDIR": str(self.temporary),
            "PYTHONUNBUFFERED": "1",
        }

    def call(self, *arguments: str) -> Answer:
        """Run a command to its end, as an operator or cron does."""
        quiet = {**self.environment, "NEWSLETTER_LOG__LEVEL": "warning"}
        return fork(self.project, *arguments, environment=quiet)

    def must(self, *arguments: str) -> Answer:
        answer = self.call(*arguments)
        assert answer.code == 0, (arguments, answer.out, answer.err)
        return answer

    def select(self, query: str) -> list[tuple[Any, ...]]:
        """The rows of a query, as anybody may ask the store while others write."""
        if self.file is not None:
            with closing(sqlite3.connect(f"file:{self.file}?mode=ro", uri=True, timeout=60)) as it:
                return it.execute(query).fetchall()
        import psycopg

        with psycopg.connect(self.url) as connection:
            return connection.execute(query.encode()).fetchall()

    def parts(self, program: Mapping[str, str]) -> list[Part]:
        """The processes; `program` is the environment in which another program is run.

        The second worker is the one that is stopped, killed and started again. On PostgreSQL each
        worker is on a host of its own, where that can be had.
        """
        hosts = ("soak-1", "soak-2") if self.server is not None and may_name_hosts() else ("", "")
        environment = {**self.environment, **program}

        def part(name: str, *arguments: str, steady: bool = True, host: str = "") -> Part:
            return Part(name, arguments, self.logs, self.project, environment, steady, host)

        return [
            part("serve", "serve", "--port", str(self.port)),
            part("worker", "worker", host=hosts[0]),
            part("events pull", "events", "pull"),
            part("second worker", "worker", steady=False, host=hosts[1]),
        ]


@contextmanager
def staged(kind: str, seed: int) -> Iterator[Stage]:
    """A new newsletter on a store of its own: `sqlite` or `postgresql`."""
    with ExitStack() as stack:
        place = tempfile.TemporaryDirectory(prefix="newsletter-soak-")
        folder = Path(stack.enter_context(place))
        project = folder / "letter"
        start(project, _today())
        for name in ("tmp", "logs"):
            (folder / name).mkdir()
        with (project / "newsletter.toml").open("a", encoding="utf-8") as settings:
            settings.write(_SETTINGS)
        running, url = None, f"sqlite:///{project}/subscribers/newsletter.db"
        if kind == "postgresql":
            running = stack.enter_context(server.running(folder / "runtime"))
            url = running.url()
            upgrade(url, project)
        options = {"latency_ms": 20.0, "events_duplicated": 0.02, "events_shuffled": True}
        ses = stack.enter_context(running_ses(folder / "ses.jsonl", seed=seed, **options))
        hidden = ("--hidden-seconds", str(_HIDDEN_SECONDS))
        process, at = stack.enter_context(beside(serve_queue, *hidden))
        stack.callback(process.send_signal, signal.SIGCONT)
        yield Stage(folder, url, running, ses, QueueStandIn(at), process, free_port())


def _today() -> dt.date:
    return dt.datetime.now(dt.UTC).date()
