"""The URL policy: which targets an issue may have, and what becomes of the others."""

import html
import re
from dataclasses import dataclass, replace
from enum import Enum
from urllib.parse import quote, unquote, urljoin, urlsplit

from markdown_it.common.normalize_url import normalizeLink

from newsletter.digest.slips import Slip, slip_in
from newsletter.model.email import URL_FIELD
from newsletter.model.finding import Severity

_SPACE_AND_CONTROL = re.compile(r"[\x00-\x20\x7f-\xa0\u2028\u2029]+")
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):")
_DRIVE = re.compile(r"[A-Za-z]:[\\/]")  # the beginning of a Windows path
_PATH = re.compile(r"[./]")  # no mere word has these
_UNSAFE = re.compile(r"(javascript|vbscript|data|file):")
_BRACES = re.compile(r"\{\{[^{}]*\}{1,2}")  # a bare address may end within them
_RESERVED = "!#$%&'()*+,/:;=?@[]~-._"

# An address in which there is nothing to look into: nearly all are.
_PLAIN = re.compile(
    r"https?://(?:[a-z0-9-]{1,63}\.){1,3}[a-z]{2,24}(?:[/?#][A-Za-z0-9/?#=+,;:.~_!$()*-]*)?"
)
_BESIDE = "Put a picture beside the issue, and write its path from there."


class Use(Enum):
    """What a URL is for: pictures and embeds have no mailto."""

    LINK = ("http", "https", "mailto")
    RESOURCE = ("http", "https")


@dataclass(frozen=True, slots=True)
class Target:
    """`url` is safe and absolute, or None where only the text may stay; `problem` says why."""

    url: str | None
    rule: str = ""
    severity: Severity = Severity.WARNING
    problem: str = ""
    fix: str = ""


def check(raw: str, base_url: str, use: Use = Use.LINK) -> Target:
    """What to do with the target `raw` of a link, picture or embed."""
    if is_plain(raw):
        return Target(raw)
    field = URL_FIELD.fullmatch(unquote(raw).strip())
    if field and use is Use.LINK:
        return Target(f"{{{{{field[1]}}}}}")
    target = _checked(raw, base_url, use)
    braces = _BRACES.search(unquote(raw))
    if braces is None or target.severity is Severity.ERROR:
        return target
    problem = f"{_short(raw)} keeps {braces[0]!r} as it stands"
    return replace(target, rule="broken-link", problem=problem, fix=_alone(braces[0], use))


def is_plain(address: str) -> bool:
    """Whether a whole address of the web is written so plainly that it stays as it is."""
    return _PLAIN.fullmatch(address) is not None


def _alone(braces: str, use: Use) -> str:
    """How to mend braces within an address."""
    field = URL_FIELD.fullmatch(braces)
    if field and use is Use.LINK:
        return f"Write {{{{{field[1]}}}}} alone as the target: it is a whole address."
    return "Write the address itself: no field is filled in there."


def _checked(raw: str, base_url: str, use: Use) -> Target:
    """As `check`, for a target without fields."""
    if _could_run_code(raw):
        return _unsafe(raw, use)
    text = re.sub(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]", "", raw.strip())
    if use is Use.LINK and (slip := slip_in(unquote(text), base_url)):
        return _slipped(text, slip)
    if scheme := _SCHEME.match(text):
        return _with_scheme(text, scheme[1].lower(), use)
    return _relative(text, base_url, use)


def _unsafe(raw: str, use: Use) -> Target:
    problem, fix = "could run code", "Link to an https:// address."
    if raw.strip().lower().startswith("file:"):
        problem = "is a file of this machine, which readers do not have"
        if use is Use.RESOURCE:
            fix = f"{_BESIDE} Or write an https:// address."
    elif use is Use.RESOURCE and raw.strip().lower().startswith("data:image/"):
        problem, fix = "is the picture itself, which mail programs do not show", _BESIDE
    message = f"the target {_short(raw)} {problem}; it was removed"
    return Target(None, "unsafe-link", Severity.ERROR, message, fix)


def _slipped(text: str, slip: Slip) -> Target:
    becomes = (
        "its text stays, its link does not"
        if slip.target is None
        else f"it leads to {_short(slip.target)}"
    )
    url = None if slip.target is None else quote(slip.target, safe=_RESERVED)
    problem = f"{_short(text)} {slip.problem}; {becomes}"
    return Target(url, slip.rule, problem=problem, fix=slip.fix)


def names_a_file(raw: str) -> bool:
    """Whether a target is a path that begins at the issue's own folder."""
    text = raw.strip()
    has_scheme = _SCHEME.match(text) and not _DRIVE.match(unquote(text))
    is_elsewhere = has_scheme or text.startswith(("/", "\\", "#", "?"))
    return bool(_PATH.search(text)) and not is_elsewhere


def _could_run_code(raw: str) -> bool:
    """Whether a target has a scheme that runs code, even after a second decoding.

    Only this check decodes: in a target that is kept, `&copy=` is a parameter and not a sign.
    """
    decoded = html.unescape(raw)
    return any(
        _UNSAFE.match(_SPACE_AND_CONTROL.sub("", form).lower())
        for form in (decoded, unquote(decoded), html.unescape(unquote(decoded)))
    )


def _with_scheme(text: str, scheme: str, use: Use) -> Target:
    if scheme not in use.value:
        return Target(
            None,
            "unknown-scheme",
            problem=f"{_short(text)} is not a web address; its text stays, its link does not",
            fix="Write https://… or mailto:…",
        )
    if scheme == "mailto":
        return Target(quote(text, safe=_RESERVED))
    try:
        parts = urlsplit(text)
        host = parts.hostname
    except ValueError:
        host = None
    if not host:
        return _no_url(text)
    # A host is written in Punycode: escapes in it are no name that can be looked up.
    url = quote(text if parts.netloc.isascii() else normalizeLink(text), safe=_RESERVED)
    if "@" in parts.netloc:
        return Target(
            url,
            "user-in-url",
            problem=f"{_short(text)} names a user before its host, as phishing does",
            fix="Remove what stands before the @.",
        )
    return Target(url)


def _relative(text: str, base_url: str, use: Use) -> Target:
    if not text or text.startswith("#") or not _PATH.search(text):
        return _no_url(text)
    if text.startswith("//"):
        return _with_scheme(f"https:{text}", "https", use)
    if not base_url:
        return _no_url(text)
    absolute = quote(urljoin(f"{base_url}/", text), safe=_RESERVED)
    return Target(
        absolute,
        "relative-link",
        problem=f"{_short(text)} is relative; it leads to {_short(absolute)}",
        fix="Write the whole address."
        if use is Use.LINK
        else f"{_BESIDE} Or write the whole address.",
    )


def _no_url(text: str) -> Target:
    return Target(
        None,
        "not-a-url",
        problem=f"{_short(text) or 'nothing'} is not an address; its text stays, its link does not",
        fix="Write an https:// address, or remove the link.",
    )


def _short(text: str) -> str:
    """A target as its author would read it, without escapes."""
    text = unquote(text)
    text_shown = text if len(text) <= 60 else text[:59] + "…"
    return repr(text_shown) if text_shown else ""
