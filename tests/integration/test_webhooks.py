"""What other programs are told: with the change itself, at least once, and never by an address."""

import base64
import datetime as dt
import json
import sqlite3
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import make_url
from standardwebhooks import Webhook

from newsletter.audience.erasing import erase
from newsletter.config import WebhookSettings
from newsletter.errors import StoreAway
from newsletter.model.address import Address
from newsletter.model.send import StoppedBy
from newsletter.model.subscriber import Consent
from newsletter.model.webhook import WebhookAttempt, WebhookEvent, WebhookMessage
from newsletter.operations import attend
from newsletter.sending import control, restored
from newsletter.sending.plan import plan
from newsletter.store import Store, open_store, schema, state, webhooks
from newsletter.store.webhooks import Telling
from newsletter.transports.memory import Memory
from newsletter.webhooks.delivering import WebhookDelivery, WebhookEndpoint
from newsletter.webhooks.posting import WebhookAnswer
from tests import logged
from tests.factories import erased_hash
from tests.integration.commandline import Call
from tests.integration.reporting import BOUNCE, COMPLAINT, OUT_OF_OFFICE, event, replay
from tests.integration.sending import NOW, FixedClock, leave, order, worker
from tests.integration.web.stage import ONE_CLICK, open_stage
from tests.unit.webhooks.test_posting import OK, answering

SECRET = f"whsec_{base64.b64encode(bytes(range(32))).decode()}"
KEY = bytes(range(32))


@dataclass
class Program:
    """Another program: what it was posted, and what it answers."""

    answers: list[WebhookAnswer | BaseException] = field(default_factory=list)
    posts: list[tuple[Mapping[str, str], bytes]] = field(default_factory=list)

    def __call__(
        self, url: str, body: bytes, headers: Mapping[str, str], *, allow_private: bool
    ) -> WebhookAnswer:
        self.posts.append((headers, body))
        answer = self.answers.pop(0) if self.answers else WebhookAnswer(204)
        if isinstance(answer, BaseException):
            raise answer
        return answer

    @property
    def told(self) -> list[dict[str, Any]]:
        return [json.loads(body) for _, body in self.posts]

    @property
    def ids(self) -> list[str]:
        return [headers["webhook-id"] for headers, _ in self.posts]


def tell(store: Store, clock: FixedClock, **endpoints: tuple[WebhookEvent, ...]) -> None:
    store.tell(Telling(endpoints or {"crm": tuple(WebhookEvent)}, clock))


def delivery(store: Store, clock: FixedClock, program: Program, **more: Any) -> WebhookDelivery:
    settings = WebhookSettings(url="https://crm.example.com/hook", **more)
    return WebhookDelivery(WebhookEndpoint("crm", settings, [KEY], program), store, clock)


def go(*deliveries: WebhookDelivery) -> list[float]:
    with ThreadPoolExecutor(1) as pool:
        return [each.deliver(pool) for each in deliveries]


def kept(store: Store) -> list[WebhookMessage]:
    with store.read() as connection:
        return list(reversed(webhooks.page(connection)))


def pending(store: Store, clock: FixedClock, amount: int = 1) -> None:
    """Messages about people 1, 2, …"""
    tell(store, clock)
    with store.write() as connection:
        facts = [{"subscriber": number} for number in range(1, amount + 1)]
        webhooks.tell(connection, WebhookEvent.LEFT, facts)


# --- what is told ---------------------------------------------------------------------------------


