"""What watchers ask: whether it is well, and its figures, without anybody's address."""

import datetime as dt
import socket
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from newsletter import __version__
from newsletter.config import TransportSettings
from newsletter.feedback.apply import Applied, apply
from newsletter.feedback.base import incoming
from newsletter.feedback.ses.events import parse
from newsletter.model.send import StoppedBy
from newsletter.model.webhook import WebhookEvent
from newsletter.safekeeping.record import note_backup
from newsletter.sending import control
from newsletter.sending.plan import plan
from newsletter.store import Store, webhooks
from newsletter.store.ledger import limiter, workers
from newsletter.store.webhooks import Telling
from newsletter.supervising import Trouble
from newsletter.web.site import Site
from tests.factories import join, make_list
from tests.integration.publishing import Visitor, letter, planned, sent, site_of, visiting
from tests.integration.sending import FixedClock, fill_list, order
from tests.integration.statements import statements
from tests.unit.test_operations import documented, known
from tests.waiting import PATIENCE_SECONDS


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock()


@pytest.fixture
def site(store: Store, tmp_path: Path, clock: FixedClock) -> Site:
    crm = {"url": "https://crm.example.com/"}
    return site_of(store, tmp_path, clock=clock, webhooks={"crm": crm})


@pytest.fixture
def visitor(site: Site) -> Iterator[Visitor]:
    with visiting(site) as visitor:
        yield visitor


Samples = dict[tuple[str, tuple[tuple[str, str], ...]], float]


def samples(visitor: Visitor) -> Samples:
    answer = visitor.get("/metrics")
    assert answer.status == 200
    assert str(answer.headers["content-type"]).startswith("text/plain; version=0.0.4")
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


def of(found: Samples, name: str, **labels: str) -> float | None:
    return found.get((f"newsletter_{name}", tuple(sorted(labels.items()))))


def test_it_is_well_while_the_store_answers(visitor: Visitor) -> None:
    answer = visitor.get("/healthz")

    assert (answer.status, answer.json) == (200, {"status": "ok"})
    assert answer.headers["cache-control"] == "no-store"


@pytest.mark.parametrize(
    ("trouble", "status", "word"),
    [
        (Trouble.FAILED, 200, "degraded"),
        (Trouble.SILENT, 503, "failing"),
        (Trouble.DEAD, 503, "failing"),
    ],
)
def test_it_tells_what_is_wrong_with_work_that_nobody_waits_for(
    visitor: Visitor, site: Site, trouble: Trouble, status: int, word: str
) -> None:
    """What is started again serves visitors meanwhile; what hangs is mended by a new process."""
    site.watch.over("mailer", lambda: trouble)

    answer = visitor.get("/healthz")

    assert (answer.status, answer.json) == (
        status,
        {"status": word, "troubles": {"mailer": trouble.value}},
    )
    assert of(samples(visitor), "trouble", work="mailer", trouble=trouble.value) == 1


def test_it_is_not_well_without_its_store(sqlite_store: Store, tmp_path: Path) -> None:
    """Asked anew each time, and without a word of what is wrong."""
    with visiting(site_of(sqlite_store, tmp_path)) as visitor:
        assert visitor.get("/healthz").status == 200
        sqlite_store.engine.dispose()
        (tmp_path / "store.db").rename(tmp_path / "elsewhere.db")

        answer = visitor.get("/healthz")

    assert (answer.status, answer.json) == (503, {"status": "failing"})


def test_metrics_count_what_the_store_holds(
    visitor: Visitor, store: Store, clock: FixedClock
) -> None:
    fill_list(store, 3)
    first = sent(store, "news", letter(), clock)
    second = planned(store, "more", letter(), clock)
    told = '{"eventType": "Delivery", "mail": {"messageId": "unknown"}}'
    apply(store, incoming(parse, [("1", told), ("2", "no event")]), clock(), Applied())

    found = samples(visitor)

    assert of(found, "info", version=__version__) == 1
    assert of(found, "sends", status="finished") == 1
    assert of(found, "sends", status="sending") == 1
    assert of(found, "deliveries", send=second, status="queued") == 3
    assert of(found, "deliveries", send=first, status="accepted") is None  # it ended
    assert of(found, "subscribers", list="readers", status="confirmed") == 3
    assert sum(v for (name, _), v in found.items() if name == "newsletter_events_total") == 2
    assert of(found, "rate_share") == 1


def test_metrics_tell_what_is_late_and_what_rests(
    visitor: Visitor, store: Store, clock: FixedClock
) -> None:
    fill_list(store, 2)
    told = '{"eventType": "Delivery", "mail": {"messageId": "m", "timestamp": "%s"}}'
    came = clock() - dt.timedelta(seconds=90)
    apply(store, incoming(parse, [("1", told % came.isoformat())]), clock(), Applied())
    soon = clock() + dt.timedelta(minutes=5)
    plan(store, replace(order("soon"), scheduled_at=soon), clock())
    rests = plan(store, order("rests"), clock())
    control.pause(store, rests, clock, "too many", StoppedBy.BREAKER)
    note_backup(store, clock() - dt.timedelta(hours=1))
    endpoints = dict.fromkeys(("crm", "former"), tuple(WebhookEvent))
    store.tell(Telling(endpoints, lambda: clock() - dt.timedelta(minutes=2)))
    with store.write() as connection:
        workers.appear(connection, "mail1/1/1/1", clock())
        webhooks.tell(connection, WebhookEvent.LEFT, [{"subscriber": 1}])
    visitor.get("/u/a-bad-token")
    visitor.get("/nothing")

    found = samples(visitor)

    assert of(found, "event_lag_seconds") == 90
    assert of(found, "seconds_to_next_schedule") == 300
    assert of(found, "paused_sends", by="breaker") == 1
    assert of(found, "seconds_since_last_backup") == 3600
    assert of(found, "workers") == 1
    assert of(found, "webhooks", endpoint="crm", state="waiting") == 1
    assert of(found, "webhook_waiting_seconds", endpoint="crm") == 120
    assert not any(dict(labels).get("endpoint") == "former" for _, labels in found)
    for route in ("/u/{token}", "none"):
        asked = {"method": "GET", "route": route, "status": "4xx"}
        assert of(found, "http_request_seconds_count", **asked) == 1
        assert of(found, "http_request_seconds_bucket", **asked, le="+Inf") == 1
    for name, labels in found:  # and each is documented
        theirs = known(name, documented())
        assert theirs is not None, name
        assert {label for label, _ in labels} == theirs, name


