"""What a value of a key may be."""

import base64
import ipaddress
import re
import zoneinfo
from collections.abc import Callable
from typing import Annotated
from urllib.parse import urlsplit

from newsletter.model.webhook import WebhookEvent
from newsletter.rules import advice_on, rules

_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
_HOST = re.compile(
    r"(?:[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?"
)
_PATH = re.compile(r"(?:[A-Za-z0-9/._~-]|%[0-9A-Fa-f]{2})*")
_MOST = 1_000_000_000  # of what is counted: databases and spans of time take no more
_ADDRESS = re.compile(rf"{_ATOM}(?:\.{_ATOM})*@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+")


def not_empty(value: str) -> str:
    if not value:
        raise ValueError("must not be empty")
    return value


def no_longer_than(length: int) -> Callable[[str], str]:
    def check(value: str) -> str:
        if len(value) > length:
            raise ValueError(f"must have at most {length} characters")
        return value

    return check


def at_least(least: int) -> Callable[[int], int]:
    def check(value: int) -> int:
        if value < least:
            raise ValueError(f"must be at least {least}")
        return value

    return check


def at_most(most: int) -> Callable[[int], int]:
    def check(value: int) -> int:
        if value > most:
            raise ValueError(f"must be at most {most}")
        return value

    return check


def _share(value: float) -> float:
    if not 0 < value <= 1:
        raise ValueError("must be more than 0 and at most 1")
    return value


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


def mailbox_or_none(value: str) -> str:
    return _mailbox(value) if value else value


def _web_url(value: str) -> str:
    if not re.fullmatch(r"[!-~]+", value):
        raise ValueError("must be ASCII without spaces; write the host as xn--…, the path as %…")
    parts = urlsplit(value)
    if parts.scheme not in ("http", "https") or not _HOST.fullmatch(parts.netloc):
        raise ValueError('must be a web address such as "https://news.example.com"')
    if parts.port == 0 or not _PATH.fullmatch(parts.path):
        # It stands between < and > in List-Unsubscribe, where a comma begins another address.
        raise ValueError("must have letters, digits, / - . _ ~ and %… only after the host")
    if parts.query or parts.fragment:
        raise ValueError("must have neither ? nor #")
    local = parts.hostname in ("localhost", "127.0.0.1", "::1")
    if parts.scheme == "http" and not local:
        raise ValueError("must begin with https:// (one-click unsubscribe requires it)")
    return value.rstrip("/")


def web_url_or_none(value: str) -> str:
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