def test_a_life_of_readers_and_sends_is_told_by_ids(store: Store, tmp_path: Path) -> None:
    stage = open_stage(store, tmp_path)
    tell(store, stage.clock)
    stage.join("grace@example.net")
    send_id = plan(store, order(list_name="daily"), stage.clock())
    later = plan(store, order("later", list_name="daily"), stage.clock())
    control.pause(store, later, stage.clock, "ask ada@example.com", StoppedBy.PERSON)
    attend.attend(worker(store, Memory(), clock=stage.clock), once=True, settled=lambda _: True)
    replay(
        store,
        event(send_id, 1, BOUNCE),
        event(send_id, 1, BOUNCE),
        event(send_id, 1, OUT_OF_OFFICE),
        event(send_id, 2, COMPLAINT),
    )
    for _ in range(2):
        assert stage.client.post(stage.leave_path(), data=ONE_CLICK).status_code == 200

    program = Program()
    go(delivery(store, stage.clock, program))

    told = [(each["type"], each["data"]) for each in program.told]
    assert [kind for kind, _ in told] == [
        "subscriber.joined",
        "send.paused",
        "send.finished",
        "subscriber.bounced",
        "subscriber.complained",
        "subscriber.left",
    ]
    by_kind = dict(told)
    grace = by_kind["subscriber.joined"]["subscriber"]
    assert by_kind["subscriber.joined"] == {"subscriber": grace, "list": "daily", "how": "form"}
    assert by_kind["send.finished"] | {"accepted": 2, "queued": 0} == by_kind["send.finished"]
    assert by_kind["subscriber.bounced"] == {
        "subscriber": stage.ada,
        "send": send_id,
        "cause": "hard",
    }
    assert by_kind["subscriber.left"] == {
        "subscriber": stage.ada,
        "list": "daily",
        "how": "one-click",
    }
    assert by_kind["send.paused"]["reason"] == "ask a…@e…"
    assert "@example" not in json.dumps(program.told)


def test_nobody_is_told_of_what_was_taken_back_or_is_not_wanted(
    store: Store, tmp_path: Path
) -> None:
    stage = open_stage(store, tmp_path)
    leave(store, "ada@example.com", "daily")
    tell(store, stage.clock, crm=(WebhookEvent.JOINED,), pager=())
    with suppress(RuntimeError), store.write() as connection:
        webhooks.tell(connection, WebhookEvent.JOINED, [{"subscriber": 1}])
        raise RuntimeError
    stage.join("grace@example.net")
    leave(store, "grace@example.net", "daily")

    assert [(each.endpoint, each.event) for each in kept(store)] == [("crm", "subscriber.joined")]


