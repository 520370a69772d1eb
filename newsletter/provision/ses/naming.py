"""What things are called at AWS: as the operator names them, as the settings do, or by usage."""

import re

from newsletter.config import Settings
from newsletter.errors import ConfigurationError, UsageError
from newsletter.provision.base import SetupWishes
from newsletter.provision.ses import wanted
from newsletter.provision.ses.wanted import AwsPlace, Names
from newsletter.transports.mime import split_mailbox

_MAIL_FROM = "bounce"
_DOMAIN = re.compile(r"(?=.{3,253}\Z)(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z0-9-]{2,63}")
_NAME = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?")
_SET = re.compile(r"[A-Za-z0-9_-]{0,64}")
_QUEUE = re.compile(r"https?://[^/]+/(?P<account>\d+)/(?P<name>[\w-]+)")


def sender_domain(settings: Settings) -> str:
    """The domain of `[newsletter] from`."""
    return split_mailbox(settings.newsletter.sender)[1].rpartition("@")[2].lower()


def checked(wishes: SetupWishes, settings: Settings) -> SetupWishes:
    """What was named, in the form in which AWS takes it. Raises UsageError."""
    domain = _domain(wishes.domain, "--domain")
    mail_from = _domain(wishes.mail_from, "--mail-from")
    if wishes.name and not _NAME.fullmatch(wishes.name):
        raise UsageError(
            f"{wishes.name!r} cannot be the beginning of names",
            where="--name",
            hint="Use up to 40 small letters, digits and hyphens.",
        )
    sender = sender_domain(settings)
    if domain and not f".{sender}".endswith(f".{domain}"):
        raise UsageError(
            f"mail is sent from {sender}, which does not lie in {domain}",
            where="--domain",
            hint="Name the domain of [newsletter] from, or one above it.",
        )
    if mail_from == sender:
        raise UsageError(
            f"mail is sent from {sender} itself",
            where="--mail-from",
            hint="Name a subdomain that serves nothing else, such as "
            f"{_MAIL_FROM}.{domain or sender}.",
        )
    return SetupWishes(domain=domain, mail_from=mail_from, region=wishes.region, name=wishes.name)


def names_of(
    settings: Settings, wishes: SetupWishes, place: AwsPlace | None, domain: str, mail_from: str
) -> Names:
    """The names of everything. What the settings name in this account and region is kept, unless
    `wishes` has a name; without a `place` that cannot be told. Raises UsageError."""
    mail_from = wishes.mail_from or mail_from or f"{_MAIL_FROM}.{domain}"
    if not mail_from.endswith(f".{domain}"):
        raise UsageError(
            f"{mail_from} does not lie below {domain}",
            where="--mail-from",
            hint=f"Name a subdomain such as {_MAIL_FROM}.{domain}.",
        )
    held = settings.transport.ses.configuration_set
    if not _SET.fullmatch(held):
        raise ConfigurationError(
            f"{held!r} cannot be the name of a configuration set",
            where="transport.ses.configuration_set",
            hint="Use up to 64 letters, digits, - and _.",
        )
    name = wishes.name or wanted.name_of(settings.newsletter.name)
    kept = not wishes.name
    return Names(
        domain=domain,
        mail_from=mail_from,
        configuration_set=(kept and held) or name,
        topic=(kept and _topic(settings, place)) or f"{name}-events",
        queue=(kept and _queue(settings, place)) or f"{name}-events",
        destination=f"{name}-events",
    )


def template_names(settings: Settings, wishes: SetupWishes) -> Names:
    """The names that a template has, for which nobody is asked. Raises UsageError and
    ConfigurationError."""
    wishes = checked(wishes, settings)
    return names_of(settings, wishes, None, wishes.domain or sender_domain(settings), "")


def _topic(settings: Settings, place: AwsPlace | None) -> str:
    """The first topic of the settings that lies here; others stay in the settings too."""
    start = place.arn("sns", "") if place else ""
    own = [arn for arn in settings.events.topic_arns if start and arn.startswith(start)]
    return own[0].removeprefix(start) if own else ""


def _queue(settings: Settings, place: AwsPlace | None) -> str:
    url = settings.events.queue_url
    if not url or place is None:
        return ""
    parts = _QUEUE.fullmatch(url)
    region = re.match(r"https://(?:sqs\.)?([a-z]+-[a-z0-9-]+-\d)\.", url)
    if parts is None or parts["account"] != place.account or (region and region[1] != place.region):
        raise ConfigurationError(
            f"names no ordinary queue of account {place.account} in {place.region}",
            where="events.queue_url",
            hint="Empty it, or name new things with --name.",
        )
    return parts["name"]


def _domain(text: str, option: str) -> str:
    try:
        domain = text.strip().rstrip(".").encode("idna").decode().lower()
    except UnicodeError:
        domain = ""
    if text and not _DOMAIN.fullmatch(domain):
        raise UsageError(f"{text!r} is no domain", where=option, hint="Such as news.example.com.")
    return domain
