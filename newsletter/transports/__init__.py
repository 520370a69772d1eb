"""Handing messages to the outside. A transport is one file here and one line in `open_transport`.

What a transport promises stands in `newsletter.transports.base`; tests/contract holds all of
them to it.
"""

from newsletter.project import Project
from newsletter.transports.base import Transport

__all__ = ["Transport", "open_transport"]


def open_transport(project: Project) -> Transport:
    """The transport that `[transport] kind` names."""
    match project.settings.transport.kind:
        case "outbox":
            from newsletter.transports.outbox import Outbox  # noqa: PLC0415 -- only the one in use

            return Outbox(project.outbox)
        case "ses":
            from newsletter.transports.ses import Ses  # noqa: PLC0415 -- as above

            return Ses(project.settings.transport.ses)
