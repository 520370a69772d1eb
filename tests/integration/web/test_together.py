"""Several requests in one transaction: what becomes of them where it fails, or does not end."""

import asyncio
import logging
import threading
from collections.abc import Sequence

import pytest

from newsletter.supervising import Trouble
from newsletter.web.together import Together
from tests.unit.test_supervising import Seconds
from tests.waiting import PATIENCE_SECONDS


def test_who_comes_after_a_failure_is_served() -> None:
    """Those who waited have its error, each of them; the next begin anew."""
    batches: list[Sequence[int]] = []

    def apply(asked: Sequence[int]) -> int:
        batches.append(asked)
        if len(batches) == 1:
            raise RuntimeError
        return sum(asked)

    async def ask() -> list[object]:
        together = Together(apply)
        first = await asyncio.gather(together(1), together(2), return_exceptions=True)
        return [*first, await together(3)]

    one, two, three = asyncio.run(ask())

    assert isinstance(one, RuntimeError)
    assert isinstance(two, RuntimeError)
    assert three == 3


def test_what_does_not_end_is_told() -> None:
    """Whoever comes meanwhile waits, so that the process looks well from outside."""
    seconds, goes_on, began = Seconds(), threading.Event(), threading.Event()

    def apply(asked: Sequence[int]) -> None:
        began.set()
        assert goes_on.wait(PATIENCE_SECONDS)

    async def ask() -> list[Trouble | None]:
        together = Together(apply, seconds)
        idle = together.trouble()
        waiting = asyncio.ensure_future(together(1))
        await asyncio.to_thread(began.wait, PATIENCE_SECONDS)
        at_first = together.trouble()
        seconds.now = 91
        later = together.trouble()
        goes_on.set()
        await waiting
        return [idle, at_first, later, together.trouble()]

    assert asyncio.run(ask()) == [None, None, Trouble.SILENT, None]


def test_an_error_that_nobody_waits_for_is_not_printed(caplog: pytest.LogCaptureFixture) -> None:
    """asyncio prints the message of an error that nobody looked at; this one names somebody."""
    goes_on, began = threading.Event(), threading.Event()

    def apply(asked: Sequence[int]) -> None:
        began.set()
        assert goes_on.wait(PATIENCE_SECONDS)
        raise RuntimeError("ada@example.com")

    async def leave() -> None:
        together = Together(apply)
        request = asyncio.ensure_future(together(1))
        await asyncio.to_thread(began.wait, PATIENCE_SECONDS)
        request.cancel()
        await asyncio.wait({request})
        (task,) = asyncio.all_tasks() - {asyncio.current_task(), request}
        goes_on.set()
        await asyncio.wait({task})

    with caplog.at_level(logging.DEBUG):
        asyncio.run(leave())

    assert "ada@example.com" not in caplog.text
