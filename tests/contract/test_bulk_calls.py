"""A bulk call that is spliced here is, byte for byte, the one that botocore would have sent."""

import datetime as dt
import json
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from http.client import HTTPMessage
from io import BytesIO
from typing import Any

import boto3
import pytest
from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.config import Config
from botocore.exceptions import ClientError, ParamValidationError
from hypothesis import given, settings
from hypothesis import strategies as st

from newsletter.config import SesSettings
from newsletter.config.tables import read_table
from newsletter.links import Links
from newsletter.model.address import Address
from newsletter.model.email import Email, MergeField, MergeText, Message, Place
from newsletter.model.subscriber import Subscriber
from newsletter.sending.compose import Composer, SendContext
from newsletter.transports.ses.bulk import PER_RECIPIENT, Bulk, entry_of
from newsletter.transports.ses.parameters import mailbox, of_every_call, pairs
from newsletter.transports.ses.template import template_of

NOW = dt.datetime(2026, 1, 7, 8, 30)  # noqa: DTZ001 -- as botocore wants it
LINKS = Links("https://news.example.com", ("a key for the tests alone",))
CONFIG = Config(retries={"total_max_attempts": 1, "mode": "standard"})

# Surrogates never come so far: limits.faults refuses them.
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
FIELDS = st.builds(
    MergeField,
    st.sampled_from(["subscriber.name", "subscriber.city", "unsubscribe_url", "web_url"]),
    st.sampled_from([Place.HTML, Place.URL, Place.URL_PART, Place.TEXT, Place.HEADER]),
    TEXT,
)
PARTS: st.SearchStrategy[MergeText] = st.lists(
    TEXT | FIELDS | st.sampled_from(["{{ x }}", '"\\', "\x00\x1f\u2028", "</script>"]), max_size=6
).map(tuple)
EMAILS = st.builds(
    Email,
    sender=st.sampled_from(["daily@news.example.com", "AI 日报 <daily@news.example.com>"]),
    reply_to=st.sampled_from(["", '"The, desk" <desk@news.example.com>']),
    language=st.just("en"),
    subject=PARTS,
    preheader=st.just(()),
    html=PARTS,
    text=PARTS,
)
READERS = st.lists(
    st.builds(
        Subscriber,
        st.integers(1, 10**9),
        st.sampled_from(["r@example.com", "o'neil+x=1@xn--mnchen-3ya.example"]).map(Address),
        TEXT,
        st.dictionaries(st.just("city"), TEXT),
    ),
    min_size=1,
    max_size=4,
)
SETTINGS = st.fixed_dictionaries(
    {"open_tracking": st.booleans()},
    optional={"configuration_set": st.just("news"), "tenant": st.just("acme")},
)


class Recorder:
    """In the place of the connection: keeps each request, and answers it."""

    def __init__(self, status: int = 200, answer: bytes = b'{"BulkEmailEntryResults": []}') -> None:
        self.requests: list[AWSPreparedRequest] = []
        self._status, self._answer = status, answer

    def send(self, request: AWSPreparedRequest) -> AWSResponse:
        self.requests.append(request)
        headers: Any = HTTPMessage()
        headers["x-amzn-requestid"] = "1"
        return AWSResponse(request.url, self._status, headers, _Body(self._answer))


class _Body(BytesIO):
    def stream(self) -> Iterator[bytes]:
        yield self.read()


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.setattr("botocore.auth.get_current_datetime", lambda: NOW)
    monkeypatch.setattr("uuid.uuid4", lambda: uuid.UUID(int=7))


def client_to(recorder: Recorder, endpoint: str | None = None, region: str = "eu-west-1") -> Any:
    client: Any = boto3.session.Session(region_name=region).client(
        "sesv2", endpoint_url=endpoint, config=CONFIG
    )
    vars(client)["_endpoint"].http_session = recorder
    return client


