"""Readers and strangers at the pages: one-click, archive, forms, and what is no request at all."""

import http.client
import random
import socket
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from urllib.parse import urlencode

from tests.soak.load import LISTS, Load, Mail, chance_of
from tests.soak.stage import Stage
from tests.waiting import PATIENCE_SECONDS

_CLIENTS = 4
_LEAVING = 0.03  # the share of mails by which somebody leaves
_ONE_CLICK = "List-Unsubscribe=One-Click"
_OLD_ENOUGH_SECONDS = 1.2  # for a form to have been filled in by a person
_RAW = (
    b"NONSENSE\r\n\r\n",
    b"GET /archive/ HTTP/1.1\r\nHost: x\r\nX-Long: " + b"x" * 20_000 + b"\r\n\r\n",
    b"POST /u/none HTTP/1.1\r\nHost: x\r\nContent-Length: 9000\r\n\r\n",
    b"GET /%zz/../../etc/passwd HTTP/1.1\r\nHost: x\r\n\r\n",
    b"GET / HTT",
)
_PATHS = (
    *("/healthz", "/metrics", "/archive/", "/archive/", "/feed.xml", "/feed.json"),
    *("/archive/no-such-issue/", "/no/such/page", "/u/not-a-token", "/preferences/not-a-token"),
    *("/archive/?q=looms", "/search?q=valley", "/media/none.png"),
)


@dataclass(frozen=True, slots=True)
class Click:
    """Somebody who left by one click: `began` and `ended` by the monotonic clock, and the answer;
    0 is none."""

    mail: Mail
    began: float
    ended: float
    status: int


@dataclass
class Readers:
    """A few clients at once, each with a pace of its own."""

    stage: Stage
    load: Load
    seed: int
    clicks: list[Click] = field(default_factory=list)
    statuses: Counter[tuple[str, int]] = field(default_factory=Counter)
    asked: Counter[str] = field(default_factory=Counter)  # by address: forms that were taken
    _waiting: list[Mail] = field(default_factory=list)
    _last: list[Mail] = field(default_factory=list)
    _stop: threading.Event = field(default_factory=threading.Event)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @contextmanager
    def going_on(self) -> Iterator[None]:
        threads = [
            threading.Thread(target=self._visit, args=(number,), name=f"client {number}")
            for number in range(_CLIENTS)
        ]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            self._stop.set()
            for thread in threads:
                thread.join()

    @property
    def visits(self) -> int:
        return self.statuses.total()

    def faults(self) -> list[str]:
        """Answers that nobody may get."""
        return [
            f"{what}: {times} times {status or 'no answer'}"
            for (what, status), times in sorted(self.statuses.items())
            if (status >= 500 and status != 503) or (status == 0 and what != "raw")
        ]

    def _visit(self, number: int) -> None:
        chance = chance_of(self.seed, f"client {number}")
        pause = _CLIENTS / self.load.pace.visits_a_second
        while not self._stop.is_set():
            began = time.monotonic()
            self._one(chance)
            self._stop.wait(max(0.01, began + chance.uniform(0.5, 1.5) * pause - time.monotonic()))

    def _one(self, chance: random.Random) -> None:
        if (mail := self._who_leaves(chance)) is not None:
            self._leave(mail)
            return
        match chance.randrange(12):
            case 0:
                self._count("raw", self._say(chance.choice(_RAW)))
            case 1 if self._last:
                self._count("page to leave", self._ask("GET", chance.choice(self._last).path))
            case 2:
                self._subscribe(chance)
            case 3 if self.load.work.planned:
                slug = chance.choice(self.load.work.planned).slug
                self._count("issue", self._ask("GET", f"/archive/{slug}/"))
            case 4:
                self._count("wrong click", self._ask("POST", "/u/wrong", _ONE_CLICK))
            case _:
                path = chance.choice(_PATHS)
                self._count(path.partition("?")[0], self._ask("GET", path))

    def _count(self, what: str, status: int) -> None:
        with self._lock:
            self.statuses[what, status] += 1

    # --- to leave, to join ------------------------------------------------------------------------

    def _who_leaves(self, chance: random.Random) -> Mail | None:
        with self._lock:
            fresh = self.load.new_mails()
            self._last = (self._last + fresh[-5:])[-50:]
            self._waiting += [mail for mail in fresh if chance.random() < _LEAVING]
            return self._waiting.pop(0) if self._waiting else None

    def _leave(self, mail: Mail) -> None:
        """Some programs send it twice."""
        for _ in range(1 + (len(self.clicks) % 5 == 0)):
            began = time.monotonic()
            status = self._ask("POST", mail.path, _ONE_CLICK)
            self._count("one click", status)
            self.clicks.append(Click(mail, began, time.monotonic(), status))

    def _subscribe(self, chance: random.Random) -> None:
        path = f"/subscribe/{chance.choice(LISTS)}"
        status, page = self._asked("GET", path)
        self._count("form", status)
        _, found, after = page.partition('name="form" value="')
        if not found or self._stop.wait(_OLD_ENOUGH_SECONDS):
            return
        address = f"asks{chance.randrange(10**9)}@example.org"
        form = urlencode({"email": address, "form": after.partition('"')[0]})
        status, _ = self._asked("POST", path, form)
        self._count("subscribe", status)
        self.asked[address] += status == 200

    # --- over the wire ----------------------------------------------------------------------------

    def _ask(self, method: str, path: str, body: str = "") -> int:
        return self._asked(method, path, body)[0]

    def _asked(self, method: str, path: str, body: str = "") -> tuple[int, str]:
        """The status and the page; 0 where there is no answer."""
        number = random.randrange(1 << 16)
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        if path != "/metrics":  # which are not for those who come by a proxy
            headers["X-Forwarded-For"] = f"198.18.{number >> 8}.{number & 255}"
        connection = http.client.HTTPConnection(
            "127.0.0.1", self.stage.port, timeout=PATIENCE_SECONDS
        )
        with closing(connection):
            try:
                connection.request(method, path, body or None, headers)
                answer = connection.getresponse()
                return answer.status, answer.read().decode("utf-8", "replace")
            except (OSError, http.client.HTTPException):
                return 0, ""

    def _say(self, data: bytes) -> int:
        """Send something odd, wait for a moment at most, and go."""
        try:
            with socket.create_connection(("127.0.0.1", self.stage.port), 10) as connection:
                connection.sendall(data)
                connection.settimeout(2)
                words = connection.recv(100).split()
                return int(words[1]) if len(words) > 1 and words[1].isdigit() else 0
        except OSError:
            return 0
