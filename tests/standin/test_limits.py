"""What SES refuses, the stand-in refuses, and what lies just within the limits it takes."""

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError
from mypy_boto3_sesv2 import SESV2Client

from tests.standin.asking import MIME, bulk, code, entry, pairs, raw, simple, template
from tests.standin.client import StandIn

_MANY = {f"X-Header-{number}": "value" for number in range(16)}
_FIFTEEN = dict(list(_MANY.items())[:15])
_BIG = "x" * 985_000

BULK_REFUSED: dict[str, dict[str, Any]] = {
    "no entries": bulk([]),
    "51 entries": bulk([entry()] * 51),
    "no recipient": bulk([{"Destination": {"ToAddresses": []}}]),
    "51 recipients": bulk([{"Destination": {"ToAddresses": ["reader@example.com"] * 51}}]),
    "no destination": bulk([{"ReplacementTags": []}]),
    "an address without @": bulk([entry("reader")]),
    "an address with a space": bulk([entry("rea der@example.com")]),
    "an address with a newline": bulk([entry("reader@example.com\nBcc: x@example.com")]),
    "an address that is not ASCII": bulk([entry("读者@example.com")]),
    "a domain that is not ASCII": bulk([entry("reader@例子.com")]),
    "a name that is not ASCII": bulk([entry("读者 <reader@example.com>")]),
    "two addresses in one": bulk([entry("a@example.com, b@example.com")]),
    "a local part of 65": bulk([entry("a" * 65 + "@example.com")]),
    "a dot too much": bulk([entry("a..b@example.com")]),
    "no sender": {k: v for k, v in bulk().items() if k != "FromEmailAddress"},
    "16 headers": bulk([entry(ReplacementHeaders=pairs(_MANY))]),
    "16 headers of the template": bulk(content=template(Headers=pairs(_MANY))),
    "16 headers together": bulk(
        [entry(ReplacementHeaders=pairs({"X-One-More": "value"}))],
        template(Headers=pairs(_FIFTEEN)),
    ),
    "a header name with a colon": bulk([entry(ReplacementHeaders=pairs({"X:Y": "value"}))]),
    "a header name of 127": bulk([entry(ReplacementHeaders=pairs({"X" * 127: "value"}))]),
    "an empty header": bulk([entry(ReplacementHeaders=pairs({"X-Empty": ""}))]),
    "a header of 996": bulk([entry(ReplacementHeaders=pairs({"X": "v" * 996}))]),
    "a header and name of 997": bulk([entry(ReplacementHeaders=pairs({"XYZ": "v" * 994}))]),
    "a header that is not ASCII": bulk([entry(ReplacementHeaders=pairs({"X-Name": "读者"}))]),
    "a header of two lines": bulk([entry(ReplacementHeaders=pairs({"X-Name": "a\r\nBcc: b"}))]),
    "two List-Unsubscribe": bulk(
        [entry(ReplacementHeaders=pairs({"List-Unsubscribe": "<a>", "list-unsubscribe": "<b>"}))]
    ),
    "a tag with @": bulk([entry(ReplacementTags=pairs({"to": "a@b"}))]),
    "a tag name with a colon": bulk([entry(ReplacementTags=pairs({"ses:to": "a"}))]),
    "a tag of 257": bulk([entry(ReplacementTags=pairs({"to": "a" * 257}))]),
    "an empty tag": bulk([entry(ReplacementTags=pairs({"to": ""}))]),
    "a default tag with a dot": bulk(DefaultEmailTags=pairs({"issue": "2026.1"})),
    "data that is not JSON": bulk(content=template(TemplateData="{name}")),
    "data that is a list": bulk(content=template(TemplateData="[]")),
    "data that is a structure": bulk(content=template(TemplateData={"name": "a"})),
    "data of 262,145": bulk([entry(data={"name": "x" * (262_145 - 12)})]),
    "more than 1 MB": bulk(content=template(html=_BIG + "x" * 15_000)),
    "an each block": bulk(content=template(html="{{#each items}}{{this}}{{/each}}")),
    "a dotted variable": bulk(content=template(html="{{ user.name }}")),
    "a filter": bulk(content=template(text="{{ user|upper }}")),
    "an unclosed field": bulk(content=template(text="{{ open")),
    "three braces": bulk(content=template(html="{{{name}}}")),
    "an escaped field": bulk(content=template(html="\\{{name}}")),
    "a subject of two lines": bulk(content=template(subject="a\nb")),
    "a subject of two lines by data": bulk(
        [entry(data={"name": "a\nb"})], template(subject="{{name}}")
    ),
    "no parts": bulk(content={"TemplateContent": {"Subject": "Hello"}}),
    "no subject": bulk(content={"TemplateContent": {"Html": "Hello"}}),
    **{
        f"the header {name}": bulk([entry(ReplacementHeaders=pairs({name: "value"}))])
        for name in (
            *("Bcc", "Cc", "Content-Type", "Date", "from", "MESSAGE-ID", "MIME-Version"),
            *("Reply-To", "Return-Path", "Sender", "Subject", "To"),
        )
    },
}
SINGLE_REFUSED: dict[str, dict[str, Any]] = {
    "two contents": simple(Content={**simple()["Content"], **raw()["Content"]}),
    "no recipient": simple(Destination={}),
    "no body": simple(Content={"Simple": {"Subject": {"Data": "Hello"}, "Body": {}}}),
    "a tag with a dot": simple(EmailTags=pairs({"a": "b.c"})),
    "16 headers": simple(
        Content={"Simple": {**simple()["Content"]["Simple"], "Headers": pairs(_MANY)}}
    ),
    "a line of 999": raw(MIME + b"x" * 999 + b"\r\n"),
    "40 MB": raw(MIME + (b"x" * 98 + b"\r\n") * 400_000),
    "no sender in MIME": raw(MIME.replace(b"From: Daily <daily@news.example.com>\r\n", b"")),
    "no body in MIME": raw(MIME.partition(b"\r\n\r\n")[0]),
    "two subjects": raw(b"Subject: One\r\n" + MIME),
    "two List-Unsubscribe": raw(b"List-Unsubscribe: <a>\r\nlist-unsubscribe: <b>\r\n" + MIME),
    "a header in UTF-8": raw(MIME.replace(b"Hello\r\nMIME", "你好\r\nMIME".encode())),
}
BULK_ACCEPTED: dict[str, dict[str, Any]] = {
    "50 entries": bulk([entry()] * 50),
    "50 recipients": bulk([{"Destination": {"ToAddresses": ["reader@example.com"] * 50}}]),
    "15 headers": bulk([entry(ReplacementHeaders=pairs(_FIFTEEN))]),
    "15 headers, of which one replaces": bulk(
        [entry(ReplacementHeaders=pairs({"x-header-3": "value"}))],
        template(Headers=pairs(_FIFTEEN)),
    ),
    "a header of 995": bulk([entry(ReplacementHeaders=pairs({"X": "v" * 995}))]),
    "a tag of 256": bulk([entry(ReplacementTags=pairs({"to": "a" * 256}))]),
    "data of 262,144": bulk([entry(data={"name": "x" * (262_144 - 12)})]),
    "nearly 1 MB": bulk(content=template(html=_BIG)),
    "an address with a name": bulk([entry('"Reader, First" <reader@example.com>')]),
    "an encoded name": bulk([entry("=?utf-8?b?6K+76ICF?= <reader@example.com>")]),
    "a local part of 64": bulk([entry("a" * 64 + "@example.com")]),
    "a subject in Chinese": bulk(content=template(subject="你好")),
    "closing braces and a lone one": bulk(content=template(html="a{color:red}} { {% x %}")),
}


