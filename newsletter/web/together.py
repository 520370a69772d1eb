"""Several requests in one transaction: most of the time is spent waiting for the disk."""

import asyncio
import time
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

from starlette.concurrency import run_in_threadpool

from newsletter.supervising import Trouble, heed

Asked = TypeVar("Asked")
Done = TypeVar("Done")

_SILENT_SECONDS = 90.0  # a store that is away, or locked, is given up earlier


class Together(Generic[Asked, Done]):
    """Applies several requests at once: those that came while the transaction before was under way.

    Each request waits until its own part is committed, or gets the error of that transaction.
    """

    def __init__(
        self,
        apply: Callable[[Sequence[Asked]], Done],
        seconds: Callable[[], float] = time.monotonic,
    ) -> None:
        self._apply = apply
        self._seconds = seconds
        self._waiting: list[Asked] = []
        self._next: asyncio.Task[Done] | None = None
        self._turn = asyncio.Lock()
        self._began_at: float | None = None

    async def __call__(self, request: Asked) -> Done:
        self._waiting.append(request)
        if self._next is None:
            self._next = asyncio.create_task(self._run())
            self._next.add_done_callback(heed)
        return await asyncio.shield(self._next)

    def trouble(self) -> Trouble | None:
        """Whether a transaction does not end, so that all later requests wait behind it."""
        began_at = self._began_at
        if began_at is None or self._seconds() - began_at <= _SILENT_SECONDS:
            return None
        return Trouble.SILENT

    async def _run(self) -> Done:
        """Apply all requests that came before this turn."""
        async with self._turn:
            requests, self._waiting, self._next = self._waiting, [], None
            self._began_at = self._seconds()
            try:
                return await run_in_threadpool(self._apply, requests)
            finally:
                self._began_at = None
