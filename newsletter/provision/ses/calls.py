"""Calls of AWS, each by the name of the permission that it needs."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Self

from botocore import xform_name
from botocore.config import Config
from botocore.exceptions import ClientError

from newsletter.aws.clients import open_clients, reply_of
from newsletter.aws.faults import SettingsSection, code_of
from newsletter.config import Settings
from newsletter.errors import NewsletterError

_SES = SettingsSection("transport.ses", "SES", region="Name one with --region.")
_ENDPOINT = "Set [events] endpoint_url to a whole URL such as https://host, or none."
_SECTIONS: Mapping[str, SettingsSection] = {
    "ses": _SES,
    "sns": replace(_SES, service="SNS", endpoint=_ENDPOINT),
    "sqs": replace(_SES, service="SQS", endpoint=_ENDPOINT),
    "sts": replace(_SES, service="STS", endpoint=_ENDPOINT),
}
_CLIENTS = {"ses": "sesv2", "sns": "sns", "sqs": "sqs", "sts": "sts"}
_PATIENT = Config(  # SES takes one call a second of those that change its configuration
    retries={"mode": "adaptive", "total_max_attempts": 8},
    connect_timeout=10,
    read_timeout=30,
)
_ABSENT = ("NotFound", "NonExistentQueue", "QueueDoesNotExist")
_THERE = ("AlreadyExists",)

JsonAnswer = dict[str, Any]


class SetupFailed(NewsletterError):
    """AWS did not do what was asked for; what was done before stays."""

    code = "setup-failed"


class Aws:
    """SES, SNS, SQS and STS in one region.

    Each call raises ConfigurationError for what a person has to mend, such as a permission that is
    missing, which it names; else SetupFailed.
    """

    def __init__(self, clients: Mapping[str, Any]) -> None:
        self._clients = clients

    @classmethod
    def open(cls, settings: Settings, region: str) -> Self:
        """Raises ConfigurationError where the settings allow no client."""
        endpoints = {"ses": settings.transport.ses.endpoint_url}
        clients = {}
        for service, section in _SECTIONS.items():
            [clients[service]] = open_clients(
                _CLIENTS[service],
                section,
                region=region,
                endpoint=endpoints.get(service, settings.events.endpoint_url),
                configs=[_PATIENT],
            )
        return cls(clients)

    @property
    def region(self) -> str:
        return str(self._clients["ses"].meta.region_name)

    def ask(self, permission: str, *members: str, **arguments: Any) -> JsonAnswer:
        """The answer to a call such as `sns:CreateTopic`, which must have these members."""
        service, _, operation = permission.partition(":")
        method = getattr(self._clients[service], xform_name(operation))
        section = replace(_SECTIONS[service], permissions=(permission,))
        try:
            return reply_of(
                lambda: method(**arguments), members, section, SetupFailed, f"{operation} failed"
            )
        except SetupFailed as error:
            error.hint = error.hint or "Mend what it names, then run this again: it goes on there."
            raise

    def find(self, permission: str, *members: str, **arguments: Any) -> JsonAnswer | None:
        """As `ask`, but None where there is no such thing."""
        try:
            return self.ask(permission, *members, **arguments)
        except NewsletterError as error:
            if _has_code(error, _ABSENT):
                return None
            raise

    def make(self, permission: str, **arguments: Any) -> None:
        """As `ask`; something of that name that is there by now is not an error: a call whose
        answer was lost is repeated."""
        try:
            self.ask(permission, **arguments)
        except NewsletterError as error:
            if not _has_code(error, _THERE):
                raise


def _has_code(error: NewsletterError, codes: tuple[str, ...]) -> bool:
    cause = error.__cause__
    return isinstance(cause, ClientError) and code_of(cause) in codes
