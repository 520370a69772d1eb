"""What a request costs the store: pages lock nothing, and dear work holds up nobody."""

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from httpx import Response

from newsletter.store import Store
from tests.integration.statements import statements
from tests.integration.web.stage import ONE_CLICK, Stage, open_stage
from tests.waiting import until


@pytest.mark.postgresql
def test_no_page_takes_a_lock(postgresql_store: Store, tmp_path: Path) -> None:
    """Else a scanner that follows all links would hold up whoever confirms."""
    stage = open_stage(postgresql_store, tmp_path)
    asked = [stage.ask(action=each, email="new@example.net") for each in ("data", "move")]
    paths = (*asked, stage.leave_path(), stage.preferences_path(), "/subscribe/daily", "/archive/")

    with statements(stage.store) as seen:
        for path in paths:
            assert stage.client.get(path).status_code == 200

    assert seen
    for statement in map(str.upper, seen):
        for word in ("FOR UPDATE", "FOR SHARE", "LOCK", "INSERT", "UPDATE ", "DELETE"):
            assert word not in statement


class OneThread(ThreadPoolExecutor):
    """It is busy until an event; `waiting` counts what was brought to it since."""

    def __init__(self, busy: threading.Event) -> None:
        super().__init__(1)
        super().submit(busy.wait)
        self.waiting = 0

    def submit(self, *arguments: Any, **options: Any) -> Any:
        self.waiting += 1
        return super().submit(*arguments, **options)


@pytest.mark.parametrize("action", ["data", "erase"])
def test_dear_work_never_holds_up_a_one_click(sqlite_stage: Stage, action: str) -> None:
    stage = sqlite_stage
    path = stage.ask(action=action)
    busy = threading.Event()
    dear = OneThread(busy)  # somebody's million events are read
    stage.site.dear = dear
    answers: list[Response] = []
    waiting = threading.Thread(target=lambda: answers.append(stage.confirm(path)))
    waiting.start()

    try:
        until(lambda: bool(dear.waiting or answers))
        assert stage.client.post(stage.leave_path(), data=ONE_CLICK).status_code == 200
        assert stage.status() == "unsubscribed"
        assert answers == []
    finally:
        busy.set()
        waiting.join()

    assert [answer.status_code for answer in answers] == [200]


@pytest.mark.parametrize(
    "date",
    ["Sat, 01 Jan 99999999999999999999 00:00:00 GMT", "Fri, 31 Dec 9999 23:59:59 -2359", "?"],
)
def test_a_date_far_in_the_future_is_no_error(sqlite_stage: Stage, date: str) -> None:
    for path in ("/archive/", "/feed.xml", "/static/style.css", "/subscribe/daily"):
        answer = sqlite_stage.client.get(path, headers={"If-Modified-Since": date})
        assert answer.status_code in (200, 304)
