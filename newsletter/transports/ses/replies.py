"""Replies of bounded size and time: botocore reads whatever comes, for as long as it comes."""

import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.exceptions import HTTPClientError
from botocore.httpsession import URLLib3Session
from urllib3.exceptions import HTTPError

if TYPE_CHECKING:
    from mypy_boto3_sesv2 import SESV2Client

MAX_BYTES = 1_000_000  # the answers to 50 entries have a hundredth of it
_PIECE_BYTES = 65_536


class ReplyTooLarge(HTTPClientError):
    fmt = "the reply has more than {limit:,} bytes"


class ReplyTooSlow(HTTPClientError):
    fmt = "the reply took more than {seconds} seconds"


def bound(client: "SESV2Client", seconds: float) -> None:
    """Let a client read no reply beyond MAX_BYTES, nor for longer than `seconds`.

    Both end in an HTTPClientError: what was asked may have been done.
    """
    endpoint = vars(client)["_endpoint"]  # botocore gives no other way to the body on the wire
    endpoint.http_session = _Bounded(endpoint.http_session, seconds)


class _Bounded:
    """A session of botocore that reads the bodies itself."""

    def __init__(self, session: URLLib3Session, seconds: float) -> None:
        self._session = session
        self._seconds = seconds

    def send(self, request: AWSPreparedRequest) -> AWSResponse:
        request.stream_output = True  # the session leaves the body on the wire
        response = self._session.send(request)
        try:
            body = self._read(response.raw)
        except (HTTPError, OSError) as error:
            raise HTTPClientError(error=error) from error
        response.raw = _Whole(body)
        return response

    def close(self) -> None:
        self._session.close()

    def _read(self, raw: Any) -> bytes:
        until = time.monotonic() + self._seconds
        body = bytearray()
        while piece := raw.read1(_PIECE_BYTES):
            body += piece
            if len(body) > MAX_BYTES:
                raw.close()
                raise ReplyTooLarge(limit=MAX_BYTES)
            if time.monotonic() > until:
                raw.close()
                raise ReplyTooSlow(seconds=self._seconds)
        return bytes(body)


class _Whole:
    """A body that was read, in the form that AWSResponse takes."""

    def __init__(self, body: bytes) -> None:
        self._body = body

    def stream(self) -> Iterator[bytes]:
        yield self._body
