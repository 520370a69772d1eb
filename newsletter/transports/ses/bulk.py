"""SendBulkEmail with finished bodies: what all recipients share is encoded once, by botocore.

botocore serialises each string of each call, which takes longer than all else. Here it prepares one
call that it never sends, without entries. Each real call puts its entries, encoded here as botocore
would, into the body of that one; signing, headers, the connection and the reading of errors stay
botocore's.
"""

import json
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from json.encoder import encode_basestring_ascii as quoted
from threading import Lock
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from botocore.awsrequest import AWSPreparedRequest, AWSRequest, AWSResponse
from botocore.compat import HTTPHeaders
from botocore.exceptions import ClientError, ParamValidationError
from botocore.parsers import create_parser
from botocore.validate import ParamValidator

from newsletter.model.email import Email, Message
from newsletter.transports.ses.parameters import of_bulk_calls

if TYPE_CHECKING:
    from botocore.signers import RequestSigner
    from mypy_boto3_sesv2 import SESV2Client

T = TypeVar("T")

PER_RECIPIENT = ("List-Unsubscribe", "X-Newsletter-Ref")  # headers of an entry; the rest is shared
_OPERATION = "SendBulkEmail"
_SEPARATOR = ", "
_NO_ENTRIES = "[]}"  # how the prepared body ends
# Headers of one call alone: botocore makes them anew.
_OF_ONE_CALL = ("authorization", "content-length", "x-amz-date", "x-amz-security-token")
_OF_ITS_TRIES = "amz-sdk-"  # how headers begin that are added behind the signature
_INVOCATION = "amz-sdk-invocation-id"


class BulkEntry(NamedTuple):
    """One recipient in a call, in ASCII: `json` is the whole entry, `data` its replacement data
    alone, as a string of JSON that is quoted once more."""

    json: str
    data: str


def entry_of(message: Message, data: str) -> BulkEntry:
    """The entry of a message and its replacement data."""
    encoded = quoted(data)
    headers = [pair for pair in message.headers if pair[0] in PER_RECIPIENT]
    json = (
        f'{{"Destination": {{"ToAddresses": [{quoted(message.to.text)}]}}, '
        f'"ReplacementTags": [{_pairs(message.tags)}], '
        f'"ReplacementHeaders": [{_pairs(headers)}], '
        '"ReplacementEmailContent": {"ReplacementTemplate": '
        f'{{"ReplacementTemplateData": {encoded}}}}}}}'
    )
    return BulkEntry(json, encoded)


def _pairs(pairs: Iterable[tuple[str, str]]) -> str:
    return ", ".join([f"{_named(name)}{quoted(value)}}}" for name, value in pairs])


@lru_cache(maxsize=64)
def _named(name: str) -> str:
    """How a pair begins: all recipients have the same names."""
    return f'{{"Name": {quoted(name)}, "Value": '


@dataclass(frozen=True, slots=True)
class BulkForm:
    """A call as botocore has prepared it, without its entries and its signature.

    `signed` and `unsigned` are headers, those that were added before the signature and after it.
    The data of the first entry stands between `before` and `after`, since SES wants a value for
    each variable there, too.
    """

    url: str
    context: Mapping[str, Any]
    signed: Mapping[str, str]
    unsigned: Mapping[str, str]
    before: str
    after: str

    def size_bytes(self, entries: Sequence[BulkEntry]) -> int:
        """Of the body with these entries."""
        shared = len(self.before) + len(entries[0].data) + len(self.after) + len(_NO_ENTRIES)
        return shared + sum(len(entry.json) + len(_SEPARATOR) for entry in entries)

    def body(self, entries: Sequence[BulkEntry]) -> bytes:
        listed = _SEPARATOR.join([entry.json for entry in entries])
        body = f"{self.before}{entries[0].data}{self.after}[{listed}]}}"
        return body.encode("ascii")


