"""The headers of a mail as they leave: their length, their encoding, and odd letters in them."""

import re
import unicodedata
from collections.abc import Iterator, Sequence

from newsletter.languages import is_wide
from newsletter.model.digest import Digest
from newsletter.model.email import Email, fill
from newsletter.model.finding import Finding, Position, Severity

_LINE_OCTETS = 998  # RFC 5322, 2.1.1
_WORD_OCTETS = 75  # RFC 2047, 2
_ENCODED_WORD = re.compile(r"=\?[^?\s]+\?[BbQq]\?[^?\s]*\?=")
_ADDRESSES = ("List-Unsubscribe", "List-Unsubscribe-Post", "List-Id")
_SENDER_COLUMNS = 40
_PREHEADER_COLUMNS = 150  # what the widest inbox shows of one
_FANCY = re.compile("[\U0001d400-\U0001d7ff\u2460-\u24ff\U0001f100-\U0001f16f\uff21-\uff5a]{2,}")
# What joins or separates letters of some scripts and the parts of an emoji is no oddity.
_JOINERS = "\u200c\u200d\u00ad\ufe0e\ufe0f"


def header_faults(lines: Sequence[str], place: Position) -> Iterator[Finding]:
    """Headers as a transport writes them are lines that every server takes.

    `lines` are whole headers, folded by CRLF and a space where they are folded.
    """
    for header in lines:
        name, _, value = header.partition(":")
        for message in _faults(name, value, header.split("\r\n")):
            yield Finding(
                "header-invalid",
                Severity.ERROR,
                place,
                f"the header {name} {message}",
                "Shorten it, or write it in plain letters.",
            )


def _faults(name: str, value: str, lines: Sequence[str]) -> Iterator[str]:
    if not value.isascii():
        yield "holds letters that are not encoded"
    if any(unicodedata.category(sign) == "Cc" for line in lines for sign in line):
        yield "holds a control character"
    if (longest := max(len(line.encode()) for line in lines)) > _LINE_OCTETS:
        yield f"has a line of {longest:,} octets; {_LINE_OCTETS} are allowed"
    if any(not line.startswith((" ", "\t")) or not line.strip() for line in lines[1:]):
        yield "is folded so that another header begins in it"
    words = _ENCODED_WORD.findall(value)
    if any(len(word) > _WORD_OCTETS for word in words):
        yield f"has an encoded word of more than {_WORD_OCTETS} octets"
    if name in _ADDRESSES and (len(lines) > 1 or (words and name != "List-Id")):
        yield "is folded or encoded, and mail programs do not find the address in it"


def odd_subject(digest: Digest, email: Email) -> Iterator[Finding]:
    """The letters of a subject are those that inboxes show and screen readers read."""
    if odd := _oddity(fill(email.subject, {})):
        yield Finding(
            "odd-subject",
            Severity.WARNING,
            digest.subject_place,
            f"the subject holds {odd}",
            "Write it in plain letters.",
        )


def _oddity(subject: str) -> str:
    if match := _FANCY.search(subject):
        return f"letters that only look like others, {match[0]!r}: screen readers spell them out"
    for sign in subject:
        code = f"U+{ord(sign):04X}"
        match unicodedata.category(sign):
            case "Cc" | "Zl" | "Zp":
                return f"the control character {code}"
            case "Cf" if sign not in _JOINERS:
                return f"{code}, which shows nothing"
            case "Co" | "Cn" | "Cs":
                return f"{code}, which no font has"
            case _ if sign == "\ufffd":
                return "U+FFFD, which stands for a lost letter"
            case _:
                continue
    return ""


def long_sender(digest: Digest, email: Email) -> Iterator[Finding]:
    """The name of a sender fits into the list of an inbox."""
    name = email.sender.partition("<")[0].strip()
    if (columns := _columns(name)) > _SENDER_COLUMNS and "<" in email.sender:
        yield Finding(
            "long-sender",
            Severity.WARNING,
            digest.position,
            f"the sender's name is {columns} columns wide; inboxes show about {_SENDER_COLUMNS}",
            "Shorten from in newsletter.toml.",
        )


def long_preheader(digest: Digest, email: Email) -> Iterator[Finding]:
    """Inboxes show the beginning of a preheader alone."""
    columns = _columns(fill(email.preheader, {}))
    if digest.meta.preheader and columns > _PREHEADER_COLUMNS:
        yield Finding(
            "long-preheader",
            Severity.INFO,
            digest.place_of("preheader"),
            f"the preheader is {columns} columns wide; no inbox shows more than "
            f"{_PREHEADER_COLUMNS}",
            "Put what matters first, or shorten it.",
        )


def _columns(text: str) -> int:
    return sum(2 if is_wide(sign) else 1 for sign in text)
