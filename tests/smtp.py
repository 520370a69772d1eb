"""A mail server on the loopback that takes mails, and misbehaves at any step as a test says."""

import contextlib
import socket
import ssl
import threading
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from tests.waiting import PATIENCE_SECONDS

HANG_UP = "hang up"  # in place of a reply: the connection is closed
SILENCE = "silence"  # none comes, until the client has gone
CERTIFICATE = Path(__file__).parent / "data" / "tls" / "good.pem"
_REPLIES = {
    "CONNECT": "220 ready",
    "DATA": "354 go on",
    ".": "250 taken",
    "STARTTLS": "220 go on",
    "QUIT": "221 bye",
}


@dataclass(frozen=True)
class Taken:
    """A mail that was taken, with its envelope."""

    sender: str
    recipient: str
    content: bytes


@dataclass
class MailServer:
    """`script` holds replies by command, each used once: `CONNECT` is the greeting, `BODY` comes
    within a mail, and `.` at its end. `commands` are those of each connection."""

    port: int = 0
    tls: str = "none"
    extensions: tuple[str, ...] = ()
    script: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    taken: list[Taken] = field(default_factory=list)
    commands: list[list[str]] = field(default_factory=list)

    def says(self, command: str, *replies: str) -> None:
        self.script[command] += replies

    def reply(self, command: str) -> str:
        replies = self.script[command]
        return replies.pop(0) if replies else _REPLIES.get(command, "250 fine")

    def talk(self, connection: socket.socket) -> None:
        """One connection, until either side ends it."""
        log: list[str] = []
        self.commands.append(log)
        with contextlib.suppress(OSError, _Ended), contextlib.ExitStack() as stack:
            connection.settimeout(PATIENCE_SECONDS)
            if self.tls == "tls":
                connection = _secured(connection)
            stack.enter_context(connection)
            _Talk(self, connection, log).run(stack)

    def names(self) -> list[list[str]]:
        """The commands of each connection without their arguments."""
        return [[line.split()[0].upper() for line in log] for log in self.commands]


class _Ended(Exception):
    """The connection is over."""


class _Talk:
    def __init__(self, server: MailServer, connection: socket.socket, log: list[str]) -> None:
        self.server, self.connection, self.log = server, connection, log
        self.sender = self.recipient = ""

    def run(self, stack: contextlib.ExitStack) -> None:
        stream = stack.enter_context(self.connection.makefile("rb"))
        self.answer("CONNECT")
        while line := stream.readline().decode().strip():
            command = line.split()[0].upper()
            self.log.append(line)
            match command:
                case "EHLO":
                    self.greet()
                case "STARTTLS":
                    self.answer("STARTTLS")
                    self.connection = stack.enter_context(_secured(self.connection))
                    stream = stack.enter_context(self.connection.makefile("rb"))
                case "MAIL" | "RCPT":
                    address = line[line.index("<") + 1 : line.index(">")]
                    setattr(self, "sender" if command == "MAIL" else "recipient", address)
                    self.answer(command)
                case "DATA":
                    if self.answer("DATA").startswith("354"):
                        self.take(stream)
                case "QUIT":
                    self.answer("QUIT")
                    return
                case _:
                    self.answer(command)

    def greet(self) -> None:
        if self.server.script["EHLO"]:
            self.answer("EHLO")
            return
        lines = ["here", *self.server.extensions]
        told = [f"250{'-' if line != lines[-1] else ' '}{line}\r\n" for line in lines]
        self.connection.sendall("".join(told).encode())

    def take(self, stream: "Iterator[bytes]") -> None:
        if self.server.script["BODY"]:
            next(stream)
            self.answer("BODY")
        lines = []
        for line in stream:
            if line == b".\r\n":
                break
            lines.append(line.removeprefix(b".") if line.startswith(b"..") else line)
        else:
            raise _Ended
        if self.answer(".").startswith("2"):
            content = b"".join(lines)
            self.server.taken.append(Taken(self.sender, self.recipient, content))

    def answer(self, command: str) -> str:
        reply = self.server.reply(command)
        if reply == HANG_UP:
            raise _Ended
        if reply == SILENCE:
            while self.connection.recv(65_536):
                pass
            raise _Ended
        self.connection.sendall(f"{reply}\r\n".encode())
        if reply.startswith("421"):
            raise _Ended
        return reply


def _secured(connection: socket.socket) -> ssl.SSLSocket:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(CERTIFICATE)
    return context.wrap_socket(connection, server_side=True)


@contextlib.contextmanager
def running(tls: str = "none", extensions: tuple[str, ...] = ()) -> Iterator[MailServer]:
    """A server, with a thread for each connection; all of them end with it."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        server = MailServer(listening.getsockname()[1], tls, extensions)
        threads: list[threading.Thread] = []

        def accept() -> None:
            while True:
                connection, _ = listening.accept()
                if stopping.is_set():
                    connection.close()
                    return
                threads.append(threading.Thread(target=server.talk, args=[connection]))
                threads[-1].start()

        stopping = threading.Event()
        accepting = threading.Thread(target=accept)
        accepting.start()
        try:
            yield server
        finally:
            stopping.set()
            socket.create_connection(("127.0.0.1", server.port)).close()
            accepting.join()
            for thread in threads:
                thread.join()
