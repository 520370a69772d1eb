"""newsletter.toml and the environment -> Settings, with every fault at once.

Each key can be set by environment: `NEWSLETTER_TRANSPORT__KIND=ses` is `kind` in `[transport]`.
docs/settings.md describes each key; a test fails for one that is missing there.
"""

import ipaddress
import json
import os
import re
import tomllib
import zoneinfo
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    model_validator,
)

from newsletter.errors import ConfigurationError, UsageError
from newsletter.meant import meant

FILE_NAME = "newsletter.toml"
MEDIA_FOLDER = "media"  # of the public site
LEAST_COMPLAINTS = 3  # before they are judged by their share: one or two prove nothing
_PREFIX = "NEWSLETTER_"
_CLOSE = 0.88  # of a name to one of ours: one letter of eight may be wrong
# Environment variables that begin like a key and are none.
_RESERVED = {"NEWSLETTER_PROJECT", "NEWSLETTER_SECRET"}
_SECRETS = (("transport", "smtp", "password"),)  # keys for the environment only
_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
_HOST = re.compile(
    r"(?:[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?"
)
_PATH = re.compile(r"(?:[A-Za-z0-9/._~-]|%[0-9A-Fa-f]{2})*")
_ADDRESS = re.compile(rf"{_ATOM}(?:\.{_ATOM})*@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+")


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, str_strip_whitespace=True)


def _no_controls(value: str) -> str:
    if re.search(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]", value):
        raise ValueError("must not contain control characters or line breaks")
    return value


def _mailbox(value: str) -> str:
    """One mailbox, `Name <local@domain>` or bare; the shape that goes into a header."""
    _no_controls(value)
    match = re.fullmatch(r"(?:(?P<name>[^<>]*?)\s*<(?P<address>[^<>]+)>)|(?P<bare>[^<>\s]+)", value)
    address = (match["address"] or match["bare"]) if match else ""
    if len(address) > 254 or not _ADDRESS.fullmatch(address):
        raise ValueError('must be one address such as "AI Daily <daily@news.example.com>"')
    return value


def _web_url(value: str) -> str:
    if not re.fullmatch(r"[!-~]+", value):
        raise ValueError("must be ASCII without spaces; write the host as xn--…, the path as %…")
    parts = urlsplit(value)
    if parts.scheme not in ("http", "https") or not _HOST.fullmatch(parts.netloc):
        raise ValueError('must be a web address such as "https://news.example.com"')
    if parts.port == 0 or not _PATH.fullmatch(parts.path):
        # It stands between < and > in List-Unsubscribe, where a comma begins another address.
        raise ValueError("must have letters, digits, / - . _ ~ and %… alone behind the host")
    if parts.query or parts.fragment:
        raise ValueError("must have neither ? nor #")
    local = parts.hostname in ("localhost", "127.0.0.1", "::1")
    if parts.scheme == "http" and not local:
        raise ValueError("must begin with https:// (one-click unsubscribe demands it)")
    return value.rstrip("/")


def _web_url_or_none(value: str) -> str:
    return _web_url(value) if value else value


def _endpoint(value: str) -> str:
    """The address of a service, or none; it may be shown, so it holds no password."""
    if not value:
        return value
    try:
        parts = urlsplit(value)
        is_whole = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        is_whole = False
    if not is_whole or not re.fullmatch(r"[!-~]+", value):
        raise ValueError('must be a whole URL such as "https://email.us-east-1.amazonaws.com"')
    if "@" in value:
        raise ValueError("must hold no user and no password")
    return value


