"""What the foot of a mail says of its list: found when a send is planned, for all of its mails."""

from typing import Any

from sqlalchemy.engine import Connection, Row

from newsletter.config import WebSettings
from newsletter.model.send import Foot
from newsletter.store import archive, lists


def foot_of(connection: Connection, list_name: str, slug: str, web: WebSettings) -> Foot:
    """The foot that a mail of an issue has today; that of a list which is not there is empty."""
    list_id = lists.find(connection, list_name)
    if list_id is None:
        return Foot()
    is_public = web.shows(list_name)
    previous = archive.newest_before(connection, list_id, slug) if is_public else None
    return Foot(lists.title_of(connection, list_id), web.opens(list_name), *(previous or ()))


def columns(foot: Foot) -> dict[str, Any]:
    """The foot as the row of a send has it."""
    return {
        "list_title": foot.list_title,
        "list_is_open": foot.is_open,
        "previous_slug": foot.previous_slug,
        "previous_title": foot.previous_title,
    }


def sealed(row: Row[Any]) -> Foot:
    """The foot that a send was planned with."""
    return Foot(row.list_title, row.list_is_open, row.previous_slug, row.previous_title)
