"""What the program asks of a transport: how to send with it, and what to say about it."""

import datetime as dt
import ipaddress
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from newsletter.config import TransportSettings
from newsletter.model.email import Message
from newsletter.model.send import Allowance, Outcome
from newsletter.model.subscriber import SuppressionReason
from newsletter.project import Project


class Transport(Protocol):
    """Hands a batch of messages of one send to the outside.

    `deliver` returns one outcome for each message, in order. It raises only what concerns the whole
    call: `Throttled` or `TransportDown` (provably nothing left), `MachineFault` (nothing but what
    it says left), `QuotaReached`, `OutcomeUnknown` (any of them may have left), `SendingStopped` (a
    person has to act). `allowance` is asked before a send and each minute of it, `check` once
    before one is planned: what its operator should know of the sender, in one line each. It raises
    ConfigurationError or Refused where the outside would take nothing from it.
    """

    kind: str
    concurrency: int  # how many calls may be under way at once
    batch_size: int  # how many messages a batch has at most

    @property
    def reaches_readers(self) -> bool:
        """Whether mails go out into the world, rather than into files or a stand-in nearby."""

    def allowance(self) -> Allowance: ...

    def check(self, sender: str) -> Sequence[str]: ...

    def deliver(self, send_id: str, batch: Sequence[Message]) -> list[Outcome]: ...


@dataclass(frozen=True, slots=True)
class Listed:
    """One address on a provider's suppression list; `at` is when that last changed it."""

    address: str
    reason: SuppressionReason
    at: dt.datetime


class AccountList(Protocol):
    """The suppression list that a provider keeps for our account beside ours.

    `kind` is that of the transport, `service` the provider's name for people. Each call raises
    ConfigurationError or TransportDown.
    """

    kind: str
    service: str

    def pages(self, since: dt.datetime | None = None) -> Iterator[Sequence[Listed]]:
        """All that is listed, or what changed since a time, a page at a time."""

    def put(self, address: str, reason: SuppressionReason) -> None:
        """List an address for a hard bounce or a complaint."""

    def delete(self, address: str) -> None:
        """Take an address off the list, spelt as it was listed; one that is not on it is fine."""


@runtime_checkable
class HasAccountList(Protocol):
    """A transport whose provider keeps such a list."""

    @property
    def account_list(self) -> AccountList: ...


@runtime_checkable
class Tracks(Protocol):
    """A transport whose provider can watch who opens mails and follows their links, and whether
    the operator has switched that on."""

    @property
    def tracks_opens(self) -> bool: ...

    @property
    def tracks_clicks(self) -> bool: ...


@dataclass(frozen=True, slots=True)
class Kind:
    """What the program knows of a transport before it opens it: `KIND` of its module.

    `service` is its name for people, `record` where a person finds out whether a mail was sent,
    and `reports` whether a source of events tells that; where none does, `unreported` says what to
    do instead. `open_account_list` is there where the provider keeps a suppression list, `clear`
    where a run of a send that was killed leaves things behind: it deletes them, and is called by
    the send's id when nobody takes part in it.
    """

    service: str
    record: str
    open: Callable[[Project], Transport]
    reports: bool = False
    unreported: str = ""
    open_account_list: Callable[[TransportSettings], AccountList] | None = None
    clear: Callable[[Project, str], None] | None = None


def is_nearby(host: str) -> bool:
    """Whether a host is this machine, or has a name that only its own network knows."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return "." not in host
