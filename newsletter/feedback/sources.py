"""The source of events that `[events] kind` names."""

from importlib import import_module

from newsletter.config import EventSettings
from newsletter.feedback.base import Source


def source_of(settings: EventSettings) -> Source:
    """`SOURCE` of the folder of that name, the only one that is imported."""
    source: Source = import_module(f"newsletter.feedback.{settings.kind}").SOURCE
    return source
