"""DMARC by RFC 9989 and SPF by RFC 7208, as a nameserver on this machine has them."""

from collections.abc import Iterator

import pytest

from newsletter.dns import Dns
from newsletter.doctor import dmarc, spf
from tests.nameserver import NameServer, nameserver


@pytest.fixture(scope="module")
def server() -> Iterator[NameServer]:
    with nameserver({}) as started:
        yield started


@pytest.fixture
def dns(server: NameServer) -> Dns:
    server.records.clear()
    server.asked.clear()
    return Dns([server.address])


def has(server: NameServer, name: str, *texts: str) -> None:
    server.records[name, "TXT"] = [f'"{text}"' for text in texts]


@pytest.mark.parametrize(
    ("domain", "names"),
    [
        ("a.example", ["a.example", "example"]),
        ("b.a.example", ["b.a.example", "a.example", "example"]),
        (
            "1.2.3.4.5.6.7.8.a.example",
            [
                "1.2.3.4.5.6.7.8.a.example",
                *("4.5.6.7.8.a.example", "5.6.7.8.a.example", "6.7.8.a.example"),
                *("7.8.a.example", "8.a.example", "a.example", "example"),
            ],
        ),
    ],
)
def test_a_walk_asks_at_most_eight_names(domain: str, names: list[str]) -> None:
    assert list(dmarc.names_above(domain)) == names


def test_the_organisation_is_the_highest_name_with_a_record(dns: Dns, server: NameServer) -> None:
    has(server, "_dmarc.news.a.example", "v=DMARC1; p=none")
    has(server, "_dmarc.a.example", "v=DMARC1; p=reject")

    walk = dmarc.walk(dns, "news.a.example")

    assert walk.organisation == "a.example"
    assert walk.record is not None
    assert (walk.record.domain, walk.record.policy) == ("news.a.example", "none")


def test_below_a_public_suffix_each_name_is_an_organisation(dns: Dns, server: NameServer) -> None:
    has(server, "_dmarc.bank.example", "v=DMARC1; p=reject; psd=y")

    walk = dmarc.walk(dns, "news.a.bank.example")

    assert walk.organisation == "a.bank.example"
    assert walk.record is not None
    assert walk.record.domain == "bank.example"


def test_psd_n_ends_the_walk(dns: Dns, server: NameServer) -> None:
    has(server, "_dmarc.news.a.example", "v=DMARC1; p=none; psd=n")
    has(server, "_dmarc.a.example", "v=DMARC1; p=reject")

    assert dmarc.walk(dns, "x.news.a.example").organisation == "news.a.example"


def test_without_any_record_a_domain_is_its_own_organisation(dns: Dns) -> None:
    walk = dmarc.walk(dns, "news.a.example")

    assert (walk.record, walk.organisation) == (None, "news.a.example")


def test_tags_come_in_any_order_and_unknown_ones_are_ignored(dns: Dns, server: NameServer) -> None:
    has(server, "_dmarc.a.example", "v=DMARC1; xy=1; np=reject; rua=mailto:d@a.example;P=none;")

    record = dmarc.walk(dns, "a.example").record

    assert record is not None
    assert (record.faults, record.policy) == ((), "none")
    assert dmarc.unknown_tags(record) == ["xy"]


@pytest.mark.parametrize("text", ["v=DMARC2; p=none", "p=none; v=DMARC1", "v=dmarc1; p=none"])
def test_what_does_not_begin_with_its_version_is_no_record(
    dns: Dns, server: NameServer, text: str
) -> None:
    has(server, "_dmarc.a.example", text)

    assert dmarc.walk(dns, "a.example").record is None


def test_look_ups_of_what_is_included_count_and_circles_end(dns: Dns, server: NameServer) -> None:
    has(server, "a.example", "v=spf1 mx include:b.example ~all", "other text")
    has(server, "b.example", "v=spf1 a include:a.example include:c.example -all")
    has(server, "c.example", "v=spf1 ip4:192.0.2.0/24 -all")

    reading = spf.read(dns, "a.example")

    assert (reading.lookups, reading.all_qualifier, reading.missing) == (7, "~", [])
    assert reading.includes == {"a.example", "b.example", "c.example"}


def test_a_redirect_is_followed_and_stands_for_all(dns: Dns, server: NameServer) -> None:
    has(server, "a.example", "v=spf1 redirect=_spf.b.example")
    has(server, "_spf.b.example", "v=spf1 include:c.example -all")
    has(server, "c.example", "v=spf1 -all")

    reading = spf.read(dns, "a.example")

    assert (reading.redirects, reading.lookups, reading.all_qualifier) == (True, 2, "")
    assert "c.example" in reading.includes
