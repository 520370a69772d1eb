"""What a source of events is: a folder beside this file that knows one provider.

Nothing outside of it knows the provider's words, the form of its messages, or how they arrive. It
hands out events in the words of newsletter.model.event.
"""

import datetime as dt
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from newsletter.config import Settings
from newsletter.errors import NewsletterError
from newsletter.model.event import Event, NoEvent, Ref
from newsletter.store import Store
from newsletter.times import Clock

MAX_CHARACTERS = 256 * 1024  # of a message that is kept
A_CALL = 10  # messages in a call of a queue, at most
CALLS = 8  # of a queue, at once
WAIT_SECONDS = 5  # for a first message; stopping may take as long
_DELIVERY = re.compile(r"(?P<send>[0-9]{8}-[a-z0-9]{6})-(?P<number>[0-9]{1,9})")
_UNSTORABLE = re.compile(r"[\0\ud800-\udfff]")  # NUL and halves of characters

Parse = Callable[[str], Event | NoEvent]


@dataclass(frozen=True, slots=True)
class Incoming:
    """A message of a provider: its place, for people, its text, and what it reports."""

    place: str
    text: str
    report: Event | NoEvent


@dataclass(frozen=True, slots=True)
class Received(Incoming):
    """A message of a queue; `receipt` serves to delete it."""

    receipt: str


class QueueUnreachable(NewsletterError):
    """The queue gives no answer, or no clear one; this may pass."""

    code = "queue-unreachable"
    usual_hint = "What waits in the queue stays there. Check the network, then try again."


class RecordsUnreachable(NewsletterError):
    """The provider gives no clear answer about single mails; this may pass."""

    code = "records-unreachable"
    usual_hint = "Nothing was changed. Check the network, then try again."


class NotNow(NewsletterError):
    """What was posted can be neither believed nor refused now: it has to be posted again."""

    code = "not-now"


class Queue(Protocol):
    """A queue that delivers a message again where it was not deleted in time.

    Both raise ConfigurationError for what a person has to mend, and QueueUnreachable.
    """

    def receive(self, wait_seconds: int) -> list[Received]:
        """Some messages, `A_CALL` at most; none where none came within this time."""

    def delete(self, messages: Sequence[Received]) -> None:
        """Delete messages, `A_CALL` at most. One that stays comes again: a duplicate."""


@dataclass(frozen=True, slots=True)
class Posted:
    """A request to a hook; `client` names the network that it came from."""

    body: bytes
    headers: Mapping[str, str]
    client: str


@dataclass(frozen=True, slots=True)
class Reply:
    """The answer to a request, given after its content was applied."""

    status: int
    reason: str = ""
    incoming: Incoming | None = None


class Hook(Protocol):
    """A way for a provider to post what it reports; `path` begins with `/hooks/`."""

    path: str

    async def receive(self, request: Posted) -> Reply:
        """Believe nothing that is not proven. Raises NotNow or ConfigurationError."""


@dataclass(frozen=True, slots=True)
class Armed:
    """Until when a hook may be confirmed, and the settings, by key, that name by whom."""

    until: dt.datetime
    settings: Mapping[str, Sequence[str]]


@dataclass(frozen=True, slots=True)
class Unsettled:
    """A delivery of which nobody knows whether it was sent: once, after `since` and before
    `until`."""

    delivery: str  # what the tag `delivery` carries
    address: str
    since: dt.datetime
    until: dt.datetime


class MailRecords(Protocol):
    """What a provider has kept of single mails, for those whose events were lost.

    `kept` is for how long. It changes nothing there. Raises ConfigurationError for what a person
    has to mend, and RecordsUnreachable.
    """

    kept: dt.timedelta

    def find(self, deliveries: Sequence[Unsettled]) -> Iterator[Incoming]:
        """What it knows of these deliveries, as its events would have told it."""


@dataclass(frozen=True, slots=True)
class Source:
    """A provider as the rest of the program knows it.

    `name` is that of its events' reporter, `silence` what to check where none come. `notes` explain
    some of its words to people. `open_queue` raises ConfigurationError where there is none. `arm`
    lets its hooks be confirmed until a time, where that is needed. `open_records` is there where
    the provider can be asked about single mails.
    """

    name: str
    silence: str
    parse: Parse
    notes: Mapping[str, str] = field(default_factory=dict)
    has_queue: Callable[[Settings], bool] = lambda settings: False
    open_queue: Callable[[Settings], Queue] | None = None
    hooks: Callable[[Settings, Store, Clock], Sequence[Hook]] = lambda *_: ()
    arm: Callable[[Settings, Store, dt.datetime], Armed] | None = None
    open_records: Callable[[Settings], MailRecords] | None = None


def incoming(parse: Parse, messages: Iterable[tuple[str, str]]) -> Iterator[Incoming]:
    """Messages with their places, parsed."""
    for place, text in messages:
        yield Incoming(place, text, understood(parse, text))


def understood(parse: Parse, text: str) -> Event | NoEvent:
    """What a message reports. One on which its parser fails is set aside, so that it does not hold
    up others."""
    try:
        return parse(text)
    except Exception as error:  # noqa: BLE001 -- whatever it is, the message would come for ever
        return NoEvent(f"it cannot be read: {type(error).__name__}", harmless=False)


def ref_of(value: str) -> Ref | None:
    """The delivery that our header X-Newsletter-Ref names, or our tag `delivery` alone."""
    delivery, _, attempt = value.partition(".")
    match = _DELIVERY.fullmatch(delivery)
    if match is None:
        return None
    tried = int(attempt) if re.fullmatch(r"[0-9]{1,5}", attempt) else None
    return Ref(match["send"], int(match["number"]), tried)


def storable(text: str) -> str:
    """A text without characters that databases refuse."""
    return _UNSTORABLE.sub("\ufffd", text)
