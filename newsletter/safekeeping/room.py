"""The private folder of this machine where copies of the store lie until they are finished."""

from pathlib import Path

from newsletter.project import Project
from newsletter.safekeeping import parts
from newsletter.store import resolve_url


def room_of(project: Project) -> Path:
    """That of the store, where it is a file."""
    url = resolve_url(project.settings.store.url, project.root)
    is_file = url.get_backend_name() == "sqlite"
    return Path(str(url.database)).parent if is_file else project.generation.parent


def clear(project: Project) -> None:
    """Delete what a kill left there of copies that were being made, or looked at."""
    parts.clear(room_of(project))
