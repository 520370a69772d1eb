"""`POST /hooks/sns`: only what SNS has signed for one of our topics changes anything."""

import asyncio
import datetime as dt
import threading
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from httpx import ASGITransport, AsyncClient, Response

from newsletter.config import EventSettings
from newsletter.feedback.ses import certificates, subscribing
from newsletter.feedback.ses.certificates import MAX_BYTES
from newsletter.feedback.ses.hook import SnsHook
from newsletter.feedback.ses.sns import is_of_sns
from newsletter.model.send import Accepted
from newsletter.sending import run
from newsletter.sending.plan import plan
from newsletter.store import Store
from newsletter.transports.memory import Memory
from newsletter.web import hooks
from newsletter.web.app import make_app
from newsletter.web.site import Site
from tests.integration.feedback.signing import (
    BAD_TOPICS,
    BAD_URLS,
    CERTIFICATE_URL,
    TOPIC,
    Certificates,
    Fields,
    body,
    certificate,
    forgeries,
    key_number,
    notification,
    signed,
    subscription,
)
from tests.integration.publishing import site_of
from tests.integration.reporting import BOUNCE, event, logged, replay
from tests.integration.sending import NOW, FixedClock, fill_list, ledger, order, worker
from tests.unit.feedback.payloads import changed, payload
from tests.waiting import PATIENCE_SECONDS

MINUTE = dt.timedelta(minutes=1)


@dataclass
class Hook:
    """The hook of a site with one topic; SNS confirms to `confirmed`."""

    app: FastAPI
    store: Store
    clock: FixedClock
    certificates: Certificates
    confirmed: list[tuple[str, str]] = field(default_factory=list)
    ip: str = "192.0.2.7"  # of who posts

    def confirm(self, topic_arn: str, token: str) -> None:
        self.confirmed.append((topic_arn, token))

    def post(self, content: bytes | Fields, **headers: str) -> Response:
        return asyncio.run(self._posted([content], headers))[0]

    def post_at_once(self, *contents: Fields) -> list[Response]:
        return asyncio.run(self._posted(contents, {}))

    async def _posted(self, contents: Any, headers: dict[str, str]) -> list[Response]:
        transport = ASGITransport(self.app, client=(self.ip, 4711))
        async with AsyncClient(transport=transport, base_url="http://localhost") as client:
            client.headers.update({"Content-Type": "text/plain; charset=UTF-8", **headers})
            return list(
                await asyncio.gather(
                    *(
                        client.post(
                            "/hooks/sns", content=one if isinstance(one, bytes) else body(one)
                        )
                        for one in contents
                    )
                )
            )


@pytest.fixture
def hook(store: Store, tmp_path: Path) -> Hook:
    return make_hook(store, tmp_path)


@pytest.fixture
def quick(sqlite_store: Store, tmp_path: Path) -> Hook:
    """On SQLite alone: for the many ways of one refusal."""
    return make_hook(sqlite_store, tmp_path)


def add_hook(
    hook: Hook,
    site: Site,
    fetch: Callable[[str], bytes],
    confirm: Callable[[str, str], None],
) -> None:
    hooks.add(hook.app, site, [SnsHook(site.settings, site.store, site.clock, fetch, confirm)])


def make_hook(store: Store, folder: Path) -> Hook:
    hook = Hook(FastAPI(), store, FixedClock(), Certificates())
    add_hook(hook, believing(hook, folder), hook.certificates.fetch, hook.confirm)
    return hook


def believing(hook: Hook, folder: Path) -> Site:
    """A site that believes one topic."""
    site = site_of(hook.store, folder, clock=hook.clock)
    events = EventSettings(topic_arns=(TOPIC,))
    settings = replace(site.settings, events=events)
    return replace(site, project=replace(site.project, settings=settings))


@pytest.fixture
def send_id(store: Store) -> str:
    return sent(store)


def sent(store: Store) -> str:
    fill_list(store, 3)
    send_id = plan(store, order(), NOW)
    run.run(worker(store, Memory()), send_id)
    return send_id


def bounced(store: Store, send_id: str) -> set[str]:
    rows = ledger(store, send_id)
    return {address for address, row in rows.items() if row.reported == "bounced"}


def refused(hook: Hook, content: bytes | Fields, status: int) -> None:
    """The request is refused, and nothing at all was written."""
    answer = hook.post(content)

    assert answer.status_code == status
    assert logged(hook.store) == []
    assert hook.confirmed == []


# --- what SNS sends -------------------------------------------------------------------------------


