"""Domains of one provider count as one."""

import pytest

from newsletter.reports.providers import provider_of


@pytest.mark.parametrize(
    ("domain", "provider"),
    [
        ("gmail.com", "Gmail"),
        ("googlemail.com", "Gmail"),
        ("hotmail.co.uk", "Microsoft"),
        ("live.com.au", "Microsoft"),
        ("outlook.de", "Microsoft"),
        ("yahoo.co.jp", "Yahoo"),
        ("me.com", "Apple"),
        ("126.com", "NetEase"),
        ("gmx.net", "GMX"),
        ("live.example.de", None),  # a host of somebody else
        ("outlook.example", None),
        ("gmail.com.example.org", None),
        ("", None),
    ],
)
def test_a_domain_has_a_provider_or_none(domain: str, provider: str | None) -> None:
    assert provider_of(domain) == provider
