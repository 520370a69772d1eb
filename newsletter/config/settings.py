"""The tables of newsletter.toml, their keys and defaults."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Literal

from newsletter.config import values
from newsletter.config.tables import SettingFault, SettingFaults
from newsletter.config.values import (
    Days,
    Endpoint,
    Line,
    LinkName,
    Mailbox,
    NotNegative,
    Positive,
    Ratio,
    RuleId,
    WebhookKind,
    WebhookName,
    WebUrl,
    at_least,
    at_most,
)
from newsletter.model.webhook import WebhookEvent
from newsletter.rules import rules as known_rules

Level = Literal["off", "info", "warning", "error"]

MEDIA_FOLDER = "media"  # of the public site
REHEARSALS = "doctor-rehearsals"  # the list of `doctor --live`: no page shows it
LEAST_COMPLAINTS = 3  # before they are judged by their share: one or two prove nothing


@dataclass(frozen=True, slots=True, kw_only=True)
class NewsletterSettings:
    """`[newsletter]`: who sends, and how it presents itself."""

    name: Annotated[Line, values.not_empty]
    language: Annotated[str, values.language_tag] = "en"
    timezone: Annotated[str, values.time_zone] = "UTC"
    sender: Mailbox = field(metadata={"key": "from"})
    reply_to: Annotated[str, values.mailbox_or_none] = ""
    base_url: WebUrl
    postal_address: Annotated[str, values.not_empty]
    theme: str = "digest"


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreSettings:
    """`[store]`: where subscribers and the ledger live, and the file that tells a restored
    store."""

    url: str = "sqlite:///subscribers/newsletter.db"
    state: str = "subscribers/generation"
    archive: str = "subscribers/archive"


@dataclass(frozen=True, slots=True, kw_only=True)
class OutboxSettings:
    """`[transport.outbox]`: the folder of .eml files, relative to the project."""

    path: str = "outbox"


@dataclass(frozen=True, slots=True, kw_only=True)
class SesSettings:
    """`[transport.ses]`: credentials come from the ordinary AWS chain only."""

    region: str = ""
    configuration_set: str = ""
    endpoint_url: Endpoint = ""
    mode: Literal["bulk", "raw"] = "bulk"
    tenant: Annotated[str, values.tenant] = ""
    open_tracking: bool = False
    click_tracking: bool = False
    max_rate: NotNegative = 0
    shared_account: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class SmtpSettings:
    """`[transport.smtp]`: a mail server; its password comes from the environment only."""

    host: Annotated[str, values.host] = "localhost"
    port: Annotated[int, at_least(0), at_most(65535)] = 0
    tls: Literal["starttls", "tls", "none"] = "starttls"
    username: Annotated[str, values.credential] = ""
    password: Annotated[str, values.credential] = field(default="", repr=False)
    bounce_address: Annotated[str, values.address_or_none] = ""
    timeout_seconds: Annotated[int, at_least(1), at_most(600)] = 60
    max_rate: NotNegative = 0

    def __post_init__(self) -> None:
        if bool(self.username) != bool(self.password):
            raise ValueError(
                "needs both a username and, in the environment, a password, or neither"
            )
        if self.username and self.tls == "none" and not values.is_this_machine(self.host):
            raise ValueError('tls = "none" would show the password to the network')


@dataclass(frozen=True, slots=True, kw_only=True)
class BackupSettings:
    """`[backup]`: where backups go, how many are kept, and who can read them."""

    to: str = ""
    keep: NotNegative = 0
    recipients: tuple[str, ...] = ()
    passphrase_file: str = ""
    region: str = ""
    endpoint_url: Endpoint = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class TransportSettings:
    """`[transport]`: how messages leave. A kind has the name of its module and of its settings."""

    kind: Literal["outbox", "ses", "smtp"] = "outbox"
    outbox: OutboxSettings = OutboxSettings()
    ses: SesSettings = SesSettings()
    smtp: SmtpSettings = SmtpSettings()

    @property
    def max_rate(self) -> int:
        """Recipients a second that the settings of the chosen transport allow; 0 is no limit."""
        return getattr(getattr(self, self.kind), "max_rate", 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class EventSettings:
    """`[events]`: who reports what became of mails, and where that arrives."""

    kind: Literal["ses"] = "ses"
    queue_url: str = ""
    endpoint_url: Endpoint = ""
    topic_arns: tuple[str, ...] = ()
    keep_payload_days: Annotated[Days, at_least(1)] = 90
    silence_minutes: Positive = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicySettings:
    """`[policy]`: when a send stops by itself, and what must be done before one."""

    complaint_pause: Ratio = 0.001
    bounce_pause: Ratio = 0.05
    bounce_warn: Ratio = 0.01
    soft_bounce_limit: Positive = 5
    require_test: bool = False
    require_branch: Annotated[str, values.branch_or_none] = ""
    require_approval: bool = False
    stale_schedule_hours: Positive = 12
    canary_minutes: Positive = 30
    archive_after_days: Annotated[Days, at_least(0)] = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class WebSettings:
    """`[web]`: what the public pages let visitors do."""

    subscribe_lists: tuple[str, ...] = ("*",)
    trusted_proxies: tuple[Annotated[str, values.network], ...] = ()
    keep_ip: bool = False
    keep_ip_days: Annotated[Days, at_least(0)] = 0
    welcome: Line = ""
    requests_per_ip: Positive = 20
    requests_per_network: Positive = 60
    requests_per_wide_network: Positive = 200
    requests_per_domain: Positive = 200
    requests_per_hour: Positive = 1000
    archive_lists: tuple[str, ...] = ("*",)
    metrics: Literal["loopback", "all", "off"] = "loopback"

    def opens(self, list_name: str) -> bool:
        """Whether anybody may ask to join a list of this name."""
        return list_name != REHEARSALS and not {"*", list_name}.isdisjoint(self.subscribe_lists)

    def shows(self, list_name: str) -> bool:
        """Whether the archive shows the issues of a list."""
        return list_name != REHEARSALS and not {"*", list_name}.isdisjoint(self.archive_lists)


@dataclass(frozen=True, slots=True, kw_only=True)
class MediaSettings:
    """`[media]`: where readers get the pictures that lie beside issues."""

    kind: Literal["site", "s3"] = "site"
    bucket: Annotated[str, values.bucket] = ""
    prefix: Annotated[str, values.prefix] = "media"
    public_url: Annotated[str, values.web_url_or_none] = ""
    region: str = ""
    endpoint_url: Endpoint = ""

    def __post_init__(self) -> None:
        if self.kind == "s3" and not (self.bucket and self.public_url):
            raise ValueError('kind = "s3" needs a bucket and its public_url')


@dataclass(frozen=True, slots=True, kw_only=True)
class BrandSettings:
    """`[brand]`: the face of the newsletter, in its mails, on its pages and in its feeds."""

    logo: Annotated[str, values.logo] = ""
    accent: Annotated[str, values.colour] = ""
    description: Annotated[Line, values.no_longer_than(300)] = ""
    author: Annotated[Line, values.no_longer_than(100)] = ""
    links: Mapping[LinkName, Annotated[str, values.link]] = field(default_factory=dict)

    @property
    def logo_is_address(self) -> bool:
        return self.logo.startswith("https://")


@dataclass(frozen=True, slots=True, kw_only=True)
class DigestSettings:
    """`[digest]`: how issues are read."""

    section_labels: tuple[str, ...] = ("影响", "Impact")
    smart: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class LintSettings:
    """`[lint]`: what issues are checked for, and how much each rule matters; the mail
    programs are those of caniemail.com."""

    clients: tuple[str, ...] = ("apple-mail", "gmail", "outlook", "yahoo")
    words: tuple[str, ...] = ()
    rules: Mapping[RuleId, Level] = field(default_factory=dict)

    def __post_init__(self) -> None:
        lowered = [rule for rule, level in self.rules.items() if level != "error"]
        if always := [rule for rule in lowered if known_rules()[rule].is_always_error]:
            raise SettingFaults([SettingFault(("rules", rule), _ALWAYS) for rule in always])


_ALWAYS = "finds what must not be sent; it stays an error"


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedSettings:
    """`[feeds]`: where drafts come from."""

    urls: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class DnsSettings:
    """`[dns]`: who is asked for the records of domains; by default those that this machine asks."""

    nameservers: tuple[Annotated[str, values.nameserver], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookSettings:
    """`[webhooks.NAME]`: another program that is told what happens; its secret comes from the
    environment or a file of its own, never from newsletter.toml."""

    url: Annotated[Endpoint, values.not_empty] = field(repr=False)
    events: tuple[WebhookKind, ...] = tuple(WebhookEvent)
    include_address: bool = False
    allow_private: bool = False
    secret: Annotated[str, values.webhook_secrets] = field(default="", repr=False)

    def __post_init__(self) -> None:
        if not (self.url.startswith("https://") or self.allow_private):
            raise ValueError("its url must begin with https://, unless allow_private = true")


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportSettings:
    """`[reports]`: who is mailed the report on each send, and how long after its end."""

    mail_to: tuple[Annotated[str, values.address], ...] = ()
    after_hours: Annotated[int, at_least(0), at_most(720)] = 24


@dataclass(frozen=True, slots=True, kw_only=True)
class LogSettings:
    """`[log]`: how much is logged, and in which form."""

    level: Literal["warning", "info", "debug"] = "warning"
    format: Literal["text", "json"] = "text"


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """All settings, checked."""

    newsletter: NewsletterSettings
    store: StoreSettings = StoreSettings()
    backup: BackupSettings = BackupSettings()
    transport: TransportSettings = TransportSettings()
    events: EventSettings = EventSettings()
    policy: PolicySettings = PolicySettings()
    web: WebSettings = WebSettings()
    media: MediaSettings = MediaSettings()
    digest: DigestSettings = DigestSettings()
    brand: BrandSettings = BrandSettings()
    lint: LintSettings = LintSettings()
    feeds: FeedSettings = FeedSettings()
    dns: DnsSettings = DnsSettings()
    webhooks: Mapping[WebhookName, WebhookSettings] = field(default_factory=dict)
    reports: ReportSettings = ReportSettings()
    log: LogSettings = LogSettings()

    @property
    def pictures_url(self) -> str:
        """What the address of each picture from beside an issue begins with."""
        if self.media.kind == "site":
            return f"{self.newsletter.base_url}/{MEDIA_FOLDER}"
        return "/".join(filter(None, (self.media.public_url, self.media.prefix)))
