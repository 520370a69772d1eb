"""Addresses that say more than where they lead, or less."""

import re
from collections.abc import Iterator

from newsletter.lint.tracking import host_of, is_personal, tracking_in
from newsletter.lint.visible import Addressed
from newsletter.model.digest import Digest
from newsletter.model.finding import Finding, Position, Severity
from newsletter.model.inline import Link
from newsletter.model.nodes import nodes_of
from newsletter.model.walking import plain_text, walk

_SHORTENERS = frozenset(
    {
        *("adf.ly", "amzn.to", "bit.do", "bit.ly", "bitly.com", "bl.ink", "buff.ly", "chng.it"),
        *("clck.ru", "cli.re", "cutt.ly", "db.tt", "dlvr.it", "dwz.cn", "ebay.us", "fb.me"),
        *("git.io", "goo.gl", "goo.su", "han.gl", "hubs.ly", "ht.ly", "ift.tt", "is.gd", "j.mp"),
        *("kutt.it", "linktr.ee", "lnkd.in", "me2.do", "mrf.lu", "mz.cm", "ow.ly", "pse.is"),
        *("rb.gy", "rebrand.ly", "reurl.cc", "s.id", "shorturl.at", "shrtco.de", "snip.ly"),
        *("suo.im", "t.cn", "t.co", "t.ly", "tiny.cc", "tiny.one", "tinyurl.com", "tny.im"),
        *("trib.al", "u.nu", "url.cn", "urlz.fr", "v.gd", "vo.la", "w.wiki", "x.gd", "zpr.io"),
    }
)
_ADDRESS = re.compile(r"(?:https?://|www\.)(?P<host>[^\s/?#]+)(?P<path>[/?#]\S*)?", re.IGNORECASE)
_READABLE = 40  # characters of an address that still say where it leads


def tracking_parameter(digest: Digest) -> Iterator[Finding]:
    """An address says where it leads, not who copied it from where."""
    for url, place in _targets(digest):
        names = list(dict.fromkeys(tracking_in(url)))
        if names:
            personal = any(map(is_personal, names))
            whose = " name a person or a click" if personal else " name the way it took"
            yield Finding(
                "tracking-parameter",
                Severity.WARNING if personal else Severity.INFO,
                place,
                f"{', '.join(names)} in the address of {host_of(url)}{whose}",
                "Remove them, or let `newsletter lint --fix` do it.",
            )


def short_link(digest: Digest) -> Iterator[Finding]:
    """A short link hides where it leads, and spam filters distrust it."""
    for url, place in _targets(digest):
        if (host := host_of(url).removeprefix("www.")) in _SHORTENERS:
            yield Finding(
                "short-link",
                Severity.WARNING,
                place,
                f"{host} shortens addresses: neither readers nor filters see where it leads",
                "Write the whole address.",
            )


def url_as_text(digest: Digest) -> Iterator[Finding]:
    """The text of a link is words, not an address that is read out letter by letter."""
    sources = {id(node) for note in digest.tail for node in walk(note)}  # where it is customary
    for node in nodes_of(digest):
        if not isinstance(node, Link) or id(node) in sources:
            continue
        text = plain_text(node.children).strip()
        address = _ADDRESS.fullmatch(text)
        if address is None:
            continue
        if not _same_site(address["host"], host_of(node.url)):
            yield Finding(
                "url-as-text",
                Severity.WARNING,
                node.position,
                f"a link shows {address['host']} and leads to {host_of(node.url) or node.url}, "
                "as phishing does",
                "Let its text name what it leads to.",
            )
        elif len(text) > _READABLE:
            yield Finding(
                "url-as-text",
                Severity.INFO,
                node.position,
                f"the text of a link to {address['host']} is its whole address",
                "Name what it leads to: [the report](https://…).",
            )


def _same_site(shown: str, led_to: str) -> bool:
    """Whether two hosts are one, or one of them lies below the other."""
    shown, led_to = (host.lower().removeprefix("www.") for host in (shown, led_to))
    return shown == led_to or shown.endswith(f".{led_to}") or led_to.endswith(f".{shown}")


def _targets(digest: Digest) -> Iterator[tuple[str, Position]]:
    """Each address that readers follow or fetch, with its place."""
    for node in nodes_of(digest):
        if isinstance(node, Addressed) and node.url:
            yield node.url, node.position
