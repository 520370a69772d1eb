"""The tables of newsletter.toml, their keys and defaults."""

from collections.abc import Mapping
from typing import Annotated, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    model_validator,
)

from newsletter.config import values
from newsletter.config.values import Endpoint, Line, LinkName, Mailbox, WebUrl

MEDIA_FOLDER = "media"  # of the public site
LEAST_COMPLAINTS = 3  # before they are judged by their share: one or two prove nothing


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, str_strip_whitespace=True)


class NewsletterSettings(_Part):
    """`[newsletter]`: who sends, and how it presents itself."""

    name: Line = Field(min_length=1)
    language: Annotated[str, AfterValidator(values.language_tag)] = "en"
    timezone: Annotated[str, AfterValidator(values.time_zone)] = "UTC"
    sender: Mailbox = Field(alias="from")
    reply_to: Mailbox | Literal[""] = ""
    base_url: WebUrl
    postal_address: str = Field(min_length=1)
    theme: str = "digest"


class StoreSettings(_Part):
    """`[store]`: where subscribers and the ledger live, and the file that tells a restored
    store."""

    url: str = "sqlite:///subscribers/newsletter.db"
    state: str = "subscribers/generation"


class OutboxSettings(_Part):
    """`[transport.outbox]`: the folder of .eml files, relative to the project."""

    path: str = "outbox"


class SesSettings(_Part):
    """`[transport.ses]`: credentials come from the ordinary AWS chain only."""

    region: str = ""
    configuration_set: str = ""
    endpoint_url: Endpoint = ""
    mode: Literal["bulk", "raw"] = "bulk"
    tenant: Annotated[str, AfterValidator(values.tenant)] = ""
    open_tracking: bool = False
    click_tracking: bool = False
    max_rate: int = Field(default=0, ge=0)
    shared_account: bool = False


class SmtpSettings(_Part):
    """`[transport.smtp]`: a mail server; its password comes from the environment only."""

    host: Annotated[str, AfterValidator(values.host)] = "localhost"
    port: int = Field(default=0, ge=0, le=65535)
    tls: Literal["starttls", "tls", "none"] = "starttls"
    username: Annotated[str, AfterValidator(values.credential)] = ""
    password: Annotated[str, AfterValidator(values.credential)] = Field(default="", repr=False)
    bounce_address: Annotated[str, AfterValidator(values.address_or_none)] = ""
    timeout_seconds: int = Field(default=60, ge=1, le=600)
    max_rate: int = Field(default=0, ge=0)

    @model_validator(mode="after")
    def _keeps_its_password(self) -> Self:
        if bool(self.username) != bool(self.password):
            raise ValueError(
                "needs both a username and, in the environment, a password, or neither"
            )
        if self.username and self.tls == "none" and not values.is_this_machine(self.host):
            raise ValueError('tls = "none" would show the password to the network')
        return self


class TransportSettings(_Part):
    """`[transport]`: how messages leave. A kind has the name of its module and of its settings."""

    kind: Literal["outbox", "ses", "smtp"] = "outbox"
    outbox: OutboxSettings = OutboxSettings()
    ses: SesSettings = SesSettings()
    smtp: SmtpSettings = SmtpSettings()

    @property
    def max_rate(self) -> int:
        """Recipients a second that the settings of the chosen transport allow; 0 is no limit."""
        return getattr(getattr(self, self.kind), "max_rate", 0)


class EventSettings(_Part):
    """`[events]`: who reports what became of mails, and where that arrives."""

    kind: Literal["ses"] = "ses"
    queue_url: str = ""
    endpoint_url: Endpoint = ""
    topic_arns: tuple[str, ...] = ()
    keep_payload_days: int = Field(default=90, ge=1)
    silence_minutes: int = Field(default=60, ge=1)


class PolicySettings(_Part):
    """`[policy]`: when a send stops by itself, and what must be done before one."""

    complaint_pause: float = Field(default=0.001, gt=0, le=1)
    bounce_pause: float = Field(default=0.05, gt=0, le=1)
    bounce_warn: float = Field(default=0.01, gt=0, le=1)
    soft_bounce_limit: int = Field(default=5, ge=1)
    require_test: bool = False
    stale_schedule_hours: int = Field(default=12, ge=1)
    canary_minutes: int = Field(default=30, ge=1)


class WebSettings(_Part):
    """`[web]`: what the public pages let visitors do."""

    subscribe_lists: tuple[str, ...] = ("*",)
    trusted_proxies: tuple[Annotated[str, AfterValidator(values.network)], ...] = ()
    keep_ip: bool = False
    welcome: Line = ""
    requests_per_ip: int = Field(default=20, ge=1)
    requests_per_network: int = Field(default=60, ge=1)
    requests_per_wide_network: int = Field(default=200, ge=1)
    requests_per_domain: int = Field(default=200, ge=1)
    requests_per_hour: int = Field(default=1000, ge=1)
    archive_lists: tuple[str, ...] = ("*",)
    metrics: Literal["loopback", "all", "off"] = "loopback"

    def opens(self, list_name: str) -> bool:
        """Whether anybody may ask to join a list of this name."""
        return not {"*", list_name}.isdisjoint(self.subscribe_lists)

    def shows(self, list_name: str) -> bool:
        """Whether the archive shows the issues of a list."""
        return not {"*", list_name}.isdisjoint(self.archive_lists)


class MediaSettings(_Part):
    """`[media]`: where readers get the pictures that lie beside issues."""

    kind: Literal["site", "s3"] = "site"
    bucket: Annotated[str, AfterValidator(values.bucket)] = ""
    prefix: Annotated[str, AfterValidator(values.prefix)] = "media"
    public_url: Annotated[str, AfterValidator(values.web_url_or_none)] = ""
    region: str = ""
    endpoint_url: Endpoint = ""

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        if self.kind == "s3" and not (self.bucket and self.public_url):
            raise ValueError('kind = "s3" needs a bucket and its public_url')
        return self


class BrandSettings(_Part):
    """`[brand]`: the face of the newsletter, in its mails, on its pages and in its feeds."""

    logo: Annotated[str, AfterValidator(values.logo)] = ""
    accent: Annotated[str, AfterValidator(values.colour)] = ""
    description: Line = Field(default="", max_length=300)
    author: Line = Field(default="", max_length=100)
    links: Mapping[LinkName, Annotated[str, AfterValidator(values.link)]] = {}

    @property
    def logo_is_address(self) -> bool:
        return self.logo.startswith("https://")


class DigestSettings(_Part):
    """`[digest]`: how issues are read."""

    section_labels: tuple[str, ...] = ("影响", "Impact")
    smart: bool = True


class LogSettings(_Part):
    """`[log]`: how much is logged."""

    level: Literal["warning", "info", "debug"] = "warning"


class Settings(_Part):
    """All settings, checked."""

    newsletter: NewsletterSettings
    store: StoreSettings = StoreSettings()
    transport: TransportSettings = TransportSettings()
    events: EventSettings = EventSettings()
    policy: PolicySettings = PolicySettings()
    web: WebSettings = WebSettings()
    media: MediaSettings = MediaSettings()
    digest: DigestSettings = DigestSettings()
    brand: BrandSettings = BrandSettings()
    log: LogSettings = LogSettings()

    @property
    def pictures_url(self) -> str:
        """What the address of each picture from beside an issue begins with."""
        if self.media.kind == "site":
            return f"{self.newsletter.base_url}/{MEDIA_FOLDER}"
        return "/".join(filter(None, (self.media.public_url, self.media.prefix)))
