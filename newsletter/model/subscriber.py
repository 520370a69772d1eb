"""People: subscribers, the lists they joined, and addresses never to be mailed."""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from newsletter.model.address import Address


class SubscriptionStatus(StrEnum):
    """A person's standing on one list; only the confirmed are recipients."""

    PENDING = "pending"
    CONFIRMED = "confirmed"
    UNSUBSCRIBED = "unsubscribed"


class SuppressionReason(StrEnum):
    """Why an address is never mailed."""

    HARD_BOUNCE = "hard_bounce"
    COMPLAINT = "complaint"
    MANUAL = "manual"
    ERASED = "erased"


@dataclass(frozen=True, slots=True)
class Consent:
    """The facts of one person's yes: when (UTC), how (`import`, `add`, `form`), from where."""

    at: dt.datetime
    how: str
    source: str


@dataclass(frozen=True, slots=True)
class Subscriber:
    """A person; `attributes` are the other columns of an import, all text."""

    id: int
    address: Address
    name: str = ""
    attributes: Mapping[str, str] = field(default_factory=dict)


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
