"""Facts about the store itself, and the pictures of issues."""

from sqlalchemy import BigInteger, Column, LargeBinary, Table, Text

from newsletter.store.schema.columns import IMPERSONAL, UtcTime, metadata

# The pictures of issues, by their names in mails: newsletter.model.picture.
media = Table(
    "media",
    metadata,
    Column("name", Text, primary_key=True),
    Column("content", LargeBinary, nullable=False),
    Column("created_at", UtcTime, nullable=False),
    info=IMPERSONAL,
)

# Facts about the store itself: which one it is, and whether it was restored from a backup.
state = Table(
    "state",
    metadata,
    Column("name", Text, primary_key=True),
    Column("value", BigInteger, nullable=False),
    info=IMPERSONAL,
)
