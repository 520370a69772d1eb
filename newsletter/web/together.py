"""Several requests in one transaction: waiting for the disk is what takes time."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

from starlette.concurrency import run_in_threadpool

Asked = TypeVar("Asked")
Done = TypeVar("Done")


class Together(Generic[Asked, Done]):
    """Applies what several requests wait for at once, while the one before is under way.

    Each request waits until its own part is committed, or has the error of that transaction.
    """

    def __init__(self, apply: Callable[[Sequence[Asked]], Done]) -> None:
        self._apply = apply
        self._waiting: list[Asked] = []
        self._next: asyncio.Task[Done] | None = None
        self._turn = asyncio.Lock()

    async def __call__(self, asked: Asked) -> Done:
        self._waiting.append(asked)
        if self._next is None:
            self._next = asyncio.create_task(self._run())
        return await asyncio.shield(self._next)

    async def _run(self) -> Done:
        """Apply all that has come until it is this one's turn."""
        async with self._turn:
            asked, self._waiting, self._next = self._waiting, [], None
            return await run_in_threadpool(self._apply, asked)
