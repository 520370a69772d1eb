"""PostgreSQL keeps deliveries in partitions by their send; those that are there become the first.

Nothing is copied: see newsletter.store.ledger.partitions. A delivery's person is no foreign key
there any more, whose check of a million rows took a third of a plan's time: who plans and who
deletes people take turns instead.
"""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

_Time = sa.BigInteger()
_SHARED, _MANY = 100, 50_000
_INDEXES = {
    "ix_deliveries_subscriber_id": (["subscriber_id"], None),
    "ix_deliveries_message_id": (["message_id"], "message_id IS NOT NULL"),
    "ix_deliveries_in_flight": (["send", "batch"], "status = 'sending'"),
    "ix_deliveries_retries": (["send", "retry_at"], "status = 'queued' AND attempts > 0"),
}


def upgrade() -> None:
    connection = op.get_bind()
    if connection.dialect.name == "sqlite":
        return
    newest = connection.execute(sa.text("SELECT max(send) FROM deliveries")).scalar()
    people = connection.execute(
        sa.text("SELECT count(*) FROM (SELECT 1 FROM subscribers LIMIT :many) AS first_ones"),
        {"many": _MANY + 1},
    ).scalar_one()
    end = (newest or 0) + 1
    if people <= _MANY:  # its sends share partitions
        end += -end % _SHARED
    name = f"deliveries_0_{end}"
    op.execute("ALTER TABLE deliveries DROP CONSTRAINT fk_deliveries_subscriber_id")
    op.execute(f"ALTER TABLE deliveries RENAME TO {name}")
    op.execute(f"ALTER INDEX pk_deliveries RENAME TO {name}_pkey")
    for index in _INDEXES:
        op.execute(f"ALTER INDEX {index} RENAME TO {name}_{index.removeprefix('ix_deliveries_')}")
    op.create_table(
        "deliveries",
        sa.Column("send", sa.Integer(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("subscriber_id", sa.BigInteger(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("attempts", sa.SmallInteger(), server_default="0", nullable=False),
        sa.Column("retries", sa.SmallInteger(), server_default="0", nullable=False),
        sa.Column("batch", sa.BigInteger(), nullable=True),
        sa.Column("message_id", sa.Text(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("reported", sa.Text(), nullable=True),
        sa.Column("at", _Time, nullable=True),
        sa.Column("retry_at", _Time, nullable=True),
        sa.CheckConstraint(
            "status IN ('queued', 'sending', 'accepted', 'rejected', 'unknown', 'skipped')",
            name=op.f("ck_deliveries_status"),
        ),
        sa.PrimaryKeyConstraint("send", "number", name=op.f("pk_deliveries")),
        postgresql_partition_by="RANGE (send)",
    )
    for index, (columns, where) in _INDEXES.items():
        only = None if where is None else sa.text(where)
        op.create_index(index, "deliveries", columns, postgresql_where=only)
    if newest is None:
        op.execute(f"DROP TABLE {name}")
        return
    op.execute(f"ALTER TABLE {name} ADD CONSTRAINT numbers CHECK (send >= 0 AND send < {end})")
    op.execute(f"ALTER TABLE deliveries ATTACH PARTITION {name} FOR VALUES FROM (0) TO ({end})")
    op.execute(f"ALTER TABLE {name} DROP CONSTRAINT numbers")


def downgrade() -> None:
    raise NotImplementedError("a store is never taken back: restore a backup")