@pytest.mark.parametrize("name", BULK_REFUSED)
def test_a_bulk_call_beyond_a_limit_is_refused(
    standin: StandIn, ses: SESV2Client, name: str
) -> None:
    """Nothing of such a call is accepted, and the log tells of the refusal."""
    before = len(list(standin.accepted()))

    with pytest.raises(ClientError) as caught:
        ses.send_bulk_email(**BULK_REFUSED[name])

    assert code(caught.value) == "BadRequestException"
    assert len(list(standin.accepted())) == before
    assert standin.requests[-1]["error"] == "BadRequestException"


@pytest.mark.parametrize("name", SINGLE_REFUSED)
def test_a_single_mail_beyond_a_limit_is_refused(
    standin: StandIn, ses: SESV2Client, name: str
) -> None:
    """Raw messages have limits of their own: line length, size, headers there only once."""
    before = len(list(standin.accepted()))

    with pytest.raises(ClientError) as caught:
        ses.send_email(**SINGLE_REFUSED[name])

    assert code(caught.value) == "BadRequestException"
    assert len(list(standin.accepted())) == before


@pytest.mark.parametrize("name", BULK_ACCEPTED)
def test_a_bulk_call_at_a_limit_is_accepted(ses: SESV2Client, name: str) -> None:
    """A limit is where SES has it, not before."""
    answer = ses.send_bulk_email(**BULK_ACCEPTED[name])

    results = answer["BulkEmailEntryResults"]
    assert [result["Status"] for result in results] == ["SUCCESS"] * len(results)
    assert len({result["MessageId"] for result in results}) == len(results)


