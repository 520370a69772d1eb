from collections.abc import Iterator

import pytest

from newsletter import dns
from newsletter.config.settings import DnsSettings
from newsletter.config.tables import SettingFaults, read_table
from newsletter.dns import Dns, DnsUnreachable
from tests.nameserver import NameServer, nameserver

ZONE = {
    ("example.com", "TXT"): ['"v=spf1 include:" "amazonses.com -all"', '"other"'],
    ("key._domainkey.example.com", "CNAME"): ["Key.DKIM.example.net."],
    ("example.com", "MX"): ["20 second.example.net.", "10 First.example.net."],
    ("example.com", "NS"): ["b.example.net.", "a.example.net."],
    ("example.com", "A"): ["192.0.2.1"],
    ("example.com", "AAAA"): ["2001:db8::1"],
}


@pytest.fixture
def server() -> Iterator[NameServer]:
    with nameserver(ZONE) as running:
        yield running


def test_records_are_read_as_mail_needs_them(server: NameServer) -> None:
    asking = Dns([server.address])

    assert set(asking.texts("example.com")) == {"v=spf1 include:amazonses.com -all", "other"}
    assert asking.alias("key._domainkey.example.com") == "key.dkim.example.net"
    assert asking.exchanges("example.com") == (
        (10, "first.example.net"),
        (20, "second.example.net"),
    )
    assert asking.nameservers_of("example.com") == ("a.example.net", "b.example.net")
    assert asking.addresses("example.com") == ("192.0.2.1", "2001:db8::1")


def test_a_name_without_such_records_gives_none(server: NameServer) -> None:
    asking = Dns([server.address])

    assert asking.texts("nothing.example.com") == ()  # there is no such name
    assert asking.exchanges("key._domainkey.example.com") == ()  # it has others
    assert asking.alias("example.com") == ""


@pytest.mark.parametrize("how", ["failing", "silent"])
def test_no_answer_is_not_taken_for_no_record(
    server: NameServer, how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dns, "_SECONDS", 0.5)
    getattr(server, how).add("example.com")

    with pytest.raises(DnsUnreachable, match=r"no answer about example\.com TXT") as raised:
        Dns([server.address]).texts("example.com")

    assert raised.value.where == server.address


@pytest.mark.parametrize("name", ["a..b", "x" * 64 + ".example.com"])
def test_a_name_that_cannot_be_asked_for_is_told(server: NameServer, name: str) -> None:
    asking = Dns([server.address])

    with pytest.raises(DnsUnreachable, match="no answer about"):
        asking.texts(name)


@pytest.mark.parametrize("good", ["192.0.2.1", "192.0.2.1:5353", "[2001:db8::1]", "[::1]:53"])
def test_a_nameserver_is_an_address_with_or_without_a_port(good: str) -> None:
    assert read_table(DnsSettings, {"nameservers": [good]}).nameservers == (good,)


@pytest.mark.parametrize(
    "bad", ["", "dns.example.com", "::1", "192.0.2.1:0", "1.2.3:53", "1.1.1.1:x"]
)
def test_any_other_nameserver_is_refused(bad: str) -> None:
    with pytest.raises(SettingFaults):
        read_table(DnsSettings, {"nameservers": [bad]})
