"""The event log, receipts of tests, the pace of the limiter, and how old the store is."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_RowId = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_Time = sa.BigInteger()


def upgrade() -> None:
    op.create_table(
        "events",
        sa.Column("id", _RowId, nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("at", _Time, nullable=False),
        sa.Column("received_at", _Time, nullable=False),
        sa.Column("send", sa.Integer(), nullable=True),
        sa.Column("number", sa.Integer(), nullable=True),
        sa.Column("message_id", sa.Text(), nullable=True),
        sa.Column("verdict", sa.Text(), nullable=False),
        sa.Column("detail", sa.Text(), server_default="", nullable=False),
        sa.Column("payload", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "verdict IN ('applied', 'ignored', 'set_aside')", name=op.f("ck_events_verdict")
        ),
        sa.ForeignKeyConstraint(["send"], ["sends.number"], name=op.f("fk_events_send")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_events")),
        sa.UniqueConstraint("key", name=op.f("uq_events_key")),
    )
    op.create_index("ix_events_delivery", "events", ["send", "number"], unique=False)
    op.create_index("ix_events_message_id", "events", ["message_id"], unique=False)
    op.create_index("ix_deliveries_message_id", "deliveries", ["message_id"], unique=False)
    op.create_table(
        "receipts",
        sa.Column("id", _RowId, nullable=False),
        sa.Column("content_hash", sa.Text(), nullable=False),
        sa.Column("slug", sa.Text(), nullable=False),
        sa.Column("at", _Time, nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("addresses", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_receipts")),
    )
    op.create_index("ix_receipts_content_hash", "receipts", ["content_hash"], unique=False)
    op.create_table(
        "state",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("value", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_state")),
        if_not_exists=True,  # `db backup` marks copies there, also those of the first schema
    )
    op.add_column(
        "sends", sa.Column("spread", sa.Boolean(), server_default=sa.false(), nullable=False)
    )
    op.add_column("limiter", sa.Column("share", sa.Float(), server_default="1", nullable=False))
    op.add_column("limiter", sa.Column("slowed_at", _Time, nullable=True))


def downgrade() -> None:
    raise NotImplementedError("a store is never taken back: restore a backup")
