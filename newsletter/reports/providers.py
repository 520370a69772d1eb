"""Whose mailboxes are at which domain.

A domain of few people may be that of a family or a firm: only the big providers, and domains of
many people, are named in a report.
"""

from collections.abc import Iterable

_PROVIDERS = {
    "Gmail": "gmail.com googlemail.com",
    "Microsoft": "outlook.* hotmail.* live.* msn.com windowslive.com passport.com",
    "Yahoo": "yahoo.* ymail.com rocketmail.com myyahoo.com",
    "AOL": "aol.* aim.com",
    "Apple": "icloud.com me.com mac.com",
    "Proton": "proton.me protonmail.com protonmail.ch pm.me",
    "GMX": "gmx.*",
    "WEB.DE": "web.de",
    "T-Online": "t-online.de",
    "Orange": "orange.fr wanadoo.fr",
    "Free": "free.fr",
    "Libero": "libero.it",
    "Yandex": "yandex.* ya.ru",
    "Mail.ru": "mail.ru inbox.ru list.ru bk.ru internet.ru",
    "QQ": "qq.com vip.qq.com foxmail.com",
    "NetEase": "163.com 126.com yeah.net vip.163.com vip.126.com 188.com",
    "Sina": "sina.com sina.cn vip.sina.com",
    "Naver": "naver.com",
    "Comcast": "comcast.net",
    "Fastmail": "fastmail.com fastmail.fm",
    "Zoho": "zoho.com zohomail.com",
}
# The ends of domains below which `*` stands for any country: `.de`, `.co.uk`, `.com.br`.
_BELOW = ("", "co", "com")


def _split(patterns: Iterable[str]) -> tuple[frozenset[str], frozenset[str]]:
    whole = frozenset(pattern for pattern in patterns if not pattern.endswith(".*"))
    return whole, frozenset(p.removesuffix(".*") for p in patterns if p not in whole)


_RULES = {name: _split(patterns.split()) for name, patterns in _PROVIDERS.items()}
_WHOLE = {domain: name for name, (whole, _) in _RULES.items() for domain in whole}
_ANYWHERE = {first: name for name, (_, anywhere) in _RULES.items() for first in anywhere}
PROVIDERS = frozenset(_RULES)


def provider_of(domain: str) -> str | None:
    """The provider of mailboxes at a domain, None where it is none of the big ones."""
    if name := _WHOLE.get(domain):
        return name
    first, _, rest = domain.partition(".")
    if first not in _ANYWHERE:
        return None
    below, _, country = rest.rpartition(".")
    is_country = len(country) == 2 and below in _BELOW
    return _ANYWHERE[first] if is_country or rest in ("com", "net") else None
