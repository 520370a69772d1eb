"""Confirming a subscription: what SNS is asked, and what its refusals say."""

import datetime as dt
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs

import pytest

from newsletter.errors import ConfigurationError
from newsletter.feedback.ses.subscribing import NotConfirmed, arm, confirm, is_armed
from newsletter.store import Store
from tests.integration.sending import NOW

TOPIC = "arn:aws:sns:us-east-1:123456789012:events"
CONFIRMED = (
    "<ConfirmSubscriptionResponse><ConfirmSubscriptionResult><SubscriptionArn>arn:x"
    "</SubscriptionArn></ConfirmSubscriptionResult></ConfirmSubscriptionResponse>"
)
REFUSED = "<ErrorResponse><Error><Code>{}</Code><Message>no</Message></Error></ErrorResponse>"


def test_of_two_who_arm_at_once_the_later_time_holds(store: Store) -> None:
    until, later = NOW + dt.timedelta(minutes=30), NOW + dt.timedelta(minutes=60)

    with ThreadPoolExecutor(8) as pool:
        times = [later if number % 2 else until for number in range(40)]
        reached = list(pool.map(lambda time: arm(store, time), times))

    assert {time for time, wanted in zip(reached, times, strict=True) if wanted == later} == {later}
    assert is_armed(store, later - dt.timedelta(seconds=1))
    assert arm(store, until) == later


@dataclass
class Sns:
    """An SNS that answers what it is told to, and keeps what it was asked."""

    status: int = 200
    content: str = CONFIRMED
    asked: list[dict[str, list[str]]] = field(default_factory=list)


@pytest.fixture
def sns(monkeypatch: pytest.MonkeyPatch) -> Iterator[Sns]:
    found = Sns()

    class Answering(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            found.asked.append(parse_qs(body.decode()))
            content = found.content.encode()
            self.send_response(found.status)
            self.send_header("Content-Type", "text/xml")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *args: object) -> None:
            """Nothing: tests are quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answering)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    for name, value in {
        "AWS_ENDPOINT_URL_SNS": f"http://127.0.0.1:{server.server_address[1]}",
        "AWS_ACCESS_KEY_ID": "key",
        "AWS_SECRET_ACCESS_KEY": "secret",
    }.items():
        monkeypatch.setenv(name, value)
    yield found
    server.shutdown()
    thread.join()
    server.server_close()


def test_only_the_owner_of_the_topic_can_end_what_was_confirmed(sns: Sns) -> None:
    """Else whoever reads one of its messages has a link that ends the subscription."""
    confirm(TOPIC, "a-token")

    [asked] = sns.asked
    assert asked["Action"] == ["ConfirmSubscription"]
    assert (asked["TopicArn"], asked["Token"]) == ([TOPIC], ["a-token"])
    assert asked["AuthenticateOnUnsubscribe"] == ["true"]


@pytest.mark.parametrize(
    ("code", "error", "hint"),
    [
        ("AuthorizationError", ConfigurationError, "sns:ConfirmSubscription"),
        ("InvalidClientTokenId", ConfigurationError, "access key"),
        ("NotFound", NotConfirmed, ""),
    ],
)
def test_a_refusal_says_what_to_do(sns: Sns, code: str, error: type[Exception], hint: str) -> None:
    sns.status, sns.content = 403, REFUSED.format(code)

    with pytest.raises(error) as caught:
        confirm(TOPIC, "a-token")

    assert hint in getattr(caught.value, "hint", "")
