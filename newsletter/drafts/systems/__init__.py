"""The systems whose archives are read: each is a module here, and tells its own archives from
others."""

import re
from dataclasses import dataclass

from newsletter.drafts.archives import ForeignArchive
from newsletter.drafts.systems import buttondown, ghost, hugo, jekyll, substack
from newsletter.drafts.systems.base import ForeignSystem
from newsletter.errors import UsageError

_MARKER = re.compile(
    r"/(?:_posts|_drafts|content|emails)/|/(?:posts\.csv|emails\.csv|_config\.yml|[^/]+\.json)$"
)
_MOST_FOLDERS = 20
# In the order in which they are asked.
SYSTEMS: tuple[ForeignSystem, ...] = (jekyll, substack, buttondown, ghost, hugo)
_BY_NAME = {system.NAME: system for system in SYSTEMS}


def system_of(
    archive: ForeignArchive, name: str, place: str
) -> tuple[ForeignSystem, ForeignArchive]:
    """The system of this name, or the one that an archive is of, and the part of it that is its
    own. Raises UsageError."""
    views = [archive, *(_Below(archive, folder) for folder in _folders(archive.names))]
    for view in views:
        for system in (_BY_NAME[name],) if name else SYSTEMS:
            if system.recognises(view.names, view):
                return system, view
    if name:
        return _BY_NAME[name], archive
    raise UsageError(
        "nothing here knows what this is an archive of",
        where=place,
        hint="Name the folder that holds _posts/, content/, posts.csv, emails/ or the JSON of "
        f"Ghost; or say which it is: --system {'|'.join(_BY_NAME)}.",
    )


@dataclass(frozen=True, slots=True)
class _Below:
    """The part of an archive in one of its folders."""

    archive: ForeignArchive
    folder: str

    @property
    def names(self) -> frozenset[str]:
        begin = len(self.folder)
        return frozenset(
            name[begin:] for name in self.archive.names if name.startswith(self.folder)
        )

    def read(self, name: str) -> bytes:
        return self.archive.read(f"{self.folder}{name}")


def _folders(names: frozenset[str]) -> list[str]:
    """The folders that may hold an archive, as the one in which a site lies in its repository."""
    folders = {name[: match.start() + 1] for name in names if (match := _MARKER.search(name))}
    return sorted(folders, key=lambda folder: (folder.count("/"), folder))[:_MOST_FOLDERS]
