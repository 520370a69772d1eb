"""What an issue already tells of: links, as one however they are written, and ids of entries."""

import re
from collections.abc import Iterator
from html import unescape
from pathlib import Path
from urllib.parse import parse_qsl, quote, unquote, urlencode, urlsplit, urlunsplit

from newsletter.digest.characters import MAX_BYTES
from newsletter.project import Project

# Parameters that tell a site where a reader came from, and change nothing of the page.
_TRACKING = re.compile(
    r"utm_\w+|(?:fb|g|dc|ms|y|tw|tt|wick|g_|s_)clid|gclsrc|[gw]braid|mc_[ce]id|_hsenc|_hsmi|mkt_tok"
    r"|igshid|oly_(?:anon|enc)_id|vero_(?:id|conv)|__s|li_fat_id|ref_src|rss_id|cmpid|ncid",
    re.IGNORECASE,
)
_LINK = re.compile(r"https?://[^\s<>\"'`]+", re.IGNORECASE)
_ENTRY = re.compile(r"<!-- entry: (\S+) -->")
_PORTS = {"http": 80, "https": 443}


def without_tracking(url: str) -> str:
    """A URL without the parameters that only track its readers."""
    if "?" not in url:
        return url
    try:
        parts = urlsplit(url)
    except ValueError:
        return url
    pairs = parts.query.split("&")
    kept = [pair for pair in pairs if not _TRACKING.fullmatch(unquote(pair.partition("=")[0]))]
    return url if kept == pairs else urlunsplit(parts._replace(query="&".join(kept)))


def key_of(url: str) -> str:
    """What is the same for all ways to write a link to one page: with http or https, with www. or
    without, a slash at the end, tracking, a place in the page."""
    try:
        parts = urlsplit(without_tracking(url.strip()))
        host, port = (parts.hostname or "").removeprefix("www."), parts.port
    except ValueError:
        return url
    at = f":{port}" if port and port != _PORTS.get(parts.scheme) else ""
    path = quote(unquote(parts.path)).rstrip("/")
    query = urlencode(sorted(parse_qsl(parts.query, keep_blank_values=True)))
    return f"{host}{at}{path}?{query}".rstrip("?")


def mark_of(entry_id: str) -> str:
    """The note by which a later draft knows an entry again that has no link, or has another one."""
    return f"<!-- entry: {_quoted(entry_id)} -->"


def known(project: Project) -> frozenset[str]:
    """The keys of all links in the issues of a project, and the ids of entries in them."""
    keys: set[str] = set()
    for path in project.readable_issue_files():
        keys.update(_keys_in(_text(path)))
    return frozenset(keys)


def _keys_in(text: str) -> Iterator[str]:
    for entry in _ENTRY.finditer(text):
        yield unquote(entry[1])
    for match in _LINK.finditer(text):
        for url in _readings(unescape(match[0])):
            yield key_of(url)


def _readings(url: str) -> Iterator[str]:
    """Where a URL may end: what stands behind it in Markdown may also be part of it."""
    yield url
    depth = 0
    for index, sign in enumerate(url):
        depth += {"(": 1, ")": -1}.get(sign, 0)
        if depth < 0 or sign in "]|*":
            yield url[:index]
            break
    yield url.rstrip(".,;:!?)*_~")


def _text(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return file.read(MAX_BYTES).decode("utf-8", "replace")
    except OSError:
        return ""


def _quoted(text: str) -> str:
    return quote(text, safe=":/?=&@+~.,;_").replace("-", "%2D")
