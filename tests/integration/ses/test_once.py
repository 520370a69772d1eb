"""A call to send is made once, whatever the environment says, whenever the process stops."""

import json
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from newsletter.model.send import SendStatus
from newsletter.transports.ses.transport import Ses
from tests.integration.commandline import Call, slow_down, speed_up
from tests.integration.ses.stage import Stage, settings_for
from tests.integration.test_cli_processes import Terminal, at_terminal
from tests.standin.client import StandIn
from tests.waiting import until

ISSUE = "2026-01-07-valley"
MODES = pytest.mark.parametrize("mode", ["bulk", "raw"])


# --- the SDK --------------------------------------------------------------------------------------


@MODES
@pytest.mark.parametrize("retry_mode", ["legacy", "adaptive"])
@pytest.mark.parametrize("fault", ["drop_after", "rate_exceeded"])
def test_no_environment_makes_the_sdk_ask_twice(
    quick: Stage, monkeypatch: pytest.MonkeyPatch, fault: str, retry_mode: str, mode: str
) -> None:
    """The settings of AWS that repeat calls are ours to overrule: SES has no idempotency token."""
    monkeypatch.setenv("AWS_RETRY_MODE", retry_mode)
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "5")
    quick.standin.configure(**{fault: 1})
    made_now = Ses(settings_for(quick.standin.url, mode), concurrency=1)

    send = quick.send(1, made_now)

    unknown = 0 if fault == "rate_exceeded" else 1
    assert len(quick.calls) == 2 - unknown  # what was throttled comes again by our own decision
    assert quick.statuses(send.id) == {"unknown" if unknown else "accepted": 1}


@MODES
def test_an_error_that_is_not_known_is_unknown_and_stops(quick: Stage, mode: str) -> None:
    """A refusal of SES, or of something on the way: what comes next may be refused alike."""
    quick.standin.configure(
        bad_request={"next": 1, "code": "QuarantinedException", "message": "You shall not pass"}
    )

    send = quick.send(120, quick.ses(mode))

    lost = 50 if mode == "bulk" else 1
    assert send.status is SendStatus.PAUSED
    assert "SES answered 400: QuarantinedException: You shall not pass" in (send.pause_reason or "")
    assert quick.statuses(send.id) == {"unknown": lost, "queued": 120 - lost}
    assert len(quick.calls) == 1


# --- the process ----------------------------------------------------------------------------------


@pytest.fixture
def configured(project: Path, standin: StandIn, monkeypatch: pytest.MonkeyPatch) -> None:
    """A project that sends through the stand-in, which holds its first answer back."""
    slow_down(project)
    standin.configure(held=1)
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    monkeypatch.setenv("NEWSLETTER_TRANSPORT__KIND", "ses")
    monkeypatch.setenv("NEWSLETTER_TRANSPORT__SES__ENDPOINT_URL", standin.url)
    monkeypatch.setenv("NEWSLETTER_TRANSPORT__SES__CONFIGURATION_SET", "newsletter")


@contextmanager
def in_flight(project: Path, standin: StandIn, readers: str) -> Iterator[tuple[Terminal, str]]:
    """A send of three mails, one a call, whose first SES has taken and not yet answered."""
    before = len(list(standin.accepted()))
    arguments = ("send", ISSUE, "--list", readers, "--yes", "--rate", "2", "--json")
    with at_terminal(project, *arguments) as terminal:

        def is_taken() -> bool:
            assert terminal.process.is_alive()
            return len(list(standin.accepted())) > before

        until(is_taken)
        *_, mail = standin.accepted()
        yield terminal, mail["tags"]["send"]


def mailed(standin: StandIn, send_id: str) -> list[str]:
    return [record["to"] for record in standin.accepted() if record["tags"]["send"] == send_id]


@pytest.mark.usefixtures("configured")
@pytest.mark.parametrize(
    ("name", "mode"), [("SIGINT", "bulk"), ("SIGTERM", "raw"), ("SIGHUP", "bulk")]
)
def test_a_call_in_flight_is_finished_before_the_process_leaves(
    call: Call,
    project: Path,
    standin: StandIn,
    readers: str,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    mode: str,
) -> None:
    """Its answer, which comes after the signal, is in the ledger: nothing becomes unknown."""
    monkeypatch.setenv("NEWSLETTER_TRANSPORT__SES__MODE", mode)

    with in_flight(project, standin, readers) as (terminal, send_id):
        terminal.process.send_signal(signal.Signals[name])
        standin.clear()
        terminal.wait_for(f"newsletter resume {send_id}")
        code, out = terminal.leave()
    left = mailed(standin, send_id)
    speed_up(project)
    resumed = call("resume", send_id, "--json")

    stopped = json.loads(out)
    assert code == 130
    assert (stopped["accepted"], stopped["unknown"], stopped["queued"]) == (1, 0, 2)
    assert len(left) == 1
    assert (resumed.code, resumed.json["accepted"]) == (0, 3)
    assert len(set(mailed(standin, send_id))) == len(mailed(standin, send_id)) == 3


@pytest.mark.usefixtures("configured")
@pytest.mark.parametrize("how", ["told twice to stop", "kill -9"])
def test_a_lost_process_leaves_one_call_unknown_which_events_settle(
    call: Call, project: Path, standin: StandIn, readers: str, how: str
) -> None:
    """SES had taken it: nobody sends it again, and its event says so."""
    with in_flight(project, standin, readers) as (terminal, send_id):
        if how == "kill -9":
            terminal.process.kill()
        else:
            terminal.process.send_signal(signal.SIGINT)
            terminal.process.send_signal(signal.SIGTERM)
        code, _ = terminal.leave()
    standin.clear()
    speed_up(project)
    resumed = call("resume", send_id, "--json")
    log = project / "events.jsonl"
    log.write_text("".join(f"{json.dumps(event)}\n" for event in standin.events()))

    replayed = call("events", "replay", "events.jsonl", "--json")
    after = call("status", send_id, "--json").json

    assert code == (-signal.SIGKILL if how == "kill -9" else 130)
    assert resumed.code == 4
    assert (resumed.json["status"], resumed.json["unknown"]) == ("unresolved", 1)
    assert replayed.code == 0
    assert (after["status"], after["accepted"]) == ("finished", 3)
    assert len(set(mailed(standin, send_id))) == len(mailed(standin, send_id)) == 3
