"""The words of setting up: what is there is compared with what is wanted, then changed.

A plan is made by reading alone. Each action may be repeated without harm, so that a run which
was killed is completed by the next one.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from newsletter.config import Settings
from newsletter.config.editing import SettingValues
from newsletter.dns import Dns


@dataclass(frozen=True, slots=True)
class DnsRecord:
    """A record that mail depends on. `name` has no dot at its end; `value` stands as in a zone
    file, but a TXT without its quotes and a host without the dot at its end. Of a TXT, `essential`
    is what has to be in it; the rest may differ."""

    name: str
    kind: str
    value: str
    why: str
    essential: str = ""


@dataclass(frozen=True, slots=True)
class Difference:
    """An attribute that will change, from what to what; both for people."""

    attribute: str
    old: str
    new: str


@dataclass(frozen=True, slots=True)
class Action:
    """One change, in a line for people; `apply` makes it, and raises NewsletterError."""

    text: str
    apply: Callable[[], None]
    differences: tuple[Difference, ...] = ()


@dataclass(frozen=True, slots=True)
class Component:
    """One thing that has to be there: what is missing, what is left as it is although another state
    would be better, each with its reason, and what to know before the actions are taken."""

    name: str
    actions: tuple[Action, ...] = ()
    left_alone: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class SetupWishes:
    """What the operator named; "" is what the settings, or else the provider's usage, say."""

    domain: str = ""
    mail_from: str = ""
    region: str = ""
    name: str = ""


class Provision(Protocol):
    """What one newsletter needs at a provider. Each method but `policies` may ask the provider,
    and raise ConfigurationError, or NewsletterError for what may pass."""

    place: str  # the account and the like, for people
    domain: str  # that mail is sent from

    def components(self) -> Sequence[Component]:
        """All that is needed, in the order in which it has to be made."""

    def settings(self) -> SettingValues:
        """What newsletter.toml has to say; what is not made yet, as it will be named."""

    def records(self, dns: Dns) -> Sequence[DnsRecord]:
        """What has to be in the DNS, as far as it is known."""

    def policies(self) -> Mapping[str, Mapping[str, Any]]:
        """Who may do what, by the name of the role, as documents of the provider."""

    def next_steps(self) -> Sequence[str]:
        """What only a person can do."""


@dataclass(frozen=True, slots=True)
class ProvisionKind:
    """A provider that can be set up: `open` finds out where, `templates` write the same for
    another tool, by its name, without asking anybody."""

    service: str
    open: Callable[[Settings, SetupWishes], Provision]
    templates: Mapping[str, Callable[[Settings, SetupWishes], str]]
