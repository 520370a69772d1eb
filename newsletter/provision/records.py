"""Records of domains: as a zone file, and as the DNS has them by now."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

import dns.rdataclass
import dns.rdatatype
from dns.rdtypes.ANY.TXT import TXT

from newsletter.dns import Dns, DnsUnreachable
from newsletter.provision.base import DnsRecord

_SECONDS_TO_LIVE = 3600
_PIECE = 255  # bytes in a piece of a TXT record


class RecordState(StrEnum):
    """What the DNS says of a record."""

    THERE = "there"
    MISSING = "missing"
    WRONG = "wrong"  # something else is in its place


@dataclass(frozen=True, slots=True)
class CheckedRecord:
    """A record, and what stands in its place."""

    record: DnsRecord
    state: RecordState
    found: tuple[str, ...] = ()


def zone_file(records: Sequence[DnsRecord]) -> str:
    """The records as lines of a zone file, each reason above its first record."""
    return "\n".join(_zone_lines(records))


def check(dns: Dns, record: DnsRecord) -> CheckedRecord:
    """Raises DnsUnreachable."""
    match record.kind:
        case "CNAME":
            target = dns.alias(record.name)
            return _compared(record, [target] if target else [], record.value.lower())
        case "MX":
            exchanges = [f"{preference} {host}" for preference, host in dns.exchanges(record.name)]
            host = record.value.split()[-1].lower()
            is_alone = len(exchanges) == 1 and exchanges[0].split()[-1] == host
            return _compared(record, exchanges, exchanges[0] if is_alone else record.value)
        case _:
            return _checked_text(record, dns.texts(record.name))


def wait(
    dns: Dns,
    records: Sequence[DnsRecord],
    show: Callable[[CheckedRecord], None],
    pause: Callable[[], bool],
) -> list[CheckedRecord]:
    """Check until all are there, or until `pause`, which waits a while, says to stop.

    `show` gets each record when its state is known first, and when it has changed. Raises
    DnsUnreachable where even the first check gets no answer.
    """
    last: dict[DnsRecord, CheckedRecord] = {}
    while True:
        for checked in _check_again(dns, records, last):
            if last.get(checked.record) != checked:
                last[checked.record] = checked
                show(checked)
        are_there = all(checked.state is RecordState.THERE for checked in last.values())
        if are_there or pause():
            return [last[record] for record in records]


def _check_again(
    dns: Dns, records: Sequence[DnsRecord], last: Mapping[DnsRecord, CheckedRecord]
) -> Iterator[CheckedRecord]:
    """What gets no answer this time is as it was before."""
    for record in records:
        try:
            yield check(dns, record)
        except DnsUnreachable:
            if record not in last:
                raise


def _checked_text(record: DnsRecord, texts: Sequence[str]) -> CheckedRecord:
    """A name may hold other texts; of those that begin alike, such as SPF, there must be one."""
    start = _beginning(record.value)
    alike = [text for text in texts if _beginning(text) == start]
    is_right = len(alike) == 1 and (
        record.essential.lower() in alike[0].lower()
        if record.essential
        else alike[0] == record.value
    )
    return _compared(record, alike, alike[0] if is_right else record.value)


def _beginning(text: str) -> str:
    return text.replace(";", " ").split(" ")[0].lower()


def _compared(record: DnsRecord, found: Sequence[str], wanted: str) -> CheckedRecord:
    if not found:
        return CheckedRecord(record, RecordState.MISSING)
    state = RecordState.THERE if list(found) == [wanted] else RecordState.WRONG
    return CheckedRecord(record, state, tuple(found))


def _zone_lines(records: Sequence[DnsRecord]) -> Iterator[str]:
    why = ""
    for record in records:
        if record.why != why:
            why = record.why
            yield f"; {why}"
        yield f"{record.name}. {_SECONDS_TO_LIVE} IN {record.kind} {_zone_value(record)}"


def _zone_value(record: DnsRecord) -> str:
    if record.kind != "TXT":
        return f"{record.value}."
    data = record.value.encode()
    pieces = [data[start : start + _PIECE] for start in range(0, len(data), _PIECE)]
    return TXT(dns.rdataclass.IN, dns.rdatatype.TXT, pieces).to_text()