class Bulk:
    """Bulk calls through a client; `common` are the parameters that go with each."""

    def __init__(self, client: "SESV2Client", common: Mapping[str, Any]) -> None:
        self._client = client
        self._common = common
        self._endpoint = vars(client)["_endpoint"]
        self._operation = client.meta.service_model.operation_model(_OPERATION)
        service = client.meta.service_model
        self._parser = create_parser(service.resolved_protocol)
        self._preparing = Lock()
        self._prepared: Any = None  # an AWSPreparedRequest, whose stub lacks its context
        self._signer: RequestSigner | None = None
        events, name = client.meta.events, f"{service.service_id.hyphenize()}.{_OPERATION}"
        events.register_first(f"before-sign.{name}", self._keep_signer)
        events.register_first(f"before-send.{name}", self._keep_request)
        self._form = lru_cache(maxsize=4)(self._prepare)

    def form(self, message: Message) -> BulkForm:
        """The form of all calls for messages that are like this one, made once for each email.

        Raises what the client raises before it sends: for credentials, say, or for parameters that
        are not valid.
        """
        headers = tuple(pair for pair in message.headers if pair[0] not in PER_RECIPIENT)
        return self._form(message.email, headers)

    def _prepare(self, email: Email, of_mails: tuple[tuple[str, str], ...]) -> BulkForm:
        shared = of_bulk_calls(email, of_mails, self._common)
        mark = uuid.uuid4().hex
        shared["DefaultContent"]["Template"]["TemplateData"] = mark
        whole = {**shared, "BulkEmailEntries": []}  # last, so that entries can be put at the end
        report = ParamValidator().validate(whole, _there(self._operation.input_shape))
        if report.has_errors():
            raise ParamValidationError(report=report.generate_report())
        with self._preparing:
            self._client.send_bulk_email(**whole)
            prepared = _there(self._prepared)
        before, _, after = bytes(prepared.body).decode("ascii").partition(quoted(mark))
        assert after.endswith(_NO_ENTRIES)
        headers = {name: _text(value) for name, value in prepared.headers.items()}
        return BulkForm(
            url=prepared.url,
            context=prepared.context,
            signed={
                name: value
                for name, value in headers.items()
                if not name.lower().startswith((*_OF_ONE_CALL, _OF_ITS_TRIES))
            },
            unsigned={
                name: value for name, value in headers.items() if name.startswith(_OF_ITS_TRIES)
            },
            before=before,
            after=after.removesuffix(_NO_ENTRIES),
        )

    def post(self, form: BulkForm, entries: Sequence[BulkEntry]) -> Mapping[str, Any]:
        """The answer to a call with these entries, which is sent once and no more.

        Raises what `client.send_bulk_email` would raise.
        """
        request = AWSRequest("POST", form.url, headers=form.signed, data=form.body(entries))
        request.context = dict(form.context)
        _there(self._signer).sign(_OPERATION, request)
        for name, value in form.unsigned.items():
            request.headers[name] = str(uuid.uuid4()) if name == _INVOCATION else value
        response = self._endpoint.http_session.send(self._endpoint.prepare_request(request))
        if response.status_code < 300:
            return _members(response.content.decode())
        raise ClientError(self._error(response), _OPERATION)

    def _error(self, response: AWSResponse) -> Any:
        answer = {
            "headers": response.headers,
            "status_code": response.status_code,
            "context": {"operation_name": _OPERATION},
            "body": response.content,
        }
        return self._parser.parse(answer, _there(self._operation.output_shape))

    def _keep_signer(self, request_signer: "RequestSigner", **_: Any) -> None:
        self._signer = request_signer

    def _keep_request(self, request: AWSPreparedRequest, **_: Any) -> Any:
        """Keep what the client would send, and give it an answer so that it sends nothing."""
        self._prepared = request
        return AWSResponse(request.url, 200, HTTPHeaders(), _Nothing())


class _Nothing:
    """An empty body."""

    def stream(self) -> Iterable[bytes]:
        return ()


def _members(text: str) -> Mapping[str, Any]:
    """The members of an answer; none where it is cut off or no object, as botocore has it."""
    try:
        answer = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return answer if isinstance(answer, dict) else {}


def _there(thing: T | None) -> T:
    """What every operation of SES has, and every client once it has prepared a call."""
    assert thing is not None
    return thing


def _text(value: str | bytes) -> str:
    return value.decode() if isinstance(value, bytes) else value
