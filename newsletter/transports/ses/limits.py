"""What SES refuses, checked here: botocore sends almost anything, and a bad entry costs a call.

The numbers are those of
https://docs.aws.amazon.com/ses/latest/APIReference-V2/API_SendBulkEmail.html and
API_SendEmail.html.
"""

import json
import re

from newsletter.model.email import Message

MAX_ENTRIES = 50
MAX_REQUEST_BYTES = 1_000_000
MAX_RAW_BYTES = 40_000_000
MAX_DATA_CHARACTERS = 262_144
MAX_ENTRY_BYTES = 3_500  # of an entry's JSON without its data: two headers, four tags, addresses
_MAX_HEADERS = 15
_HEADER_NAME = re.compile(r"[!-9;-@A-~]{1,126}")
_HEADER_VALUE = re.compile(r"[ -~]{1,995}")
_MAX_HEADER = 996
_TAG = re.compile(r"[A-Za-z0-9_-]{1,256}")
_HALF = re.compile(r"[\ud800-\udfff]")  # a lone surrogate, which no encoding has


def fault(message: Message) -> str:
    """Why SES would refuse a message, empty if it would not; never holds the address."""
    if len(message.headers) > _MAX_HEADERS:
        return f"more than {_MAX_HEADERS} headers"
    for name, value in message.headers:
        if not _HEADER_NAME.fullmatch(name):
            return f"{name!r} is not a header name"
        if not _HEADER_VALUE.fullmatch(value) or len(name) + len(value) > _MAX_HEADER:
            return f"the header {name} is not ASCII of at most 995 characters"
    for name, value in message.tags:
        if not (_TAG.fullmatch(name) and _TAG.fullmatch(value)):
            return f"the tag {name} holds more than letters, digits, - and _"
    if any(_HALF.search(value) for value in message.values.values()):
        return "a merge field holds half a character"
    return ""


def entry_bytes(data: str) -> int:
    """The most that one entry of a bulk call takes, with its data as JSON once more."""
    return MAX_ENTRY_BYTES + len(json.dumps(data))
