"""DMARC records and the tree walk, by RFC 9989 (which obsoletes RFC 7489).

https://www.rfc-editor.org/rfc/rfc9989
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from newsletter.dns import Dns

OBSOLETE = ("pct", "rf", "ri")
_KNOWN = frozenset("v p sp np adkim aspf fo psd rua ruf t".split())
_POLICIES = ("none", "quarantine", "reject")
_LONG = 8  # labels from which on the walk leaves some out, so that it asks eight times at most
_VERSION = re.compile(r"v\s*=\s*DMARC1\s*(?:;|$)")


@dataclass(frozen=True, slots=True)
class DmarcRecord:
    """The one record of a domain; `tags` by their names in small letters."""

    domain: str
    tags: Mapping[str, str]
    faults: tuple[str, ...] = ()

    @property
    def policy(self) -> str:
        """A record without a policy that is one counts as `none`."""
        policy = self.tags.get("p", "none").lower()
        return policy if policy in _POLICIES else "none"

    @property
    def is_test(self) -> bool:
        return self.tags.get("t", "n").lower() == "y"

    @property
    def obsolete(self) -> list[str]:
        return [name for name in OBSOLETE if name in self.tags]

    def is_strict(self, tag: str) -> bool:
        """Whether `adkim` or `aspf` wants the very same domain."""
        return self.tags.get(tag, "r").lower() == "s"


@dataclass(frozen=True, slots=True)
class DmarcWalk:
    """What a walk from a domain upwards has found: the record that holds for the domain, the
    organisation that it belongs to, and names with several records, which count as none."""

    domain: str
    record: DmarcRecord | None
    organisation: str
    doubled: tuple[str, ...] = ()


def walk(dns: Dns, domain: str) -> DmarcWalk:
    """Walk up from a domain. Raises DnsUnreachable."""
    seen: list[DmarcRecord] = []
    doubled: list[str] = []
    organisation = ""
    for name in names_above(domain):
        records = [text for text in dns.texts(f"_dmarc.{name}") if _VERSION.match(text)]
        if len(records) > 1:
            doubled.append(f"_dmarc.{name}")
        if len(records) != 1:
            continue
        record = parse(name, records[0])
        seen.append(record)
        psd = record.tags.get("psd", "u").lower()
        if psd == "n":
            organisation = name
            break
        if psd == "y" and name != domain:
            organisation = _below(domain, name)
            break
    if not organisation:
        organisation = seen[-1].domain if seen else domain
    at = {record.domain: record for record in seen}
    holds = at.get(domain) or at.get(organisation) or (seen[-1] if seen else None)
    return DmarcWalk(domain, holds, organisation, tuple(doubled))


def parse(domain: str, text: str) -> DmarcRecord:
    """A record that begins as one. Unknown tags are ignored, as the RFC has it; what is no tag at
    all, or a known one with a value that it cannot have, is a fault."""
    tags: dict[str, str] = {}
    faults: list[str] = []
    for part in filter(None, (part.strip() for part in text.split(";"))):
        name, separator, value = (piece.strip() for piece in part.partition("="))
        if not separator or not re.fullmatch(r"[A-Za-z][A-Za-z0-9]*", name):
            faults.append(f"{part!r} is no tag")
        else:
            tags.setdefault(name.lower(), value)
    faults += [
        f"{name}={tags[name]} is none of {', '.join(allowed)}"
        for name, allowed in _ALLOWED.items()
        if name in tags and tags[name].lower() not in allowed
    ]
    return DmarcRecord(domain, tags, tuple(faults))


_ALLOWED: Mapping[str, Sequence[str]] = {
    **dict.fromkeys(("p", "sp", "np"), _POLICIES),
    **dict.fromkeys(("adkim", "aspf"), ("r", "s")),
    "psd": ("y", "n", "u"),
    "t": ("y", "n"),
}


def unknown_tags(record: DmarcRecord) -> list[str]:
    return [name for name in record.tags if name not in _KNOWN and name not in OBSOLETE]


def names_above(domain: str) -> Iterator[str]:
    """The names at which a walk looks: the domain, then those above it, the top one too."""
    labels = domain.split(".")
    yield domain
    above = labels[1:] if len(labels) < _LONG else labels[-(_LONG - 1) :]
    for first in range(len(above)):
        yield ".".join(above[first:])


def _below(domain: str, suffix: str) -> str:
    """The name one label below a public suffix, on the way to a domain."""
    labels = domain.split(".")
    return ".".join(labels[-(suffix.count(".") + 2) :])


@dataclass(frozen=True, slots=True)
class Alignment:
    """Whether a domain that was authenticated counts for the one that readers see."""

    author: DmarcWalk
    other: DmarcWalk
    is_strict: bool = False

    @property
    def holds(self) -> bool:
        if self.is_strict:
            return self.author.domain == self.other.domain
        return self.author.organisation == self.other.organisation
