"""What a check is, what it says, and what it looks at."""

import os
import shutil
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any, TypeVar

from newsletter.config import REHEARSALS
from newsletter.dns import Dns, DnsUnreachable
from newsletter.errors import NewsletterError
from newsletter.model.send import Reported
from newsletter.mounts import MOUNTS
from newsletter.network import IpAddress, is_public
from newsletter.project import Project, utc_now
from newsletter.store import Store, open_store
from newsletter.store.people import lists
from newsletter.store.people.lists import ListCounts
from newsletter.times import Clock

T = TypeVar("T")

_BUSY_SECONDS = 5.0  # for a lock of the store: a send holds it for much less


class CheckVerdict(StrEnum):
    """How a check ended; SKIPPED is what could not be looked at, or matters to nobody here."""

    OK = "ok"
    SKIPPED = "skipped"
    WARN = "warn"
    FAIL = "fail"

    @property
    def weight(self) -> int:
        """How bad it is: the worst of several stands for all of them."""
        return list(CheckVerdict).index(self)


class CheckGroup(StrEnum):
    """What a check is about, in the order in which people read the checks."""

    PROJECT = "project"
    STORE = "store"
    MACHINE = "machine"
    LOOKS = "looks"
    SITE = "site"
    DOMAIN = "domain"
    TRANSPORT = "transport"
    EVENTS = "events"
    RULES = "rules"
    LIVE = "live"


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """What a check found, and the command, setting or record that mends it."""

    verdict: CheckVerdict
    found: str
    cure: str = ""


def ok(found: str) -> Diagnosis:
    return Diagnosis(CheckVerdict.OK, found)


def skipped(reason: str, cure: str = "") -> Diagnosis:
    return Diagnosis(CheckVerdict.SKIPPED, reason, cure)


def warn(found: str, cure: str) -> Diagnosis:
    return Diagnosis(CheckVerdict.WARN, found, cure)


def fail(found: str, cure: str) -> Diagnosis:
    return Diagnosis(CheckVerdict.FAIL, found, cure)


class Unseen(NewsletterError):
    """A check cannot look, since something else comes first, or need not; the message says why."""

    code = "unseen"


@dataclass(frozen=True, slots=True)
class Outside:
    """What lies outside of the newsletter; tests put their own in its place."""

    clock: Clock = utc_now
    is_public: Callable[[IpAddress], bool] = is_public
    room: Callable[[Path], tuple[int, int, int]] = shutil.disk_usage
    """Bytes of a file system, by a path on it: all, used, free."""
    user: int = field(default_factory=lambda: os.geteuid())
    mounts: Path = MOUNTS


@dataclass(frozen=True, slots=True)
class SenderRecords:
    """What the domain name system has to say of mail that leaves this way.

    `mail_from` is the domain of the envelope's sender; `spf_include` the name that its SPF record
    has to include, `exchange` its only mail exchange, both empty where the transport wants none.
    `dkim` are the aliases of its keys with their targets, `signs_as` the domain that it signs
    for; None and empty where the transport does not know. `setup` is the command that mends what
    the provider was not told.
    """

    mail_from: str
    spf_include: str = ""
    exchange: str = ""
    dkim: Mapping[str, str] | None = None
    signs_as: str = ""
    setup: str = ""


