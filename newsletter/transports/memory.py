"""A transport for tests: keeps what it was given, and answers as it is told."""

from collections.abc import Callable, Sequence

from newsletter.model.email import Message
from newsletter.model.send import Accepted, Allowance, Outcome

Answer = Callable[[str, Sequence[Message]], list[Outcome]]


class Memory:
    """`answer` may return other outcomes or raise; without one every message is accepted."""

    kind = "memory"

    batch_size = 50

    def __init__(
        self,
        answer: Answer | None = None,
        concurrency: int = 1,
        allowed: Allowance | None = None,
    ) -> None:
        self.concurrency = concurrency
        self.allowed = allowed or Allowance()
        self.delivered: list[Message] = []
        self._answer = answer

    def allowance(self) -> Allowance:
        return self.allowed

    def deliver(self, send_id: str, batch: Sequence[Message]) -> list[Outcome]:
        outcomes: list[Outcome] = (
            [Accepted(f"memory-{message.ref}") for message in batch]
            if self._answer is None
            else self._answer(send_id, batch)
        )
        self.delivered += [
            message
            for message, outcome in zip(batch, outcomes, strict=True)
            if isinstance(outcome, Accepted)
        ]
        return outcomes
