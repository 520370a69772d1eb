"""Setting up what mail needs outside of this project, at a provider and in the DNS.

base      the words: a component, its actions, a record
settings  what was set up, written into newsletter.toml
records   records as a zone file, and as the DNS has them
ses       Amazon SES
"""

from importlib import import_module

from newsletter.provision.base import ProvisionKind


def provision_kind(name: str) -> ProvisionKind:
    """`KIND` of the folder of that name, the only one that is imported."""
    kind: ProvisionKind = import_module(f"newsletter.provision.{name}").KIND
    return kind
