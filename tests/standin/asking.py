"""How the tests of the stand-in ask it: a real boto3 client, and requests to change a part of."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError
from mypy_boto3_sesv2 import SESV2Client

from tests.waiting import PATIENCE_SECONDS

SENDER = "Daily <daily@news.example.com>"
READER = "reader@example.com"
MIME = (
    b"From: Daily <daily@news.example.com>\r\nTo: reader@example.com\r\nSubject: Hello\r\n"
    b"MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nHello\r\n"
)


def client_of(url: str, read_timeout_seconds: float = PATIENCE_SECONDS) -> SESV2Client:
    """A client that sends once and checks nothing, like one that sends newsletters."""
    client: SESV2Client = boto3.client(
        "sesv2",
        region_name="us-east-1",
        endpoint_url=url,
        aws_access_key_id="key",
        aws_secret_access_key="secret",
        config=Config(
            parameter_validation=False,
            retries={"total_max_attempts": 1},
            read_timeout=read_timeout_seconds,
            connect_timeout=PATIENCE_SECONDS,
            max_pool_connections=32,
        ),
    )
    return client


def pairs(values: Mapping[str, str]) -> list[dict[str, str]]:
    """Headers or tags as the API wants them."""
    return [{"Name": name, "Value": value} for name, value in values.items()]


def entry(to: str = READER, data: object = None, **members: Any) -> dict[str, Any]:
    """An entry of a bulk call; `data` becomes its template data."""
    made: dict[str, Any] = {"Destination": {"ToAddresses": [to]}, **members}
    if data is not None:
        replaced = {"ReplacementTemplateData": json.dumps(data)}
        made["ReplacementEmailContent"] = {"ReplacementTemplate": replaced}
    return made


def template(
    subject: str = "Hello", html: str = "<p>Hello</p>", text: str = "Hello", **members: Any
) -> dict[str, Any]:
    return {"TemplateContent": {"Subject": subject, "Html": html, "Text": text}, **members}


def bulk(
    entries: Sequence[object] | None = None, content: object = None, **members: Any
) -> dict[str, Any]:
    """The arguments of a bulk call to one reader."""
    return {
        "FromEmailAddress": SENDER,
        "DefaultContent": {"Template": content or template()},
        "BulkEmailEntries": [entry()] if entries is None else entries,
        **members,
    }


def simple(to: str = READER, **members: Any) -> dict[str, Any]:
    """The arguments of SendEmail with simple content."""
    body = {"Html": {"Data": "<p>Hello</p>"}, "Text": {"Data": "Hello"}}
    return {
        "FromEmailAddress": SENDER,
        "Destination": {"ToAddresses": [to]},
        "Content": {"Simple": {"Subject": {"Data": "Hello"}, "Body": body}},
        **members,
    }


def raw(data: bytes = MIME, **members: Any) -> dict[str, Any]:
    """The arguments of SendEmail with raw content."""
    return {"Content": {"Raw": {"Data": data}}, **members}


def statuses(answer: Mapping[str, Any]) -> list[str]:
    """The statuses in the answer to a bulk call."""
    return [result["Status"] for result in answer["BulkEmailEntryResults"]]


def code(error: ClientError) -> str:
    """The code of an error that SES answered with."""
    return error.response["Error"]["Code"]
