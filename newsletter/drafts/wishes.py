"""What an editor asks of a draft; the command line reads it before it loads anything else."""

import datetime as dt
from dataclasses import dataclass
from enum import StrEnum

MOST_ENTRIES = 50


class Grouping(StrEnum):
    """What the sections of a draft are."""

    CATEGORY = "category"
    FEED = "feed"
    DAY = "day"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Wishes:
    """What a draft is to hold. `date` is by default today, `since` the earliest moment of an entry,
    None for any."""

    title: str = ""
    date: dt.date | None = None
    since: dt.datetime | None = None
    limit: int = MOST_ENTRIES
    grouping: Grouping = Grouping.CATEGORY


class SystemName(StrEnum):
    """The systems whose archives are read: newsletter.drafts.systems."""

    JEKYLL = "jekyll"
    SUBSTACK = "substack"
    BUTTONDOWN = "buttondown"
    GHOST = "ghost"
    HUGO = "hugo"
