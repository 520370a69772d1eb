"""What was decided to mail, to whom, and the outcome; the rate of all mail."""

from sqlalchemy import (
    Boolean,
    CheckConstraint,
    Column,
    Float,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
    false,
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

# One decision to mail. `number` is for joins, `id` is what people and tags carry.
# `cursor` is the last delivery number ever claimed; `epoch` goes up with each tenure, so that a
# worker that lost its lease can claim nothing more.
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
    # What the mails of this send say about its list: sealed like the email, but not part of its
    # hash.
    Column("list_title", Text, nullable=False, server_default=""),
    Column("list_is_open", Boolean, nullable=False, server_default=false()),
    Column("previous_slug", Text, nullable=False, server_default=""),
    Column("previous_title", Text, nullable=False, server_default=""),
    # What the archive shows of the issue beside its mail, sealed with it: a tag a line, and the
    # address of its cover.
    Column("tags", Text, nullable=False, server_default=""),
    Column("cover", Text, nullable=False, server_default=""),
    # What stood for its content when it was sealed: newsletter.model.approval.Provenance.
    Column("git_commit", Text),
    Column("branch", Text),
    Column("approved_by", Text),
    Column("approved_at", UtcTime),
    Column("rate", Integer),
    Column("frozen", Boolean, nullable=False),
    Column("recipients", Integer, nullable=False, server_default="0"),
    Column("cursor", Integer, nullable=False, server_default="0"),
    Column("epoch", Integer, nullable=False, server_default="0"),
    Column("rests_since", UtcTime),  # when the last of its workers left, or was given up
    Column("pause_reason", Text, info=COPIED),
    Column("resume_at", UtcTime),
    Column("created_at", UtcTime, nullable=False),
    Column("scheduled_at", UtcTime),
    Column("finished_at", UtcTime),
    Column("spread", Boolean, nullable=False, server_default=false()),
    Column("segment_rule", Text, nullable=False, server_default=""),
    # The share that goes first, its last delivery, and when the wait for its reports ends.
    Column("canary", Float),
    Column("canary_size", Integer),
    Column("canary_until", UtcTime),
    Column("canary_passed", Boolean, nullable=False, server_default=false()),
    # Earlier reports do not pause the send again: a person has seen them.
    Column("breaker_from", UtcTime),
    # Only those who have not had the issue through an earlier send to the same audience.
    Column("only_missing", Boolean, nullable=False, server_default=false()),
    Column("stopped_by", Text),  # newsletter.model.send.StoppedBy
    # The balance of a send with nothing queued, so that showing it does not count a million rows;
    # null while it may change. Kept by newsletter.store.ledger.sends and .settling.
    Column("accepted", Integer),
    Column("rejected", Integer),
    Column("skipped", Integer),
    Column("unknown", Integer),
    # What its batches do not count, by newsletter.store.ledger.balance: with them, where its
    # deliveries stand right now.
    Column("aside_accepted", Integer, nullable=False, server_default="0"),
    Column("aside_rejected", Integer, nullable=False, server_default="0"),
    Column("aside_skipped", Integer, nullable=False, server_default="0"),
    Column("aside_unknown", Integer, nullable=False, server_default="0"),
    # The reports on its deliveries, kept by newsletter.store.reported.settling.
    Column("delivered", Integer, nullable=False, server_default="0"),
    Column("bounced", Integer, nullable=False, server_default="0"),
    Column("complained", Integer, nullable=False, server_default="0"),
    # Where its deliveries are once it is archived: the file that is written, or was, then when and
    # with which SHA-256, and at last that the ledger holds no row of them any more.
    Column("archive_file", Text),
    Column("archived_at", UtcTime),
    Column("archive_hash", Text),
    Column("is_cleared", Boolean, nullable=False, server_default=false()),
    # Whether the provider watches who opens its mails and follows their links.
    Column("tracks_opens", Boolean, nullable=False, server_default=false()),
    Column("tracks_clicks", Boolean, nullable=False, server_default=false()),
    # When its report was taken in hand to be mailed: no other worker mails it.
    Column("report_taken_at", UtcTime),
    # How many of those who should get it did not, as far as anybody knows; None where the worker
    # that took it never said.
    Column("report_missed", Integer),
    # The guard of "nothing twice": one send for one issue and audience, unless --again.
    UniqueConstraint("slug", "list_id", "segment", "repeat"),
    CheckConstraint(
        "status IN ('scheduled', 'sending', 'paused', 'unresolved', 'finished', 'cancelled')",
        name="status",
    ),
    info=IMPERSONAL,
)

