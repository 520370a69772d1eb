"""Questions to SES before a send is planned: may this sender send, as the settings say?

What a person has to mend is raised; what they should know is returned. Where the credentials do not
allow a question, or SES does not answer it, that is only a warning: the calls that send decide.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from newsletter.aws.clients import ERRORS
from newsletter.aws.faults import code_of, fault_of
from newsletter.aws.meanings import FaultKind
from newsletter.config import SesSettings
from newsletter.errors import ConfigurationError, Refused
from newsletter.transports import mime
from newsletter.transports.ses.clients import SENDING

if TYPE_CHECKING:
    from mypy_boto3_sesv2 import SESV2Client

JsonReply = dict[str, Any]


def check(client: "SESV2Client", settings: SesSettings, sender: str) -> list[str]:
    """What the operator should know before mail goes out in the name of `sender`.

    Raises ConfigurationError for a configuration set or a tenant that does not exist, and Refused
    for what SES would refuse: a sender that is not verified, sending that is switched off.
    """
    checks = _Checks(client, settings)
    address = mime.split_mailbox(sender)[1]
    return [*checks.configuration_set(), *checks.tenant(), *checks.identity(address)]


class _Checks:
    def __init__(self, client: "SESV2Client", settings: SesSettings) -> None:
        self._client = client
        self._settings = settings

    def configuration_set(self) -> Iterator[str]:
        if not (name := self._settings.configuration_set):
            return
        try:
            reply = self._found(
                "ses:GetConfigurationSet",
                lambda: self._client.get_configuration_set(ConfigurationSetName=name),
                "ConfigurationSetName",
            )
        except _NotAsked as error:
            yield f"whether the configuration set {name!r} exists was not checked: {error}"
            return
        if reply is None:
            raise ConfigurationError(
                f"SES has no configuration set {name!r} in this region",
                where="transport.ses.configuration_set",
                hint="Nothing was sent. Name one that exists, or make it in the SES console.",
            )
        if reply.get("SendingOptions", {}).get("SendingEnabled") is False:
            raise Refused(
                f"sending is switched off for the configuration set {name!r}",
                hint="Nothing was sent. Switch it on in the SES console.",
            )

    def tenant(self) -> Iterator[str]:
        if not (name := self._settings.tenant):
            return
        try:
            reply = self._found(
                "ses:GetTenant", lambda: self._client.get_tenant(TenantName=name), "Tenant"
            )
            if reply is None:
                raise ConfigurationError(
                    f"SES has no tenant {name!r} in this region",
                    where="transport.ses.tenant",
                    hint="Nothing was sent. Name one that exists, or make it in the SES console.",
                )
            entity = self._reputation(str(reply["Tenant"]["TenantArn"]))
        except _NotAsked as error:
            yield f"the reputation of the tenant {name!r} was not checked: {error}"
            return
        if entity.get("SendingStatusAggregate") == "DISABLED":
            raise Refused(
                f"sending is switched off for the tenant {name!r}",
                hint="Nothing was sent. See the tenant's reputation in the SES console.",
            )
        if entity.get("ReputationImpact") == "HIGH":
            yield f"SES has high-impact findings about the reputation of the tenant {name!r}"

    def _reputation(self, arn: str) -> JsonReply:
        reply = self._found(
            "ses:GetReputationEntity",
            lambda: self._client.get_reputation_entity(
                ReputationEntityType="RESOURCE", ReputationEntityReference=arn
            ),
            "ReputationEntity",
        )
        entity: JsonReply = (reply or {}).get("ReputationEntity", {})
        return entity

    def identity(self, address: str) -> Iterator[str]:
        """The most specific verified identity counts, as for SES itself."""
        waiting = ""
        for name in identities_of(address):
            try:
                reply = self._found(
                    "ses:GetEmailIdentity",
                    partial(self._client.get_email_identity, EmailIdentity=name),
                    "VerifiedForSendingStatus",
                )
            except _NotAsked as error:
                yield f"whether the sender is verified was not checked: {error}"
                yield from self._without_events({})
                return
            if reply is not None and reply.get("VerifiedForSendingStatus") is True:
                yield from self._without_events(reply)
                return
            if reply is not None and not waiting:
                waiting = f"{name} is {reply.get('VerificationStatus') or 'not verified'}"
        raise Refused(
            f"the sender {address} is not verified in SES" + (f": {waiting}" if waiting else ""),
            hint="Nothing was sent. Verify its domain in the SES console, in this region.",
        )

    def _without_events(self, identity: JsonReply) -> Iterator[str]:
        if not self._settings.configuration_set and not identity.get("ConfigurationSetName"):
            yield (
                "[transport.ses] configuration_set is empty: no bounce and no complaint of these "
                "mails will be reported here"
            )

    def _found(self, permission: str, call: Callable[[], Any], member: str) -> JsonReply | None:
        """The answer of SES, which must have this member; None where there is no such thing."""
        try:
            reply: JsonReply = call()
        except ERRORS as error:
            if isinstance(error, ClientError) and code_of(error) == "NotFound":
                return None
            fault = fault_of(error, replace(SENDING, permissions=(permission,)))
            reason = f"allow {permission}" if fault.kind is FaultKind.PERMISSION else fault.message
            raise _NotAsked(reason) from error
        if member not in reply:  # the SDK takes any page for an empty success
            raise _NotAsked("SES gave no readable answer")
        return reply


class _NotAsked(Exception):
    """SES did not answer a question; the text says why."""


def identities_of(address: str) -> Iterator[str]:
    """The address, its domain, and the domains above it except the top one: each may be
    verified."""
    yield address
    labels = address.rpartition("@")[2].lower().split(".")
    for first in range(len(labels) - 1):
        yield ".".join(labels[first:])
