"""People: who they are, what they joined, what they said and asked for, who is never mailed."""

from collections.abc import Iterator
from typing import Any

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    Table,
    Text,
)
from sqlalchemy.types import JSON

from newsletter.store.schema.columns import (
    COPIED,
    IMPERSONAL,
    PERSONAL,
    RowId,
    UtcTime,
    metadata,
    partial_index,
)

# A person. `address_key` is the address in lower case: two spellings are one person. After erasure
# both are null, and only the row that the ledger points to stays. Nothing is mailed before
# `paused_until`, by the person's own choice. `link_key` is random and part of a person's links, so
# that they never open the record of somebody with the same id in a restored store; a new address
# gets a new key. It is 0 in rows from before schema 0005.
subscribers = Table(
    "subscribers",
    metadata,
    Column("id", RowId, primary_key=True),
    Column("address", Text, info=PERSONAL),
    Column("address_key", Text, unique=True, info=COPIED),
    Column("name", Text, nullable=False, server_default="", info=PERSONAL),
    Column("attributes", JSON, nullable=False, server_default="{}", info=PERSONAL),
    Column("created_at", UtcTime, nullable=False),
    Column("updated_at", UtcTime, nullable=False),
    Column("paused_until", UtcTime, info=PERSONAL),
    Column("link_key", BigInteger, nullable=False, server_default="0"),
)

# The addresses that a person had before. `address` and `address_key` are null once the person was
# erased; then only the keyed `hash` identifies them. `link_key` is that of links mailed there.
former_addresses = Table(
    "former_addresses",
    metadata,
    Column("id", RowId, primary_key=True),
    Column("subscriber_id", RowId, ForeignKey("subscribers.id"), nullable=False),
    Column("address", Text, info=PERSONAL),
    Column("address_key", Text, info=COPIED),
    Column("hash", Text, nullable=False, server_default="", info=IMPERSONAL),
    Column("link_key", BigInteger, nullable=False),
    Column("at", UtcTime, nullable=False),
    Index("ix_former_addresses_subscriber_id", "subscriber_id"),
    Index("ix_former_addresses_address_key", "address_key"),
)

# `id` is random, since links hold it: none is ever used twice.
lists = Table(
    "lists",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("name", Text, nullable=False, unique=True),
    Column("created_at", UtcTime, nullable=False),
    Column(
        "title", Text, nullable=False, server_default=""
    ),  # for people; where it is empty they see the name
    Column("description", Text, nullable=False, server_default=""),
    info=IMPERSONAL,
)


def _subscription_columns() -> Iterator[Column[Any]]:
    """The status of a subscription, and the consent for it."""
    yield Column("status", Text, nullable=False, info=IMPERSONAL)
    yield Column("consent_at", UtcTime, nullable=False)
    yield Column("consent_how", Text, nullable=False, info=IMPERSONAL)
    yield Column("consent_source", Text, nullable=False, info=COPIED)
    yield Column("consent_ip", Text, nullable=False, server_default="", info=COPIED)
    yield Column("updated_at", UtcTime, nullable=False)


# No foreign keys: they would take half the time of an import into PostgreSQL. Whoever adds a row
# holds its person and list, by the foreign keys of a line in `consents`, or by `locks.people`.
subscriptions = Table(
    "subscriptions",
    metadata,
    Column("list_id", Integer, primary_key=True),
    Column("subscriber_id", RowId, primary_key=True),
    *_subscription_columns(),
    Column("import_id", Integer),  # the import that made this row
    CheckConstraint("status IN ('pending', 'confirmed', 'unsubscribed')", name="status"),
    Index("ix_subscriptions_subscriber_id", "subscriber_id"),
    sqlite_with_rowid=False,
)

# Each import of a file, which can be undone. `at` is also the `updated_at` of all that it wrote, so
# that later changes can be recognised.
imports = Table(
    "imports",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("at", UtcTime, nullable=False, unique=True),
    Column("file", Text, nullable=False),
    Column("system", Text, nullable=False, server_default=""),
    Column("counts", JSON, nullable=False, server_default="{}"),
    Column("undone_at", UtcTime),
    info=IMPERSONAL,
)

# What an import changed, as it was before: undoing the import restores it.
import_changes = Table(
    "import_changes",
    metadata,
    Column("import_id", Integer, ForeignKey("imports.id"), primary_key=True),
    Column("list_id", Integer, ForeignKey("lists.id"), primary_key=True),
    Column("subscriber_id", RowId, ForeignKey("subscribers.id"), primary_key=True),
    *_subscription_columns(),
    Index("ix_import_changes_subscriber_id", "subscriber_id"),
    Index("ix_import_changes_list_id", "list_id"),
)

# The names and attributes that an import replaced, for the same purpose.
import_people = Table(
    "import_people",
    metadata,
    Column("import_id", Integer, ForeignKey("imports.id"), primary_key=True),
    Column("subscriber_id", RowId, ForeignKey("subscribers.id"), primary_key=True),
    Column("name", Text, nullable=False, info=COPIED),
    Column("attributes", JSON, nullable=False, info=COPIED),
    Column("updated_at", UtcTime, nullable=False),
    Index("ix_import_people_subscriber_id", "subscriber_id"),
)