def test_metrics_follow_what_happens_after_ten_seconds(
    visitor: Visitor, store: Store, clock: FixedClock
) -> None:
    """And each event counts once, however often they are asked for."""
    fill_list(store, 1)
    apply(store, incoming(parse, [("1", "no event")]), clock(), Applied())
    before = samples(visitor)
    send_id = sent(store, "news", letter(), clock)
    apply(store, incoming(parse, [("1", "another"), ("2", "a third")]), clock(), Applied())
    with store.write() as connection:
        limiter.reserve(connection, 1, 10, clock)
        limiter.slow_down(connection, clock)

    assert samples(visitor) == before
    clock.forward(11)
    found = samples(visitor)

    assert of(found, "deliveries", send=send_id, status="accepted") == 1
    assert of(found, "events_total", type="other", verdict="set_aside") == 3
    assert of(found, "rate_share") == pytest.approx(0.5 + 0.11)


def test_metrics_tell_where_ses_says_nothing_of_what_was_sent(
    store: Store, site: Site, clock: FixedClock
) -> None:
    ses = replace(site.settings, transport=TransportSettings(kind="ses"))
    fill_list(store, 1)
    sent(store, "news", letter(), clock)

    with visiting(replace(site, project=replace(site.project, settings=ses))) as visitor:
        before = of(samples(visitor), "silence")
        clock.forward(2 * 60 * 60)
        after = of(samples(visitor), "silence")

    assert (before, after) == (0, 1)


def test_metrics_ask_the_store_once_in_ten_seconds(visitor: Visitor, store: Store) -> None:
    samples(visitor)

    with statements(store) as asked:
        for _ in range(10):
            samples(visitor)

    assert asked == []


def test_metrics_hold_no_address(visitor: Visitor, store: Store, clock: FixedClock) -> None:
    make_list(store)
    join(store, "secret.person@example.com", name="Secret Person")
    sent(store, "news", letter(), clock, list_name="ai")

    text = visitor.get("/metrics").text.lower()

    assert "@" not in text
    assert "secret" not in text


@pytest.mark.parametrize(
    "headers",
    [
        {"X-Forwarded-For": "127.0.0.1"},
        {"Forwarded": "for=127.0.0.1"},
        {"X-Real-IP": "127.0.0.1"},
        {"Via": "1.1 proxy"},
        {"X-Forwarded-Host": "news.example.com"},
        {"X-Forwarded-Proto": "https"},
        {"X-Forwarded-Prefix": "/news"},
        {"CF-Connecting-IP": "192.0.2.1"},
        {"CDN-Loop": "cloudflare"},
        {"True-Client-IP": "127.0.0.1"},
        {"X-Envoy-External-Address": "192.0.2.1"},
        {"X-Amzn-Trace-Id": "Root=1-67891233-abcdef012345678912345678"},
    ],
)
def test_metrics_are_not_shown_through_a_proxy(visitor: Visitor, headers: dict[str, str]) -> None:
    """The proxy stands on this machine, and whoever asks it does not."""
    assert visitor.get("/metrics", headers).status == 404


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("localhost:8000", 200),
        ("127.0.0.2", 200),
        ("[::1]:8000", 200),
        ("LOCALHOST", 200),
        ("news.example.com", 404),
        ("localhost.evil.example", 404),
        ("127.0.0.1.evil.example:8000", 404),
        ("192.0.2.1", 404),
        ("[::1", 404),
        ("", 404),
    ],
)
def test_metrics_are_shown_under_a_name_of_this_machine_alone(
    visitor: Visitor, host: str, status: int
) -> None:
    """A page of anybody can have a browser here ask for it, by a name that leads to 127.0.0.1."""
    assert visitor.get("/metrics", {"Host": host}).status == status


def test_metrics_are_not_shown_to_a_proxy_that_says_nothing(visitor: Visitor) -> None:
    """nginx asks in HTTP/1.0 unless it is told otherwise, and adds no header by itself."""
    with socket.create_connection(("127.0.0.1", visitor.port), PATIENCE_SECONDS) as connection:
        connection.sendall(b"GET /metrics HTTP/1.0\r\nHost: 127.0.0.1:8000\r\n\r\n")

        assert connection.recv(65536).startswith(b"HTTP/1.1 404")


@pytest.mark.parametrize(("who", "status"), [("all", 200), ("off", 404)])
def test_metrics_are_for_whom_the_setting_says(
    sqlite_store: Store, tmp_path: Path, who: str, status: int
) -> None:
    with visiting(site_of(sqlite_store, tmp_path, web={"metrics": who})) as visitor:
        assert visitor.get("/metrics", {"X-Forwarded-For": "192.0.2.1"}).status == status
        assert visitor.get("/healthz").status == 200
