"""SNS itself, by moto: its real signatures over HTTP, its certificates, its confirmations."""

import asyncio
import datetime as dt
import json
import threading
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import uvicorn
from fastapi import FastAPI, Request

from newsletter.errors import ConfigurationError
from newsletter.feedback.ses.certificates import Certificates
from newsletter.feedback.ses.sns import Envelope, Refusal, prove
from newsletter.feedback.ses.subscribing import NotConfirmed, confirm
from newsletter.http.server import listen, url_of
from newsletter.project import utc_now
from tests.integration.aws import Aws
from tests.integration.reporting import BOUNCE, event
from tests.waiting import PATIENCE_SECONDS


@pytest.fixture
def posted() -> list[bytes]:
    """What SNS has posted."""
    return []


@pytest.fixture
def endpoint(posted: list[bytes]) -> Iterator[str]:
    """The URL of a server that keeps what is posted."""
    app = FastAPI()

    @app.post("/hooks/sns")
    async def sns(request: Request) -> None:
        posted.append(await request.body())

    with listen("127.0.0.1", 0) as listening:
        server = uvicorn.Server(uvicorn.Config(app, log_level="warning", ws="none"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        yield f"{url_of(listening)}/hooks/sns"  # connections wait until it accepts them
        server.should_exit = True
        thread.join()


def test_a_signature_of_sns_proves_what_it_posts(
    aws: Aws, endpoint: str, posted: list[bytes]
) -> None:
    topic = aws.sns.create_topic(Name="posting")["TopicArn"]
    aws.sns.subscribe(TopicArn=topic, Protocol="http", Endpoint=endpoint)
    fetched: list[str] = []

    def fetch(url: str) -> bytes:
        """moto serves the certificate itself; it tells services apart by who they are asked as."""
        fetched.append(url)
        scope = "AWS4-HMAC-SHA256 Credential=key/20260107/us-east-1/sns/aws4_request"
        headers = {"Authorization": scope}
        request = urllib.request.Request(aws.url + urlsplit(url).path, headers=headers)
        with urllib.request.urlopen(request, timeout=PATIENCE_SECONDS) as answer:
            return bytes(answer.read())

    keys = Certificates(fetch, lambda: utc_now() + dt.timedelta(minutes=1))
    message = event("20260107-abcdef", 1, BOUNCE)
    aws.sns.publish(TopicArn=topic, Message=message)

    [content] = posted
    asyncio.run(keys.fetch(json.loads(content)["SigningCertURL"], "here"))
    found = prove(content, {topic}, keys.key_of)
    changed = prove(content.replace(b"Permanent", b"Transient"), {topic}, keys.key_of)

    assert isinstance(found, Envelope)
    assert (found.is_notification, found.message) == (True, message)
    assert changed == Refusal(403, "a signature that is not of SNS")
    assert len(fetched) == 1


@pytest.fixture
def through_moto(aws: Aws, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {
        "AWS_ENDPOINT_URL_SNS": aws.url,
        "AWS_ACCESS_KEY_ID": "key",
        "AWS_SECRET_ACCESS_KEY": "secret",
    }.items():
        monkeypatch.setenv(name, value)


@pytest.mark.usefixtures("through_moto")
def test_a_subscription_is_confirmed_through_the_api(aws: Aws) -> None:
    topic = aws.sns.create_topic(Name="confirming")["TopicArn"]

    confirm(topic, "a-token", PATIENCE_SECONDS)


@pytest.mark.usefixtures("through_moto")
def test_a_confirmation_that_sns_refuses_is_told() -> None:
    with pytest.raises(NotConfirmed):
        confirm("arn:aws:sns:us-east-1:123456789012:missing", "a-token", PATIENCE_SECONDS)


def test_without_credentials_nothing_is_confirmed(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name, raising=False)
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, str(tmp_path / "none"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")

    with pytest.raises(ConfigurationError, match="credentials"):
        confirm("arn:aws:sns:us-east-1:123456789012:events", "a-token")
