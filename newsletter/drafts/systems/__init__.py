"""The systems whose archives are read: each is a module here, and tells its own archives from
others."""

from newsletter.drafts.archives import ForeignArchive
from newsletter.drafts.systems import buttondown, ghost, hugo, jekyll, substack
from newsletter.drafts.systems.base import ForeignSystem
from newsletter.errors import UsageError

# In the order in which they are asked.
SYSTEMS: tuple[ForeignSystem, ...] = (jekyll, substack, buttondown, ghost, hugo)
_BY_NAME = {system.NAME: system for system in SYSTEMS}


def system_of(archive: ForeignArchive, name: str, place: str) -> ForeignSystem:
    """The system of this name, or the one that an archive is of. Raises UsageError."""
    if name:
        return _BY_NAME[name]
    for system in SYSTEMS:
        if system.recognises(archive.names, archive):
            return system
    raise UsageError(
        "nothing here knows what this is an archive of",
        where=place,
        hint="Name the folder that holds _posts/, content/, posts.csv, emails/ or the JSON of "
        f"Ghost; or say which it is: --system {'|'.join(_BY_NAME)}.",
    )
