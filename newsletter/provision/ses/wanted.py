"""What is right at SES, SNS and SQS: whatever sets up, writes templates or judges asks here.

ARNs may be placeholders of a template instead of text.
https://docs.aws.amazon.com/ses/latest/dg/event-publishing-add-event-destination-sns.html
"""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from newsletter.config import SesSettings
from newsletter.provision.base import DnsRecord

DKIM_KEY_LENGTH = "RSA_2048_BIT"
ON_MX_FAILURE = "REJECT_MESSAGE"  # else mail leaves from amazonses.com, and its SPF is not aligned
TLS_POLICY = "REQUIRE"  # a mail holds personal links
MAX_DELIVERY_SECONDS = 12 * 60 * 60  # yesterday's news should not arrive tomorrow
SUPPRESSED_REASONS = ("BOUNCE", "COMPLAINT")
SIGNATURE_VERSION = "2"  # SHA-256
RETENTION_SECONDS = 14 * 24 * 60 * 60  # the most that SQS allows
MAX_RECEIVES = 10  # of a message that is never deleted, before it is a dead letter
QUEUE_ATTRIBUTES: Mapping[str, str] = {"MessageRetentionPeriod": str(RETENTION_SECONDS)}
SPF_INCLUDE = "include:amazonses.com"
DMARC = "v=DMARC1; p=none"
_DMARC_VERSION = "v=DMARC1"
SANDBOX_URL = "https://docs.aws.amazon.com/ses/latest/dg/request-production-access.html"
DEAD_LETTERS = "-dead"  # what the name of that queue ends in, after the name of the other

Document = dict[str, Any]
"""A policy, or a part of one, in the form of its JSON."""

_EVENT_TYPES = (
    "SEND",
    "DELIVERY",
    "BOUNCE",
    "COMPLAINT",
    "REJECT",
    "RENDERING_FAILURE",
    "DELIVERY_DELAY",
)
_VERSION = "2012-10-17"
_HOSTED_ZONE = "dkim.amazonses.com"
_MX_PREFERENCE = 10
_LABEL_SIGNS = re.compile(r"[^a-z0-9]+")
_NAME_LENGTH = 40


@dataclass(frozen=True, slots=True)
class AwsPlace:
    """An account of AWS, in one of its regions."""

    account: str
    region: str
    partition: str = "aws"

    def arn(self, service: str, resource: str) -> str:
        return f"arn:{self.partition}:{service}:{self.region}:{self.account}:{resource}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Names:
    """What each thing at AWS is called. `domain` is the identity, `mail_from` lies below it."""

    domain: str
    mail_from: str
    configuration_set: str
    topic: str
    queue: str
    destination: str

    @property
    def dead_letters(self) -> str:
        return f"{self.queue}{DEAD_LETTERS}"


def name_of(title: str) -> str:
    """The beginning of all names, from the title of a newsletter."""
    name = _LABEL_SIGNS.sub("-", title.lower()).strip("-")[:_NAME_LENGTH].rstrip("-")
    return name or "newsletter"


def event_types(settings: SesSettings) -> tuple[str, ...]:
    """The types of events that this system uses, in the spelling of the API; opens and clicks only
    where they are tracked."""
    opens = ("OPEN",) if settings.open_tracking else ()
    clicks = ("CLICK",) if settings.click_tracking else ()
    return (*_EVENT_TYPES, *opens, *clicks)


# --- policies of resources ------------------------------------------------------------------------


def topic_statement(topic_arn: Any, account: Any, configuration_set_arn: Any) -> Document:
    """SES may publish to the topic, for this configuration set alone."""
    return {
        "Sid": "NewsletterEvents",
        "Effect": "Allow",
        "Principal": {"Service": "ses.amazonaws.com"},
        "Action": "sns:Publish",
        "Resource": topic_arn,
        "Condition": {
            "StringEquals": {
                "AWS:SourceAccount": account,
                "AWS:SourceArn": configuration_set_arn,
            }
        },
    }


