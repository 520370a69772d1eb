"""Handing messages to the outside. A transport is one module here, named as its settings are.

`newsletter.transports.base` says what a transport promises; tests/contract checks that each keeps
it.
"""

from importlib import import_module

from newsletter.config import TransportSettings
from newsletter.platforms import needs_posix
from newsletter.project import Project
from newsletter.transports.base import Kind, Transport

__all__ = ["Kind", "Transport", "clear", "kind_of", "open_transport"]


def kind_of(settings: TransportSettings) -> Kind:
    """`KIND` of the module that `[transport] kind` names, the only one that is imported."""
    kind: Kind = import_module(f"newsletter.transports.{settings.kind}").KIND
    return kind


def open_transport(project: Project) -> Transport:
    """The transport that `[transport] kind` names. On Windows only the outbox: else UsageError."""
    if project.settings.transport.kind != "outbox":
        needs_posix(f"sending by [transport] kind = {project.settings.transport.kind!r}")
    return kind_of(project.settings.transport).open(project)


def clear(project: Project, send_id: str) -> None:
    """Delete what a killed run of a send left behind, once nobody takes part in it."""
    kind = kind_of(project.settings.transport)
    if kind.clear is not None:
        kind.clear(project, send_id)
