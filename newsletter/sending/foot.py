"""What the foot of a mail says about its list: read when a send is planned, for all of its
mails."""

from sqlalchemy.engine import Connection

from newsletter.config import WebSettings
from newsletter.model.email import Email, fill
from newsletter.model.send import Foot
from newsletter.store.ledger import archive, corrections
from newsletter.store.people import lists


def foot_of(connection: Connection, list_name: str, slug: str, web: WebSettings) -> Foot:
    """The foot that a mail of an issue has today; empty where there is no such list."""
    list_id = lists.find(connection, list_name)
    if list_id is None:
        return Foot()
    is_public = web.shows(list_name)
    previous = archive.newest_before(connection, list_id, slug) if is_public else None
    return Foot(
        lists.title_of(connection, list_id),
        web.opens(list_name),
        *(_named(connection, *previous) if previous else ()),
    )


def _named(connection: Connection, number: int, slug: str) -> tuple[str, str]:
    """An issue by its slug and its title, as the archive shows it by now."""
    email = Email.from_json(corrections.newest_email_of(connection, number))
    return slug, fill(email.subject, {})
