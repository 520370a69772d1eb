"""A store can be moved to another database: both remember the move."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

_Time = sa.BigInteger()


def upgrade() -> None:
    op.create_table(
        "relocations",
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("is_source", sa.Boolean(), nullable=False),
        sa.Column("place", sa.Text(), nullable=False),
        sa.Column("began_at", _Time, nullable=False),
        sa.Column("done_at", _Time, nullable=True),
        sa.Column("table_name", sa.Text(), nullable=True),
        sa.Column("last_key", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_relocations")),
    )


def downgrade() -> None:
    raise NotImplementedError("a store is never taken back: restore a backup")
