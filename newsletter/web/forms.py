"""What a form sent, and who sent it."""

import ipaddress
from collections.abc import Mapping, Sequence
from urllib.parse import parse_qsl

from fastapi import Request
from starlette.exceptions import HTTPException
from starlette.formparsers import MultiPartException

from newsletter.audience.joining import Origin

_MOST_FIELDS = 50


async def fields(request: Request) -> Mapping[str, str]:
    """The fields of a form, urlencoded or multipart; of two with the same name, the first counts.

    Files are left out. Raises HTTPException 400 for what cannot be read.
    """
    values: dict[str, str] = {}
    if request.headers.get("content-type", "").strip().lower().startswith("multipart/"):
        try:
            form = await request.form(max_files=_MOST_FIELDS, max_fields=_MOST_FIELDS)
        except (MultiPartException, KeyError, LookupError, ValueError) as error:
            raise HTTPException(400) from error
        for name, value in form.multi_items():
            if isinstance(value, str):
                values.setdefault(name, _utf8(value))
        return values
    try:
        body = (await request.body()).decode()
        pairs = parse_qsl(
            body, keep_blank_values=True, errors="strict", max_num_fields=_MOST_FIELDS
        )
    except ValueError as error:
        raise HTTPException(400) from error
    for name, value in pairs:
        values.setdefault(name, value)
    return values


def origin(request: Request, trusted: Sequence[str]) -> Origin:
    """The IP address that a request came from, its network (/24, or /64 of IPv6), and a wide one:
    whoever has a /64 often has a whole /48.

    `X-Forwarded-For` counts only as far as it was written by `trusted` proxies.
    """
    networks = [ipaddress.ip_network(network) for network in trusted]
    # Some proxies add a line of their own below the one that came.
    forwarded = ",".join(request.headers.getlist("x-forwarded-for"))
    hops = [_ip(hop.strip()) for hop in forwarded.split(",")]
    ip = _ip(request.client.host if request.client else "")
    while any(ip in network for network in networks) and hops and (hop := hops.pop()) is not None:
        ip = hop
    if ip is None:
        return Origin("", "")
    narrow, wide = (24, 24) if ip.version == 4 else (64, 48)
    return Origin(str(ip), _network(ip, narrow), _network(ip, wide))


def _network(ip: ipaddress.IPv4Address | ipaddress.IPv6Address, prefix: int) -> str:
    return str(ipaddress.ip_network((ip, prefix), strict=False))


def _utf8(value: str) -> str:
    """A charset such as UTF-7 makes text of bytes that no page and no store can hold."""
    try:
        value.encode()
    except UnicodeEncodeError as error:
        raise HTTPException(400) from error
    return value


def _ip(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        ip = ipaddress.ip_address(text)
    except ValueError:
        return None
    if isinstance(ip, ipaddress.IPv6Address) and ip.ipv4_mapped:
        return ip.ipv4_mapped
    return ip


def form_body(**properties: str) -> dict[str, object]:
    """The OpenAPI of a form with these fields, each with its description."""
    schema = {
        "type": "object",
        "properties": {
            name: {"type": "string", "description": description}
            for name, description in properties.items()
        },
    }
    kinds = ("application/x-www-form-urlencoded", "multipart/form-data")
    content = {kind: {"schema": schema} for kind in kinds}
    return {"requestBody": {"content": content}}
