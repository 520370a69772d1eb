"""Parameters of addresses that tell who clicked, or through which mail, post or advertisement.

https://github.com/brave/brave-browser/wiki/Query-String-Filter lists those that name a person.
"""

import re
from collections.abc import Iterator
from urllib.parse import unquote

# They name the person, or the one mail or click, from which the author copied the address.
_PERSONAL = frozenset(
    {
        *("fbclid", "gclid", "gclsrc", "dclid", "gbraid", "wbraid", "msclkid", "yclid", "ysclid"),
        *("twclid", "ttclid", "li_fat_id", "igshid", "igsh", "mc_eid", "mkt_tok", "vero_id"),
        *(
            "_hsenc",
            "_hsmi",
            "__hssc",
            "__hstc",
            "__hsfp",
            "hsctatracking",
            "_openstat",
            "wickedid",
        ),
        *("oly_anon_id", "oly_enc_id", "rb_clickid", "s_cid", "__s", "bsft_clkid", "bsft_uid"),
        *("ck_subscriber_id", "guce_referrer_sig", "vgo_ee", "srsltid", "ml_subscriber_hash"),
    }
)
# They name a campaign, or the way that the address took.
_CAMPAIGN = frozenset(
    {"mc_cid", "spm", "ml_subscriber", "pk_campaign", "mtm_campaign", "_ga", "_gl"}
)
_CAMPAIGN_NAME = re.compile(r"utm_[a-z_]+")
# Of a page of WeChat; `sn` belongs to the address and stays.
_OF_HOST = {"mp.weixin.qq.com": frozenset({"chksm", "scene", "sessionid", "subscene", "clicktime"})}
_PARAMETER = re.compile(r"[?&](?:amp;)?(?P<name>[^=&#?]+)(?P<value>=[^&#]*)?")
# What is signed is refused by its server as soon as a parameter is missing.
_SIGNED = re.compile(r"[?&](?:amp;)?(?:x-(?:amz|goog)-)?(?:signature|sig|hmac)=", re.IGNORECASE)
_HOST = re.compile(r"https?://(?P<host>[^/?#]*)", re.IGNORECASE)


def host_of(url: str) -> str:
    """The host of a web address in lower case; empty where it is none."""
    match = _HOST.match(url)
    return match["host"].lower() if match else ""


def is_personal(name: str) -> bool:
    """Whether a parameter names a person or a single click."""
    return name.lower() in _PERSONAL


def tracking_in(url: str) -> Iterator[str]:
    """The names of the parameters of an address that only track."""
    query = url.partition("#")[0]
    for match in () if _SIGNED.search(query) else _PARAMETER.finditer(query):
        if _tracks(match["name"], host_of(url)) and not _holds_more(match["value"] or ""):
            yield unquote(match["name"])


def without_tracking(url: str, *, campaigns: bool = True) -> str:
    """The address without them, or only without those that name a person or a click; all else stays
    as it is written."""
    address, mark, fragment = url.partition("#")
    path, question, query = address.partition("?")
    if not question or _SIGNED.search(address):
        return url
    parts = re.split(r"(&(?:amp;)?)", query)
    kept = ""
    for number in range(0, len(parts), 2):
        name, _, value = parts[number].partition("=")
        goes = _tracks(name, host_of(url)) if campaigns else is_personal(unquote(name))
        if not goes or _holds_more(value):
            kept += (parts[number - 1] if kept else "") + parts[number]
    return path + ("?" + kept if kept else "") + mark + fragment


def _holds_more(value: str) -> bool:
    """Whether a value may hold further parameters, which some servers part by semicolons."""
    return ";" in value


def _tracks(name: str, host: str) -> bool:
    name = unquote(name).lower()
    return (
        name in _PERSONAL
        or name in _CAMPAIGN
        or name in _OF_HOST.get(host, ())
        or _CAMPAIGN_NAME.fullmatch(name) is not None
    )
