"""The account's own suppression list, which SES keeps beside ours."""

import datetime as dt
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Self, TypeVar

from botocore.config import Config
from botocore.exceptions import ClientError

from newsletter.aws.clients import asked
from newsletter.config import SesSettings
from newsletter.errors import TransportDown
from newsletter.model.subscriber import SuppressionReason
from newsletter.transports.ses.clients import SENDING, open_clients

if TYPE_CHECKING:
    from mypy_boto3_sesv2 import SESV2Client

T = TypeVar("T")

_PAGE = 1000  # the most that SES gives at once
_READ_SECONDS = 20
# These calls may be repeated, and SES takes few of them a second: the SDK finds out how many.
_PATIENT = Config(
    retries={"mode": "adaptive", "total_max_attempts": 10},
    connect_timeout=10,
    read_timeout=_READ_SECONDS,
)
_SECTION = replace(
    SENDING,
    permissions=(
        "ses:ListSuppressedDestinations",
        "ses:PutSuppressedDestination",
        "ses:DeleteSuppressedDestination",
    ),
)
_REASONS = {
    "BOUNCE": SuppressionReason.HARD_BOUNCE,
    "COMPLAINT": SuppressionReason.COMPLAINT,
}
_SAID = {reason: name for name, reason in _REASONS.items()}


@dataclass(frozen=True, slots=True)
class Listed:
    """One address on the account's list; `at` is when SES last changed it."""

    address: str
    reason: SuppressionReason
    at: dt.datetime


class AccountList:
    """Reads and changes the list; each call raises ConfigurationError or TransportDown."""

    def __init__(self, client: "SESV2Client") -> None:
        self._client = client

    @classmethod
    def open(cls, settings: SesSettings) -> Self:
        """The list with a client of its own, which waits where SES is asked too often."""
        [client] = open_clients(settings, _READ_SECONDS, _PATIENT)
        return cls(client)

    def pages(self, since: dt.datetime | None = None) -> Iterator[Sequence[Listed]]:
        """All that is listed, or what changed since a time, a page of a thousand at a time."""
        query: dict[str, Any] = {"PageSize": _PAGE}
        if since is not None:
            query["StartDate"] = since
        while True:
            reply = _asked(lambda: self._client.list_suppressed_destinations(**query))
            yield _understood(reply)
            if not (token := reply.get("NextToken")):
                return
            query["NextToken"] = token

    def put(self, address: str, reason: SuppressionReason) -> None:
        """List an address for one of the two reasons that SES knows."""
        name: Any = _SAID[reason]
        _asked(lambda: self._client.put_suppressed_destination(EmailAddress=address, Reason=name))

    def delete(self, address: str) -> None:
        """Take an address off the list; one that is not on it is fine."""
        try:
            _asked(lambda: self._client.delete_suppressed_destination(EmailAddress=address))
        except TransportDown as error:
            if not _is_missing(error.__cause__):
                raise


def _asked(call: Callable[[], T]) -> T:
    return asked(call, _SECTION, TransportDown, "the suppression list of SES cannot be reached")


def _understood(reply: Any) -> Sequence[Listed]:
    """The entries of a page whose reason is known; SES may learn others."""
    return [
        Listed(found["EmailAddress"], _REASONS[found["Reason"]], found["LastUpdateTime"])
        for found in reply["SuppressedDestinationSummaries"]
        if found["Reason"] in _REASONS
    ]


def _is_missing(error: BaseException | None) -> bool:
    return isinstance(error, ClientError) and error.response["Error"]["Code"] == "NotFoundException"
