"""What has to be done for one newsletter: the parts at the provider, then newsletter.toml."""

from collections.abc import Sequence
from pathlib import Path

from newsletter.config import Settings
from newsletter.provision.base import Action, Component, Provision
from newsletter.provision.settings import settings_component


def plan(provision: Provision, path: Path, settings: Settings) -> list[Component]:
    """Found by reading alone; newsletter.toml, at `path`, comes last, so that it never names what
    is not there. Raises ConfigurationError, or NewsletterError for what may pass."""
    in_file = settings_component(path, settings, provision.settings(), provision.settings)
    return [*provision.components(), in_file]


def actions_of(components: Sequence[Component]) -> list[Action]:
    return [action for component in components for action in component.actions]


def is_same(one: Sequence[Component], other: Sequence[Component]) -> bool:
    """Whether two plans do the same, so that a yes to one is a yes to the other."""
    return _told(one) == _told(other)


def _told(components: Sequence[Component]) -> list[object]:
    return [(action.text, action.differences) for action in actions_of(components)]