@pytest.mark.parametrize("version", ["1", "2"])
@pytest.mark.parametrize("with_subject", [True, False])
def test_what_sns_has_signed_is_applied_before_the_answer(
    hook: Hook, send_id: str, version: str, with_subject: bool
) -> None:
    fields = notification(event(send_id, 1, BOUNCE), SignatureVersion=version)
    if not with_subject:
        del fields["Subject"]

    answer = hook.post(signed(fields))

    assert (answer.status_code, bounced(hook.store, send_id)) == (200, {"r1@example.com"})
    assert hook.certificates.fetched == [CERTIFICATE_URL]


def test_what_comes_again_is_a_duplicate(hook: Hook, send_id: str) -> None:
    fields = signed(notification(event(send_id, 1, BOUNCE)))

    answers = [hook.post(fields).status_code for _ in range(3)]

    assert (answers, len(logged(hook.store))) == ([200] * 3, 1)


def test_what_comes_at_once_is_applied_together_and_each_is_answered(
    hook: Hook, send_id: str
) -> None:
    numbers = (1, 2, 3)
    texts = [event(send_id, number, BOUNCE) for number in numbers]

    answers = hook.post_at_once(*(signed(notification(text)) for text in texts * 5))

    assert {answer.status_code for answer in answers} == {200}
    assert len(bounced(hook.store, send_id)) == 3
    assert len(logged(hook.store)) == 3


def test_fields_that_are_new_are_no_trouble(hook: Hook, send_id: str) -> None:
    """They are not signed, so they mean nothing."""
    fields = signed(notification(event(send_id))) | {"NewField": "x"}

    assert hook.post(fields).status_code == 200


@pytest.mark.parametrize(
    "message",
    [
        payload("validated.txt"),
        "hello",
        "{}",
        '{"eventType": "Teleportation", "mail": {"messageId": "x"}}',
        '{"eventType": "Bounce"}',
        "[" * 100_000,
        '{"mail": NaN}',
    ],
)
def test_what_is_no_event_is_recorded_and_answered_with_200(quick: Hook, message: str) -> None:
    """SNS would repeat it otherwise, for nothing."""
    assert quick.post(signed(notification(message))).status_code == 200

    assert {row.verdict for row in logged(quick.store)} <= {"set_aside"}


def test_a_body_over_the_cap_is_refused(quick: Hook) -> None:
    refused(quick, signed(notification("x" * 300_000)), 413)


# --- what SNS did not send ------------------------------------------------------------------------


@pytest.mark.parametrize("topic", BAD_TOPICS)
def test_another_topic_is_refused_before_anything_else(quick: Hook, topic: str) -> None:
    """Any account can sign for its own topic."""
    refused(quick, signed(notification("hello", TopicArn=topic)), 403)

    assert quick.certificates.fetched == []


def test_a_signature_of_somebody_else_is_refused(quick: Hook) -> None:
    refused(quick, signed(notification("hello"), key_number(1)), 403)
    refused(quick, notification("hello"), 403)


def test_without_a_topic_in_the_settings_nobody_is_believed(
    sqlite_store: Store, tmp_path: Path
) -> None:
    app = make_app(site_of(sqlite_store, tmp_path))
    hook = Hook(app, sqlite_store, FixedClock(), Certificates())

    refused(hook, signed(notification("hello")), 403)
    refused(hook, signed(notification("hello", TopicArn="")), 403)


@pytest.mark.parametrize("url", BAD_URLS)
def test_a_certificate_from_elsewhere_is_never_fetched(quick: Hook, url: str) -> None:
    refused(quick, signed(notification("hello", SigningCertURL=url)), 403)

    assert quick.certificates.fetched == []


def test_each_partition_has_its_own_host() -> None:
    path = "SimpleNotificationService-0a.pem"
    china = "arn:aws-cn:sns:cn-north-1:123456789012:events"

    assert is_of_sns(f"https://sns.cn-north-1.amazonaws.com.cn/{path}", china)
    assert not is_of_sns(f"https://sns.cn-north-1.amazonaws.com/{path}", china)
    assert not is_of_sns(f"https://sns.us-east-1.amazonaws.com/{path}", "us-east-1")


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"SignatureVersion": "3"}, 400),
        ({"SignatureVersion": ""}, 400),
        ({"Type": "Event"}, 400),
        ({"Signature": "no base64!"}, 403),
        ({"Signature": ""}, 403),
        ({"Message": 5}, 400),
        ({"Subject": None}, 400),
        ({"Extra": {"a": "b"}}, 400),
    ],
)
def test_what_is_malformed_is_refused(quick: Hook, changes: dict[str, Any], status: int) -> None:
    refused(quick, signed(notification("hello")) | changes, status)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"hello",
        b"[]",
        b'"x"',
        b"NaN",
        b"\xff",
        b"[" * 100_000,
        b'{"Type": "Notification", "Type": "Notification"}',
        b'{"a": "\\ud83d"}',
    ],
)
def test_what_is_no_flat_object_is_refused(quick: Hook, content: bytes) -> None:
    refused(quick, content, 400)


