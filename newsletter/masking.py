"""Text of libraries and servers without the secrets that they repeat in it.

What a driver or a client says of a failure holds what it was given: a URL with its password, a
signed header, a token. All such text goes through `masked` before anybody sees it.
"""

import re

HIDDEN = "***"

_URL = re.compile(r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*://)(?P<rest>[^\s\"'<>]*)")
_ADDRESS = re.compile(r"[^/?&=#]*%40[^/?&=#]*")
# Where one of these begins, all that follows may be secret, in its line or to the very end.
_TO_THE_END = re.compile(
    r"(?P<kept>The Canonical String|The String-to-Sign|credentials from custom-process:).*",
    re.IGNORECASE | re.DOTALL,
)
_TO_ITS_LINE = re.compile(
    r"(?P<kept>AWS4-HMAC-SHA256|Authorization\s*[:=]|Invalid header value|Illegal header value).*",
    re.IGNORECASE,
)
_SECRETS = r"(?:password|passwd|secret|token|signature|credential|access[_-]?key)"
# A name, a sign between, a value; prose has a space after its colons, headers and JSON may, too.
_NAMED = re.compile(
    rf"(?P<name>[\w-]*{_SECRETS}[\w-]*"
    r"(?:[\"']?\s*=\s*|[\"']\s*:\s*|:(?=\S))|x-amz-[\w-]+:\s*)"
    r"(?:\"[^\"]*\"|'[^']*'|[^\s,;&)\"']+)",
    re.IGNORECASE,
)
_KEY_ID = re.compile(
    r"\b(?:A3T[A-Z0-9]|ABIA|ACCA|AGPA|AIDA|AKIA|ANPA|ANVA|AROA|ASIA)[A-Z0-9]{12,}\b"
)


def masked(text: str) -> str:
    """The text without passwords, keys, tokens and signatures, and without addresses in URLs."""
    text = _TO_ITS_LINE.sub(rf"\g<kept> {HIDDEN}", _TO_THE_END.sub(rf"\g<kept> {HIDDEN}", text))
    text = _URL.sub(_url, text)
    text = _NAMED.sub(rf"\g<name>{HIDDEN}", text)
    return _KEY_ID.sub(HIDDEN, text)


def names_a_secret(name: str) -> bool:
    """Whether what has this name is a secret, as far as names tell."""
    return re.search(_SECRETS, name, re.IGNORECASE) is not None


def _url(match: re.Match[str]) -> str:
    """A URL without userinfo, which may hold any sign: all before the last @ may be of it."""
    rest = match["rest"]
    if inner := _URL.search(rest):  # a proxy's URL that was put behind http:// once more
        return match["scheme"] + rest[: inner.start()] + _url(inner) + rest[inner.end() :]
    _, at, host = rest.rpartition("@")
    return match["scheme"] + (f"{HIDDEN}@" if at else "") + _ADDRESS.sub(HIDDEN, host)
