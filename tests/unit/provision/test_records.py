"""Records are written as a zone file has them, and compared with what the DNS says."""

from collections.abc import Iterator

import dns.rdatatype
import dns.zone
import pytest

from newsletter.dns import Dns, DnsUnreachable
from newsletter.provision.base import DnsRecord
from newsletter.provision.records import RecordState, check, wait, zone_file
from newsletter.provision.ses import wanted
from tests.nameserver import NameServer, nameserver

LONG = f"v=spf1 {' '.join(f'ip4:192.0.2.{number}' for number in range(30))} -all"
RECORDS = (
    *wanted.dkim_records("example.com", ["a1", "b2"]),
    *wanted.mail_from_records("bounce.example.com", "eu-west-1", LONG),
    wanted.dmarc_record("example.com"),
)
CNAME, _, MX, SPF, DMARC = RECORDS


@pytest.fixture
def server() -> Iterator[NameServer]:
    with nameserver({}) as server:
        yield server


def test_the_lines_are_a_zone_file() -> None:
    """Long texts in pieces of 255 bytes, which make the whole again."""
    zone = dns.zone.from_text(
        f"$ORIGIN example.com.\n@ 60 IN SOA a. b. 1 1 1 1 1\n{zone_file(RECORDS)}\n",
        check_origin=False,
        relativize=False,
    )

    for record in RECORDS:
        found = zone.find_rdataset(f"{record.name}.", record.kind)
        [data] = found
        if found.rdtype == dns.rdatatype.TXT:
            assert b"".join(data.strings).decode() == record.value
        else:
            assert data.to_text() == f"{record.value}."
    assert zone_file(RECORDS).count("; DKIM") == 1


def test_quotes_and_backslashes_stay_texts() -> None:
    record = DnsRecord("example.com", "TXT", 'a "b" \\ c', "why")
    text = f"$ORIGIN example.com.\n{zone_file([record])}\n"

    zone = dns.zone.from_text(text, check_origin=False, relativize=False)

    [data] = zone.find_rdataset("example.com.", "TXT")
    assert data.strings == (b'a "b" \\ c',)


@pytest.mark.parametrize(
    ("record", "held", "state"),
    [
        (CNAME, ["a1.dkim.amazonses.com."], RecordState.THERE),
        (CNAME, ["A1.DKIM.AmazonSES.com."], RecordState.THERE),
        (CNAME, ["other.example.com."], RecordState.WRONG),
        (CNAME, [], RecordState.MISSING),
        (MX, ["10 feedback-smtp.eu-west-1.amazonses.com."], RecordState.THERE),
        (MX, ["5 feedback-smtp.eu-west-1.amazonses.com."], RecordState.THERE),
        (MX, ["10 feedback-smtp.us-east-1.amazonses.com."], RecordState.WRONG),
        (
            MX,
            ["10 feedback-smtp.eu-west-1.amazonses.com.", "20 mail.example.com."],
            RecordState.WRONG,
        ),
        (SPF, ['"v=spf1 include:amazonses.com ~all"'], RecordState.THERE),
        (SPF, ['"v=spf1 mx include:AmazonSES.com -all"', '"other"'], RecordState.THERE),
        (SPF, ['"v=spf1 mx -all"'], RecordState.WRONG),
        (SPF, ['"v=spf1 include:amazonses.com -all"', '"v=spf1 mx -all"'], RecordState.WRONG),
        (SPF, ['"other"'], RecordState.MISSING),
        (DMARC, ['"v=DMARC1; p=reject"'], RecordState.THERE),
        (DMARC, ['"v=DMARC1; p=none"', '"v=DMARC1; p=reject"'], RecordState.WRONG),
    ],
)
def test_a_record_is_there_where_it_does_its_work(
    server: NameServer, record: DnsRecord, held: list[str], state: RecordState
) -> None:
    server.records[record.name, record.kind] = held

    checked = check(Dns([server.address]), record)

    assert checked.state is state
    assert bool(checked.found) is (state is not RecordState.MISSING)


def test_waiting_ends_where_it_is_told_to(server: NameServer) -> None:
    """Each state is told once, and again when it has changed."""
    shown: list[RecordState] = []
    pauses = iter([False, False, True])

    def pause() -> bool:
        server.records[CNAME.name, "CNAME"] = [f"{CNAME.value}."]
        return next(pauses)

    checked = wait(Dns([server.address]), [CNAME, MX], lambda one: shown.append(one.state), pause)

    assert shown == [RecordState.MISSING, RecordState.MISSING, RecordState.THERE]
    assert [one.state for one in checked] == [RecordState.THERE, RecordState.MISSING]


def test_a_server_that_fails_for_a_while_ends_no_waiting(server: NameServer) -> None:
    """One that fails at once does: nobody would wait for that."""
    dns = Dns([server.address])
    pauses = iter([False, True])

    def pause() -> bool:
        server.failing = {MX.name}
        return next(pauses)

    [checked] = wait(dns, [MX], lambda _: None, pause)

    assert checked.state is RecordState.MISSING
    with pytest.raises(DnsUnreachable):
        wait(dns, [MX], lambda _: None, lambda: True)
