"""Any number of workers take part in a send, each with a tenure: until now it had one owner."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

_Time = sa.BigInteger()


def upgrade() -> None:
    op.create_table(
        "tenures",
        sa.Column("send", sa.Integer(), nullable=False),
        sa.Column("epoch", sa.Integer(), nullable=False),
        sa.Column("worker", sa.Text(), nullable=False),
        sa.Column("since", _Time, nullable=False),
        sa.Column("lease_until", _Time, nullable=False),
        sa.Column("waiting_for", sa.Text(), nullable=True),
        sa.Column("waiting_until", _Time, nullable=True),
        sa.Column("speed", sa.Float(), nullable=True),
        sa.ForeignKeyConstraint(["send"], ["sends.number"], name=op.f("fk_tenures_send")),
        sa.PrimaryKeyConstraint("send", "epoch", name=op.f("pk_tenures")),
        sqlite_with_rowid=False,
    )
    # Who runs a send while it is upgraded still holds what it has claimed.
    op.execute(
        "INSERT INTO tenures (send, epoch, worker, since, lease_until, waiting_for, waiting_until, "
        "speed) SELECT number, epoch, owner, coalesce(taken_at, lease_until), lease_until, "
        "waiting_for, waiting_until, speed FROM sends "
        "WHERE owner IS NOT NULL AND lease_until IS NOT NULL"
    )
    op.alter_column("sends", "lease_until", new_column_name="rests_since")
    for name in ("owner", "taken_at", "waiting_for", "waiting_until", "speed"):
        op.drop_column("sends", name)
    op.alter_column("batches", "owner", new_column_name="worker")
    op.drop_column("batches", "lease_until")


def downgrade() -> None:
    raise NotImplementedError("a store is never taken back: restore a backup")
