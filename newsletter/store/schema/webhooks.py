"""What other programs are told, and whether they have heard it."""

from sqlalchemy import Column, Index, Integer, Table, Text

from newsletter.store.schema.columns import IMPERSONAL, RowId, UtcTime, metadata, partial_index

# One row for each event and endpoint, written with the change that it tells. A payload holds ids
# and never an address, which is read from `subscribers` when it is posted, if it is wanted at all.
webhook_messages = Table(
    "webhook_messages",
    metadata,
    Column("number", RowId, primary_key=True),
    Column("id", Text, nullable=False, unique=True),
    Column("endpoint", Text, nullable=False),
    Column("event", Text, nullable=False),
    Column("at", UtcTime, nullable=False),
    Column("payload", Text, nullable=False),
    # No foreign key: whoever is erased is taken out of it, and the message stays.
    Column("subscriber_id", RowId),
    Column("attempts", Integer, nullable=False, server_default="0"),
    Column("next_at", UtcTime),  # None where there is no further attempt
    Column("leased_until", UtcTime),  # while somebody posts it
    Column("delivered_at", UtcTime),
    Column("status", Text, nullable=False, server_default=""),
    Index("ix_webhook_messages_at", "at"),
    Index("ix_webhook_messages_subscriber_id", "subscriber_id"),
    partial_index("ix_webhook_messages_due", "endpoint", "next_at", where="next_at IS NOT NULL"),
    info=IMPERSONAL,
)
