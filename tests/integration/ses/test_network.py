"""What never reached SES is provably not sent, and is safely tried again."""

import socket
import threading
from collections.abc import Callable
from typing import Any

import pytest

from newsletter.errors import OutcomeUnknown, SendingStopped, TransportDown
from newsletter.model.email import Message
from newsletter.model.send import SendStatus
from newsletter.sending import run
from newsletter.store import Store
from newsletter.transports.ses.transport import Ses
from tests.integration.sending import FixedClock, worker
from tests.integration.ses.stage import NotAsking, Stage, settings_for
from tests.integration.ses.wire import CERTIFICATES, closed_port, listening
from tests.unit.transports.test_mime import MESSAGE

MODES = pytest.mark.parametrize("mode", ["bulk", "raw"])
BATCH: list[Message] = [MESSAGE]


def deliver(url: str, mode: str = "bulk") -> Any:
    return NotAsking(settings_for(url, mode)).deliver("20261124-abcdef", BATCH)


def unconnected(stage: Stage, mode: str = "bulk") -> Ses:
    """A transport without a connection from before, which would need no name."""
    return Ses(settings_for(stage.standin.url, mode), concurrency=1)


class DnsOutage:
    """The resolver of this process, out of order for the threads that send, a number of times."""

    def __init__(self, times: int) -> None:
        self.times = times
        self.asked = 0
        self._resolve: Callable[..., Any] = socket.getaddrinfo

    def __call__(self, *arguments: Any, **options: Any) -> Any:
        if threading.current_thread().name.startswith("sender"):
            self.asked += 1
            if self.asked <= self.times:
                raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")
        return self._resolve(*arguments, **options)


@MODES
def test_a_name_that_is_not_found_is_tried_again(
    stage: Stage, mode: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing reached SES, so nobody is unknown, and each gets the mail once."""
    outage = DnsOutage(times=3)
    monkeypatch.setattr(socket, "getaddrinfo", outage)

    send = stage.send(20, unconnected(stage, mode))

    assert outage.asked > 3
    assert send.status is SendStatus.FINISHED
    assert stage.statuses(send.id) == {"accepted": 20}
    assert {call["status"] for call in stage.calls} == {200}


def test_a_name_that_stays_unknown_pauses_and_keeps_all(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", DnsOutage(times=1_000))

    send = stage.send(20, unconnected(stage))

    assert send.status is SendStatus.PAUSED
    assert "cannot be reached" in (send.pause_reason or "")
    assert stage.statuses(send.id) == {"queued": 20}
    assert stage.calls == []


@MODES
def test_a_refused_connection_is_provably_not_sent(mode: str) -> None:
    with closed_port() as port, pytest.raises(TransportDown, match="cannot be reached"):
        deliver(f"http://127.0.0.1:{port}", mode)


def test_a_refused_connection_keeps_all_and_the_send_goes_on_later(stage: Stage) -> None:
    with closed_port() as port:
        gone = NotAsking(settings_for(f"http://127.0.0.1:{port}"), concurrency=1)

        send = stage.send(20, gone)

    assert send.status is SendStatus.PAUSED
    assert stage.statuses(send.id) == {"queued": 20}
    assert stage.resume(send.id).status is SendStatus.FINISHED
    assert stage.statuses(send.id) == {"accepted": 20}


@pytest.mark.parametrize(
    ("name", "is_trusted"), [("good", False), ("expired", True), ("other-host", True)]
)
def test_a_bad_certificate_is_provably_not_sent(
    monkeypatch: pytest.MonkeyPatch, name: str, is_trusted: bool
) -> None:
    """One that nobody vouches for, an old one, one of another: no byte of the request leaves."""
    path = CERTIFICATES / f"{name}.pem"
    if is_trusted:
        monkeypatch.setenv("AWS_CA_BUNDLE", str(path))

    with listening(path) as server, pytest.raises(TransportDown, match="no secure connection"):
        deliver(f"https://127.0.0.1:{server.port}")

    assert server.connections == 1
    assert server.heard == b""


def test_a_good_certificate_lets_the_request_through(monkeypatch: pytest.MonkeyPatch) -> None:
    """So the three above fail for what they say. That nobody answers then is another matter."""
    path = CERTIFICATES / "good.pem"
    monkeypatch.setenv("AWS_CA_BUNDLE", str(path))

    with listening(path) as server, pytest.raises(OutcomeUnknown):
        deliver(f"https://127.0.0.1:{server.port}")

    assert server.heard.startswith(b"POST /v2/email/outbound-bulk-emails")


def test_a_port_that_speaks_no_tls_is_provably_not_sent() -> None:
    with listening() as server, pytest.raises(TransportDown, match="no secure connection"):
        deliver(f"https://127.0.0.1:{server.port}")

    assert server.connections == 1


def test_an_account_that_cannot_be_asked_starts_nothing(
    sqlite_store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What it allows is not known, so nothing is claimed."""
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")

    with closed_port() as port:
        stopped = Ses(settings_for(f"http://127.0.0.1:{port}"))
        sending = worker(sqlite_store, stopped, clock=FixedClock())
        with pytest.raises(SendingStopped, match="does not tell what the account allows") as caught:
            run.allowed(sending.transport)

    assert "Check the network" in caught.value.hint
