"""Questions to SES, SNS and SQS. Nothing is changed there.

Each answer is asked for once. What the credentials do not allow is not looked at, and the line says
which permission is missing.
"""

import datetime as dt
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from botocore import xform_name
from botocore.config import Config
from botocore.exceptions import ClientError

from newsletter.aws.clients import ERRORS, open_clients
from newsletter.aws.faults import Fault, SettingsSection, code_of, fault_of
from newsletter.aws.meanings import FaultKind
from newsletter.doctor.base import Examination, Unseen
from newsletter.doctor.fetching import date_of
from newsletter.errors import NewsletterError
from newsletter.transports import mime
from newsletter.transports.ses.checks import identities_of
from newsletter.transports.ses.clients import SENDING

SETUP = "newsletter setup ses"
AwsAnswer = Mapping[str, Any]

_EVENTS = SettingsSection(
    "events",
    "AWS",
    region="Set [transport.ses] region, or AWS_REGION.",
    endpoint="Set [events] endpoint_url to a whole URL such as https://host, or none.",
)
_SECTIONS = {"ses": SENDING, "sns": _EVENTS, "sqs": _EVENTS}
_SERVICES = {"ses": "sesv2", "sns": "sns", "sqs": "sqs"}
_CONFIG = Config(
    retries={"mode": "standard", "total_max_attempts": 3}, connect_timeout=5, read_timeout=15
)
_ABSENT = ("NotFound", "NonExistentQueue", "QueueDoesNotExist")
_SENDER = "the sender has no identity at SES"


class NotTold(NewsletterError):
    """A call of AWS that got no answer."""

    code = "not-told"

    def __init__(self, fault: Fault) -> None:
        super().__init__(fault.message, where=fault.where, hint=fault.hint)
        self.kind = fault.kind


def client(exam: Examination, service: str, region: str = "") -> Any:
    """A client of `ses`, `sns` or `sqs`. Raises ConfigurationError."""

    def make() -> Any:
        settings = exam.settings
        ses = settings.transport.ses
        endpoint = ses.endpoint_url if service == "ses" else settings.events.endpoint_url
        [made] = open_clients(
            _SERVICES[service],
            _SECTIONS[service],
            region=region or ses.region,
            endpoint=endpoint,
            configs=[_CONFIG],
        )
        return made

    return exam.fact(f"client {service} {region}", make)


def ask(exam: Examination, permission: str, region: str = "", **arguments: Any) -> AwsAnswer | None:
    """The answer to a call such as `ses:GetAccount`; None where there is no such thing.

    Raises Unseen where the credentials do not allow it, and NotTold.
    """
    service, _, operation = permission.partition(":")

    def call() -> AwsAnswer | None:
        opened = client(exam, service, region)
        try:
            answer: AwsAnswer = getattr(opened, xform_name(operation))(**arguments)
        except ERRORS as error:
            if isinstance(error, ClientError) and code_of(error) in _ABSENT:
                return None
            section = replace(_SECTIONS[service], permissions=(permission,))
            raise NotTold(fault_of(error, section)) from error
        return answer

    key = f"{permission} {region} {sorted(arguments.items())}"
    try:
        return exam.fact(key, call)
    except NotTold as error:
        if error.kind is FaultKind.PERMISSION:
            reason = f"the credentials do not allow {permission}"
            raise Unseen(reason, hint=error.hint) from error
        raise


def ask_ses(exam: Examination, operation: str, **arguments: Any) -> AwsAnswer | None:
    """As `ask`, of SES in our region; where it does not answer at all, one check says so."""
    must_answer(exam)
    return ask(exam, f"ses:{operation}", **arguments)


def must_answer(exam: Examination) -> None:
    """Raises Unseen where nothing can be asked of SES."""
    try:
        account(exam)
    except Unseen:
        return  # it answers, though not this
    except NewsletterError as error:
        raise Unseen("SES cannot be asked") from error


def account(exam: Examination) -> AwsAnswer:
    """Raises Unseen, NotTold and ConfigurationError."""
    answer = ask(exam, "ses:GetAccount")
    exam.fact("answered at", exam.surroundings.clock)
    return answer or {}


def known_account(exam: Examination) -> AwsAnswer:
    """The account, for checks of what is in it."""
    must_answer(exam)
    return account(exam)


def offset(exam: Examination) -> float | None:
    """How many seconds the clock of SES is ahead of ours."""
    answer = known_account(exam)
    headers = answer.get("ResponseMetadata", {}).get("HTTPHeaders", {})
    at = date_of(str(headers.get("date", "")))
    answered: dt.datetime = exam.fact("answered at", exam.surroundings.clock)
    return None if at is None else (at - answered).total_seconds()


def region(exam: Examination) -> str:
    return str(client(exam, "ses").meta.region_name)


def sender_identity(exam: Examination) -> tuple[str, AwsAnswer] | None:
    """The identity by which SES lets the sender send, as SES chooses it: the most specific that is
    verified; else one that waits. None where there is none."""
    waiting = None
    _, address = mime.split_mailbox(exam.settings.newsletter.sender)
    for name in identities_of(address):
        answer = ask_ses(exam, "GetEmailIdentity", EmailIdentity=name)
        if answer is not None and answer.get("VerifiedForSendingStatus"):
            return name, answer
        if answer is not None and waiting is None:
            waiting = (name, answer)
    return waiting


def known_identity(exam: Examination) -> tuple[str, AwsAnswer]:
    """The same, for checks of what is in it."""
    found = sender_identity(exam)
    if found is None:
        raise Unseen(_SENDER)
    return found


def configuration_set(exam: Examination) -> AwsAnswer:
    """The configuration set of the settings, for checks of what is in it."""
    name = exam.settings.transport.ses.configuration_set
    if not name:
        raise Unseen("no configuration set is named")
    answer = ask_ses(exam, "GetConfigurationSet", ConfigurationSetName=name)
    if answer is None:
        raise Unseen("the configuration set does not exist")
    return answer
