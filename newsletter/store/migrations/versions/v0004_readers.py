"""What readers decide: consent facts, requests, causes of suppressions, segments, canaries."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_RowId = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_Time = sa.BigInteger()


def _text(name: str) -> sa.Column[str]:
    return sa.Column(name, sa.Text(), server_default="", nullable=False)


def _partial_index(name: str, table: str, columns: list[str], where: str) -> None:
    only = sa.text(where)
    op.create_index(name, table, columns, sqlite_where=only, postgresql_where=only)


def upgrade() -> None:
    op.add_column("subscribers", sa.Column("paused_until", _Time, nullable=True))
    op.create_table(
        "consents",
        sa.Column("id", _RowId, nullable=False),
        sa.Column("subscriber_id", _RowId, nullable=False),
        sa.Column("list_id", sa.Integer(), nullable=True),
        sa.Column("at", _Time, nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("how", sa.Text(), nullable=False),
        _text("source"),
        _text("wording"),
        _text("ip"),
        _text("detail"),
        sa.ForeignKeyConstraint(["list_id"], ["lists.id"], name=op.f("fk_consents_list_id")),
        sa.ForeignKeyConstraint(
            ["subscriber_id"], ["subscribers.id"], name=op.f("fk_consents_subscriber_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_consents")),
    )
    op.create_index("ix_consents_subscriber_id", "consents", ["subscriber_id"], unique=False)
    op.create_index("ix_consents_list_id", "consents", ["list_id"], unique=False)
    op.create_table(
        "requests",
        sa.Column("id", _RowId, nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("list_id", sa.Integer(), nullable=True),
        sa.Column("subscriber_id", _RowId, nullable=True),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("mailbox", sa.Text(), nullable=False),
        _text("name"),
        _text("wording"),
        _text("ip"),
        _text("network"),
        sa.Column("at", _Time, nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        _text("reason"),
        sa.CheckConstraint("kind IN ('join', 'move')", name=op.f("ck_requests_kind")),
        sa.CheckConstraint(
            "state IN ('waiting', 'mailed', 'confirmed', 'refused', 'failed')",
            name=op.f("ck_requests_state"),
        ),
        sa.ForeignKeyConstraint(["list_id"], ["lists.id"], name=op.f("fk_requests_list_id")),
        sa.ForeignKeyConstraint(
            ["subscriber_id"], ["subscribers.id"], name=op.f("fk_requests_subscriber_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_requests")),
    )
    op.create_index("ix_requests_at", "requests", ["at"], unique=False)
    op.create_index("ix_requests_mailbox", "requests", ["mailbox", "at"], unique=False)
    op.create_index("ix_requests_subscriber_id", "requests", ["subscriber_id"], unique=False)
    _partial_index("ix_requests_welcome", "requests", ["at"], "reason = 'welcome due'")
    _partial_index("ix_requests_waiting", "requests", ["at"], "state = 'waiting'")
    # SQLite changes no check: the table is made anew there.
    with op.batch_alter_table("suppressions", table_kwargs={"sqlite_with_rowid": False}) as table:
        table.drop_constraint(op.f("ck_suppressions_reason"), type_="check")
        table.create_check_constraint(
            op.f("ck_suppressions_reason"),
            "reason IN ('hard_bounce', 'soft_bounce', 'complaint', 'manual', 'erased')",
        )
    op.create_index("ix_suppressions_created_at", "suppressions", ["created_at", "address"])
    _partial_index("ix_suppressions_erased", "suppressions", ["address"], "reason = 'erased'")
    op.create_table(
        "segments",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("rule", sa.Text(), nullable=False),
        sa.Column("created_at", _Time, nullable=False),
        sa.Column("updated_at", _Time, nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_segments")),
    )
    for column in (
        _text("segment_rule"),
        sa.Column("canary", sa.Float(), nullable=True),
        sa.Column("canary_size", sa.Integer(), nullable=True),
        sa.Column("canary_until", _Time, nullable=True),
        sa.Column("canary_passed", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("breaker_from", _Time, nullable=True),
    ):
        op.add_column("sends", column)
    with op.batch_alter_table("events") as table:
        table.add_column(sa.Column("subscriber_id", _RowId, nullable=True))
        table.add_column(sa.Column("cause", sa.Text(), nullable=True))
        table.add_column(sa.Column("sent_at", _Time, nullable=True))
        table.create_foreign_key(
            op.f("fk_events_subscriber_id"), "subscribers", ["subscriber_id"], ["id"]
        )
    op.create_index("ix_events_subscriber_id", "events", ["subscriber_id"], unique=False)
    op.create_index("ix_events_received_at", "events", ["received_at"], unique=False)
    _partial_index("ix_events_ignored", "events", ["received_at"], "verdict = 'ignored'")
    _partial_index("ix_events_not_applied", "events", ["id"], "verdict <> 'applied'")
    _partial_index("ix_events_causes", "events", ["send", "cause"], "cause IS NOT NULL")
    _partial_index("ix_events_caused", "events", ["subscriber_id"], "cause IS NOT NULL")
    op.create_table(
        "suppression_log",
        sa.Column("id", _RowId, nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("at", _Time, nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        _text("source"),
        sa.Column("event_id", _RowId, nullable=True),
        sa.CheckConstraint(
            "action IN ('added', 'removed')", name=op.f("ck_suppression_log_action")
        ),
        sa.ForeignKeyConstraint(
            ["event_id"], ["events.id"], name=op.f("fk_suppression_log_event_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_suppression_log")),
    )
    op.create_index(
        "ix_suppression_log_address", "suppression_log", ["address", "at"], unique=False
    )


def downgrade() -> None:
    raise NotImplementedError("a store is never taken back: restore a backup")