def test_a_raw_line_of_998_characters_is_accepted(ses: SESV2Client) -> None:
    """RFC 5322 allows 998 characters and CRLF."""
    answer = ses.send_email(**raw(MIME + b"x" * 998 + b"\r\n"))

    assert answer["MessageId"]


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ({**bulk(), "BulkEmailEntry": []}, "request has an unknown member BulkEmailEntry"),
        (bulk([entry(ReplacementTag=[])]), "entry 0 has an unknown member ReplacementTag"),
        (bulk([{"Destination": {"To": ["a@b.c"]}}]), "entry 0 has an unknown member To"),
    ],
)
def test_a_member_nobody_knows_is_refused(
    standin: StandIn, body: dict[str, Any], reason: str
) -> None:
    """A misspelt member would be dropped in silence by a lenient service."""
    answer = _post(standin, json.dumps(body).encode())

    assert answer == (400, "BadRequestException", reason)


@pytest.mark.parametrize(
    ("body", "headers", "expected"),
    [
        (b"{}", {"Authorization": ""}, (403, "MissingAuthenticationTokenException")),
        (b"{}", {"Authorization": "Basic a2V5"}, (403, "MissingAuthenticationTokenException")),
        (b"{}", {"Content-Type": "text/plain"}, (415, "UnsupportedMediaTypeException")),
        (b"{", {}, (400, "SerializationException")),
        (b"[]", {}, (400, "BadRequestException")),
    ],
)
def test_a_request_that_boto3_would_not_make_is_refused(
    standin: StandIn, body: bytes, headers: dict[str, str], expected: tuple[int, str]
) -> None:
    """A signature (any), JSON, and its content type are demanded."""
    status, error, _ = _post(standin, body, headers)

    assert (status, error) == expected


def test_a_stored_template_does_not_exist(ses: SESV2Client) -> None:
    """Only inline templates are there."""
    with pytest.raises(ClientError) as caught:
        ses.send_bulk_email(**bulk(content={"TemplateName": "digest"}))

    assert code(caught.value) == "NotFoundException"


def test_an_operation_that_is_not_there_says_so(ses: SESV2Client) -> None:
    """Nothing is answered that was not understood."""
    with pytest.raises(ClientError) as caught:
        ses.list_contact_lists()

    assert code(caught.value) == "UnknownOperationException"


def _post(
    standin: StandIn, body: bytes, headers: dict[str, str] | None = None
) -> tuple[int, str, str]:
    """The status, error code and message that answer a bulk call made by hand."""
    import urllib.error
    import urllib.request

    signed = {
        "Authorization": "AWS4-HMAC-SHA256 Credential=key/20260107/us-east-1/ses/aws4_request",
        "Content-Type": "application/json",
    }
    request = urllib.request.Request(
        f"{standin.url}/v2/email/outbound-bulk-emails", body, signed | (headers or {})
    )
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(request)
    with caught.value as error:
        message: str = json.loads(error.read())["message"]
        return error.code, str(error.headers["x-amzn-ErrorType"]), message
