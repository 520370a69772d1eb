"""People: subscribers, the lists they joined, and addresses never to be mailed."""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import NamedTuple

from newsletter.model.address import Address


class SubscriptionStatus(StrEnum):
    """A person's standing on one list; only the confirmed are recipients."""

    PENDING = "pending"
    CONFIRMED = "confirmed"
    UNSUBSCRIBED = "unsubscribed"


class SuppressionReason(StrEnum):
    """Why an address is never mailed."""

    HARD_BOUNCE = "hard_bounce"
    SOFT_BOUNCE = "soft_bounce"
    COMPLAINT = "complaint"
    MANUAL = "manual"
    ERASED = "erased"


class ConsentHow(StrEnum):
    """How a yes or no came, as the consent log has it."""

    FORM = "form"  # a page, or the mail that asks whether it was them
    PREFERENCES = "preferences"
    ONE_CLICK = "one-click"  # the button of a mail program
    PAGE = "page"  # the button behind the link of a mail
    REASON = "reason"  # why they left: it follows a no
    UNDO = "undo"  # a no that is taken back, by them or with an import
    IMPORT = "import"
    ADD = "add"
    REMOVE = "remove"
    MOVE = "move"  # from one list to another: no word of theirs
    FORGET = "forget"


@dataclass(frozen=True, slots=True)
class Consent:
    """The facts of one person's yes or no: when (UTC), how (a ConsentHow, or any word in the file
    of another store), from where, under which version of the wording, and the IP address if it is
    to be kept.

    `delivery` is the send's number and the delivery's, where the link of a mail was used.
    """

    at: dt.datetime
    how: str
    source: str
    wording: str = ""
    ip: str = ""
    delivery: tuple[int, int] | None = None


class ConsentKind(StrEnum):
    """What a person said; `MOVED` is a new address, `ERASED` the wish to be forgotten."""

    REQUESTED = "requested"
    CONFIRMED = "confirmed"
    UNSUBSCRIBED = "unsubscribed"
    PAUSED = "paused"
    CONTINUED = "continued"
    RENAMED = "renamed"
    MOVED = "moved"
    ERASED = "erased"


@dataclass(frozen=True, slots=True)
class ConsentFact:
    """A line of the consent log; `list` is None for what concerns no list.

    `issue` is the slug of the issue whose link was used, `send_id` its send: empty where that is
    not known.
    """

    kind: ConsentKind
    list: str | None
    consent: Consent
    detail: str = ""
    issue: str = ""
    send_id: str = ""


class RequestKind(StrEnum):
    """What a visitor or a reader asks for, and is asked by mail whether it was them.

    A move takes two mails: to the address on record (`ALLOW_MOVE`), and to the new one (`MOVE`);
    `UNDO_MOVE` tells the former address of it.
    """

    JOIN = "join"
    ALLOW_MOVE = "allow_move"
    MOVE = "move"
    UNDO_MOVE = "undo_move"
    DATA = "data"
    ERASE = "erase"


class RequestState(StrEnum):
    """`FAILED` may have been mailed or not; only a `WAITING` one is tried again."""

    WAITING = "waiting"
    MAILED = "mailed"
    CONFIRMED = "confirmed"
    REFUSED = "refused"
    FAILED = "failed"


class RefusalReason(StrEnum):
    """Why a request, or the welcome after it, is refused without a word to anybody."""

    SUPPRESSED = "suppressed"
    MEMBER = "a member"
    DAILY_LIMIT = "mailed for this list today"
    LIMIT = "mailed enough"
    TAKEN = "somebody's address"
    GONE = "no subscriber"
    MOVED = "no subscriber at this address"
    LEFT = "no member any more"
    PAUSED = "paused"
    NO_WELCOME = "nothing to mail"
    TAKEN_BACK = "taken back with an earlier one"


@dataclass(frozen=True, slots=True)
class Request:
    """What somebody asked for on a page, to be confirmed from the mailbox that it is about.

    `address` is where the mail goes, `target` the address that a reader moves to; `list_id` is that
    of a join, and `subscriber_id` None for a join that was not mailed yet. `ip`, `network` and
    `wide_network` are where a form came from, `form` is the number that it carried.
    """

    id: int
    kind: RequestKind
    list_id: int | None
    subscriber_id: int | None
    address: Address
    mailbox: str
    wording: str
    at: dt.datetime
    target: Address | None = None
    ip: str = ""
    network: str = ""
    wide_network: str = ""
    form: int | None = None
    state: RequestState = RequestState.WAITING


class Subscriber(NamedTuple):
    """A person; `attributes` are the other columns of an import, all text.

    `link_key` is part of the links that they get at this address.
    """

    id: int
    address: Address
    name: str = ""
    attributes: Mapping[str, str] = MappingProxyType({})
    paused_until: dt.datetime | None = None
    link_key: int = 0


@dataclass(frozen=True, slots=True)
class Subscription:
    list: str
    status: SubscriptionStatus
    consent: Consent
    updated_at: dt.datetime


@dataclass(frozen=True, slots=True)
class Suppression:
    """`address` is the key form of the address, or the keyed hash of an erased one."""

    address: str
    reason: SuppressionReason
    source: str
    created_at: dt.datetime


class SuppressionState(StrEnum):
    """What stands behind a suppression; what may become of it depends on that."""

    REPORTED = "reported"  # events: later ones may disprove it
    DECIDED = "decided"  # a person, an import or a provider's list: no event touches it
    ERASED = "erased"  # it is the hash of somebody who was erased


class SuppressionAction(StrEnum):
    """What a line of the suppression log says."""

    ADDED = "added"
    REMOVED = "removed"


@dataclass(frozen=True, slots=True)
class SuppressionChange:
    """A line of the suppression log: what was done, when, why, and by which event."""

    action: SuppressionAction
    at: dt.datetime
    reason: SuppressionReason
    source: str
    event_id: int | None
