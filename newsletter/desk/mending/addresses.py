"""Addresses in an issue: parameters that track, and http where https answers."""

import html
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from urllib.parse import unquote

from newsletter.desk.mending.source import Edit, IssueText, Repair
from newsletter.digest import Parsed, urls
from newsletter.lint.tracking import host_of, tracking_in, without_tracking
from newsletter.model.blocks import CodeBlock, Embed, Figure
from newsletter.model.digest import Digest
from newsletter.model.finding import Finding, Position, Severity
from newsletter.model.inline import Image, Link
from newsletter.model.walking import walk

_ADDRESS = re.compile(r"https?://(?:(?!\]\()[^\s<>\"'`])+", re.IGNORECASE)
_BEHIND = ".,;:!?*_"  # may end a sentence or an emphasis, and stand within an address too
_AFTER = ")]}|）】」』。，；："  # end an address wherever they stand, unless they belong to it
_INLINE_CODE = re.compile(r"(?<!`)(`+)(?!`).*?(?<!`)\1(?!`)")
_SHOWN = 80


@dataclass(frozen=True, slots=True)
class _Spot:
    """An address as it stands in the file, and as the digest has it."""

    start: int
    line: int
    written: str
    url: str


def without_trackers(
    source: IssueText, parsed: Parsed, file: str, own_host: str = ""
) -> Iterator[Repair]:
    """Addresses without what tracks; the campaigns of links to the newsletter's own site stay."""
    for spot in _spots(source, parsed.digest):
        host = host_of(spot.url)
        own = bool(own_host) and (host == own_host or host.endswith(f".{own_host}"))
        clean = without_tracking(spot.written, campaigns=not own)
        if clean != spot.written:
            gone = ", ".join(
                name for name in tracking_in(spot.url) if name not in set(tracking_in(clean))
            )
            message = f"{gone} is gone from {_short(spot.url)}"
            url = without_tracking(spot.url, campaigns=not own)
            yield _change("tracking-parameter", file, spot, message, clean, url)


def insecure_addresses(parsed: Parsed) -> frozenset[str]:
    """The addresses of links and pictures that begin with http:."""
    return frozenset(url for url in _urls(parsed.digest) if url.startswith("http:"))


def secured(
    source: IssueText, parsed: Parsed, file: str, answers: Mapping[str, str]
) -> Iterator[Repair]:
    """Addresses with https; `answers` says by address why one has to stay, empty where it need
    not."""
    for spot in _spots(source, parsed.digest):
        if answers.get(spot.url) == "":
            message = f"{_short(spot.url)} is served by https as well"
            written, url = (f"https{address[4:]}" for address in (spot.written, spot.url))
            yield _change("http-address", file, spot, message, written, url)


def _change(rule: str, file: str, spot: _Spot, message: str, becomes: str, url: str) -> Repair:
    finding = Finding(rule, Severity.INFO, Position(file, spot.line), message, becomes)
    edit = Edit(spot.start, spot.start + len(spot.written), becomes)
    shown = html.unescape(spot.written), html.unescape(becomes)  # where it is its own text
    return Repair(finding, (edit,), ((spot.url, url), shown))


def _spots(source: IssueText, digest: Digest) -> Iterator[_Spot]:
    """Where addresses of links and pictures stand in the file, outside of code."""
    known = frozenset(_urls(digest))
    code = {
        node.position.line + below
        for node in walk(digest)
        if isinstance(node, CodeBlock)
        for below in range(node.text.count("\n") + 2)
    }
    for number, (start, text) in enumerate(source.lines, 1):
        if "://" not in text or number in code:
            continue
        spans = [match.span() for match in _INLINE_CODE.finditer(text)] if "`" in text else []
        for match in _ADDRESS.finditer(text):
            is_text = text[: match.start()].endswith("[")
            in_code = any(begin <= match.start() < end for begin, end in spans)
            if not is_text and not in_code and (found := _known(match[0], known)):
                yield _Spot(start + match.start(), number, *found)


def _known(text: str, known: frozenset[str]) -> tuple[str, str] | None:
    """The part of a text that is one of the known addresses, and that address."""
    while True:
        url = urls.check(html.unescape(text), "").url
        for form in (url, url and unquote(url)):
            if form in known:
                return text, str(form)
        is_behind = text[-1] in _BEHIND
        cut = len(text) - 1 if is_behind else max(text.rfind(sign) for sign in _AFTER)
        if cut <= len("https://"):
            return None
        text = text[:cut]


def _urls(digest: Digest) -> Iterator[str]:
    if digest.meta.cover:
        yield digest.meta.cover
    for node in walk(digest):
        if isinstance(node, Link | Image | Embed | Figure) and node.url:
            yield node.url


def _short(url: str) -> str:
    url = unquote(url)
    return url if len(url) <= _SHOWN else f"{url[: _SHOWN - 1]}…"