# What people said, append-only: each yes and no with when, how, where, and under which wording.
# `list_id` is null for what concerns no list. `ip` is only kept if configured. `send` and `number`
# are the delivery whose link was used, where that is known.
consents = Table(
    "consents",
    metadata,
    Column("id", RowId, primary_key=True),
    Column("subscriber_id", RowId, ForeignKey("subscribers.id"), nullable=False),
    Column("list_id", Integer, ForeignKey("lists.id")),
    Column("at", UtcTime, nullable=False),
    Column("kind", Text, nullable=False, info=IMPERSONAL),
    Column("how", Text, nullable=False, info=IMPERSONAL),
    Column("source", Text, nullable=False, server_default="", info=PERSONAL),
    Column("wording", Text, nullable=False, server_default="", info=IMPERSONAL),
    Column("ip", Text, nullable=False, server_default="", info=PERSONAL),
    Column("detail", Text, nullable=False, server_default="", info=PERSONAL),
    Column("send", Integer),
    Column("number", Integer),
    Column("import_id", Integer),  # the import that wrote this line
    Index("ix_consents_subscriber_id", "subscriber_id"),
    Index("ix_consents_list_id", "list_id"),
    partial_index("ix_consents_send", "send", where="send IS NOT NULL"),
)

# What a visitor asked for and has to confirm by mail: to join a list, or anything that a personal
# link may not do by itself. `address` is where the mail goes, `target` the address that a person
# wants to move to. `id` is random, so that no old link fits a newer request; `form` is the number
# of the form, which counts once. `mailbox` is the address without dots and tags; `ip`, `network`
# (/24 or /64) and `wide_network` (/48) are kept an hour, for limits only.
requests = Table(
    "requests",
    metadata,
    Column("id", RowId, primary_key=True),
    Column("kind", Text, nullable=False, info=IMPERSONAL),
    Column("list_id", Integer, ForeignKey("lists.id")),
    Column("subscriber_id", RowId, ForeignKey("subscribers.id")),
    Column("address", Text, nullable=False, info=PERSONAL),
    Column("mailbox", Text, nullable=False, info=COPIED),
    Column("wording", Text, nullable=False, server_default="", info=IMPERSONAL),
    Column("ip", Text, nullable=False, server_default="", info=PERSONAL),
    Column("network", Text, nullable=False, server_default="", info=COPIED),
    Column("at", UtcTime, nullable=False),
    Column("state", Text, nullable=False, info=IMPERSONAL),
    Column("reason", Text, nullable=False, server_default="", info=IMPERSONAL),
    Column("wide_network", Text, nullable=False, server_default="", info=COPIED),
    Column("target", Text, nullable=False, server_default="", info=PERSONAL),
    Column("form", BigInteger),
    Column(
        "welcome", Text, info=IMPERSONAL
    ),  # the state of the welcome that follows a confirmed join, if any
    CheckConstraint("welcome IN ('waiting', 'mailed', 'refused', 'failed')", name="welcome"),
    CheckConstraint(
        "kind IN ('join', 'allow_move', 'move', 'undo_move', 'data', 'erase')", name="kind"
    ),
    CheckConstraint(
        "state IN ('waiting', 'mailed', 'confirmed', 'refused', 'failed')", name="state"
    ),
    Index("ix_requests_at", "at"),
    partial_index("ix_requests_form", "form", where="form IS NOT NULL", unique=True),
    Index("ix_requests_mailbox", "mailbox", "at"),
    Index("ix_requests_subscriber_id", "subscriber_id"),
    partial_index("ix_requests_welcome", "at", where="welcome = 'waiting'"),
    partial_index("ix_requests_waiting", "at", where="state = 'waiting'"),
)

# `address` is an address key, or the keyed hash of an erased person's.
suppressions = Table(
    "suppressions",
    metadata,
    Column("address", Text, primary_key=True, info=COPIED),
    Column("reason", Text, nullable=False, info=IMPERSONAL),
    Column("source", Text, nullable=False, server_default="", info=PERSONAL),
    Column("created_at", UtcTime, nullable=False),
    Column("import_id", Integer),  # the import that added it
    CheckConstraint(
        "reason IN ('hard_bounce', 'soft_bounce', 'complaint', 'manual', 'erased')",
        name="reason",
    ),
    Index("ix_suppressions_created_at", "created_at", "address"),
    partial_index("ix_suppressions_erased", "address", where="reason = 'erased'"),
    sqlite_with_rowid=False,
)

# Each suppression that was ever added or removed, append-only. `event_id` is the report that
# caused it.
suppression_log = Table(
    "suppression_log",
    metadata,
    Column("id", RowId, primary_key=True),
    Column("address", Text, nullable=False, info=COPIED),
    Column("at", UtcTime, nullable=False),
    Column("action", Text, nullable=False, info=IMPERSONAL),
    Column("reason", Text, nullable=False, info=IMPERSONAL),
    Column("source", Text, nullable=False, server_default="", info=COPIED),
    Column("event_id", RowId, ForeignKey("events.id")),
    CheckConstraint("action IN ('added', 'removed')", name="action"),
    Index("ix_suppression_log_address", "address", "at"),
)
