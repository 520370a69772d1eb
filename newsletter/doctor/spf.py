"""SPF records, by RFC 7208: which there are, what they include, how many look-ups they take.

https://www.rfc-editor.org/rfc/rfc7208
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

from newsletter.dns import Dns

MOST_LOOKUPS = 10
_ASKS = ("include", "a", "mx", "ptr", "exists", "redirect")  # each is a look-up
_FREE = ("ip4", "ip6", "all", "exp")
_QUALIFIERS = "+-~?"


@dataclass(slots=True)
class SpfReading:
    """What the record of a domain comes to, with all that it includes."""

    records: tuple[str, ...]
    includes: set[str] = field(default_factory=set)
    lookups: int = 0
    unknown: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    all_qualifier: str = ""
    redirects: bool = False


def records_of(dns: Dns, domain: str) -> tuple[str, ...]:
    """The SPF records of a domain; more than one are none."""
    return tuple(
        text
        for text in dns.texts(domain)
        if text.lower() == "v=spf1" or text[:7].lower() == "v=spf1 "
    )


def read(dns: Dns, domain: str) -> SpfReading:
    """Read the record of a domain. Raises DnsUnreachable."""
    records = records_of(dns, domain)
    reading = SpfReading(records)
    if len(records) == 1:
        _follow(dns, records[0], reading, is_own=True)
    return reading


def _follow(dns: Dns, record: str, reading: SpfReading, *, is_own: bool) -> None:
    for qualifier, name, value in _terms(record):
        if name == "all" and is_own:
            reading.all_qualifier = qualifier
        elif name in _ASKS:
            reading.lookups += 1
        elif name not in _FREE and is_own:
            reading.unknown.append(name)
        if name == "redirect":
            reading.redirects |= is_own
        if name in ("include", "redirect") and value not in reading.includes:
            reading.includes.add(value)
            if reading.lookups <= MOST_LOOKUPS and "%" not in value:
                inner = records_of(dns, value)
                if len(inner) == 1:
                    _follow(dns, inner[0], reading, is_own=False)
                else:
                    reading.missing.append(value)


def _terms(record: str) -> Iterator[tuple[str, str, str]]:
    """Qualifier, name and value of each term, in small letters."""
    for term in record.lower().split()[1:]:
        qualifier = term[0] if term[0] in _QUALIFIERS else "+"
        bare = term.lstrip(_QUALIFIERS)
        name, colon, value = bare.partition(":")
        if not colon:
            name, _, value = bare.partition("=")
        yield qualifier, name.partition("/")[0], value.rstrip(".")