def language_tag(value: str) -> str:
    if not re.fullmatch(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*", value):
        raise ValueError('must be a language tag such as "zh-CN" or "en"')
    return value


def time_zone(value: str) -> str:
    try:
        zoneinfo.ZoneInfo(value)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError('is not a known time zone; write one such as "Asia/Shanghai"') from None
    return value


def network(value: str) -> str:
    try:
        ipaddress.ip_network(value)
    except ValueError:
        raise ValueError('must be an IP address or a network such as "10.0.0.0/8"') from None
    return value


def host(value: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?|[0-9A-Fa-f:.]+", value):
        raise ValueError('must be the name of a host such as "mail.example.com"')
    return value


def nameserver(value: str) -> str:
    """An address of a machine, and a port if it is not 53: `192.0.2.1:5353`, `[2001:db8::1]`."""
    address, port = server_of(value)
    ipaddress.ip_address(address)
    if not 0 < port < 65536:
        raise ValueError("has no such port")
    return value


def server_of(value: str) -> tuple[str, int]:
    """The address and the port of a nameserver."""
    match = re.fullmatch(r"(?:\[([0-9A-Fa-f:.]+)\]|([0-9.]+))(?::([0-9]{1,5}))?", value)
    if match is None:
        raise ValueError('must be an address with or without a port, such as "192.0.2.1:5353"')
    return match[1] or match[2], int(match[3] or 53)


def is_this_machine(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def credential(value: str) -> str:
    if not re.fullmatch(r"[ -~]*", value):
        raise ValueError("must be printable ASCII")
    return value


def address_or_none(value: str) -> str:
    if value and (len(value) > 254 or not _ADDRESS.fullmatch(value)):
        raise ValueError('must be a bare address such as "bounces@news.example.com"')
    return value


def address(value: str) -> str:
    if not value:
        raise ValueError('must be a bare address such as "editor@example.com"')
    return address_or_none(value)


def tenant(value: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9_-]{0,64}", value):
        raise ValueError("must be the name of a tenant: letters, digits, - and _")
    return value


def bucket(value: str) -> str:
    if not re.fullmatch(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]|", value):
        raise ValueError("must be the name of a bucket: lower-case letters, digits, . and -")
    return value


def prefix(value: str) -> str:
    prefix = value.strip("/")
    if not re.fullmatch(r"(?:[A-Za-z0-9_-][A-Za-z0-9._-]*(?:/|$))*", prefix):
        raise ValueError("must be a path of letters, digits, - _ and . such as media/weekly")
    return prefix


def branch_or_none(value: str) -> str:
    if value and (not re.fullmatch(r"[\w.+/-]+", value) or value.startswith(("-", "/", "refs/"))):
        raise ValueError('must be the name of a branch such as "main"')
    return value


def logo(value: str) -> str:
    """A picture file of the project, or the https address of one."""
    _no_controls(value)
    if ":" in value and not re.fullmatch(r"https://[^\s/@\"<>]+/[!-~]+", value):
        raise ValueError('must be a file such as "pictures/logo.png", or begin with https://')
    return value


def colour(value: str) -> str:
    if value and not re.fullmatch(r"#[0-9A-Fa-f]{6}", value):
        raise ValueError('must be a colour with six digits such as "#a8321f"')
    return value.lower()


def link(value: str) -> str:
    if not re.fullmatch(r"https?://[^\s/@\"<>]+[!-~]*|mailto:[^\s?\"<>]+@[^\s?\"<>]+", value):
        raise ValueError('must be a whole address such as "https://example.com/us"')
    return value


def _link_name(value: str) -> str:
    if not 0 < len(_no_controls(value)) <= 40:
        raise ValueError("must have a name of 1 to 40 characters, which readers see")
    return value


def _rule_id(value: str) -> str:
    if value not in rules():
        raise ValueError(f"there is no such rule. {advice_on(value)}")
    return value


def _webhook_name(value: str) -> str:
    if not re.fullmatch(r"[a-z][a-z0-9_-]{0,39}", value):
        raise ValueError("must have a name of lower-case letters, digits, - and _")
    return value


def _webhook_event(value: str) -> str:
    try:
        return WebhookEvent(value)
    except ValueError:
        raise ValueError(f"must be one of {', '.join(WebhookEvent)}") from None


def webhook_secrets(value: str) -> str:
    """Secrets of a webhook, the newest first, with commas between."""
    if value:
        for secret in value.split(","):
            webhook_key(secret)
    return value


def webhook_key(secret: str) -> bytes:
    """The key in `whsec_…`, as https://www.standardwebhooks.com has it."""
    prefix, separator, key = secret.strip().partition("_")
    try:
        raw = base64.b64decode(key, validate=True)
    except ValueError:
        raw = b""
    if prefix != "whsec" or not separator or not 24 <= len(raw) <= 64:
        raise ValueError("must be whsec_ and 24 to 64 bytes in base64")
    return raw


WebhookName = Annotated[str, _webhook_name]
WebhookKind = Annotated[str, _webhook_event]
Line = Annotated[str, _no_controls]
RuleId = Annotated[str, _rule_id]
LinkName = Annotated[str, _link_name]
Mailbox = Annotated[str, _mailbox]
Endpoint = Annotated[str, _endpoint]
WebUrl = Annotated[str, _web_url]
Positive = Annotated[int, at_least(1), at_most(_MOST)]
NotNegative = Annotated[int, at_least(0), at_most(_MOST)]
Days = Annotated[int, at_most(36_500)]  # a century, so that the calendar has each day
Ratio = Annotated[float, _share]