# What the archive shows of an issue in place of what one of its sends sealed, append-only: the
# newest that was not taken back. `author` is who ran the command.
corrections = Table(
    "corrections",
    metadata,
    Column("id", RowId, primary_key=True),
    Column("send", Integer, ForeignKey("sends.number"), nullable=False),
    Column("at", UtcTime, nullable=False),
    Column("note", Text, nullable=False),
    Column("author", Text, nullable=False, server_default=""),
    Column("email", Text, nullable=False),
    Column("content_hash", Text, nullable=False),
    Column("source_hash", Text, nullable=False),
    Column("git_commit", Text),
    Column("tags", Text, nullable=False, server_default=""),
    Column("cover", Text, nullable=False, server_default=""),
    Column("undone_at", UtcTime),
    Index("ix_corrections_send", "send"),
    info=IMPERSONAL,
)

# Issues that were taken off the web.
hidden_issues = Table(
    "hidden_issues",
    metadata,
    Column("slug", Text, primary_key=True),
    Column("at", UtcTime, nullable=False),
    Column("reason", Text, nullable=False, server_default=""),
    Column("author", Text, nullable=False, server_default=""),
    sqlite_with_rowid=False,
    info=IMPERSONAL,
)

# Who takes part in a send right now, and what each says of itself: since when, what it waits for
# and until when, and how many recipients a second it has come to lately.
tenures = Table(
    "tenures",
    metadata,
    Column("send", Integer, ForeignKey("sends.number"), primary_key=True),
    Column("epoch", Integer, primary_key=True),
    Column("worker", Text, nullable=False),
    Column("since", UtcTime, nullable=False),
    Column("lease_until", UtcTime, nullable=False),
    Column("waiting_for", Text),
    Column("waiting_until", UtcTime),
    Column("speed", Float),
    sqlite_with_rowid=False,
    info=IMPERSONAL,
)

# The processes of `newsletter worker`, whether they have anything to do or not.
workers = Table(
    "workers",
    metadata,
    Column("name", Text, primary_key=True),
    Column("since", UtcTime, nullable=False),
    Column("seen_at", UtcTime, nullable=False),
    sqlite_with_rowid=False,
    info=IMPERSONAL,
)

# What a worker took in one go, committed before the transport is called.
batches = Table(
    "batches",
    metadata,
    Column("id", RowId, primary_key=True),
    Column("send", Integer, ForeignKey("sends.number"), nullable=False),
    Column("worker", Text, nullable=False),
    Column("epoch", Integer, nullable=False),
    Column("size", SmallInteger, nullable=False),
    Column("open", Boolean, nullable=False),
    Column("claimed_at", UtcTime, nullable=False),
    # By how many deliveries recording it changed these sums: see newsletter.store.ledger.balance.
    Column("accepted", SmallInteger, nullable=False, server_default="0"),
    Column("rejected", SmallInteger, nullable=False, server_default="0"),
    Column("unknown", SmallInteger, nullable=False, server_default="0"),
    Index("ix_batches_claimed_at", "claimed_at"),
    Index("ix_batches_send", "send"),
    partial_index("ix_batches_open", "send", where="open"),
    info=IMPERSONAL,
)

