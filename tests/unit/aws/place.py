"""A machine of which AWS knows only what a test says, and a server in the place of STS, SSO, the
machine's metadata, or of the service itself."""

import http.server
import json
import os
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from botocore.config import Config

from newsletter.aws.clients import ERRORS, answer_of, open_clients
from newsletter.aws.faults import Fault, SettingsSection, fault_of
from newsletter.errors import NewsletterError, TransportDown

SECRET = "hunter2secret"
KEYS = {"AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE", "AWS_SECRET_ACCESS_KEY": SECRET}
HERE = SettingsSection("transport.ses", "SES", permissions=("ses:GetAccount",))
NOWHERE = "http://127.0.0.1:9"
_ONCE = Config(retries={"total_max_attempts": 1}, connect_timeout=30, read_timeout=30)


@dataclass(frozen=True)
class Answered:
    """What the server answers to every request, or to one of a path that ends so."""

    status: int = 200
    body: str | bytes = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    by_path: "Mapping[str, Answered]" = field(default_factory=dict)


def of_sts(code: str, message: str = "because", status: int = 403, **headers: str) -> Answered:
    """An answer as STS gives it."""
    error = f"<Error><Type>Sender</Type><Code>{code}</Code><Message>{message}</Message></Error>"
    body = (
        '<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">'
        f"{error}<RequestId>x</RequestId></ErrorResponse>"
    )
    return Answered(status, body, {"content-type": "text/xml", **headers})


def in_json(code: str, message: str = "because", status: int = 403, **headers: str) -> Answered:
    """An answer as SES, SSO and SQS give it."""
    body = json.dumps({"message": message, "__type": code})
    return Answered(status, body, {"x-amzn-errortype": code, **headers})


@contextmanager
def serving(answered: Answered) -> Iterator[str]:
    """A server on this machine; yields its URL."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def answer(self) -> None:
            self.rfile.read(int(self.headers.get("content-length") or 0))
            ends = (each for end, each in answered.by_path.items() if self.path.endswith(end))
            wanted = next(ends, answered)
            body = wanted.body.encode() if isinstance(wanted.body, str) else wanted.body
            self.send_response_only(wanted.status)
            for name, value in {"content-length": str(len(body)), **wanted.headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_POST = do_PUT = do_HEAD = answer

        def log_message(self, *_: Any) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


@dataclass(frozen=True)
class Machine:
    """The files and variables of AWS on a machine; `config` is its ~/.aws/config."""

    home: Path
    monkeypatch: pytest.MonkeyPatch

    def __post_init__(self) -> None:
        for name in (*os.environ,):
            if name.upper().startswith("AWS_") or name.upper().endswith("_PROXY"):
                self.monkeypatch.delenv(name)
        self.configure("")
        (self.home / ".aws").mkdir()
        self.set(HOME=str(self.home), AWS_EC2_METADATA_DISABLED="true")

    def configure(self, config: str) -> None:
        (self.home / "config").write_text(config)
        self.set(AWS_CONFIG_FILE=str(self.home / "config"))

    def set(self, **environment: str) -> None:
        for name, value in environment.items():
            self.monkeypatch.setenv(name, value)

    def fault(
        self,
        service: str = "sesv2",
        call: str = "get_account",
        *,
        endpoint: str = NOWHERE,
        region: str = "us-east-1",
        config: Config = _ONCE,
        **arguments: Any,
    ) -> Fault:
        """What the first call of AWS on this machine says; it holds no secret."""

        def ask() -> Any:
            [client] = open_clients(
                service, HERE, region=region, endpoint=endpoint, configs=[config]
            )
            answer = getattr(client, call)(**arguments)
            return answer["Body"].read() if "Body" in answer else answer

        try:
            answer_of(ask, HERE, TransportDown, "")
        except NewsletterError as error:
            cause = error.__cause__
            assert isinstance(cause, ERRORS)
            fault = fault_of(cause, HERE)
        else:
            raise AssertionError("AWS gave an answer")
        assert SECRET not in fault.message + fault.hint
        assert fault.message.isprintable()
        return fault