def messages_to(readers: Sequence[Subscriber], email: Email, store_id: str = "") -> list[Message]:
    context = SendContext("20260107-abcdef", "issue", 1, "readers", LINKS, store_id=store_id)
    composer = Composer(email, context)
    return [composer.message(to, number, 1) for number, to in enumerate(readers, 1)]


def post(client: Any, messages: Sequence[Message], common: Mapping[str, Any]) -> Mapping[str, Any]:
    """What the program does with a batch."""
    bulk = Bulk(client, common)
    template = template_of(messages[0].email)
    entries = [entry_of(message, template.data(message.values)) for message in messages]
    return bulk.post(bulk.form(messages[0]), entries)


def send(client: Any, messages: Sequence[Message], common: Mapping[str, Any]) -> Any:
    """The same by botocore alone, which validates and serialises all of it."""
    email, template = messages[0].email, template_of(messages[0].email)
    data = [template.data(message.values) for message in messages]
    shared = [pair for pair in messages[0].headers if pair[0] not in PER_RECIPIENT]
    content = {"Subject": template.subject, "Html": template.html, "Text": template.text}
    headers = {"Headers": pairs(shared), "TemplateData": data[0]}
    reply_to = {"ReplyToAddresses": [mailbox(email.reply_to)]} if email.reply_to else {}
    return client.send_bulk_email(
        FromEmailAddress=mailbox(email.sender),
        DefaultContent={"Template": {"TemplateContent": content, **headers}},
        **common,
        **reply_to,
        BulkEmailEntries=[
            {
                "Destination": {"ToAddresses": [message.to.text]},
                "ReplacementTags": pairs(message.tags),
                "ReplacementHeaders": pairs(
                    pair for pair in message.headers if pair[0] in PER_RECIPIENT
                ),
                "ReplacementEmailContent": {
                    "ReplacementTemplate": {"ReplacementTemplateData": its_data}
                },
            }
            for message, its_data in zip(messages, data, strict=True)
        ],
    )


def assert_equal(ours: AWSPreparedRequest, botocores: AWSPreparedRequest) -> None:
    assert (ours.method, ours.url) == (botocores.method, botocores.url)
    assert ours.body == botocores.body
    assert _plain(ours.headers) == _plain(botocores.headers)


def _bytes(request: AWSPreparedRequest) -> bytes:
    assert isinstance(request.body, bytes)
    return request.body


def _plain(headers: Any) -> dict[str, str]:
    return {
        name.lower(): value.decode() if isinstance(value, bytes) else value
        for name, value in headers.items()
    }


@pytest.fixture(scope="module")
def clients() -> tuple[Recorder, Any, Recorder, Any]:
    """Made once: boto3 takes its time."""
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("AWS_ACCESS_KEY_ID", "key")
        environment.setenv("AWS_SECRET_ACCESS_KEY", "secret")
        ours, botocores = Recorder(), Recorder()
        return ours, client_to(ours), botocores, client_to(botocores)


@given(EMAILS, READERS, SETTINGS, st.sampled_from(["", "store-1"]))
@settings(max_examples=50)
def test_any_call_is_the_one_that_botocore_would_send(
    clients: tuple[Recorder, Any, Recorder, Any],
    email: Email,
    readers: list[Subscriber],
    some: dict[str, Any],
    store_id: str,
) -> None:
    """Body, signature and headers; botocore validates it, too, and says so of no part."""
    ours, client, botocores, reference = clients
    common = of_every_call(read_table(SesSettings, {"region": "eu-west-1", **some}))
    messages = messages_to(readers, email, store_id)

    post(client, messages, common)
    send(reference, messages, common)

    assert_equal(ours.requests[-1], botocores.requests[-1])
    sent = json.loads(_bytes(ours.requests[-1]))
    assert len(sent["BulkEmailEntries"]) == len(readers)


EMAIL = Email("daily@news.example.com", "", "en", ("News",), (), ("<p>News</p>",), ("News",))
ADA = Subscriber(1, Address("ada@example.com"), "Ada", {})


