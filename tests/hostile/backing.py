"""The servers that a command uses: each has its own, so that a surrounding may break them."""

import json
import os
import subprocess
import threading
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Generic, TypeVar

from tests.hostile.commands import Command
from tests.hostile.stage import Stage
from tests.integration.aws import REGION, Aws, running_aws
from tests.integration.server import DATABASE, PASSWORD, USER, Server
from tests.integration.server import running as running_postgresql
from tests.nameserver import nameserver
from tests.standin.client import StandIn
from tests.standin.client import running as running_ses
from tests.standin.queue import QueueStandIn, running_queue

T = TypeVar("T")

KEY, SECRET_KEY = "AKIAHOSTILE000000000", "hostile-secret-key"
# What no message may repeat.
SECRETS = (SECRET_KEY, PASSWORD, "se%2Fcr%25t")
_TEMPLATE = "stage"
_HIDDEN_SECONDS = 0.5  # messages that were taken and not deleted come again
_ACCOUNT: Mapping[str, str] = {
    "AWS_ACCESS_KEY_ID": KEY,
    "AWS_SECRET_ACCESS_KEY": SECRET_KEY,
    "AWS_REGION": REGION,
    "AWS_CONFIG_FILE": "/nonexistent",
    "AWS_SHARED_CREDENTIALS_FILE": "/nonexistent",
    "AWS_EC2_METADATA_DISABLED": "true",
}


@dataclass
class Backing:
    """What one command has for itself; `environment` leads it there."""

    environment: dict[str, str] = field(default_factory=dict)
    ses: StandIn | None = None
    aws: Aws | None = None
    queue: QueueStandIn | None = None
    server: Server | None = None
    database: str = ""

    def facts(self) -> dict[str, object]:
        """What the command has done there."""
        found: dict[str, object] = {}
        if self.queue is not None:
            found["messages left"] = self.queue.stats()["left"]
        if self.aws is not None:
            found["topics"] = len(self.aws.sns.list_topics()["Topics"])
            found["subscriptions"] = len(self.aws.sns.list_subscriptions()["Subscriptions"])
            found["queues"] = len(self.aws.sqs.list_queues().get("QueueUrls", []))
        return found


class Pool(Generic[T]):
    """Things of one kind that take long to make: as many as are used at once."""

    def __init__(self, stack: ExitStack, make: Callable[[], AbstractContextManager[T]]) -> None:
        self._stack = stack
        self._make = make
        self._free: list[T] = []
        self._making = threading.Lock()

    @contextmanager
    def one(self) -> Iterator[T]:
        with self._making:
            thing = self._free.pop() if self._free else self._stack.enter_context(self._make())
        try:
            yield thing
        finally:
            self._free.append(thing)


