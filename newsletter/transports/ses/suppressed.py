"""The suppression list of the account, or of its tenant, which SES keeps beside ours.

https://docs.aws.amazon.com/ses/latest/dg/sending-email-suppression-list.html
"""

import datetime as dt
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Self

from botocore.exceptions import ClientError

from newsletter.aws.clients import reply_of
from newsletter.config import SesSettings
from newsletter.errors import TransportDown
from newsletter.model.subscriber import SuppressionReason
from newsletter.transports.base import Listed
from newsletter.transports.ses.clients import SENDING, open_patient_client

if TYPE_CHECKING:
    from mypy_boto3_sesv2 import SESV2Client

_PAGE = 1000  # the most that SES gives at once
_SECTION = replace(
    SENDING,
    permissions=(
        "ses:ListSuppressedDestinations",
        "ses:PutSuppressedDestination",
        "ses:DeleteSuppressedDestination",
        "with a tenant ses:GetConfigurationSet",
        "ses:GetTenant",
    ),
)
_REASONS = {
    "BOUNCE": SuppressionReason.HARD_BOUNCE,
    "COMPLAINT": SuppressionReason.COMPLAINT,
}
_SAID = {reason: name for name, reason in _REASONS.items()}


class SesAccountList:
    """Reads and changes the list that the mails obey: the account's or, where the configuration set
    or the tenant says so, the tenant's. Each call raises ConfigurationError or TransportDown."""

    kind = "ses"
    service = "SES"

    def __init__(self, client: "SESV2Client", settings: SesSettings) -> None:
        self._client = client
        self._settings = settings
        self._scope: dict[str, str] | None = None

    @classmethod
    def open(cls, settings: SesSettings) -> Self:
        """The list with a client of its own, which waits where SES is asked too often."""
        return cls(open_patient_client(settings), settings)

    def _of_scope(self) -> dict[str, str]:
        """What names the list in each call; asked once."""
        if self._scope is None:
            tenant = self._settings.tenant
            is_own = bool(tenant) and self._chosen_scope(tenant) == "TENANT"
            self._scope = {"TenantName": tenant} if is_own else {}
        return self._scope

    def _chosen_scope(self, tenant: str) -> str:
        """The configuration set decides, else the tenant; else it is the account's list."""
        scope = None
        if name := self._settings.configuration_set:
            reply = _ask(
                lambda: self._client.get_configuration_set(ConfigurationSetName=name),
                "ConfigurationSetName",
            )
            scope = reply.get("SuppressionOptions", {}).get("SuppressionScope")
        if scope is None:
            reply = _ask(lambda: self._client.get_tenant(TenantName=tenant), "Tenant")
            scope = reply["Tenant"].get("SuppressionAttributes", {}).get("SuppressionScope")
        return str(scope or "ACCOUNT")

    def pages(self, since: dt.datetime | None = None) -> Iterator[Sequence[Listed]]:
        """All that is listed, or what changed since a time, a page of a thousand at a time."""
        query: dict[str, Any] = {"PageSize": _PAGE, **self._of_scope()}
        if since is not None:
            query["StartDate"] = since
        while True:
            reply = _ask(
                lambda: self._client.list_suppressed_destinations(**query),
                "SuppressedDestinationSummaries",
            )
            yield _understood(reply)
            if not (token := reply.get("NextToken")):
                return
            query["NextToken"] = token

    def put(self, address: str, reason: SuppressionReason) -> None:
        """List an address for one of the two reasons that SES knows."""
        entry: Any = {"EmailAddress": address, "Reason": _SAID[reason], **self._of_scope()}
        _ask(lambda: self._client.put_suppressed_destination(**entry))

    def delete(self, address: str) -> None:
        """Take an address off the list, spelt as it was listed; one that is not on it is fine."""
        entry: Any = {"EmailAddress": address, **self._of_scope()}
        try:
            _ask(lambda: self._client.delete_suppressed_destination(**entry))
        except TransportDown as error:
            if not _is_missing(error.__cause__):
                raise


def _ask(call: Callable[[], Any], *members: str) -> dict[str, Any]:
    """The answer of SES, which must have these members."""
    context = "the suppression list of the SES account cannot be reached"
    return reply_of(call, members, _SECTION, TransportDown, context)


def _understood(reply: Any) -> Sequence[Listed]:
    """The entries of a page whose reason is known; SES may learn others."""
    return [
        Listed(entry["EmailAddress"], _REASONS[entry["Reason"]], entry["LastUpdateTime"])
        for entry in reply["SuppressedDestinationSummaries"]
        if entry["Reason"] in _REASONS
    ]


def _is_missing(error: BaseException | None) -> bool:
    return isinstance(error, ClientError) and error.response["Error"]["Code"] == "NotFoundException"
