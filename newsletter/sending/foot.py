"""What the foot of a mail says about its list: read when a send is planned, for all of its
mails."""

from sqlalchemy.engine import Connection

from newsletter.config import WebSettings
from newsletter.model.send import Foot
from newsletter.store.ledger import archive
from newsletter.store.people import lists


def foot_of(connection: Connection, list_name: str, slug: str, web: WebSettings) -> Foot:
    """The foot that a mail of an issue has today; empty where there is no such list."""
    list_id = lists.find(connection, list_name)
    if list_id is None:
        return Foot()
    is_public = web.shows(list_name)
    previous = archive.newest_before(connection, list_id, slug) if is_public else None
    return Foot(lists.title_of(connection, list_id), web.opens(list_name), *(previous or ()))