@pytest.mark.parametrize(
    ("variables", "endpoint", "region"),
    [
        ({}, None, "cn-north-1"),
        ({"AWS_USE_FIPS_ENDPOINT": "true"}, None, "us-east-1"),
        ({"AWS_USE_DUALSTACK_ENDPOINT": "true"}, None, "eu-central-1"),
        ({"AWS_ENDPOINT_URL_SESV2": "https://vpce-1.example.com/base"}, None, "us-east-1"),
        ({}, "http://127.0.0.1:1080", "us-east-1"),
        ({"AWS_SESSION_TOKEN": "a token"}, None, "us-east-1"),
        ({"AWS_SDK_UA_APP_ID": "newsletter"}, None, "us-east-1"),
    ],
)
def test_a_call_goes_where_botocore_would_send_it(
    variables: Mapping[str, str],
    endpoint: str | None,
    region: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    ours, botocores = Recorder(), Recorder()

    post(client_to(ours, endpoint, region), messages_to([ADA], EMAIL), {})
    send(client_to(botocores, endpoint, region), messages_to([ADA], EMAIL), {})

    assert_equal(ours.requests[-1], botocores.requests[-1])


def test_each_call_is_signed_with_the_credentials_of_its_time() -> None:
    """Those of a role expire while a send goes on."""
    ours, botocores = Recorder(), Recorder()
    client, reference = client_to(ours), client_to(botocores)
    message = messages_to([ADA], EMAIL)
    bulk, entry = Bulk(client, {}), entry_of(message[0], "{}")
    form = bulk.form(message[0])

    for one in (client, reference):
        credentials = vars(one)["_request_signer"]._credentials
        credentials.access_key, credentials.token = "renewed", "with a token"
    bulk.post(form, [entry])
    send(reference, message, {})

    assert_equal(ours.requests[-1], botocores.requests[-1])
    assert "renewed" in _plain(ours.requests[-1].headers)["authorization"]


def test_nothing_is_sent_to_prepare_a_call() -> None:
    recorder = Recorder()

    Bulk(client_to(recorder), {}).form(messages_to([ADA], EMAIL)[0])

    assert recorder.requests == []


def test_a_form_is_made_once_for_an_email() -> None:
    bulk = Bulk(client_to(Recorder()), {})
    first, second = messages_to([ADA, ADA], EMAIL)
    (other,) = messages_to([ADA], replace(EMAIL, html=("<p>Other</p>",)))

    assert bulk.form(first) is bulk.form(second)
    assert bulk.form(first) is not bulk.form(other)


def test_parameters_that_are_not_valid_are_told_by_botocore() -> None:
    """What all share is validated, although the client for sending validates nothing."""
    client = client_to(Recorder())

    with pytest.raises(ParamValidationError, match="TenantName"):
        post(client, messages_to([ADA], EMAIL), {"TenantName": 7})


@pytest.mark.parametrize(
    ("status", "answer"),
    [
        (429, b'{"__type": "TooManyRequestsException", "message": "Slow down."}'),
        (400, b'{"message": "no code"}'),
        (502, b"<html>Bad gateway</html>"),
        (307, b""),
        (403, b"\xff"),
    ],
)
def test_an_error_is_read_as_botocore_reads_it(status: int, answer: bytes) -> None:
    raised = []
    for call in (post, send):
        with pytest.raises(Exception) as caught:  # noqa: PT011 -- whatever botocore makes of it
            call(client_to(Recorder(status, answer)), messages_to([ADA], EMAIL), {})
        raised.append(caught.value)

    ours, botocores = raised
    assert isinstance(botocores, type(ours))
    if isinstance(ours, ClientError):
        assert isinstance(botocores, ClientError)
        assert ours.response["Error"] == botocores.response["Error"]
        metadata = botocores.response["ResponseMetadata"]  # which also tells of no retries
        assert {**metadata, **ours.response["ResponseMetadata"]} == metadata