def test_a_header_that_names_another_type_is_refused(quick: Hook) -> None:
    headers = {"x-amz-sns-message-type": "SubscriptionConfirmation"}

    answer = quick.post(signed(notification("hello")), **headers)

    assert (answer.status_code, logged(quick.store)) == (400, [])


def test_none_of_many_forgeries_is_believed(quick: Hook) -> None:
    message = event(sent(quick.store), 1, BOUNCE)
    for content in forgeries(60, 1, message):
        answer = quick.post(content)
        assert answer.status_code in (400, 403), content[:300]

    assert logged(quick.store) == []
    assert set(quick.certificates.fetched) <= {CERTIFICATE_URL}


# --- certificates ---------------------------------------------------------------------------------


def test_a_certificate_is_fetched_once(quick: Hook) -> None:
    for _ in range(3):
        quick.post(signed(notification("hello")))

    assert quick.certificates.fetched == [CERTIFICATE_URL]


@pytest.mark.parametrize(
    "content",
    [
        None,
        b"",
        b"no certificate",
        b"x" * (MAX_BYTES + 1),
        certificate(key_number(0), ends=NOW - MINUTE),
        certificate(key_number(0), begins=NOW + MINUTE),
    ],
    ids=["unreachable", "empty", "none", "large", "expired", "not yet valid"],
)
def test_without_a_certificate_sns_is_asked_to_try_again(
    quick: Hook, content: bytes | None
) -> None:
    """Verifying is never skipped, and what may be true is not refused for good."""
    quick.certificates.at = {} if content is None else {CERTIFICATE_URL: content}

    refused(quick, signed(notification("hello")), 503)

    quick.certificates.at = Certificates().at
    if content is None:
        assert quick.post(signed(notification("hello"))).status_code == 200


def test_a_certificate_that_expires_is_believed_no_more(quick: Hook) -> None:
    assert quick.post(signed(notification("hello"))).status_code == 200
    quick.clock.forward(2 * 24 * 3600)

    assert quick.post(signed(notification("later"))).status_code == 503


def test_a_new_certificate_of_sns_is_fetched(quick: Hook) -> None:
    quick.post(signed(notification("hello")))
    url = CERTIFICATE_URL.replace("010a", "ffff")
    quick.certificates.at = {url: certificate(key_number(1))}

    answer = quick.post(signed(notification("hello", SigningCertURL=url), key_number(1)))

    assert (answer.status_code, quick.certificates.fetched) == (200, [CERTIFICATE_URL, url])


def made_up(number: int) -> Fields:
    """A message of a stranger that names a certificate of SNS which does not exist."""
    url = CERTIFICATE_URL.replace("010a", f"{number:04x}")
    return notification("hello", SigningCertURL=url) | {"Signature": "QUFB"}


def test_a_stranger_cannot_have_certificates_fetched_without_end(quick: Hook) -> None:
    for number in range(30):
        quick.post(made_up(number) | {"Signature": ""})
        assert quick.post(made_up(number)).status_code == 503

    assert len(quick.certificates.fetched) <= 5


def test_a_stranger_with_a_wide_network_is_one_stranger(quick: Hook) -> None:
    """A /48 has 65,536 of the networks that others have one of: all fetches there may be."""
    for number in range(30):
        quick.ip = f"2001:db8:1:{number:x}::1"
        assert quick.post(made_up(number)).status_code == 503

    assert len(quick.certificates.fetched) <= 5


def test_strangers_from_everywhere_have_a_bound_too(quick: Hook) -> None:
    keys = certificates.Certificates(quick.certificates.fetch, quick.clock)

    async def flood() -> None:
        for number in range(200):
            with pytest.raises(certificates.NoCertificate):
                await keys.fetch(f"https://made.up/{number}", f"10.0.{number}.0/24")

    asyncio.run(flood())

    assert len(quick.certificates.fetched) <= 60


def test_a_flood_of_made_up_certificates_costs_no_true_message(quick: Hook) -> None:
    """The certificate that has proven a message is at hand, whoever names others meanwhile."""
    assert quick.post(signed(notification("first"))).status_code == 200
    for number in range(100):
        quick.post(made_up(number))

    for text in ("second", "third"):
        assert quick.post(signed(notification(text))).status_code == 200
    assert quick.certificates.fetched.count(CERTIFICATE_URL) == 1


def test_true_certificates_of_others_push_out_none_that_has_proven_something(quick: Hook) -> None:
    """Those of other regions' past exist: a stranger may name each, at a time of quiet."""
    assert quick.post(signed(notification("first"))).status_code == 200
    own = quick.certificates.at[CERTIFICATE_URL]
    for number in range(40):
        fields = made_up(number)
        quick.certificates.at = {**quick.certificates.at, fields["SigningCertURL"]: own}
        refused_with = quick.post(fields).status_code
        quick.clock.forward(20)
        assert refused_with == 403

    quick.certificates.at = {}
    assert quick.post(signed(notification("second"))).status_code == 200


