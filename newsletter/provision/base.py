"""The words of setting up: what is there is compared with what is wanted, then changed.

A plan is made by reading alone. Each action may be repeated without harm, so that a run which
was killed is completed by the next one.
"""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class DnsRecord:
    """A record that mail depends on. `name` has no dot at its end; `value` stands as in a zone
    file, but a TXT without its quotes and a host without the dot at its end."""

    name: str
    kind: str
    value: str
    why: str


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
    """One thing that has to be there: what is missing, and what is left as it is although another
    state would be better, each with its reason."""

    name: str
    actions: tuple[Action, ...] = ()
    left_alone: tuple[str, ...] = ()
