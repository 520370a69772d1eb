"""As much of SQS as draining takes, for speed and for crashes: `python -m tests.standin.queue`.

Messages are received, hidden for a while, given again, and deleted, as AWS documents it; it says
what became of each. moto proves that the calls are right; this proves what is lost, and how fast.
"""

import argparse
import json
import os
import sys
import threading
import time
import urllib.request
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.waiting import PATIENCE_SECONDS
from tests.warm import beside


@dataclass
class Messages:
    """What a queue holds; received ones are hidden for `hidden_seconds`, whatever is asked for."""

    hidden_seconds: float
    visible: deque[int] = field(default_factory=deque)
    bodies: dict[int, str] = field(default_factory=dict)
    hidden: deque[tuple[float, int]] = field(default_factory=deque)
    deliveries: int = 0
    added: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, bodies: Iterable[str]) -> None:
        with self.lock:
            for body in bodies:
                self.bodies[self.added] = body
                self.visible.append(self.added)
                self.added += 1

    def receive(self, most: int) -> list[tuple[int, str]]:
        with self.lock:
            now = time.monotonic()
            while self.hidden and self.hidden[0][0] <= now:
                self.visible.append(self.hidden.popleft()[1])
            taken: list[tuple[int, str]] = []
            while self.visible and len(taken) < most:
                number = self.visible.popleft()
                if number in self.bodies:
                    taken.append((number, self.bodies[number]))
                    self.hidden.append((now + self.hidden_seconds, number))
            self.deliveries += len(taken)
            return taken

    def delete(self, numbers: Iterable[int]) -> None:
        with self.lock:
            for number in numbers:
                self.bodies.pop(number, None)

    def stats(self) -> dict[str, int]:
        with self.lock:
            return {
                "added": self.added,
                "left": len(self.bodies),
                "deliveries": self.deliveries,
            }


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # else an answer's body waits for the client's delayed ACK
    messages: Messages

    def do_POST(self) -> None:
        length = int(self.headers["Content-Length"])
        body = self.rfile.read(length)
        if len(body) < length:
            raise ConnectionAbortedError
        value = json.loads(body or b"{}")
        match self.headers.get("X-Amz-Target", self.path):
            case "AmazonSQS.ReceiveMessage":
                answer: Any = self._receive(value)
            case "AmazonSQS.DeleteMessageBatch":
                self.messages.delete(int(entry["ReceiptHandle"]) for entry in value["Entries"])
                answer = {"Successful": [{"Id": entry["Id"]} for entry in value["Entries"]]}
            case "/_add":
                self.messages.add(value)
                answer = {}
            case "/_stats":
                answer = self.messages.stats()
            case other:
                raise AssertionError(other)
        text = json.dumps(answer).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/x-amz-json-1.0")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def _receive(self, value: dict[str, Any]) -> dict[str, Any]:
        until = time.monotonic() + value.get("WaitTimeSeconds", 0)
        while not (taken := self.messages.receive(value["MaxNumberOfMessages"])):
            if time.monotonic() >= until:
                return {}
            time.sleep(0.05)
        return {
            "Messages": [
                {"MessageId": f"q{number}", "ReceiptHandle": str(number), "Body": body}
                for number, body in taken
            ]
        }

    def log_message(self, format: str, *args: object) -> None:
        pass


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Clients are killed in the middle of a call here: that is no news."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


@dataclass(frozen=True)
class QueueStandIn:
    """A running queue as tests use it."""

    url: str

    @property
    def environment(self) -> dict[str, str]:
        """What makes `newsletter events pull` drain it."""
        return {
            "NEWSLETTER_EVENTS__QUEUE_URL": f"{self.url}/123456789012/events",
            "NEWSLETTER_EVENTS__ENDPOINT_URL": self.url,
            "NEWSLETTER_TRANSPORT__SES__REGION": "us-east-1",
            "AWS_ACCESS_KEY_ID": "key",
            "AWS_SECRET_ACCESS_KEY": "secret",
            "AWS_EC2_METADATA_DISABLED": "true",
        }

    def add(self, bodies: list[str]) -> None:
        for first in range(0, len(bodies), 1000):
            self._call("/_add", bodies[first : first + 1000])

    def stats(self) -> dict[str, int]:
        """`added`, `left` (not deleted), `deliveries` (repeated ones too)."""
        found: dict[str, int] = self._call("/_stats", {})
        return found

    def _call(self, path: str, value: object) -> Any:
        request = urllib.request.Request(self.url + path, json.dumps(value).encode())
        with urllib.request.urlopen(request, timeout=PATIENCE_SECONDS) as answer:
            return json.loads(answer.read())


@contextmanager
def running_queue(hidden_seconds: float = 120) -> Iterator[QueueStandIn]:
    """A queue in a process of its own, stopped at the end."""
    with beside(main, "--hidden-seconds", str(hidden_seconds)) as (_, url):
        yield QueueStandIn(url)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--hidden-seconds", type=float, default=120)
    _Handler.messages = Messages(parser.parse_args().hidden_seconds)
    server = _Server(("127.0.0.1", 0), _Handler)
    print(f"http://127.0.0.1:{server.server_address[1]}", flush=True)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    server.serve_forever()


def _end_with_parent() -> None:
    sys.stdin.read()
    os._exit(0)


if __name__ == "__main__":
    main()
