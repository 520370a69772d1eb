"""What was reported about mails."""

from sqlalchemy import CheckConstraint, Column, ForeignKey, Index, Integer, Table, Text

from newsletter.store.schema.columns import (
    IMPERSONAL,
    PERSONAL,
    RowId,
    UtcTime,
    metadata,
    partial_index,
)

# What the provider reported, append-only; an event has the same `key` however often it comes.
events = Table(
    "events",
    metadata,
    Column("id", RowId, primary_key=True),
    Column("key", Text, nullable=False, unique=True, info=IMPERSONAL),
    Column("type", Text, nullable=False, info=IMPERSONAL),
    Column("at", UtcTime, nullable=False),
    Column("received_at", UtcTime, nullable=False),
    Column("send", Integer, ForeignKey("sends.number")),
    Column("number", Integer),
    Column("subscriber_id", RowId, ForeignKey("subscribers.id")),
    Column("message_id", Text, info=IMPERSONAL),
    Column("cause", Text, info=IMPERSONAL),  # newsletter.model.event.Cause
    Column(
        "word", Text, nullable=False, server_default="", info=IMPERSONAL
    ),  # the reporter's word for it
    Column("verdict", Text, nullable=False, info=IMPERSONAL),
    Column("detail", Text, nullable=False, server_default="", info=PERSONAL),
    Column("payload", Text, info=PERSONAL),
    Column("sent_at", UtcTime),  # when the provider took the mail
    # The name of its reporter for people; only SES before schema 0006.
    Column("reporter", Text, nullable=False, server_default="SES", info=IMPERSONAL),
    # Of opens and clicks: who it was, newsletter.model.event.Agent, and the link as it was sealed,
    # without what a reader's own has.
    Column("agent", Text, info=IMPERSONAL),
    Column("link", Text, info=IMPERSONAL),
    CheckConstraint("verdict IN ('applied', 'ignored', 'set_aside')", name="verdict"),
    Index("ix_events_delivery", "send", "number"),
    Index("ix_events_message_id", "message_id"),
    Index("ix_events_subscriber_id", "subscriber_id"),
    # The few that have consequences, of a send and of a person.
    partial_index("ix_events_causes", "send", "cause", where="cause IS NOT NULL"),
    partial_index("ix_events_caused", "subscriber_id", where="cause IS NOT NULL"),
    # Opens and clicks: none where the operator has not switched tracking on.
    partial_index("ix_events_tracked", "send", "type", where="agent IS NOT NULL"),
    Index("ix_events_received_at", "received_at"),
    # The few that name no delivery of ours yet: it may become known later.
    partial_index("ix_events_ignored", "received_at", where="verdict = 'ignored'"),
    # The few that name no delivery of ours, or cannot be read: erasing reads their text.
    partial_index("ix_events_not_applied", "id", where="verdict <> 'applied'"),
)
