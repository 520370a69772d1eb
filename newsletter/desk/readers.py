"""Readers for whom an issue is shown before it is sent."""

from newsletter.model.email import Email
from newsletter.model.subscriber import Subscriber
from newsletter.sending.compose import SAMPLE_READER
from newsletter.store import Store
from newsletter.store.people import people

# One who gave no name and no attributes.
NAMELESS = SAMPLE_READER._replace(name="")

_PREFIX = "subscriber."
_NAME = f"{_PREFIX}name"


def with_longest_values(store: Store, email: Email) -> Subscriber:
    """A reader with the longest value that anybody has in each merge field of an email."""
    fields = {name.removeprefix(_PREFIX) for name in email.fields if name.startswith(_PREFIX)}
    with store.read() as connection:
        name = people.longest_name(connection) if _NAME in email.fields else ""
        attributes = people.longest_values(connection, sorted(fields - {"name"}))
    return SAMPLE_READER._replace(name=name or SAMPLE_READER.name, attributes=attributes)
