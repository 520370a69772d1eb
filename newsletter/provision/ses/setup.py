"""All that one newsletter needs at SES, SNS and SQS, and in the DNS."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Self

from newsletter.config import Settings
from newsletter.config.editing import SettingValues
from newsletter.dns import Dns, DnsUnreachable
from newsletter.provision.base import Component, DnsRecord, SetupWishes
from newsletter.provision.ses import naming, policies, wanted
from newsletter.provision.ses.account import in_sandbox, suppression
from newsletter.provision.ses.calls import Aws
from newsletter.provision.ses.configuration_set import configuration_set, event_destination
from newsletter.provision.ses.identity import described, identity
from newsletter.provision.ses.queue import dead_letters, queue, subscription, url_of
from newsletter.provision.ses.target import SesTarget
from newsletter.provision.ses.topic import topic
from newsletter.provision.ses.wanted import AwsPlace

TextsOf = Callable[[str], Sequence[str]]
"""The TXT records of a name."""

_MOST_LABELS = 8  # that are asked for a DMARC policy (RFC 9989, 4.10)
# In the order in which one may need the other: SES tries the topic when it is to publish to it.
_COMPONENTS = (
    topic,
    dead_letters,
    queue,
    subscription,
    configuration_set,
    event_destination,
    identity,
    suppression,
)


class SesSetup:
    """What is there, and what is to be there, for one newsletter in one account and region."""

    def __init__(self, settings: Settings, target: SesTarget) -> None:
        self._settings = settings
        self._target = target
        self.domain = target.names.domain
        self.place = f"AWS account {target.place.account}, {target.place.region}"

    @classmethod
    def open(cls, settings: Settings, wishes: SetupWishes) -> Self:
        """Raises UsageError, ConfigurationError or SetupFailed."""
        wishes = naming.checked(wishes, settings)
        return cls.of(
            settings, wishes, Aws.open(settings, wishes.region or settings.transport.ses.region)
        )

    @classmethod
    def of(cls, settings: Settings, wishes: SetupWishes, aws: Aws) -> Self:
        """Asks AWS whose account this is, and which identity there is already. Raises as `open`."""
        arn, account = _caller(aws)
        place = AwsPlace(account, aws.region, arn.split(":")[1])
        domain = wishes.domain or _identity_domain(aws, naming.sender_domain(settings))
        names = naming.names_of(settings, wishes, place, domain, _mail_from(aws, domain))
        events = wanted.event_types(settings.transport.ses)
        is_known = settings.events.queue_url.endswith(f"/{names.queue}")
        return cls(settings, SesTarget(aws, place, names, events, is_known))

    def components(self) -> Sequence[Component]:
        return [compare(self._target) for compare in _COMPONENTS]

    def settings(self) -> SettingValues:
        target = self._target
        topics = self._settings.events.topic_arns
        if target.topic_arn not in topics:
            topics = (*topics, target.topic_arn)
        return {
            ("transport", "kind"): "ses",
            ("transport", "ses", "region"): target.place.region,
            ("transport", "ses", "configuration_set"): target.names.configuration_set,
            ("events", "queue_url"): self._queue_url(),
            ("events", "topic_arns"): topics,
        }

    def records(self, dns: Dns) -> Sequence[DnsRecord]:
        """Where no server of the DNS answers, as if it held nothing."""
        try:
            return [*self._identity_records(dns.texts), *self._dmarc(dns.texts)]
        except DnsUnreachable:
            return [*self._identity_records(_nothing), *self._dmarc(_nothing)]

    def _identity_records(self, texts: TextsOf) -> Iterator[DnsRecord]:
        names, found = self._target.names, described(self._target) or {}
        dkim = found.get("DkimAttributes", {})
        tokens = dkim.get("Tokens", ()) if dkim.get("SigningAttributesOrigin") != "EXTERNAL" else ()
        yield from wanted.dkim_records(names.domain, tokens, dkim.get("SigningHostedZone", ""))
        mail_from = found.get("MailFromAttributes", {}).get("MailFromDomain", names.mail_from)
        spf = next((text for text in texts(mail_from) if wanted.is_spf(text)), "")
        yield from wanted.mail_from_records(mail_from, self._target.place.region, spf)

    def policies(self) -> Mapping[str, wanted.Document]:
        return policies.policies(
            self._target.names,
            self._target.place.arn,
            sends_for_tenant=bool(self._settings.transport.ses.tenant),
        )

    def next_steps(self) -> Sequence[str]:
        steps = []
        if in_sandbox(self._target):
            steps.append(
                "This account is in the sandbox: it reaches verified addresses alone, 200 a day. "
                "Only a person can ask AWS for production access: see "
                f"{wanted.SANDBOX_URL}"
            )
        found = described(self._target)
        if found is None:
            steps.append("The DKIM records are known once the identity is made.")
        if found and not found["VerifiedForSendingStatus"]:
            steps.append(
                f"SES verifies {self.domain} by its DKIM records, mostly within minutes of their "
                "being there, and at most 72 hours."
            )
        if tenant := self._settings.transport.ses.tenant:
            steps.append(
                f"Mails are sent for the tenant {tenant}: associate {self.domain} and the "
                f"configuration set {self._target.names.configuration_set} with it in the SES "
                "console."
            )
        return steps

    def _queue_url(self) -> str:
        """As the settings have it, or AWS; as it will be where there is no such queue yet."""
        place, endpoint = self._target.place, self._settings.events.endpoint_url
        held, name = self._settings.events.queue_url, self._target.names.queue
        if held.endswith(f"/{place.account}/{name}"):
            return held
        if url := url_of(self._target, name):
            return url
        ending = ".cn" if place.partition == "aws-cn" else ""
        host = endpoint.rstrip("/") or f"https://sqs.{place.region}.amazonaws.com{ending}"
        return f"{host}/{place.account}/{name}"

    def _dmarc(self, texts: TextsOf) -> Iterator[DnsRecord]:
        """A first policy, where neither the domain of the sender nor one above it has any."""
        sender = naming.sender_domain(self._settings)
        labels = sender.split(".")[-_MOST_LABELS:]
        above = [sender, *(".".join(labels[start:]) for start in range(1, len(labels) - 1))]
        if not any(_has_policy(texts(f"_dmarc.{domain}")) for domain in above):
            yield wanted.dmarc_record(self.domain)


def _has_policy(texts: Sequence[str]) -> bool:
    """Those of public suffixes, such as co.uk, are nobody's own."""
    policies = [text for text in texts if wanted.is_dmarc(text)]
    return any(not re.search(r";\s*psd\s*=\s*y", text) for text in policies)


def _nothing(name: str) -> Sequence[str]:
    return ()


def _caller(aws: Aws) -> tuple[str, str]:
    """Who asks, and in which account: needs no permission."""
    reply = aws.ask("sts:GetCallerIdentity", "Arn", "Account")
    return str(reply["Arn"]), str(reply["Account"])


def _identity_domain(aws: Aws, sender: str) -> str:
    """The nearest domain that SES knows already: one below it that is not verified yet would take
    its place, and stop what is sent now. Without any, the sender's own."""
    labels = sender.split(".")
    for start in range(len(labels) - 1):
        domain = ".".join(labels[start:])
        if aws.find("ses:GetEmailIdentity", EmailIdentity=domain):
            return domain
    return sender


def _mail_from(aws: Aws, domain: str) -> str:
    """The MAIL FROM domain that an identity has; "" for none."""
    found = aws.find("ses:GetEmailIdentity", EmailIdentity=domain) or {}
    return str(found.get("MailFromAttributes", {}).get("MailFromDomain", ""))