# `number` is dense per send, so a claim is a range and nobody searches for the next row. `send` is
# not a foreign key: it is written while the row of its send is locked, which is never deleted, and
# checking a million of them took PostgreSQL a quarter of a plan's time. Nor is the person there:
# who plans and who deletes people take turns (`locks.planning`). PostgreSQL keeps the rows in
# partitions, which newsletter.store.ledger.partitions makes.
deliveries = Table(
    "deliveries",
    metadata,
    Column("send", Integer, primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("subscriber_id", RowId, nullable=False),
    Column("status", Text, nullable=False, info=IMPERSONAL),
    Column("attempts", SmallInteger, nullable=False, server_default="0"),
    Column("retries", SmallInteger, nullable=False, server_default="0"),
    Column("batch", RowId),
    Column("message_id", Text, info=IMPERSONAL),
    Column("reason", Text, info=PERSONAL),
    Column("reported", Text, info=IMPERSONAL),
    Column("at", UtcTime),
    Column("retry_at", UtcTime),
    CheckConstraint(
        "status IN ('queued', 'sending', 'accepted', 'rejected', 'unknown', 'skipped')",
        name="status",
    ),
    Index("ix_deliveries_subscriber_id", "subscriber_id"),
    partial_index("ix_deliveries_message_id", "message_id", where="message_id IS NOT NULL"),
    # The few rows in flight, which a lost worker leaves behind.
    partial_index("ix_deliveries_in_flight", "send", "batch", where="status = 'sending'"),
    # Retries: the few queued rows that the cursor has passed.
    partial_index(
        "ix_deliveries_retries", "send", "retry_at", where="status = 'queued' AND attempts > 0"
    ),
    ForeignKeyConstraint(["subscriber_id"], ["subscribers.id"]).ddl_if(dialect="sqlite"),
    sqlite_with_rowid=False,
)

# What is kept of the deliveries of archived sends: some thousands in a row, packed by
# newsletter.store.ledger.archived. Numbers follow the ids of people.
archived_deliveries = Table(
    "archived_deliveries",
    metadata,
    Column("send", Integer, ForeignKey("sends.number"), primary_key=True),
    Column("first", Integer, primary_key=True),  # the number of the first of them
    Column("size", Integer, nullable=False),
    Column("first_person", RowId, nullable=False),
    Column("last_person", RowId, nullable=False),
    Column("content", LargeBinary, nullable=False, info=IMPERSONAL),
    Index("ix_archived_deliveries_first_person", "send", "first_person"),
    info=IMPERSONAL,
)

# One row for the whole store: when the next recipient may be handed over (GCRA), and the share of
# the rate in use since the provider last said it was too much.
limiter = Table(
    "limiter",
    metadata,
    Column("name", Text, primary_key=True),
    Column("next_at", UtcTime, nullable=False),
    Column("share", Float, nullable=False, server_default="1"),
    Column("slowed_at", UtcTime),
    info=IMPERSONAL,
)

# Test mails, by the content that they showed.
receipts = Table(
    "receipts",
    metadata,
    Column("id", RowId, primary_key=True),
    Column("content_hash", Text, nullable=False, info=IMPERSONAL),
    Column("slug", Text, nullable=False, info=IMPERSONAL),
    Column("at", UtcTime, nullable=False),
    Column("by", Text, nullable=False, info=IMPERSONAL),
    Column("addresses", JSON, nullable=False, info=COPIED),
    Index("ix_receipts_content_hash", "content_hash"),
)

# Who said yes to which content. Like `by` above, it names who works on the newsletter.
approvals = Table(
    "approvals",
    metadata,
    Column("id", RowId, primary_key=True),
    Column("content_hash", Text, nullable=False),
    Column("slug", Text, nullable=False),
    Column("at", UtcTime, nullable=False),
    Column("name", Text, nullable=False),
    Column("email", Text, nullable=False),
    Index("ix_approvals_content_hash", "content_hash"),
    info=IMPERSONAL,
)
