"""Sends are looked at once for all pages that watch them, and no longer than one does."""

import asyncio
import json
from collections.abc import Collection

import pytest

from newsletter.studio import live
from newsletter.studio.live import Live, SendsLook, events
from tests.waiting import PATIENCE_SECONDS

SEND = dict.fromkeys(live._BRIEF, 1) | {"send_id": "a"}


class Ledger:
    """Counts how often it is looked at."""

    def __init__(self, trouble: str = "") -> None:
        self.looks = 0
        self.watched: Collection[str] = ()
        self.trouble = trouble

    def __call__(self, watched: Collection[str]) -> SendsLook:
        self.looks += 1
        self.watched = watched
        return SendsLook({} if self.trouble else {"a": SEND, "old": SEND}, self.trouble)


def test_many_pages_share_one_look_and_a_later_one_gets_it_at_once() -> None:
    ledger = Ledger()

    async def play() -> None:
        watching = Live(ledger)
        pages = [watching.looks("old" if number == 0 else "") for number in range(20)]
        async with asyncio.timeout(PATIENCE_SECONDS):
            looks = await asyncio.gather(*(anext(page) for page in pages))
            late = watching.looks()
            looks.append(await anext(late))
        assert len({id(look) for look in looks}) == 1
        for page in (*pages, late):
            await page.aclose()
        assert not watching._viewers

    asyncio.run(play())

    assert ledger.looks == 1
    assert set(ledger.watched) == {"old"}


def test_nobody_looks_once_the_last_page_has_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "_LEAST_PAUSE_SECONDS", 0)

    async def play() -> None:
        watching = Live(Ledger())
        page = watching.looks()
        await anext(page)
        await page.aclose()
        task = watching._looking
        assert task is not None
        await asyncio.wait_for(task, PATIENCE_SECONDS)

    asyncio.run(play())


def test_pages_are_let_go_where_the_studio_ends_or_looking_fails() -> None:
    def fail(watched: Collection[str]) -> SendsLook:
        raise RuntimeError("ada@example.com")

    async def play() -> None:
        assert [each async for each in Live(fail).looks()] == []
        watching = Live(Ledger())
        page = watching.looks()
        await anext(page)
        ended = asyncio.ensure_future(anext(page, None))
        await asyncio.sleep(0)
        watching.end()
        assert await ended is None

    asyncio.run(asyncio.wait_for(play(), PATIENCE_SECONDS))


@pytest.mark.parametrize("send_id", ["", "a"])
def test_a_page_is_told_what_changed_and_else_only_that_the_studio_lives(
    monkeypatch: pytest.MonkeyPatch, send_id: str
) -> None:
    monkeypatch.setattr(live, "_LEAST_PAUSE_SECONDS", 0)

    async def play() -> list[str]:
        stream = events(Live(Ledger()), send_id)
        lines = [await anext(stream) for _ in range(3)]
        await stream.aclose()
        return lines

    first, news, nothing = asyncio.run(asyncio.wait_for(play(), PATIENCE_SECONDS))

    assert first == "retry: 1000\n\n"
    told = json.loads(news.removeprefix("data: "))
    assert told["trouble"] == ""
    assert told["send"] == SEND if send_id else len(told["sends"]) == 2
    assert nothing == ":\n\n"


def test_a_store_that_is_away_is_told() -> None:
    async def play() -> str:
        stream = events(Live(Ledger("the store is away")))
        await anext(stream)
        return await anext(stream)

    assert "the store is away" in asyncio.run(asyncio.wait_for(play(), PATIENCE_SECONDS))
