"""The limits of SES on addresses, headers, tags, template data and raw messages.

The model of the API (botocore's `sesv2`) and its documentation name them; botocore checks almost
none. Each rule raises `Invalid` with the reason.
"""

import json
import re
from collections.abc import Iterable, Mapping, Sequence

MAX_ENTRIES = 50
MAX_RECIPIENTS = 50
MAX_HEADERS = 15
MAX_INLINE_REQUEST_BYTES = 1_000_000
MAX_RAW_BYTES = 40_000_000
MAX_TEMPLATE_DATA = 262_144
MAX_LINE = 998

Pair = tuple[str, str]

_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_ADDRESS = re.compile(rf"(?=[^@]{{1,64}}@){_ATOM}(?:\.{_ATOM})*@(?:{_LABEL}\.)+{_LABEL}")
_MAILBOX = re.compile(r'(?:"(?:[ !#-\[\]-~]|\\["\\])*"|[^"<>@,;:\\()\[\]]*)\s*<([^<>]+)>')
_HEADER_NAME = re.compile(r"[!-9;-@A-~]{1,126}")
_HEADER_VALUE = re.compile(r"[ -~]+")
_TAG = re.compile(r"[A-Za-z0-9_-]{1,256}")

SET_BY_SES = frozenset(
    "bcc cc content-disposition content-transfer-encoding content-type date from message-id"
    " mime-version reply-to return-path sender subject to".split()
)
ONCE = frozenset({"list-unsubscribe", "list-unsubscribe-post"})
ONCE_IN_RAW = ONCE | frozenset(
    "bcc cc date from message-id reply-to return-path sender subject to".split()
)


class Invalid(ValueError):
    """A request, or one entry of it, breaks a limit."""


def members(
    value: object, where: str, allowed: frozenset[str], required: Iterable[str] = ()
) -> Mapping[str, object]:
    """`value` as a structure with these members and no others."""
    if not isinstance(value, dict):
        raise Invalid(f"{where} is not a structure")
    if unknown := value.keys() - allowed:
        raise Invalid(f"{where} has an unknown member {min(unknown)}")
    for name in required:
        if name not in value:
            raise Invalid(f"{where} lacks {name}")
    return value


def items(value: object, where: str) -> Sequence[object]:
    if not isinstance(value, list):
        raise Invalid(f"{where} is not a list")
    return value


def string(value: object, where: str) -> str:
    if not isinstance(value, str):
        raise Invalid(f"{where} is not a string")
    return value


def address(value: object, where: str) -> str:
    """The bare address of an address or of `Name <address>`."""
    text = string(value, where)
    if not text.isascii():
        raise Invalid(f"{where}: {text!r} is not ASCII")
    if (mailbox := _MAILBOX.fullmatch(text)) is not None:
        text = mailbox[1]
    if "@" not in text:
        raise Invalid(f"{where}: Missing final '@domain'")
    if len(text) > 320 or _ADDRESS.fullmatch(text) is None:
        raise Invalid(f"{where}: {text!r} is not an address")
    return text


_HEADER = frozenset({"Name", "Value"})


def headers(value: object, where: str) -> list[Pair]:
    """The `MessageHeader` structures of a list."""
    given = items(value, where)
    if len(given) > MAX_HEADERS:
        raise Invalid(f"{where} has {len(given)} headers, {MAX_HEADERS} are the most")
    pairs = [_header(item, where) for item in given]
    names = [name.lower() for name, _ in pairs]
    for name in ONCE:
        if names.count(name) > 1:
            raise Invalid(f"{where}: {name} may be there only once")
    return pairs


def _header(value: object, where: str) -> Pair:
    pair = members(value, where, _HEADER, _HEADER)
    name, text = string(pair["Name"], where), string(pair["Value"], where)
    if _HEADER_NAME.fullmatch(name) is None:
        raise Invalid(f"{where}: the header name {name!r}")
    if _HEADER_VALUE.fullmatch(text) is None:
        raise Invalid(f"{where}: the value of {name} is not printable ASCII")
    if len(name) + len(text) > 996:
        raise Invalid(f"{where}: {name} and its value have more than 996 characters")
    if name.lower() in SET_BY_SES:
        raise Invalid(f"{where}: {name} may not be set")
    return name, text


def tags(value: object, where: str) -> dict[str, str]:
    """The `MessageTag` structures of a list."""
    found: dict[str, str] = {}
    for item in items(value, where):
        pair = members(item, where, _HEADER, _HEADER)
        name, text = string(pair["Name"], where), string(pair["Value"], where)
        if _TAG.fullmatch(name) is None or _TAG.fullmatch(text) is None:
            raise Invalid(f"{where}: the tag {name!r} = {text!r}: only A-Z a-z 0-9 _ - are allowed")
        if name in found:
            raise Invalid(f"{where}: the tag {name!r} is there twice")
        found[name] = text
    return found


def template_data(value: object, where: str) -> dict[str, str]:
    """The values of a JSON object in a string, as a template writes them."""
    text = string(value, where)
    if len(text) > MAX_TEMPLATE_DATA:
        raise Invalid(f"{where} has {len(text)} characters, {MAX_TEMPLATE_DATA} are the most")
    try:
        data = json.loads(text)
    except ValueError as error:
        raise Invalid(f"{where} is not JSON: {error}") from error
    if not isinstance(data, dict):
        raise Invalid(f"{where} is not a JSON object")
    return {name: v if isinstance(v, str) else json.dumps(v) for name, v in data.items()}


def raw_message(data: bytes) -> bytes:
    """The head of a MIME message that SES would take."""
    if len(data) > MAX_RAW_BYTES:
        raise Invalid(f"a message of {len(data)} bytes, {MAX_RAW_BYTES} are the most")
    for line in data.split(b"\n"):
        if len(line) > MAX_LINE and len(line.rstrip(b"\r")) > MAX_LINE:
            raise Invalid(f"a line of {len(line)} characters, {MAX_LINE} and CRLF are the most")
    head, blank, _ = data.replace(b"\r\n", b"\n", 1000).partition(b"\n\n")
    if not blank:
        raise Invalid("a message without a body")
    if not head.isascii():
        raise Invalid("a header that is not ASCII")
    return head
