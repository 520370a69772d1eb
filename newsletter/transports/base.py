"""What the sending core asks of a transport."""

from collections.abc import Sequence
from typing import Protocol

from newsletter.model.email import Message
from newsletter.model.send import Outcome


class Transport(Protocol):
    """Hands a batch of messages of one send to the outside.

    `deliver` returns one outcome for each message, in order. It raises only what concerns the
    whole call: `Throttled` or `TransportDown` (provably nothing left), `QuotaReached`,
    `OutcomeUnknown` (any of them may have left), `SendingStopped` (a person has to act).
    """

    kind: str
    concurrency: int  # how many calls may be under way at once

    def deliver(self, send_id: str, batch: Sequence[Message]) -> list[Outcome]: ...
