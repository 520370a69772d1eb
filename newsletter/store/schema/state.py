"""Facts about the store itself, where it was moved, and the pictures of issues."""

from sqlalchemy import BigInteger, Boolean, Column, Index, LargeBinary, Table, Text

from newsletter.store.schema.columns import IMPERSONAL, RowId, UtcTime, metadata

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

# Each move of the whole store to another database, in both of them under one random id: the source
# keeps where it went, the target where it came from, and how far it was copied. `place` is the URL
# of the other one without its password. Until `done_at`, the target is no store to work with.
relocations = Table(
    "relocations",
    metadata,
    Column("id", BigInteger, primary_key=True, autoincrement=False),
    Column("is_source", Boolean, nullable=False),
    Column("place", Text, nullable=False),
    Column("began_at", UtcTime, nullable=False),
    Column("done_at", UtcTime),
    # The table that is being copied, and the primary key of its last row that was, as JSON.
    Column("table_name", Text),
    Column("last_key", Text),
    info=IMPERSONAL,
)

# Who did what, append-only: newsletter.model.audit. Like `approvals`, it
# names who works on the newsletter; `subject` is an id, never an address.
audit_log = Table(
    "audit_log",
    metadata,
    Column("id", RowId, primary_key=True),
    Column("at", UtcTime, nullable=False),
    Column("who", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("detail", Text, nullable=False, server_default=""),
    Index("ix_audit_log_subject", "subject"),
    info=IMPERSONAL,
)