def test_a_fetch_that_hangs_holds_up_no_message_whose_certificate_is_at_hand(
    sqlite_store: Store, tmp_path: Path
) -> None:
    """All fetches that may go on at once hang, and as many requests wait for them."""
    hook = Hook(FastAPI(), sqlite_store, FixedClock(), Certificates())
    released, hanging = threading.Event(), threading.Semaphore(0)

    def fetch(url: str) -> bytes:
        if url == CERTIFICATE_URL:
            return hook.certificates.fetch(url)
        hanging.release()
        released.wait(PATIENCE_SECONDS)
        raise certificates.NoCertificate("it hung")

    add_hook(hook, believing(hook, tmp_path), fetch, hook.confirm)
    assert hook.post(signed(notification("first"))).status_code == 200
    flood = threading.Thread(target=hook.post_at_once, args=[made_up(n) for n in range(50)])
    flood.start()
    assert hanging.acquire(timeout=PATIENCE_SECONDS)

    answer = hook.post(signed(notification("second")))
    released.set()
    flood.join()

    assert answer.status_code == 200


def test_many_messages_at_once_fetch_their_certificate_once(quick: Hook) -> None:
    answers = quick.post_at_once(*(signed(notification(f"hello {n}")) for n in range(20)))

    assert {answer.status_code for answer in answers} == {200}
    assert quick.certificates.fetched == [CERTIFICATE_URL]


# --- subscribing ----------------------------------------------------------------------------------


def test_a_subscription_is_confirmed_through_the_api_and_only_while_armed(hook: Hook) -> None:
    """The URL in it leads to where a cloud keeps its secrets: it is never opened."""
    fields = signed(subscription())
    assert hook.post(fields).status_code == 200
    assert hook.confirmed == []

    subscribing.arm(hook.store, hook.clock() + 30 * MINUTE)
    assert hook.post(fields).status_code == 200

    assert hook.confirmed == [(TOPIC, fields["Token"])]
    assert hook.certificates.fetched == [CERTIFICATE_URL]


def test_a_captured_confirmation_does_nothing_when_the_time_is_over(hook: Hook) -> None:
    subscribing.arm(hook.store, hook.clock() + 30 * MINUTE)
    hook.clock.forward(31 * 60)

    assert hook.post(signed(subscription())).status_code == 200

    [row] = logged(hook.store)
    assert (hook.confirmed, row.verdict, row.payload) == ([], "set_aside", TOPIC)
    assert "newsletter events arm" in row.detail


def test_a_forged_subscription_is_refused_while_armed(quick: Hook) -> None:
    subscribing.arm(quick.store, quick.clock() + 30 * MINUTE)

    refused(quick, signed(subscription(), key_number(1)), 403)
    refused(quick, signed(subscription()) | {"Token": "another"}, 403)


def test_where_sns_does_not_take_the_confirmation_it_is_asked_to_send_it_again(
    quick: Hook, tmp_path: Path
) -> None:
    def confirm(topic_arn: str, token: str) -> None:
        raise subscribing.NotConfirmed("SNS is away")

    subscribing.arm(quick.store, quick.clock() + 30 * MINUTE)
    quick.app = FastAPI()
    add_hook(quick, believing(quick, tmp_path), quick.certificates.fetch, confirm)

    assert quick.post(signed(subscription())).status_code == 503


def test_that_a_topic_was_unsubscribed_changes_nothing(quick: Hook) -> None:
    subscribing.arm(quick.store, quick.clock() + 30 * MINUTE)
    fields = signed(subscription(Type="UnsubscribeConfirmation"))

    assert quick.post(fields).status_code == 200
    assert (quick.confirmed, logged(quick.store)) == ([], [])


# --- what came too early --------------------------------------------------------------------------


def test_a_clock_that_was_a_day_ahead_delays_no_event_that_came_early(
    store: Store, tmp_path: Path
) -> None:
    hook = make_hook(store, tmp_path)
    uptime = iter(range(0, 600, 61))
    applying = hooks.Applying(believing(hook, tmp_path), lambda: float(next(uptime)))
    hook.clock.forward(86_400)
    applying([])
    hook.clock.forward(-86_400)

    replay(store, changed("notification-bounce-without-headers.json", mail__messageId="late"))
    fill_list(store, 1)
    send_id = plan(store, order(), NOW)
    run.run(worker(store, Memory(lambda _, batch: [Accepted("late")])), send_id)
    applying([])

    assert len(bounced(store, send_id)) == 1
