"""What holds for every page: limits, headers, errors, and whom it believes."""

import asyncio
import logging
import re
import threading
from collections.abc import AsyncIterator, MutableMapping
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from fastapi import Request
from httpx import Response
from starlette.responses import PlainTextResponse

from newsletter.links import Purpose
from newsletter.store import Store
from newsletter.store.schema import requests
from newsletter.supervising import SideThread
from newsletter.web.app import make_app
from newsletter.web.frame import HEADERS, Frame
from tests.integration.web.stage import ONE_CLICK, Stage, Visitor, hidden, open_stage
from tests.logged import line
from tests.waiting import PATIENCE_SECONDS, until

HOSTS = {
    "host": "evil.example",
    "x-forwarded-host": "evil.example",
    "x-forwarded-proto": "gopher",
    "x-original-url": "/evil",
    "forwarded": "host=evil.example",
}


def paths(stage: Stage) -> list[str]:
    return [
        stage.leave_path(),
        stage.preferences_path(),
        "/subscribe/daily",
        "/static/style.css",
        "/nothing",
        "/u/bad",
    ]


def test_every_answer_has_the_headers_of_a_page_without_foreign_parts(
    sqlite_stage: Stage,
) -> None:
    for path in paths(sqlite_stage):
        for method in ("GET", "POST", "PUT"):
            headers = sqlite_stage.client.request(method, path).headers
            assert {name: headers[name] for name in HEADERS} == HEADERS
            assert "default-src 'self'" in headers["content-security-policy"]


def test_a_route_may_have_a_policy_of_its_own(sqlite_stage: Stage) -> None:
    @sqlite_stage.app.get("/own")
    def own() -> PlainTextResponse:
        return PlainTextResponse("", headers={"Content-Security-Policy": "default-src 'none'"})

    policy = sqlite_stage.client.get("/own").headers.get_list("content-security-policy")

    assert policy == ["default-src 'none'"]


def test_head_is_get_without_a_body(sqlite_stage: Stage) -> None:
    for path in paths(sqlite_stage):
        get = sqlite_stage.client.get(path)
        head = sqlite_stage.client.request("HEAD", path)

        assert head.content == b""
        assert (head.status_code, head.headers) == (get.status_code, get.headers)


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "TRACE", "OPTIONS", "BREW"])
def test_another_method_is_told_what_there_is(sqlite_stage: Stage, method: str) -> None:
    answer = sqlite_stage.client.request(method, sqlite_stage.leave_path())

    assert answer.status_code == 405
    assert answer.headers["allow"] == "GET, HEAD, POST"
    assert "<h1>" in answer.text


@pytest.mark.parametrize("path", ["/u", "/u/", "/subscribe/daily/", "//evil.example/u/x"])
def test_it_redirects_nobody(sqlite_stage: Stage, path: str) -> None:
    """A redirect of the framework would lead where the Host header says."""
    answer = sqlite_stage.client.get(path, headers=HOSTS)

    assert "location" not in answer.headers
    assert answer.status_code == 404


def test_no_header_decides_where_links_lead(sqlite_stage: Stage) -> None:
    stage = sqlite_stage
    for path in paths(stage):
        plain, spoofed = stage.client.get(path), stage.client.get(path, headers=HOSTS)
        assert without_form(spoofed.text) == without_form(plain.text)
        assert "evil" not in spoofed.text

    stage.subscribe("new@example.com", client=stage.visitor("192.0.2.7", **HOSTS))

    (message,) = stage.mails()
    assert "https://news.example.com/confirm/" in message.text
    assert "evil" not in message.text + message.html


def without_form(html: str) -> str:
    """A page without what tells one form from another."""
    return re.sub(r'(name="form" value=)"[^"]+"', r"\1", html)


@pytest.mark.parametrize(
    ("trusted", "forwarded", "counted"),
    [
        ([], "203.0.113.9", "10.0.0.1"),
        (["10.0.0.0/8"], "203.0.113.9", "203.0.113.9"),
        (["10.0.0.0/8"], "198.51.100.1, 203.0.113.9", "203.0.113.9"),
        (["10.0.0.0/8"], "198.51.100.1, 203.0.113.9, 10.0.0.2", "203.0.113.9"),
        (["10.0.0.0/8"], "nonsense", "10.0.0.1"),
        (["10.0.0.0/8"], "", "10.0.0.1"),
        (["10.0.0.0/8"], "198.51.100.1, 203.0.113.9:4711", "10.0.0.1"),
        (["192.0.2.0/24"], "203.0.113.9", "10.0.0.1"),
    ],
)
def test_who_asks_is_told_by_the_socket_or_by_a_proxy_that_is_trusted(
    sqlite_store: Store, tmp_path: Path, trusted: list[str], forwarded: str, counted: str
) -> None:
    """What a visitor wrote into the header themselves stands on its left and is not believed."""
    stage = open_stage(sqlite_store, tmp_path, web={"trusted_proxies": trusted})
    visitor = stage.visitor("10.0.0.1", **{"x-forwarded-for": forwarded})

    stage.subscribe("new@example.com", client=visitor)

    with stage.store.read() as connection:
        assert connection.execute(sa.select(requests.c.ip)).scalar_one() == counted


