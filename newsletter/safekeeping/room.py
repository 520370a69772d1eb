"""The private folder of this machine where copies of the store lie until they are finished."""

import re
from pathlib import Path

from sqlalchemy.engine import URL

from newsletter.project import Project
from newsletter.safekeeping import parts
from newsletter.store import resolve_url


def room_of(project: Project) -> Path:
    """That of the store, where it is a file."""
    url = _url(project)
    return Path(str(url.database)).parent if _is_file(url) else project.generation.parent


def name_of(url: URL) -> str:
    """That of a store in the names of its backups."""
    database = str(url.database or "store")
    return re.sub(r"[^\w.-]+", "-", Path(database).stem if _is_file(url) else database)


def clear(project: Project) -> None:
    """Delete what a kill left there of copies of the store that were being made, or looked at."""
    url = _url(project)
    names = (f"{name_of(url)}-", "backup.")  # on the way to a bucket; from anywhere
    file = (f"{Path(str(url.database)).name}.",) if _is_file(url) else ()
    parts.clear(room_of(project), *names, *file)


def _url(project: Project) -> URL:
    return resolve_url(project.settings.store.url, project.root)


def _is_file(url: URL) -> bool:
    return url.get_backend_name() == "sqlite"