class Servers:
    """All of a campaign."""

    def __init__(self, stack: ExitStack, folder: Path) -> None:
        self._folder = folder
        self._aws = Pool(stack, running_aws)
        self._postgresql = Pool(stack, self._new_postgresql)
        self._dump = folder / "stage.dump"
        self._dns = stack.enter_context(nameserver({("example.com", "NS"): ("ns.example.com.",)}))
        self._webhook = stack.enter_context(_listening())

    @contextmanager
    def lent(self, command: Command, stage: Stage) -> Iterator[tuple[Stage, Backing]]:
        """What a command uses, and the stage whose store lies there."""
        kinds = command.servers
        backing = Backing()
        with ExitStack() as stack:
            if "ses" in kinds:
                self._lend_ses(stack, backing, is_set_up="aws" not in kinds)
            if "aws" in kinds:
                backing.aws = stack.enter_context(self._aws.one())
                backing.aws.reset()
                backing.environment["NEWSLETTER_EVENTS__ENDPOINT_URL"] = backing.aws.url
            if "queue" in kinds:
                backing.queue = stack.enter_context(running_queue(_HIDDEN_SECONDS))
                backing.queue.add(stage.messages())
                backing.environment |= {**backing.queue.environment, **_ACCOUNT}
            if "dns" in kinds:
                backing.environment["NEWSLETTER_DNS__NAMESERVERS"] = json.dumps([self._dns.address])
            if "hooks" in kinds:
                backing.environment |= _hooks(self._webhook)
            if kinds & {"postgresql", "spare"}:
                stage = self._lend_postgresql(stack, backing, stage, command)
            yield stage, backing

    def _lend_ses(self, stack: ExitStack, backing: Backing, *, is_set_up: bool) -> None:
        log = self._folder / f"ses-{uuid.uuid4().hex}.jsonl"
        empty: dict[str, Sequence[str]] = {"identities": (), "configuration_sets": ()}
        stack.callback(log.unlink, missing_ok=True)
        ses = stack.enter_context(running_ses(log, **({} if is_set_up else empty)))
        endpoint = {"NEWSLETTER_TRANSPORT__SES__ENDPOINT_URL": ses.url}
        backing.ses = ses
        backing.environment |= {**_ACCOUNT, **(ses.settings if is_set_up else endpoint)}

    # --- PostgreSQL ---

    def keep(self, server: Server) -> None:
        """Remember the stage that a server holds, for those that are started later."""
        program = str(server.binaries / "pg_dump")
        options = ["--format=custom", f"--file={self._dump}"]
        subprocess.run([program, *options, server.url()], check=True)
        _rename(server)

    @contextmanager
    def first_postgresql(self) -> Iterator[Server]:
        """A server whose database is empty, and which becomes one of the pool once it is kept."""
        with self._postgresql.one() as server:
            yield server

    @contextmanager
    def _new_postgresql(self) -> Iterator[Server]:
        with running_postgresql(self._folder / "runtime") as server:
            if self._dump.exists():
                program = str(server.binaries / "pg_restore")
                subprocess.run([program, f"--dbname={server.url()}", self._dump], check=True)
                _rename(server)
            yield server

    def _lend_postgresql(
        self, stack: ExitStack, backing: Backing, stage: Stage, command: Command
    ) -> Stage:
        server = stack.enter_context(self._postgresql.one())
        backing.server, backing.database = server, f"play_{uuid.uuid4().hex[:12]}"
        backing.environment["PATH"] = f"{server.binaries}:{os.environ['PATH']}"
        if "$spare" in command.typed:
            spare = f"{backing.database}_spare"
            stack.enter_context(database(server, spare))
            stage = replace(stage, spare=server.url(database=spare))
        if not command.on_postgresql:
            return stage
        stack.enter_context(database(server, backing.database, f" TEMPLATE {_TEMPLATE}"))
        backing.environment["NEWSLETTER_STORE__URL"] = server.url(database=backing.database)
        where = f"host={server.data}&port={server.port}"  # where no surrounding is in the way
        return replace(stage, url=f"postgresql://postgres@/{backing.database}?{where}")


@contextmanager
def database(server: Server, name: str, how: str = "") -> Iterator[None]:
    server.execute(f"CREATE DATABASE {name} OWNER {USER}{how}")
    try:
        yield
    finally:
        server.execute(f"DROP DATABASE {name} WITH (FORCE)")


def _rename(server: Server) -> None:
    server.execute(f"ALTER DATABASE {DATABASE} RENAME TO {_TEMPLATE}")


# --- webhooks -------------------------------------------------------------------------------------


class _TakesAll(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(204)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        pass


@contextmanager
def _listening() -> Iterator[str]:
    """The URL of another program that takes all that it is told."""
    server: Any = ThreadingHTTPServer(("127.0.0.1", 0), _TakesAll)
    serving = threading.Thread(target=server.serve_forever)
    serving.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/"
    finally:
        server.shutdown()
        serving.join()
        server.server_close()


def _hooks(url: str) -> dict[str, str]:
    """Ours at another program, and that of SNS at us."""
    return {
        "NEWSLETTER_EVENTS__TOPIC_ARNS": '["arn:aws:sns:us-east-1:123456789012:letters"]',
        "NEWSLETTER_WEBHOOKS__CRM__URL": url,
        "NEWSLETTER_WEBHOOKS__CRM__ALLOW_PRIVATE": "true",
        "NEWSLETTER_WEBHOOKS__CRM__SECRET": "whsec_aG9zdGlsZS1ob3N0aWxlLWhvc3RpbGUtaG9zdGlsZQ==",
    }