def test_a_line_that_the_proxy_adds_counts_before_the_one_that_came(
    sqlite_store: Store, tmp_path: Path
) -> None:
    lines = [("x-forwarded-for", ip) for ip in ("198.51.100.1", "203.0.113.9")]
    stage = open_stage(sqlite_store, tmp_path, web={"trusted_proxies": ["10.0.0.0/8"]})
    token = hidden(stage.client.get("/subscribe/daily").text, "form")
    stage.clock.forward(3)
    sent = {"email": "new@example.com", "form": token}

    stage.visitor("10.0.0.1").post("/subscribe/daily", data=sent, headers=lines)

    with stage.store.read() as connection:
        assert connection.execute(sa.select(requests.c.ip)).scalar_one() == "203.0.113.9"


def test_a_charset_whose_text_no_page_can_hold_is_refused(sqlite_stage: Stage) -> None:
    body = b'--a\r\nContent-Disposition: form-data; name="email"\r\n\r\n+2AA-\r\n--a--\r\n'
    headers = {"content-type": "multipart/form-data; boundary=a; charset=utf-7"}

    answer = sqlite_stage.client.post("/subscribe/daily", content=body, headers=headers)

    assert answer.status_code == 400


def test_a_site_below_a_path_of_its_host_links_to_itself(
    sqlite_store: Store, tmp_path: Path
) -> None:
    """The proxy takes the path away; links have it."""
    stage = open_stage(sqlite_store, tmp_path, base_url="https://example.com/news")

    answer = stage.client.get("/subscribe/daily")

    assert 'href="/news/static/style.css"' in answer.text
    assert 'href="/news/archive/"' in answer.text

    token = stage.links.confirm_url(Purpose.CONFIRM, 4711, stage.daily).rpartition("/")[2]
    assert 'href="/news/subscribe/daily"' in stage.client.get(f"/confirm/{token}").text


def test_more_fields_than_any_form_has_are_refused(sqlite_stage: Stage) -> None:
    body = "&".join(f"a{n}=" for n in range(100))
    headers = {"content-type": "application/x-www-form-urlencoded"}

    answer = sqlite_stage.client.post("/subscribe/daily", content=body, headers=headers)

    assert answer.status_code == 400


# --- bodies ---------------------------------------------------------------------------------------


async def pieces(size: int) -> AsyncIterator[bytes]:
    for _ in range(0, size, 1000):
        yield b"x" * 1000


@pytest.mark.parametrize("chunked", [False, True])
def test_a_body_is_read_up_to_its_limit(sqlite_stage: Stage, chunked: bool) -> None:
    async def echo(request: Request) -> PlainTextResponse:
        return PlainTextResponse(str(len(await request.body())))

    sqlite_stage.app.post("/echo")(echo)
    sqlite_stage.app.post("/hooks/echo")(echo)

    def send(path: str, size: int) -> str:
        content = pieces(size) if chunked else b"x" * size
        answer = sqlite_stage.client.post(path, content=content)
        return answer.text if answer.status_code == 200 else str(answer.status_code)

    assert send("/echo", 4000) == "4000"
    assert send("/echo", 5000) == "413"
    assert send("/hooks/echo", 260_000) == "260000"
    assert send("/hooks/echo", 263_000) == "413"


def test_a_body_that_never_ends_is_given_up() -> None:
    """It answers 408 after its time; here that is at once."""
    sent: list[MutableMapping[str, Any]] = []

    async def never() -> MutableMapping[str, Any]:
        await asyncio.Event().wait()
        raise AssertionError

    async def send(message: MutableMapping[str, Any]) -> None:
        sent.append(message)

    frame = Frame(
        _unreachable, lambda status: PlainTextResponse("", status), _unseen, body_seconds=0
    )
    scope = {"type": "http", "method": "POST", "path": "/u/x", "headers": []}

    asyncio.run(frame(scope, never, send))

    assert sent[0]["status"] == 408
    assert (b"connection", b"close") in sent[0]["headers"]


def test_who_sends_too_much_is_heard_out_before_the_answer() -> None:
    """Many clients write all of a body before they read: else they would see a lost connection."""
    order: list[str] = []

    async def receive() -> MutableMapping[str, Any]:
        order.append("received")
        return {"type": "http.request", "body": b"x" * 3000, "more_body": len(order) < 5}

    async def send(message: MutableMapping[str, Any]) -> None:
        if message["type"] == "http.response.start":
            order.append(str(message["status"]))

    frame = Frame(_unreachable, lambda status: PlainTextResponse("", status), _unseen)
    scope = {"type": "http", "method": "POST", "path": "/u/x", "headers": []}

    asyncio.run(frame(scope, receive, send))

    assert order == [*["received"] * 5, "413"]