def _language(value: str) -> str:
    if not re.fullmatch(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*", value):
        raise ValueError('must be a language tag such as "zh-CN" or "en"')
    return value


def _time_zone(value: str) -> str:
    try:
        zoneinfo.ZoneInfo(value)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError('is no known time zone; write one such as "Asia/Shanghai"') from None
    return value


def _network(value: str) -> str:
    try:
        ipaddress.ip_network(value)
    except ValueError:
        raise ValueError('must be an IP address or a network such as "10.0.0.0/8"') from None
    return value


def _host(value: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?|[0-9A-Fa-f:.]+", value):
        raise ValueError('must be the name of a host such as "mail.example.com"')
    return value


def _is_this_machine(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _credential(value: str) -> str:
    if not re.fullmatch(r"[ -~]*", value):
        raise ValueError("must be printable ASCII")
    return value


def _address_or_none(value: str) -> str:
    if value and (len(value) > 254 or not _ADDRESS.fullmatch(value)):
        raise ValueError('must be a bare address such as "bounces@news.example.com"')
    return value


def _tenant(value: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9_-]{0,64}", value):
        raise ValueError("must be the name of a tenant: letters, digits, - and _")
    return value


def _bucket(value: str) -> str:
    if not re.fullmatch(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]|", value):
        raise ValueError("must be the name of a bucket: small letters, digits, . and -")
    return value


def _prefix(value: str) -> str:
    prefix = value.strip("/")
    if not re.fullmatch(r"(?:[A-Za-z0-9_-][A-Za-z0-9._-]*(?:/|$))*", prefix):
        raise ValueError("must be a path of letters, digits, - _ and . such as media/weekly")
    return prefix


def _logo(value: str) -> str:
    """A picture file of the project, or the https address of one."""
    _no_controls(value)
    if ":" in value and not re.fullmatch(r"https://[^\s/@\"<>]+/[!-~]+", value):
        raise ValueError('must be a file such as "pictures/logo.png", or begin with https://')
    return value


def _colour(value: str) -> str:
    if value and not re.fullmatch(r"#[0-9A-Fa-f]{6}", value):
        raise ValueError('must be a colour with six digits such as "#a8321f"')
    return value.lower()


def _link(value: str) -> str:
    if not re.fullmatch(r"https?://[^\s/@\"<>]+[!-~]*|mailto:[^\s?\"<>]+@[^\s?\"<>]+", value):
        raise ValueError('must be a whole address such as "https://example.com/us"')
    return value


def _link_name(value: str) -> str:
    if not 0 < len(_no_controls(value)) <= 40:
        raise ValueError("must have a name of 1 to 40 characters, which readers see")
    return value


Line = Annotated[str, AfterValidator(_no_controls)]
_LinkName = Annotated[str, AfterValidator(_link_name)]
Mailbox = Annotated[str, AfterValidator(_mailbox)]
Endpoint = Annotated[str, AfterValidator(_endpoint)]
WebUrl = Annotated[str, AfterValidator(_web_url)]


class NewsletterSettings(_Part):
    """`[newsletter]`: who sends, and how it presents itself."""

    name: Line = Field(min_length=1)
    language: Annotated[str, AfterValidator(_language)] = "en"
    timezone: Annotated[str, AfterValidator(_time_zone)] = "UTC"
    sender: Mailbox = Field(alias="from")
    reply_to: Mailbox | Literal[""] = ""
    base_url: WebUrl
    postal_address: str = Field(min_length=1)
    theme: str = "digest"


class StoreSettings(_Part):
    """`[store]`: where subscribers and the ledger live, and what remembers how old it is."""

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
    tenant: Annotated[str, AfterValidator(_tenant)] = ""
    open_tracking: bool = False
    click_tracking: bool = False
    max_rate: int = Field(default=0, ge=0)
    shared_account: bool = False


class SmtpSettings(_Part):
    """`[transport.smtp]`: a mail server; its password comes from the environment only."""

    host: Annotated[str, AfterValidator(_host)] = "localhost"
    port: int = Field(default=0, ge=0, le=65535)
    tls: Literal["starttls", "tls", "none"] = "starttls"
    username: Annotated[str, AfterValidator(_credential)] = ""
    password: Annotated[str, AfterValidator(_credential)] = Field(default="", repr=False)
    bounce_address: Annotated[str, AfterValidator(_address_or_none)] = ""
    timeout_seconds: int = Field(default=60, ge=1, le=600)
    max_rate: int = Field(default=0, ge=0)

    @model_validator(mode="after")
    def _keeps_its_password(self) -> Self:
        if bool(self.username) != bool(self.password):
            raise ValueError("needs a username and, in the environment, a password, or neither")
        if self.username and self.tls == "none" and not _is_this_machine(self.host):
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
    """`[policy]`: when a send stops by itself, and what it demands before."""

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
    trusted_proxies: tuple[Annotated[str, AfterValidator(_network)], ...] = ()
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
    bucket: Annotated[str, AfterValidator(_bucket)] = ""
    prefix: Annotated[str, AfterValidator(_prefix)] = "media"
    public_url: Annotated[str, AfterValidator(_web_url_or_none)] = ""
    region: str = ""
    endpoint_url: Endpoint = ""

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        if self.kind == "s3" and not (self.bucket and self.public_url):
            raise ValueError('kind = "s3" needs a bucket and its public_url')
        return self


class BrandSettings(_Part):
    """`[brand]`: the face of the newsletter, in its mails, on its pages and in its feeds."""

    logo: Annotated[str, AfterValidator(_logo)] = ""
    accent: Annotated[str, AfterValidator(_colour)] = ""
    description: Line = Field(default="", max_length=300)
    author: Line = Field(default="", max_length=100)
    links: Mapping[_LinkName, Annotated[str, AfterValidator(_link)]] = {}

    @property
    def logo_is_address(self) -> bool:
        return self.logo.startswith("https://")


class DigestSettings(_Part):
    """`[digest]`: how issues are read."""

    section_labels: tuple[str, ...] = ("影响", "Impact")
    smart: bool = True


class LogSettings(_Part):
    """`[log]`: how much is told of what goes on."""

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


def find_root(start: Path) -> Path:
    """The nearest folder at or above `start` that holds a newsletter.toml."""
    for folder in (start, *start.parents):
        if (folder / FILE_NAME).is_file():
            return folder
    raise UsageError(
        f"no {FILE_NAME} in {start} or above",
        hint="Run `newsletter init DIR` to start a newsletter, or name one with --project DIR.",
    )


def load(path: Path, environment: Mapping[str, str] = os.environ) -> Settings:
    """The settings of a newsletter.toml, its environment laid over them.

    Raises ConfigurationError that lists every fault with its key, and with its line where the
    file has one.
    """
    try:
        source = path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise ConfigurationError(f"cannot be read: {error.strerror}", where=str(path)) from error
    except UnicodeDecodeError as error:
        raise ConfigurationError(
            "is not UTF-8", where=str(path), hint="Save it as UTF-8."
        ) from error
    return parse(source, path, environment)


def parse(source: str, path: Path, environment: Mapping[str, str] = os.environ) -> Settings:
    """As `load`, of the text of a newsletter.toml; errors name it `path`."""
    try:
        values = tomllib.loads(source.replace("\r\n", "\n"))
    except tomllib.TOMLDecodeError as error:
        line = re.search(r"line (\d+)", str(error))
        raise ConfigurationError(
            f"is not TOML: {error}",
            where=f"{path}:{line[1]}" if line else str(path),
            hint="Mend the line it names.",
        ) from error
    faults = [*_secrets(values), *_overlay(values, environment)]
    try:
        settings = Settings.model_validate(values)
    except ValidationError as error:
        faults += [_fault(dict(fault), source, environment) for fault in error.errors()]
    if faults:
        raise ConfigurationError(
            faults[0],
            where=str(path),
            hint="docs/settings.md describes every key.",
            details=faults[1:],
        )
    return settings


def _secrets(values: Mapping[str, Any]) -> Iterator[str]:
    """The faults of secrets that stand in the file, which is shared and committed."""
    for location in _SECRETS:
        table: Any = values
        for key in location:
            table = table.get(key) if isinstance(table, dict) else None
        if table is not None:
            yield (
                f"{'.'.join(location)}: must not stand in a file; set "
                f"{_PREFIX}{'__'.join(location).upper()} in the environment"
            )


def _overlay(values: dict[str, Any], environment: Mapping[str, str]) -> Iterator[str]:
    """Put environment variables into `values`; yields the faults of those that fit nowhere."""
    for name in sorted(environment):
        if not name.upper().startswith(_PREFIX) or name in _RESERVED:
            continue
        *tables, last = name.removeprefix(_PREFIX).lower().split("__")
        if variable := _meant(name):
            yield f"{name}: unknown variable; did you mean {variable}?"
            continue
        if not tables and last not in Settings.model_fields:
            continue  # NEWSLETTER_… of somebody else's
        table = values
        for key in tables:
            table = table.setdefault(key, {})
            if not isinstance(table, dict):
                yield f"{name}: {key} is no table"
                break
        else:
            table[last] = _value(environment[name].strip())


def _meant(name: str) -> str | None:
    """The variable of ours that one probably means which is none: written with other underscores or
    letters, without the table `newsletter`, or with a slip of the fingers. None for all others."""
    known = [*_variables(Settings), *sorted(_RESERVED)]
    if name in known:
        return None
    by_form = {_form(variable): variable for variable in known}
    form = _form(name)
    for spelt in (form, f"{_form(_PREFIX)}{form}"):
        if spelt in by_form:
            return by_form[spelt]
    if "__" in name:
        return None  # its table or key is told of with its own suggestion
    start = len(_form(_PREFIX))
    close = meant(form[start:], [known[start:] for known in by_form], _CLOSE)
    return by_form[form[:start] + close] if close else None


def _form(name: str) -> str:
    """A variable's name as far as a hurried eye reads it."""
    return name.upper().replace("_", "")


def _variables(model: type[BaseModel], prefix: str = _PREFIX) -> Iterator[str]:
    """The variable of each key."""
    for name, field in model.model_fields.items():
        variable = prefix + (field.alias or name).upper()
        inner = field.annotation
        if isinstance(inner, type) and issubclass(inner, BaseModel):
            yield from _variables(inner, f"{variable}__")
        else:
            yield variable


def _value(text: str) -> Any:
    """A list or a table where it is written as one in JSON; all else stays text, which pydantic
    converts."""
    if text.startswith(("[", "{")):
        try:
            return json.loads(text)
        except ValueError:
            return text
    return text


def _fault(error: dict[str, Any], source: str, environment: Mapping[str, str]) -> str:
    # Not the index in a list, nor the mark of a name in a table of the author's own.
    location = [part for part in error["loc"] if isinstance(part, str) and part != "[key]"]
    key = ".".join(location)
    at = key
    if variable := variable_of(location, environment):
        at = f"{key} (from {variable})"
    elif line := line_of(location, source) or line_of(location[:-1], source):
        at = f"{key} (line {line})"
    match error["type"]:
        case "extra_forbidden":
            known = _known_keys(location[:-1])
            close = meant(location[-1], known)
            advice = f"did you mean {close!r}?" if close else f"known: {', '.join(known)}"
            return f"{at}: unknown key; {advice}"
        case "missing":
            return f"{key}: is missing"
        case _:
            message = error["msg"].removeprefix("Value error, ")
            return f"{at}: {message[0].lower()}{message[1:]}"


def _known_keys(tables: list[str]) -> list[str]:
    model: type[BaseModel] = Settings
    for table in tables:
        inner = model.model_fields[table].annotation
        if not (isinstance(inner, type) and issubclass(inner, BaseModel)):
            return []
        model = inner
    return sorted(spec.alias or name for name, spec in model.model_fields.items())


def variable_of(location: Sequence[str], environment: Mapping[str, str] = os.environ) -> str | None:
    """The environment variable that a key got its value from; a whole table may come from some."""
    name = _PREFIX + "__".join(location).upper()
    return next((v for v in sorted(environment) if v == name or v.startswith(f"{name}__")), None)


def line_of(location: Sequence[str], source: str) -> int | None:
    """The line of a key in the file, found by its table and name; None where only implied."""
    *tables, key = location
    table = ""
    for number, line in enumerate(source.splitlines(), start=1):
        if header := re.match(r"\s*\[\s*([^\[\]]+?)\s*\]", line):
            table = header[1]
            if table == ".".join(location):
                return number
        elif table == ".".join(tables) and re.match(rf"\s*[\"']?{re.escape(key)}[\"']?\s*=", line):
            return number
    return None
