"""A transport for tests: keeps what it was given, and answers as the test says."""

import datetime as dt
from collections.abc import Callable, Sequence

from newsletter.model.email import Message
from newsletter.model.send import Accepted, Allowance, Outcome, Rejected
from newsletter.transports import mime

Deliver = Callable[[str, Sequence[Message]], list[Outcome]]


class Memory:
    """`answer` may return any outcomes, or raise; without one it accepts what can be a mail."""

    kind = "memory"
    reaches_readers = False
    batch_size = 50

    def __init__(
        self,
        answer: Deliver | None = None,
        concurrency: int = 1,
        allowed: Allowance | None = None,
    ) -> None:
        self.concurrency = concurrency
        self.allowed = allowed or Allowance()
        self.delivered: list[Message] = []
        self._answer = answer

    def allowance(self) -> Allowance:
        return self.allowed

    def check(self, sender: str) -> Sequence[str]:
        return ()

    def deliver(self, send_id: str, batch: Sequence[Message]) -> list[Outcome]:
        outcomes: list[Outcome] = (
            [_outcome(message) for message in batch]
            if self._answer is None
            else self._answer(send_id, batch)
        )
        self.delivered += [
            message
            for message, outcome in zip(batch, outcomes, strict=True)
            if isinstance(outcome, Accepted)
        ]
        return outcomes


def _outcome(message: Message) -> Outcome:
    try:
        mime.compose(message, dt.datetime.now(dt.UTC))
    except mime.UnsafeHeader as error:
        return Rejected(error.message)
    return Accepted(f"memory-{message.ref}")