def queue_statement(queue_arn: Any, topic_arn: Any) -> Document:
    """SNS may write to the queue, for this topic alone."""
    return {
        "Sid": "NewsletterEvents",
        "Effect": "Allow",
        "Principal": {"Service": "sns.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": queue_arn,
        "Condition": {"ArnEquals": {"aws:SourceArn": topic_arn}},
    }


def policy(statements: Iterable[Document]) -> Document:
    return {"Version": _VERSION, "Statement": list(statements)}


def redrive_policy(dead_letters_arn: Any) -> Document:
    """Where messages go that are received again and again and never deleted."""
    return {"deadLetterTargetArn": dead_letters_arn, "maxReceiveCount": MAX_RECEIVES}


def redrive_allow_policy(queue_arn: Any) -> Document:
    """Whose dead letters a queue takes."""
    return {"redrivePermission": "byQueue", "sourceQueueArns": [queue_arn]}


def has_statement(policy_text: str, statement: Document) -> bool:
    """Whether a policy, as JSON, holds a statement of this meaning, whatever its Sid."""
    wanted = _meaning(statement)
    return any(_meaning(known) == wanted for known in statements_of(policy_text))


def with_statement(policy_text: str, statement: Document) -> Document:
    """A policy with one more statement; all that it held stays."""
    held = statements_of(policy_text)
    taken = {known.get("Sid") for known in held}
    sid, number = statement["Sid"], 2
    while sid in taken:
        sid, number = f"{statement['Sid']}{number}", number + 1
    before: Document = json.loads(policy_text) if policy_text else {"Version": _VERSION}
    return before | {"Statement": [*held, statement | {"Sid": sid}]}


def statements_of(policy_text: str) -> list[Document]:
    """The statements of a policy in JSON; of none, for no policy. Raises ValueError."""
    document = json.loads(policy_text) if policy_text else {}
    statements = document.get("Statement", [])
    return [statements] if isinstance(statements, dict) else list(statements)


def _meaning(statement: Document) -> object:
    """What is equal for statements that say the same: AWS makes lists of single values, and takes
    keys of conditions in any case."""
    conditions = {
        (operator, key.lower(), _several(value))
        for operator, test in statement.get("Condition", {}).items()
        for key, value in test.items()
    }
    return (
        statement.get("Effect"),
        _principal(statement.get("Principal")),
        frozenset(action.lower() for action in _several(statement.get("Action", ()))),
        _several(statement.get("Resource", ())),
        frozenset(conditions),
    )


def _principal(value: object) -> object:
    if isinstance(value, dict):
        return frozenset((kind, _several(names)) for kind, names in value.items())
    return value


def _several(value: Any) -> frozenset[str]:
    return frozenset([value] if isinstance(value, str) else map(str, value))


# --- records of the domain ------------------------------------------------------------------------


def dkim_records(
    domain: str, tokens: Sequence[str], hosted_zone: str = ""
) -> tuple[DnsRecord, ...]:
    """The records by which receivers find the key, from what SES says of the identity."""
    zone = hosted_zone or _HOSTED_ZONE
    return tuple(
        DnsRecord(
            f"{token}._domainkey.{domain}",
            "CNAME",
            f"{token}.{zone}",
            "DKIM: proves that a mail is from this domain, and proves the domain to SES",
        )
        for token in tokens
    )


def mail_from_records(mail_from: str, region: str, spf: str = "") -> tuple[DnsRecord, ...]:
    """The records of the MAIL FROM domain; `spf` is the SPF record that it has already."""
    return (
        DnsRecord(
            mail_from,
            "MX",
            f"{_MX_PREFERENCE} {mail_from_exchange(region)}",
            "MAIL FROM: bounces come back to SES; it must be the only MX of this name",
        ),
        DnsRecord(
            mail_from,
            "TXT",
            merged_spf(spf),
            "SPF: SES may send for this name",
            SPF_INCLUDE,
        ),
    )


def mail_from_exchange(region: str) -> str:
    return f"feedback-smtp.{region}.amazonses.com"


def dmarc_record(domain: str) -> DnsRecord:
    """A first policy, which refuses nothing (RFC 9989)."""
    return DnsRecord(
        f"_dmarc.{domain}",
        "TXT",
        DMARC,
        "DMARC: large providers want a policy; tighten it once all your mail passes",
        _DMARC_VERSION,
    )


def merged_spf(spf: str = "") -> str:
    """An SPF record with SES in it; a name may have but one (RFC 7208, 4.5)."""
    terms = spf.split()
    if not terms:
        return f"v=spf1 {SPF_INCLUDE} ~all"
    if allows_ses(spf):
        return " ".join(terms)
    last = next((place for place, term in enumerate(terms) if _is_last(term)), len(terms))
    return " ".join([*terms[:last], SPF_INCLUDE, *terms[last:]])


def is_spf(text: str) -> bool:
    return text.lower().split(" ")[0] == "v=spf1"


def allows_ses(spf: str) -> bool:
    return any(term.lower().removeprefix("+") == SPF_INCLUDE for term in spf.split())


def is_dmarc(text: str) -> bool:
    """Whether a TXT record is a policy (RFC 9989: it begins with its version, case-sensitive)."""
    name, _, rest = text.partition("=")
    return name.strip() == "v" and rest.partition(";")[0].strip() == "DMARC1"


def _is_last(term: str) -> bool:
    """Whether nothing after this term of an SPF record is looked at."""
    return term.lstrip("+-~?").lower() == "all" or term.lower().startswith("redirect=")
