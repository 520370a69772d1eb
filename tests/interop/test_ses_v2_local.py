"""Our calls against a stand-in for SES that others wrote: another reading of the same API."""

import json
import os
import re
import shutil
import socket
import subprocess
import urllib.error
import urllib.request
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from newsletter.config import SesSettings
from newsletter.config.tables import read_table
from newsletter.desk.prepare import prepare
from newsletter.links import Links
from newsletter.model.address import Address
from newsletter.model.email import Email, Message
from newsletter.model.send import Accepted, Allowance
from newsletter.model.subscriber import Subscriber
from newsletter.project import Project
from newsletter.sending.compose import SendContext, compose
from newsletter.transports.ses.transport import Ses

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
PROGRAM = HERE / "node_modules" / ".bin" / "aws-ses-v2-local"
ACCOUNT = {
    "DedicatedIpAutoWarmupEnabled": False,
    "Details": {
        "AdditionalContactEmailAddresses": [],
        "ContactLanguage": "EN",
        "MailType": "MARKETING",
        "ReviewDetails": {"CaseId": "1", "Status": "GRANTED"},
        "UseCaseDescription": "",
        "WebsiteURL": "https://news.example.com",
    },
    "EnforcementStatus": "HEALTHY",
    "ProductionAccessEnabled": True,
    "SendingEnabled": True,
    "SendQuota": {"Max24HourSend": 50_000, "MaxSendRate": 14, "SentLast24Hours": 1_000},
    "SuppressionAttributes": {"SuppressedReasons": ["BOUNCE", "COMPLAINT"]},
}


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    """The URL of a running aws-ses-v2-local; skipped without Node, but in CI it must be there."""
    if not PROGRAM.exists() or shutil.which("node") is None:
        assert os.environ.get("CI") != "true", "CI has to run: npm ci --prefix tests/interop"
        pytest.skip("needs Node and: npm ci --prefix tests/interop")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    process = subprocess.Popen(
        [str(PROGRAM), "--host", "127.0.0.1", "--port", str(port)],
        env=os.environ | {"AWS_SES_ACCOUNT": json.dumps(ACCOUNT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert process.stdout is not None
    try:
        while "server running" not in (line := process.stdout.readline()):
            assert line, "aws-ses-v2-local did not start"
        yield f"http://127.0.0.1:{port}"
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


@pytest.fixture(autouse=True)
def _credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")


def transport(endpoint: str, mode: str = "bulk") -> Ses:
    settings = {"region": "eu-west-1", "endpoint_url": endpoint, "mode": mode}
    return Ses(read_table(SesSettings, settings))


def mails(endpoint: str) -> dict[str, dict[str, Any]]:
    """What the stand-in holds, by message id."""
    with urllib.request.urlopen(f"{endpoint}/store") as answer:
        return {mail["messageId"]: mail for mail in json.load(answer)["emails"]}


@cache
def email() -> Email:
    """The sample issue, with every kind of brace in its text."""
    prepared = prepare(Project.open(ROOT), "2026-11-20-quiet-machines")
    rest = ("{{ literal }} {{{x}}} {% raw %} \\{{y}} }} {", *prepared.email.text)
    return Email(
        sender=prepared.email.sender,
        reply_to="Editors <editors@news.example.com>",
        language="en",
        subject=("{{not}} a field: ", *prepared.email.subject),
        preheader=(),
        html=prepared.email.html,
        text=rest,
    )


def messages(count: int) -> list[Message]:
    context = SendContext(
        send_id="20261124-interp",
        slug="quiet-machines",
        list_id=1,
        list_name="readers",
        links=Links("https://news.example.com", ("a key for the tests alone",)),
    )
    names = ("Ada", "{{f0}} <b>Li & Söhne</b>", "林")
    return [
        compose(
            email(),
            Subscriber(n, Address(f"r{n}@example.com"), names[n % len(names)]),
            context,
            n,
            1,
        )
        for n in range(1, count + 1)
    ]


@pytest.mark.parametrize("mode", ["bulk", "raw"])
def test_the_mail_of_each_reader_is_what_was_composed(endpoint: str, mode: str) -> None:
    """Another implementation of inline templates fills in the very text that we mean."""
    batch = messages(3)

    outcomes = transport(endpoint, mode).deliver("20261124-interp", batch)

    stored = mails(endpoint)
    for message, outcome in zip(batch, outcomes, strict=True):
        assert isinstance(outcome, Accepted)
        mail = stored[outcome.message_id]
        assert mail["destination"]["to"] == [message.to.text]
        assert mail["subject"] == message.subject
        assert _lines(mail["body"]["html"]) == _lines(message.html)
        assert _lines(mail["body"]["text"]) == _lines(message.text)


def _lines(text: str) -> list[str]:
    return re.split(r"\r?\n", text.rstrip("\r\n"))


def test_each_reader_has_headers_of_its_own(endpoint: str) -> None:
    """Headers of the template and of the entry come together; raw ones it does not keep."""
    batch = messages(2)

    outcomes = transport(endpoint).deliver("20261124-interp", batch)

    stored = mails(endpoint)
    for message, outcome in zip(batch, outcomes, strict=True):
        assert isinstance(outcome, Accepted)
        found = {h["name"]: h["value"] for h in stored[outcome.message_id]["headers"]}
        assert found == dict(message.headers)


def test_a_full_call_is_taken_whole(endpoint: str) -> None:
    batch = messages(50)

    outcomes = transport(endpoint).deliver("20261124-interp", batch)

    assert all(isinstance(outcome, Accepted) for outcome in outcomes)


def test_the_account_is_read(endpoint: str) -> None:
    allowance = transport(endpoint).allowance()

    assert allowance == Allowance(rate=14 * 0.95, remaining=49_000, daily=50_000, sent=1_000)
