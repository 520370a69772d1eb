"""The tables of the store, the same on SQLite and PostgreSQL.

Alembic migrations (newsletter/store/migrations) make them; a test compares the two.
"""

import datetime as dt
from collections.abc import Iterator
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
    false,
    text,
)
from sqlalchemy.engine import Dialect
from sqlalchemy.types import JSON, TypeDecorator

# The newest migration; opening a store compares it without loading Alembic.
REVISION = "0006"

EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
MICROSECOND = dt.timedelta(microseconds=1)


def microseconds(at: dt.datetime | None) -> int | None:
    """A time as UtcTime keeps it, for rows that are not written through SQLAlchemy."""
    return None if at is None else (at - EPOCH) // MICROSECOND


def from_microseconds(value: int | None) -> dt.datetime | None:
    return None if value is None else EPOCH + value * MICROSECOND


class UtcTime(TypeDecorator[dt.datetime]):
    """An aware UTC datetime, kept as microseconds since 1970: exact, short, equal everywhere."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: dt.datetime | None, dialect: Dialect) -> int | None:
        return microseconds(value)

    def process_result_value(self, value: int | None, dialect: Dialect) -> dt.datetime | None:
        return from_microseconds(value)


# SQLite makes a row id only of INTEGER; PostgreSQL has room for more.
_RowId = BigInteger().with_variant(Integer, "sqlite")

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

# A person. `address_key` is the address in lower case: two spellings are one person.
# After erasure both are null and only the row that the ledger points to stays.
# Nothing is mailed before `paused_until`, at the person's own wish.
# `link_key` is random and part of the links that a person gets, so that whoever gets the same id
# in a restored store is not opened by them; a new address gets a new one. It is 0 where it is from
# before schema 0005.
subscribers = Table(
    "subscribers",
    metadata,
    Column("id", _RowId, primary_key=True),
    Column("address", Text),
    Column("address_key", Text, unique=True),
    Column("name", Text, nullable=False, server_default=""),
    Column("attributes", JSON, nullable=False, server_default="{}"),
    Column("created_at", UtcTime, nullable=False),
    Column("updated_at", UtcTime, nullable=False),
    Column("paused_until", UtcTime),
    Column("link_key", BigInteger, nullable=False, server_default="0"),
)

# The addresses that a person had before. `address` and `address_key` are null once the person was
# erased; then only `hash`, keyed, tells who it was. `link_key` is that of links mailed there.
former_addresses = Table(
    "former_addresses",
    metadata,
    Column("id", _RowId, primary_key=True),
    Column("subscriber_id", _RowId, ForeignKey("subscribers.id"), nullable=False),
    Column("address", Text),
    Column("address_key", Text),
    Column("hash", Text, nullable=False, server_default=""),
    Column("link_key", BigInteger, nullable=False),
    Column("at", UtcTime, nullable=False),
    Index("ix_former_addresses_subscriber_id", "subscriber_id"),
    Index("ix_former_addresses_address_key", "address_key"),
)

# `id` is random, as it is in links: one that was used is never used again.
lists = Table(
    "lists",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("name", Text, nullable=False, unique=True),
    Column("created_at", UtcTime, nullable=False),
    Column("title", Text, nullable=False, server_default=""),  # for people; empty: its name
    Column("description", Text, nullable=False, server_default=""),
)


def _standing() -> Iterator[Column[Any]]:
    """How somebody stands on a list, and by what consent."""
    yield Column("status", Text, nullable=False)
    yield Column("consent_at", UtcTime, nullable=False)
    yield Column("consent_how", Text, nullable=False)
    yield Column("consent_source", Text, nullable=False)
    yield Column("consent_ip", Text, nullable=False, server_default="")
    yield Column("updated_at", UtcTime, nullable=False)


# No foreign keys: they would be half the time of an import into PostgreSQL. Whoever adds a row
# holds its person and list, by a line in `consents`, whose keys do that, or by `locks.people`.
subscriptions = Table(
    "subscriptions",
    metadata,
    Column("list_id", Integer, primary_key=True),
    Column("subscriber_id", _RowId, primary_key=True),
    *_standing(),
    Column("import_id", Integer),  # the import that made this row
    CheckConstraint("status IN ('pending', 'confirmed', 'unsubscribed')", name="status"),
    Index("ix_subscriptions_subscriber_id", "subscriber_id"),
    sqlite_with_rowid=False,
)

# Each import of a file, which can be undone. `at` is also `updated_at` of all that it wrote, so
# that what was touched since can be told.
imports = Table(
    "imports",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("at", UtcTime, nullable=False, unique=True),
    Column("file", Text, nullable=False),
    Column("system", Text, nullable=False, server_default=""),
    Column("counts", JSON, nullable=False, server_default="{}"),
    Column("undone_at", UtcTime),
)

# What an import found and changed, as it was before: undoing it puts these back.
import_changes = Table(
    "import_changes",
    metadata,
    Column("import_id", Integer, ForeignKey("imports.id"), primary_key=True),
    Column("list_id", Integer, ForeignKey("lists.id"), primary_key=True),
    Column("subscriber_id", _RowId, ForeignKey("subscribers.id"), primary_key=True),
    *_standing(),
    Index("ix_import_changes_subscriber_id", "subscriber_id"),
    Index("ix_import_changes_list_id", "list_id"),
)

# The names and attributes that an import replaced, for the same purpose.
import_people = Table(
    "import_people",
    metadata,
    Column("import_id", Integer, ForeignKey("imports.id"), primary_key=True),
    Column("subscriber_id", _RowId, ForeignKey("subscribers.id"), primary_key=True),
    Column("name", Text, nullable=False),
    Column("attributes", JSON, nullable=False),
    Column("updated_at", UtcTime, nullable=False),
    Index("ix_import_people_subscriber_id", "subscriber_id"),
)

# What people said, append-only: each yes and no with when, how, where, and under which wording.
# `list_id` is null for what concerns the person and no list. `ip` is kept only if configured.
# `send` and `number` are the delivery whose link was used, where that is known.
consents = Table(
    "consents",
    metadata,
    Column("id", _RowId, primary_key=True),
    Column("subscriber_id", _RowId, ForeignKey("subscribers.id"), nullable=False),
    Column("list_id", Integer, ForeignKey("lists.id")),
    Column("at", UtcTime, nullable=False),
    Column("kind", Text, nullable=False),
    Column("how", Text, nullable=False),
    Column("source", Text, nullable=False, server_default=""),
    Column("wording", Text, nullable=False, server_default=""),
    Column("ip", Text, nullable=False, server_default=""),
    Column("detail", Text, nullable=False, server_default=""),
    Column("send", Integer),
    Column("number", Integer),
    Column("import_id", Integer),  # the import that wrote this line
    Index("ix_consents_subscriber_id", "subscriber_id"),
    Index("ix_consents_list_id", "list_id"),
    Index(
        "ix_consents_send",
        "send",
        sqlite_where=text("send IS NOT NULL"),
        postgresql_where=text("send IS NOT NULL"),
    ),
)

# What a visitor asked for and has to confirm by mail: to join a list, or what a personal link may
# not do by itself. `address` is where the mail goes, `target` the address that a person wants to
# move to. `id` is random, so that no old link fits a newer request; `form` is that of the form,
# which counts once. `mailbox` is the address without dots and tags; `ip`, `network` (/24 or /64)
# and `wide_network` (/48) are kept an hour, for limits only.
requests = Table(
    "requests",
    metadata,
    Column("id", _RowId, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("list_id", Integer, ForeignKey("lists.id")),
    Column("subscriber_id", _RowId, ForeignKey("subscribers.id")),
    Column("address", Text, nullable=False),
    Column("mailbox", Text, nullable=False),
    Column("wording", Text, nullable=False, server_default=""),
    Column("ip", Text, nullable=False, server_default=""),
    Column("network", Text, nullable=False, server_default=""),
    Column("at", UtcTime, nullable=False),
    Column("state", Text, nullable=False),
    Column("reason", Text, nullable=False, server_default=""),
    Column("wide_network", Text, nullable=False, server_default=""),
    Column("target", Text, nullable=False, server_default=""),
    Column("form", BigInteger),
    Column("welcome", Text),  # what became of the mail that follows a confirmed join, if one does
    CheckConstraint("welcome IN ('waiting', 'mailed', 'refused', 'failed')", name="welcome"),
    CheckConstraint(
        "kind IN ('join', 'allow_move', 'move', 'undo_move', 'data', 'erase')", name="kind"
    ),
    CheckConstraint(
        "state IN ('waiting', 'mailed', 'confirmed', 'refused', 'failed')", name="state"
    ),
    Index("ix_requests_at", "at"),
    Index(
        "ix_requests_form",
        "form",
        unique=True,
        sqlite_where=text("form IS NOT NULL"),
        postgresql_where=text("form IS NOT NULL"),
    ),
    Index("ix_requests_mailbox", "mailbox", "at"),
    Index("ix_requests_subscriber_id", "subscriber_id"),
    Index(
        "ix_requests_welcome",
        "at",
        sqlite_where=text("welcome = 'waiting'"),
        postgresql_where=text("welcome = 'waiting'"),
    ),
    Index(
        "ix_requests_waiting",
        "at",
        sqlite_where=text("state = 'waiting'"),
        postgresql_where=text("state = 'waiting'"),
    ),
)

# `address` is an address key, or for an erased person the keyed hash of it.
suppressions = Table(
    "suppressions",
    metadata,
    Column("address", Text, primary_key=True),
    Column("reason", Text, nullable=False),
    Column("source", Text, nullable=False, server_default=""),
    Column("created_at", UtcTime, nullable=False),
    Column("import_id", Integer),  # the import that added it
    CheckConstraint(
        "reason IN ('hard_bounce', 'soft_bounce', 'complaint', 'manual', 'erased')",
        name="reason",
    ),
    Index("ix_suppressions_created_at", "created_at", "address"),
    Index(
        "ix_suppressions_erased",
        "address",
        sqlite_where=text("reason = 'erased'"),
        postgresql_where=text("reason = 'erased'"),
    ),
    sqlite_with_rowid=False,
)

# Each suppression that was ever added or removed, append-only. `event_id` is the report that
# caused it.
suppression_log = Table(
    "suppression_log",
    metadata,
    Column("id", _RowId, primary_key=True),
    Column("address", Text, nullable=False),
    Column("at", UtcTime, nullable=False),
    Column("action", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("source", Text, nullable=False, server_default=""),
    Column("event_id", _RowId, ForeignKey("events.id")),
    CheckConstraint("action IN ('added', 'removed')", name="action"),
    Index("ix_suppression_log_address", "address", "at"),
)

# A saved filter; `rule` is in the language of newsletter.audience.segments.
segments = Table(
    "segments",
    metadata,
    Column("name", Text, primary_key=True),
    Column("rule", Text, nullable=False),
    Column("created_at", UtcTime, nullable=False),
    Column("updated_at", UtcTime, nullable=False),
)

# One decision to mail. `number` is for joins, `id` is what people and tags carry.
# `cursor` is the last delivery number ever claimed; `epoch` goes up with each new owner, so that
# an owner that lost its lease can claim nothing more.
sends = Table(
    "sends",
    metadata,
    Column("number", Integer, primary_key=True),
    Column("id", Text, nullable=False, unique=True),
    Column("slug", Text, nullable=False),
    Column("list_id", Integer, ForeignKey("lists.id"), nullable=False),
    Column("segment", Text, nullable=False, server_default=""),
    Column("repeat", Integer, nullable=False, server_default="0"),
    Column("again", Text),
    Column("status", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("sender", Text, nullable=False),
    Column("email", Text, nullable=False),
    Column("content_hash", Text, nullable=False),
    Column("source_hash", Text, nullable=False, server_default=""),  # empty before schema 0005
    # What the mails of this send say of its list: as sealed as the email, and no part of its hash.
    Column("list_title", Text, nullable=False, server_default=""),
    Column("list_is_open", Boolean, nullable=False, server_default=false()),
    Column("previous_slug", Text, nullable=False, server_default=""),
    Column("previous_title", Text, nullable=False, server_default=""),
    Column("git_commit", Text),
    Column("rate", Integer),
    Column("frozen", Boolean, nullable=False),
    Column("recipients", Integer, nullable=False, server_default="0"),
    Column("cursor", Integer, nullable=False, server_default="0"),
    Column("owner", Text),
    Column("epoch", Integer, nullable=False, server_default="0"),
    Column("lease_until", UtcTime),
    Column("pause_reason", Text),
    Column("resume_at", UtcTime),
    Column("created_at", UtcTime, nullable=False),
    Column("scheduled_at", UtcTime),
    Column("finished_at", UtcTime),
    Column("spread", Boolean, nullable=False, server_default=false()),
    Column("segment_rule", Text, nullable=False, server_default=""),
    # The share that goes first, the last delivery of it, and until when its reports are waited for.
    Column("canary", Float),
    Column("canary_size", Integer),
    Column("canary_until", UtcTime),
    Column("canary_passed", Boolean, nullable=False, server_default=false()),
    # Reports that came before this do not pause the send again: a person has seen them.
    Column("breaker_from", UtcTime),
    # Only who has had nothing of the issue through an earlier send to the same audience.
    Column("only_missing", Boolean, nullable=False, server_default=false()),
    # What its owner says of itself: since when, what it waits for and until when, and how many
    # recipients a second it has come to lately.
    Column("taken_at", UtcTime),
    Column("waiting_for", Text),
    Column("waiting_until", UtcTime),
    Column("speed", Float),
    Column("stopped_by", Text),  # newsletter.model.send.StoppedBy
    # The balance of a send of which nothing is queued, so that nobody counts a million rows to
    # show it; null while it may change. Kept by newsletter.store.ledger.sends and .settling.
    Column("accepted", Integer),
    Column("rejected", Integer),
    Column("skipped", Integer),
    Column("unknown", Integer),
    # What was reported of its deliveries, kept by newsletter.store.reported.settling.
    Column("delivered", Integer, nullable=False, server_default="0"),
    Column("bounced", Integer, nullable=False, server_default="0"),
    Column("complained", Integer, nullable=False, server_default="0"),
    # The guard of "nothing twice": one send for one issue and audience, unless --again.
    UniqueConstraint("slug", "list_id", "segment", "repeat"),
    CheckConstraint(
        "status IN ('scheduled', 'sending', 'paused', 'unresolved', 'finished', 'cancelled')",
        name="status",
    ),
)

# What a worker took in one go, committed before the transport is called.
batches = Table(
    "batches",
    metadata,
    Column("id", _RowId, primary_key=True),
    Column("send", Integer, ForeignKey("sends.number"), nullable=False),
    Column("owner", Text, nullable=False),
    Column("epoch", Integer, nullable=False),
    Column("size", SmallInteger, nullable=False),
    Column("lease_until", UtcTime, nullable=False),
    Column("open", Boolean, nullable=False),
    Column("claimed_at", UtcTime, nullable=False),
    Index("ix_batches_claimed_at", "claimed_at"),
    Index(
        "ix_batches_open",
        "send",
        sqlite_where=text("open"),
        postgresql_where=text("open"),
    ),
)

# `number` is dense per send, so a claim is a range and nobody searches for the next row.
# `send` is no foreign key: it is written beside the locked row of its send, which is never deleted,
# and to check a million took PostgreSQL a quarter of a plan's time.
deliveries = Table(
    "deliveries",
    metadata,
    Column("send", Integer, primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("subscriber_id", _RowId, ForeignKey("subscribers.id"), nullable=False),
    Column("status", Text, nullable=False),
    Column("attempts", SmallInteger, nullable=False, server_default="0"),
    Column("retries", SmallInteger, nullable=False, server_default="0"),
    Column("batch", _RowId),
    Column("message_id", Text),
    Column("reason", Text),
    Column("reported", Text),
    Column("at", UtcTime),
    Column("retry_at", UtcTime),
    CheckConstraint(
        "status IN ('queued', 'sending', 'accepted', 'rejected', 'unknown', 'skipped')",
        name="status",
    ),
    Index("ix_deliveries_subscriber_id", "subscriber_id"),
    Index(
        "ix_deliveries_message_id",
        "message_id",
        sqlite_where=text("message_id IS NOT NULL"),
        postgresql_where=text("message_id IS NOT NULL"),
    ),
    # What a lost worker leaves behind: the few rows in flight.
    Index(
        "ix_deliveries_in_flight",
        "send",
        "batch",
        sqlite_where=text("status = 'sending'"),
        postgresql_where=text("status = 'sending'"),
    ),
    # Retries: the few queued rows that the cursor has passed.
    Index(
        "ix_deliveries_retries",
        "send",
        "retry_at",
        sqlite_where=text("status = 'queued' AND attempts > 0"),
        postgresql_where=text("status = 'queued' AND attempts > 0"),
    ),
    sqlite_with_rowid=False,
    postgresql_with={"fillfactor": "70"},
)

# One row for the whole store: when the next recipient may be handed over (GCRA), and the share
# of the rate that is used since the provider last said it was too much.
limiter = Table(
    "limiter",
    metadata,
    Column("name", Text, primary_key=True),
    Column("next_at", UtcTime, nullable=False),
    Column("share", Float, nullable=False, server_default="1"),
    Column("slowed_at", UtcTime),
)

# What the provider reported, append-only; `key` is the same for one event however often it comes.
events = Table(
    "events",
    metadata,
    Column("id", _RowId, primary_key=True),
    Column("key", Text, nullable=False, unique=True),
    Column("type", Text, nullable=False),
    Column("at", UtcTime, nullable=False),
    Column("received_at", UtcTime, nullable=False),
    Column("send", Integer, ForeignKey("sends.number")),
    Column("number", Integer),
    Column("subscriber_id", _RowId, ForeignKey("subscribers.id")),
    Column("message_id", Text),
    Column("cause", Text),  # newsletter.model.event.Cause
    Column("word", Text, nullable=False, server_default=""),  # what its reporter calls it
    Column("verdict", Text, nullable=False),
    Column("detail", Text, nullable=False, server_default=""),
    Column("payload", Text),
    Column("sent_at", UtcTime),  # when the provider took the mail
    # Who reported it, as people are told; SES alone before schema 0006.
    Column("reporter", Text, nullable=False, server_default="SES"),
    CheckConstraint("verdict IN ('applied', 'ignored', 'set_aside')", name="verdict"),
    Index("ix_events_delivery", "send", "number"),
    Index("ix_events_message_id", "message_id"),
    Index("ix_events_subscriber_id", "subscriber_id"),
    # The few that have consequences, of a send and of a person.
    Index(
        "ix_events_causes",
        "send",
        "cause",
        sqlite_where=text("cause IS NOT NULL"),
        postgresql_where=text("cause IS NOT NULL"),
    ),
    Index(
        "ix_events_caused",
        "subscriber_id",
        sqlite_where=text("cause IS NOT NULL"),
        postgresql_where=text("cause IS NOT NULL"),
    ),
    Index("ix_events_received_at", "received_at"),
    # The few that are about no delivery of ours: it may be known by and by.
    Index(
        "ix_events_ignored",
        "received_at",
        sqlite_where=text("verdict = 'ignored'"),
        postgresql_where=text("verdict = 'ignored'"),
    ),
    # The few that are about no delivery of ours, or cannot be read: erasing reads their text.
    Index(
        "ix_events_not_applied",
        "id",
        sqlite_where=text("verdict <> 'applied'"),
        postgresql_where=text("verdict <> 'applied'"),
    ),
)

# Test mails that were sent, by the content that they showed.
receipts = Table(
    "receipts",
    metadata,
    Column("id", _RowId, primary_key=True),
    Column("content_hash", Text, nullable=False),
    Column("slug", Text, nullable=False),
    Column("at", UtcTime, nullable=False),
    Column("by", Text, nullable=False),
    Column("addresses", JSON, nullable=False),
    Index("ix_receipts_content_hash", "content_hash"),
)

# The pictures of issues, by the names that mails show them by: newsletter.model.picture.
media = Table(
    "media",
    metadata,
    Column("name", Text, primary_key=True),
    Column("content", LargeBinary, nullable=False),
    Column("created_at", UtcTime, nullable=False),
)

# Facts about the store itself: which one it is, and whether it was restored from a backup.
state = Table(
    "state",
    metadata,
    Column("name", Text, primary_key=True),
    Column("value", BigInteger, nullable=False),
)