def _unseen(*_: object) -> None:
    pass


async def _unreachable(*_: object) -> None:
    raise AssertionError


def test_a_visitor_who_leaves_in_the_middle_is_let_go() -> None:
    async def gone() -> MutableMapping[str, Any]:
        return {"type": "http.disconnect"}

    async def send(_: MutableMapping[str, Any]) -> None:
        raise AssertionError

    frame = Frame(_unreachable, lambda status: PlainTextResponse("", status), _unseen)

    asyncio.run(frame({"type": "http", "method": "POST", "path": "/", "headers": []}, gone, send))


# --- errors ---------------------------------------------------------------------------------------


def test_a_store_that_fails_asks_to_come_again(sqlite_stage: Stage, tmp_path: Path) -> None:
    """Mail programs try a one-click again after 503; nothing is said of the store."""
    with sqlite_stage.store.write() as connection:
        connection.execute(sa.text("ALTER TABLE subscriptions RENAME TO lost"))

    answer = sqlite_stage.client.post(sqlite_stage.leave_path(), data=ONE_CLICK)

    assert answer.status_code == 503
    assert answer.headers["retry-after"] == "30"
    assert "subscriptions" not in answer.text


def test_an_error_of_ours_is_a_page_and_a_line_without_a_name(
    sqlite_stage: Stage, caplog: pytest.LogCaptureFixture
) -> None:
    @sqlite_stage.app.get("/broken/{token}")
    def broken(token: str) -> None:
        raise RuntimeError(f"ada@example.com {token}")

    with caplog.at_level(logging.DEBUG):
        answer = sqlite_stage.client.get("/broken/secret-token")
    said = ours(caplog)

    assert answer.status_code == 500
    assert {name: answer.headers[name] for name in HEADERS} == HEADERS
    assert "RuntimeError" in said
    for text in (said, answer.text):
        assert "ada@" not in text
        assert "secret-token" not in text


def ours(caplog: pytest.LogCaptureFixture) -> str:
    """What was logged, but by the client of the test."""
    return "\n".join(line(record) for record in caplog.records if record.name != "httpx")


def test_no_log_names_an_address_or_a_token(
    sqlite_stage: Stage, caplog: pytest.LogCaptureFixture
) -> None:
    stage = sqlite_stage
    with caplog.at_level(logging.DEBUG):
        stage.join("new@example.com")
        stage.client.post(stage.leave_path(), data=ONE_CLICK)
        stage.client.post("/u/some-bad-token", data=ONE_CLICK)

    assert "@" not in ours(caplog)
    assert "some-bad" not in ours(caplog)
    assert "route=/u/{token}" in ours(caplog)


def test_what_runs_beside_the_server_ends_with_it(sqlite_stage: Stage) -> None:
    seen: list[str] = []

    def beside(side: SideThread) -> None:
        seen.append("begun")
        side.stop.wait()
        seen.append("ended")

    app = make_app(sqlite_stage.site, [SideThread("beside", beside)])

    async def live() -> None:
        async with app.router.lifespan_context(app):
            assert Visitor(app, "192.0.2.1")

    asyncio.run(live())

    assert seen == ["begun", "ended"]


def test_what_fails_beside_the_server_is_told_and_begins_anew(sqlite_stage: Stage) -> None:
    goes_on, works, rounds = threading.Event(), threading.Event(), list[int]()

    class Stop(threading.Event):
        """Waits after the failure until the test has looked."""

        def wait(self, timeout: float | None = None) -> bool:
            return goes_on.wait(PATIENCE_SECONDS) and self.is_set()

    def beside(side: SideThread) -> None:
        rounds.append(1)
        if len(rounds) == 1:
            raise RuntimeError
        side.beat()
        works.set()
        until(side.stop.is_set)

    app = make_app(sqlite_stage.site, [side := SideThread("mailer", beside, stop=Stop())])
    answers: list[Response] = []

    def look() -> None:
        answers.append(Visitor(app, "192.0.2.1").get("/healthz"))

    async def live() -> None:
        async with app.router.lifespan_context(app):
            await asyncio.to_thread(until, lambda: side.trouble() is not None)
            await asyncio.to_thread(look)
            goes_on.set()
            await asyncio.to_thread(works.wait, PATIENCE_SECONDS)
            await asyncio.to_thread(look)

    asyncio.run(live())

    assert [(answer.status_code, answer.json()) for answer in answers] == [
        (200, {"status": "degraded", "troubles": {"mailer": "failed"}}),
        (200, {"status": "ok"}),
    ]
