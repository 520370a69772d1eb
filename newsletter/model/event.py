"""Events: what the provider reports later about a message."""

import datetime as dt
from dataclasses import dataclass
from enum import StrEnum

from newsletter.model.send import Reported


class EventType(StrEnum):
    """The kinds of events in the words of SES; OTHER is one that this version does not know."""

    SEND = "Send"
    DELIVERY = "Delivery"
    BOUNCE = "Bounce"
    COMPLAINT = "Complaint"
    REJECT = "Reject"
    RENDERING_FAILURE = "Rendering Failure"
    DELAY = "DeliveryDelay"
    OPEN = "Open"
    CLICK = "Click"
    SUBSCRIPTION = "Subscription"
    OTHER = "other"

    @property
    def reported(self) -> Reported | None:
        """What it says of a delivery; None for events that say only that there was one."""
        return _REPORTED.get(self)

    @property
    def says_never_sent(self) -> bool:
        """Whether it proves that SES took the message and then did not send it."""
        return self in (EventType.REJECT, EventType.RENDERING_FAILURE)


_REPORTED = {
    EventType.DELIVERY: Reported.DELIVERED,
    EventType.DELAY: Reported.DELAYED,
    EventType.BOUNCE: Reported.BOUNCED,
    EventType.COMPLAINT: Reported.COMPLAINED,
    EventType.REJECT: Reported.REJECTED,
    EventType.RENDERING_FAILURE: Reported.RENDERING_FAILED,
}


@dataclass(frozen=True, slots=True)
class Ref:
    """Which delivery an event is about, by the tag or the header that we gave it."""

    send_id: str
    number: int
    attempt: int | None = None


@dataclass(frozen=True, slots=True)
class Event:
    """One report. `key` is the same each time it comes, which may be often and in any order.

    `ref` is None where neither tags nor headers name a delivery; then `message_id` may.
    `payload` is its JSON as it came.
    """

    key: str
    type: EventType
    at: dt.datetime
    message_id: str
    ref: Ref | None
    detail: str
    payload: str

    @property
    def reported(self) -> Reported | None:
        """What it says of its delivery; `not-spam` takes a complaint back and is none."""
        if self.type is EventType.COMPLAINT and self.detail.startswith("not-spam"):
            return None
        return self.type.reported


@dataclass(frozen=True, slots=True)
class NoEvent:
    """A message of the queue that reports nothing; `harmless` if it is known and expected."""

    reason: str
    harmless: bool
