"""The one gate for words from outside before people see them.

Replies of mail servers, keys of front matter, file names, headers, addresses and reasons may hold
what a terminal obeys: colours, links that lead elsewhere, a line that looks like one of ours. All
of that becomes visible instead: `\\x1b`, `\\n`, `\\u202e`.
"""

import re

from newsletter import masking

# Controls (C0 but the tab, DEL, C1), the separators of lines and paragraphs, half characters, and
# all that has the property Bidi_Control (UAX #9).
_OBEYED = re.compile(
    "[\x00-\x08\x0a-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff"
    "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]"
)

_ADDRESS = re.compile(r"([^\s@<>\"'`(){}\[\],;:=/|\\])[^\s@<>\"'`(){}\[\],;:=/|\\]*@(\w)[\w.-]*")
# Two parts of base64 with a dot between them, as in all links to readers' pages.
_TOKEN = re.compile(r"[A-Za-z0-9_-]{6,}\.[A-Za-z0-9_-]{20,}")


def visible(text: str) -> str:
    """One line of text in which everything is seen and nothing is obeyed."""
    return _OBEYED.sub(lambda match: match[0].encode("unicode_escape").decode(), text)


def visible_json(text: str) -> str:
    """A line of JSON as the same JSON, in which nothing is obeyed: `json` leaves most as it is."""
    return _OBEYED.sub(lambda match: f"\\u{ord(match[0]):04x}", text)


def masked(text: str) -> str:
    """A text for developers without addresses, secrets, and the tokens of links."""
    text = masking.masked(text)
    text = _ADDRESS.sub(r"\1…@\2…", text)
    return _TOKEN.sub("…", text)
