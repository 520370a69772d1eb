"""A Message as the bytes of an RFC 5322 mail: multipart/alternative, text first.

Headers are joined here, not by email.message: that turns a long List-Unsubscribe URI into encoded
words, which breaks one-click unsubscribe, and lets some control characters through.
https://www.rfc-editor.org/rfc/rfc5322, and for words beyond ASCII https://www.rfc-editor.org/rfc/rfc2047
"""

import datetime as dt
import email.utils
import hashlib
import re
from collections.abc import Mapping
from email.header import Header

from newsletter.errors import NewsletterError
from newsletter.model.email import MergeText, Message
from newsletter.transports.splice import encoded

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_NAME = re.compile(r"[!-9;-~]+")
_LINE_OCTETS = 998  # RFC 5322, 2.1.1


class UnsafeHeader(NewsletterError):
    """A header value that could break out of its line, or half a character in a body."""

    code = "unsafe-header"


def compose(message: Message, now: dt.datetime) -> bytes:
    """The whole mail, with CRLF line ends. `now` becomes its Date."""
    sender_name, sender_address = split_mailbox(message.sender)
    headers = [
        ("From", mailbox(sender_name, sender_address)),
        ("To", message.to.text),
        ("Subject", message.subject),
        ("Date", email.utils.format_datetime(now)),
        ("Message-ID", f"<{message_id(message)}>"),
    ]
    if message.reply_to:
        headers.append(("Reply-To", mailbox(*split_mailbox(message.reply_to))))
    headers += message.headers
    boundary = "=_" + hashlib.sha256(message.ref.encode()).hexdigest()[:32]
    lines = [header(name, value) for name, value in headers]
    lines += [
        "MIME-Version: 1.0",
        f'Content-Type: multipart/alternative; boundary="{boundary}"',
        "",
        f"--{boundary}",
        *_part("text/plain", message.email.text, message.values),
        f"--{boundary}",
        *_part("text/html", message.email.html, message.values),
        f"--{boundary}--",
        "",
    ]
    return "\r\n".join(lines).encode("ascii")


def message_id(message: Message) -> str:
    """What stands between < and > in its Message-ID."""
    domain = split_mailbox(message.sender)[1].rpartition("@")[2]
    return f"{message.ref}@{domain}"


def header(name: str, value: str) -> str:
    """One header, folded where its value needs encoding; raises UnsafeHeader.

    A subject that looks like an encoded word of RFC 2047 is encoded itself, so that it is shown,
    and so is one that is too long for a line.
    """
    if not _NAME.fullmatch(name):
        raise UnsafeHeader(f"{name!r} is not a header name")
    if _CONTROL.search(value):
        raise UnsafeHeader(
            f"the header {name} would hold a control character or a line break",
            hint="Remove it from the subject, the sender or the subscriber's data.",
        )
    too_long = len(name) + 2 + len(value) > _LINE_OCTETS
    if value.isascii() and not (name == "Subject" and ("=?" in value or too_long)):
        if too_long:
            raise UnsafeHeader(f"the header {name} would be longer than {_LINE_OCTETS} octets")
        return f"{name}: {value}"
    if "<" in value and name in ("From", "Reply-To", "List-Id"):
        raise UnsafeHeader(f"the header {name} holds letters that its form does not allow")
    encoded = Header(value, "utf-8", maxlinelen=76, header_name=name).encode(linesep="\r\n")
    return f"{name}: {encoded}"


def mailbox(name: str, address: str) -> str:
    """`Name <address>` in ASCII, the name quoted or encoded as it needs."""
    return f"{phrase(name)} <{address}>" if name else address


def phrase(text: str) -> str:
    """The words before an address or the name of a list: ASCII in one line, quoted or encoded as
    they need. Raises UnsafeHeader."""
    if _CONTROL.search(text):
        raise UnsafeHeader(
            "the name of a sender or a list holds a control character or a line break"
        )
    if text.isascii() and "=?" not in text:
        return _quoted(text)
    # Each encoded word has 75 octets at most (RFC 2047, 2); a space between two is not shown.
    return Header(text, "utf-8", maxlinelen=75).encode(linesep="")


def split_mailbox(value: str) -> tuple[str, str]:
    """`Name <local@domain>` or `local@domain` -> (name, address).

    Quotes around the whole name are those of a header; any others belong to it.
    """
    match = re.fullmatch(r"\s*(?P<name>[^<>]*?)\s*<(?P<address>[^<>\s]+)>\s*", value)
    if match is None:
        return "", value.strip()
    name = match["name"]
    if re.fullmatch(r'"(?:[^"\\]|\\.)*"', name):
        name = re.sub(r"\\(.)", r"\1", name[1:-1])
    return name, match["address"]


def _quoted(name: str) -> str:
    if re.fullmatch(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~ -]+", name):
        return name
    escaped = name.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _part(content_type: str, template: MergeText, values: Mapping[str, str]) -> list[str]:
    body = encoded(template)
    try:
        filled = body.filled(values)
    except UnicodeEncodeError as error:
        raise UnsafeHeader("a merge field holds half a character") from error
    return [
        f"Content-Type: {content_type}; charset=utf-8",
        f"Content-Transfer-Encoding: {body.encoding}",
        "",
        filled,
    ]