def test_an_import_is_no_flood(call: Call, project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NEWSLETTER_WEBHOOKS__CRM__URL", "https://crm.example.com/")
    call("subscribers", "import", "subscribers/example.csv", "--list", "daily")
    call("subscribers", "add", "new@example.com", "--list", "daily")

    told = call("webhooks", "list", "crm", "--json").lines

    assert [each["event"] for each in told] == ["subscriber.joined"]


# --- how it is delivered --------------------------------------------------------------------------


def test_a_message_is_signed_and_has_an_address_only_where_that_is_wanted(
    store: Store, tmp_path: Path
) -> None:
    stage = open_stage(store, tmp_path)
    now = FixedClock(dt.datetime.now(dt.UTC).replace(microsecond=0))
    tell(store, now, crm=tuple(WebhookEvent))
    leave(store, "ada@example.com", "daily")
    stage.clock.now = now.now
    with_address, without = Program(), Program()

    go(delivery(store, now, without))
    with store.write() as connection:
        connection.execute(sa.update(schema.webhook_messages).values(delivered_at=None))
        assert webhooks.retry(connection, None, now()) == 1
    go(delivery(store, now, with_address, include_address=True))

    assert "address" not in without.told[0]["data"]
    assert with_address.told[0]["data"]["address"] == "ada@example.com"
    for headers, body in (*without.posts, *with_address.posts):
        assert Webhook(SECRET).verify(body, dict(headers)) == json.loads(body)


def test_what_fails_is_posted_again_under_its_id_until_it_is_given_up(
    sqlite_store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    clock, program = FixedClock(), Program([WebhookAnswer(500)] * 10)
    pending(sqlite_store, clock)
    waits = []
    while (last := kept(sqlite_store)[0]).next_at is not None:
        clock.now = last.next_at
        go(delivery(sqlite_store, clock, program))
        waits.append(last.next_at)

    seconds = [(b - a).total_seconds() for a, b in pairwise(waits)]
    assert len(program.posts) == 10
    assert len(set(program.ids)) == 1
    for waited, asked in zip(
        seconds, (5, 300, 1800, 7200, 18000, 36000, 50400, 72000, 86400), strict=True
    ):
        assert asked <= waited <= asked * 1.1
    assert (last.state, last.attempts, last.status) == ("given_up", 10, "500")
    assert logged.lines(caplog)[-1].startswith("give_up endpoint=crm")
    assert go(delivery(sqlite_store, clock, program)) == [2.0]


def test_an_endpoint_that_is_gone_gets_nothing_more(sqlite_store: Store) -> None:
    clock, program = FixedClock(), Program([WebhookAnswer(410)] * 8)
    pending(sqlite_store, clock, 100)
    gone = delivery(sqlite_store, clock, program)

    go(gone, gone, gone)
    clock.forward(3600)
    go(gone)
    again = Program()
    go(delivery(sqlite_store, clock, again))

    assert (len(program.posts), len(again.posts)) == (8, 8)


def test_an_endpoint_that_takes_nothing_is_asked_more_and_more_seldom(sqlite_store: Store) -> None:
    clock, program = FixedClock(), Program([WebhookAnswer(None, "no answer in time")] * 64)
    pending(sqlite_store, clock, 100)
    away = delivery(sqlite_store, clock, program)

    assert go(*[away] * 8) == [5, 10, 20, 40, 80, 160, 300, 300]
    assert go(away) == [0.0]


def test_a_copy_tells_nothing_before_it_is_adopted(store: Store, tmp_path: Path) -> None:
    """The original may have told it; afterwards it is told under the same id."""
    clock, program = FixedClock(), Program()
    pending(store, clock)
    with store.write() as connection:
        state.note_time(connection, state.COPIED_AT, clock())

    go(delivery(store, clock, program))
    before = len(program.posts)
    restored.adopt(store, tmp_path / "generation", clock())
    go(delivery(store, clock, program))

    assert (before, len(program.posts)) == (0, 1)


def test_no_message_is_posted_by_two_at_once(store: Store) -> None:
    clock = FixedClock()
    pending(store, clock, 20)
    with store.write() as connection:
        first = webhooks.claim(connection, "crm", clock(), clock() + dt.timedelta(minutes=5), 12)
        assert webhooks.retry(connection, None, clock()) == 8
    program = Program()

    go(delivery(store, clock, program))

    assert len(first) == 12
    assert len(program.posts) == 8
    assert not {each.id for each in first} & set(program.ids)


def test_who_dies_between_post_and_record_leaves_it_to_be_posted_again(store: Store) -> None:
    """At least once, under the same id."""
    clock = FixedClock()
    pending(store, clock)
    dies, program = Program([KeyboardInterrupt()]), Program([WebhookAnswer(500)])
    with pytest.raises(KeyboardInterrupt):
        go(delivery(store, clock, dies))

    go(delivery(store, clock, program))
    assert program.posts == []
    clock.forward(301)
    go(delivery(store, clock, program))

    assert program.ids == dies.ids
    assert kept(store)[0].status == "500"


def test_who_was_slower_than_its_lease_records_nothing(store: Store) -> None:
    clock = FixedClock()
    pending(store, clock)
    with store.write() as connection:
        until = clock() + dt.timedelta(minutes=5)
        [late] = webhooks.claim(connection, "crm", clock(), until, 8)
    clock.forward(301)
    go(delivery(store, clock, Program([WebhookAnswer(500)])))
    with store.write() as connection:
        webhooks.record(connection, [WebhookAttempt(late, "204", True, None)], clock())

    assert (kept(store)[0].status, kept(store)[0].state) == ("500", "waiting")


class Locking(Program):
    """Somebody else begins to write to the store while this program is posted to."""

    def __init__(self, other: sqlite3.Connection) -> None:
        super().__init__()
        self._other = other

    def __call__(self, *arguments: Any, **more: Any) -> WebhookAnswer:
        if not self.posts:
            self._other.execute("BEGIN IMMEDIATE")
        return super().__call__(*arguments, **more)


def test_a_store_that_is_away_loses_nothing(sqlite_url: str, tmp_path: Path) -> None:
    clock, store = FixedClock(), open_store(sqlite_url, tmp_path, busy_seconds=0.1)
    pending(store, clock)
    path = make_url(sqlite_url).database or ""
    with closing(sqlite3.connect(path, check_same_thread=False)) as other:
        program = Locking(other)
        with pytest.raises(StoreAway):
            go(delivery(store, clock, program))
    clock.forward(301)
    go(delivery(store, clock, program))

    assert len(program.posts) == 2
    assert len(set(program.ids)) == 1
    assert kept(store)[0].state == "delivered"
    store.close()


def test_a_clock_that_was_set_back_posts_later_and_loses_nothing(sqlite_store: Store) -> None:
    clock, program = FixedClock(), Program()
    pending(sqlite_store, clock)
    clock.forward(-600)
    go(delivery(sqlite_store, clock, program))
    assert program.posts == []

    clock.forward(601)
    go(delivery(sqlite_store, clock, program))

    assert len(program.posts) == 1


def test_nothing_leads_to_who_was_erased(store: Store, tmp_path: Path) -> None:
    stage = open_stage(store, tmp_path)
    tell(store, stage.clock)
    leave(store, "ada@example.com", "daily")
    erase(store, tmp_path, erased_hash, Address("ada@example.com"), Consent(NOW, "forget", "test"))
    program = Program()

    go(delivery(store, stage.clock, program, include_address=True))

    assert [each["type"] for each in program.told] == ["subscriber.left"]
    assert {each.subscriber_id for each in kept(store)} == {None}
    assert "address" not in json.dumps(program.told)


def test_messages_are_kept_for_a_while(store: Store) -> None:
    clock, program = FixedClock(), Program([WebhookAnswer(204)])
    pending(store, clock, 2)
    with store.write() as connection:
        claimed = webhooks.claim(connection, "crm", clock(), clock() + dt.timedelta(seconds=1), 1)
    assert len(claimed) == 1
    go(delivery(store, clock, program))
    left = []
    for days in (6, 8, 31):
        with store.write() as connection:
            webhooks.clean_up(connection, NOW + dt.timedelta(days=days))
        left.append(len(kept(store)))

    assert left == [2, 1, 0]


# --- as a person sees it --------------------------------------------------------------------------


@pytest.fixture
def endpoint(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (project / "subscribers" / "webhook-crm.key").write_text(SECRET)
    monkeypatch.setenv("NEWSLETTER_WEBHOOKS__CRM__ALLOW_PRIVATE", "true")


@contextmanager
def at(answer: bytes, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[bytes]]:
    with answering(answer) as (port, heard):
        url = f"http://127.0.0.1:{port}/hook"
        monkeypatch.setenv("NEWSLETTER_WEBHOOKS__CRM__URL", url)
        yield heard


@pytest.mark.usefixtures("endpoint")
def test_a_ping_says_whether_an_endpoint_takes_it(
    call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    with at(OK, monkeypatch) as heard:
        taken = call("webhooks", "test", "crm", "--json")
    with at(b"HTTP/1.1 401 No\r\n\r\n", monkeypatch):
        refused = call("webhooks", "test", "crm", "--json")
    unknown = call("webhooks", "test", "cmr", "--json")
    for_people = call("webhooks", "list").out.splitlines()

    assert (taken.code, taken.json) == (0, {"name": "crm", "status": "204"})
    assert b'"type": "ping"' in heard[0]
    assert for_people == ["crm  127.0.0.1", "  0 delivered, 0 waiting, 0 given up"]
    assert (refused.code, refused.error["message"]) == (1, "the webhook 'crm' did not take it: 401")
    assert (unknown.code, unknown.error["hint"]) == (2, "Did you mean 'crm'?")


@pytest.mark.usefixtures("endpoint")
def test_a_worker_without_a_secret_does_not_begin(call: Call, project: Path) -> None:
    (project / "subscribers" / "webhook-crm.key").unlink()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NEWSLETTER_WEBHOOKS__CRM__URL", "https://crm.example.com/")
        answer = call("worker", "--once", "--json")

    assert (answer.code, answer.error["message"]) == (2, "the webhook 'crm' has no secret")


@pytest.mark.usefixtures("endpoint")
def test_a_worker_tells_and_a_person_sees_it(
    call: Call, readers: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with at(OK, monkeypatch) as heard:
        call("subscribers", "add", "new@example.com", "--list", readers)
        [before] = call("webhooks", "list", "--json").lines
        assert call("worker", "--once").code == 0
        [after] = call("webhooks", "list", "--json").lines
    monkeypatch.delenv("NEWSLETTER_WEBHOOKS__CRM__URL")
    monkeypatch.delenv("NEWSLETTER_WEBHOOKS__CRM__ALLOW_PRIVATE")
    [removed] = call("webhooks", "list", "--json").lines

    assert (before["host"], before["waiting"], before["delivered"]) == ("127.0.0.1", 1, 0)
    assert (after["waiting"], after["delivered"]) == (0, 1)
    assert (removed["host"], removed["delivered"]) == (None, 1)
    assert len(heard) == 1
    assert call("webhooks", "retry", "crm", "--json").json == {"retried": 0}
