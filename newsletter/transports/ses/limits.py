"""What SES refuses, checked here: botocore sends almost anything, and a bad entry costs a call.

The numbers are those of
https://docs.aws.amazon.com/ses/latest/APIReference-V2/API_SendBulkEmail.html and
API_SendEmail.html.
"""

import re
from collections.abc import Sequence, Set
from functools import lru_cache

from newsletter.model.email import Message

MAX_ENTRIES = 50
MAX_REQUEST_BYTES = 1_000_000
MAX_RAW_BYTES = 40_000_000
MAX_DATA_CHARACTERS = 262_144
MAX_ENTRY_BYTES = 3_500  # of an entry's JSON without its data: two headers, four tags, addresses
_MAX_HEADERS = 15
_HEADER_NAME = re.compile(r"[!-9;-@A-~]{1,126}")
_MAX_VALUE = 995
_MAX_HEADER = 996
_TAG = re.compile(r"[A-Za-z0-9_-]{1,256}")
_HALF = re.compile(r"[\ud800-\udfff]")  # a lone surrogate, which no encoding has


def faults(batch: Sequence[Message]) -> list[str]:
    """Why SES would refuse each message, empty where it would not; never holds the address."""
    first = batch[:1]  # most headers and tags are the same in all messages
    headers = frozenset(pair for some in first for pair in some.headers if not _of_header(pair))
    tags = frozenset(pair for some in first for pair in some.tags if not _of_tag(pair))
    return [_fault(message, headers, tags) for message in batch]


def _fault(
    message: Message, good_headers: Set[tuple[str, str]], good_tags: Set[tuple[str, str]]
) -> str:
    if len(message.headers) > _MAX_HEADERS:
        return f"more than {_MAX_HEADERS} headers"
    for header in message.headers:
        if header not in good_headers and (reason := _of_header(header)):
            return reason
    for tag in message.tags:
        if tag not in good_tags and (reason := _of_tag(tag)):
            return reason
    values = "".join(message.values.values())
    if not values.isascii() and _HALF.search(values):
        return "a merge field holds half a character"
    return ""


def _of_header(header: tuple[str, str]) -> str:
    name, value = header
    if not _is_header_name(name):
        return f"{name!r} is not a header name"
    is_plain = value.isascii() and value.isprintable()
    if not (is_plain and 0 < len(value) <= _MAX_VALUE and len(name) + len(value) <= _MAX_HEADER):
        return f"the header {name} is not ASCII of at most 995 characters"
    return ""


def _of_tag(tag: tuple[str, str]) -> str:
    name, value = tag
    if _is_tag_name(name) and _TAG.fullmatch(value):
        return ""
    return f"the tag {name} holds more than letters, digits, - and _"


@lru_cache(maxsize=64)
def _is_header_name(name: str) -> bool:
    return _HEADER_NAME.fullmatch(name) is not None


@lru_cache(maxsize=64)
def _is_tag_name(name: str) -> bool:
    return _TAG.fullmatch(name) is not None
