"""What other programs are told, and whether they have heard it."""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

_RowId = sa.BigInteger().with_variant(sa.Integer, "sqlite")
_DUE = "next_at IS NOT NULL"


def upgrade() -> None:
    op.create_table(
        "webhook_messages",
        sa.Column("number", _RowId, nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("endpoint", sa.Text(), nullable=False),
        sa.Column("event", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("payload", sa.Text(), nullable=False),
        sa.Column("subscriber_id", _RowId),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("next_at", sa.BigInteger()),
        sa.Column("leased_until", sa.BigInteger()),
        sa.Column("delivered_at", sa.BigInteger()),
        sa.Column("status", sa.Text(), server_default="", nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_webhook_messages"),
        sa.UniqueConstraint("id", name="uq_webhook_messages_id"),
    )
    for column in ("at", "subscriber_id"):
        op.create_index(f"ix_webhook_messages_{column}", "webhook_messages", [column])
    op.create_index(
        "ix_webhook_messages_due",
        "webhook_messages",
        ["endpoint", "next_at"],
        sqlite_where=sa.text(_DUE),
        postgresql_where=sa.text(_DUE),
    )


def downgrade() -> None:
    raise NotImplementedError("a store is never taken back: restore a backup")