class Examination:
    """What all checks of one call look at. What one of them finds out the others do not ask again.

    Checks run side by side; nothing here writes.
    """

    def __init__(self, project: Project, surroundings: Outside) -> None:
        self.project, self.settings = project, project.settings
        self.surroundings = surroundings
        self._lock = threading.Lock()
        self._locks: dict[str, threading.Lock] = {}
        self._facts: dict[str, tuple[Any, Exception | None]] = {}

    def fact(self, name: str, find: Callable[[], T]) -> T:
        """What `find` returns or raises, asked for once under this name."""
        with self._lock:
            lock = self._locks.setdefault(name, threading.Lock())
        with lock:
            if name not in self._facts:
                try:
                    self._facts[name] = (find(), None)
                except Exception as error:  # noqa: BLE001 -- raised again for each who asks
                    self._facts[name] = (None, error)
        value, fault = self._facts[name]
        if fault is not None:
            raise fault
        found: T = value
        return found

    def open_store(self) -> Store:
        """The store. Raises StoreError or ConfigurationError."""
        url, root = self.settings.store.url, self.project.root
        return self.fact("store", lambda: open_store(url, root, _BUSY_SECONDS))

    @property
    def store(self) -> Store:
        """The store, for checks of what is in it."""
        try:
            return self.open_store()
        except NewsletterError as error:
            raise Unseen("the store cannot be opened") from error

    @property
    def lists(self) -> Sequence[ListCounts]:
        """The lists that people can join, counted once: with a million readers that takes long."""

        def count() -> Sequence[ListCounts]:
            with self.store.read() as connection:
                counts = lists.newest_first(connection)
            return [one for one in counts if one.name != REHEARSALS]

        return self.fact("lists", count)

    @property
    def dns(self) -> Dns:
        """The records of domains, where anybody answers at all."""
        dns = Dns(self.settings.dns.nameservers)

        def try_it() -> None:
            try:
                dns.nameservers_of(self.from_domain)
            except DnsUnreachable as error:
                raise Unseen("no nameserver answers") from error

        self.fact("dns", try_it)
        return dns

    @property
    def from_domain(self) -> str:
        """The domain of the address that readers see."""
        return domain_of(self.settings.newsletter.sender)

    def close(self) -> None:
        store, _ = self._facts.get("store", (None, None))
        if store is not None:
            store.close()


CheckLook = Callable[[Examination], Iterable[Diagnosis]]


@dataclass(frozen=True, slots=True)
class Check:
    """One question. `id` is stable, `why` says what depends on the answer."""

    id: str
    group: CheckGroup
    look: CheckLook
    why: str


@dataclass(frozen=True, slots=True)
class CheckLine:
    """One line of the doctor: a check with one of its diagnoses."""

    check: Check
    diagnosis: Diagnosis

    @property
    def verdict(self) -> CheckVerdict:
        return self.diagnosis.verdict


@dataclass(frozen=True, slots=True)
class Simulated:
    """An address of a provider's simulator: the report that has to come of it, and whether it is
    suppressed by that."""

    name: str
    address: str
    reported: Reported
    suppresses: bool


@dataclass(frozen=True, slots=True)
class Witness:
    """What a report says of the mail that it is about: headers by small names, and tags."""

    headers: Mapping[str, str]
    tags: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Bedside:
    """What the doctor knows of one transport: `BEDSIDE` of the module named as its settings are.

    `records` raises Unseen where no domain matters. `offset` is how many seconds the provider's
    clock is ahead of ours, None where it was not asked. `is_for_readers` is False where mail
    reaches nobody. `simulator` is what `--live` mails, `witness` reads a report of that, and
    `setup` is the command that repairs the way of reports.
    """

    checks: tuple[Check, ...]
    records: Callable[[Examination], SenderRecords]
    offset: Callable[[Examination], float | None] = lambda _: None
    is_for_readers: bool = True
    simulator: tuple[Simulated, ...] = ()
    witness: Callable[[str], Witness | None] = lambda _: None
    setup: str = ""


def domain_of(mailbox: str) -> str:
    """The domain of `Name <local@domain>` or of a bare address, in small letters."""
    return mailbox.rpartition("@")[2].rstrip("> ").lower()


def listed(names: Iterable[str], most: int = 3) -> str:
    """Some names as a sentence has them, with the number of those that it leaves out."""
    some = list(names)
    more = len(some) - most
    return ", ".join(some[:most]) + (f" and {more} more" if more > 0 else "")


def worst(lines: Iterable[CheckLine]) -> Iterator[CheckLine]:
    """Of the lines of each check its worst."""
    by_check: dict[str, CheckLine] = {}
    for line in lines:
        known = by_check.get(line.check.id)
        if known is None or line.verdict.weight > known.verdict.weight:
            by_check[line.check.id] = line
    yield from by_check.values()
