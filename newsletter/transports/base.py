"""What the sending core asks of a transport."""

from collections.abc import Sequence
from typing import Protocol

from newsletter.model.email import Message
from newsletter.model.send import Allowance, Outcome


class Transport(Protocol):
    """Hands a batch of messages of one send to the outside.

    `deliver` returns one outcome for each message, in order. It raises only what concerns the
    whole call: `Throttled` or `TransportDown` (provably nothing left), `MachineFault` (nothing but
    what it says left), `QuotaReached`,
    `OutcomeUnknown` (any of them may have left), `SendingStopped` (a person has to act).
    `allowance` is asked before a send and each minute of it, `check` once before one is planned:
    what its operator should know of the sender, in a line each. It raises ConfigurationError or
    Refused where the outside would take nothing from it.
    """

    kind: str
    concurrency: int  # how many calls may be under way at once
    batch_size: int  # how many messages a batch has at most

    def allowance(self) -> Allowance: ...

    def check(self, sender: str) -> Sequence[str]: ...

    def deliver(self, send_id: str, batch: Sequence[Message]) -> list[Outcome]: ...
