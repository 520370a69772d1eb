"""Saved filters."""

from sqlalchemy import Column, Table, Text

from newsletter.store.schema.columns import IMPERSONAL, UtcTime, metadata

# A saved filter; `rule` is in the language of newsletter.audience.segments.
segments = Table(
    "segments",
    metadata,
    Column("name", Text, primary_key=True),
    Column("rule", Text, nullable=False),
    Column("created_at", UtcTime, nullable=False),
    Column("updated_at", UtcTime, nullable=False),
    info=IMPERSONAL,
)
