"""Handing messages to the outside. A transport is one file here and one line in `open_transport`.

What a transport promises stands in `newsletter.transports.base`; tests/contract holds all of
them to it.
"""

import ipaddress
from urllib.parse import urlsplit

from newsletter.project import Project
from newsletter.transports.base import Transport

__all__ = ["Transport", "open_transport", "reaches_readers"]


def open_transport(project: Project) -> Transport:
    """The transport that `[transport] kind` names."""
    match project.settings.transport.kind:
        case "outbox":
            from newsletter.transports.outbox import Outbox  # noqa: PLC0415 -- only the one in use

            return Outbox(project.outbox)
        case "ses":
            from newsletter.transports.ses import Ses  # noqa: PLC0415 -- as above

            return Ses(project.settings.transport.ses)


def reaches_readers(transport: Transport) -> bool:
    """Whether mails go out into the world: neither files nor a stand-in for SES nearby do that."""
    if transport.kind != "ses":
        return False
    from newsletter.transports.ses import Ses  # noqa: PLC0415 -- as above

    return isinstance(transport, Ses) and not _is_nearby(transport.endpoint)


def _is_nearby(endpoint: str) -> bool:
    """Whether a URL names this machine, or one by a name that only its own network knows."""
    host = urlsplit(endpoint).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return "." not in host
