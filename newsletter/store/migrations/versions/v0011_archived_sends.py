"""The deliveries of sends that ended long ago can be archived in files."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for name, kind in (
        ("archive_file", sa.Text()),
        ("archived_at", sa.BigInteger()),
        ("archive_hash", sa.Text()),
    ):
        op.add_column("sends", sa.Column(name, kind, nullable=True))
    op.add_column(
        "sends", sa.Column("is_cleared", sa.Boolean(), server_default=sa.false(), nullable=False)
    )
    op.create_table(
        "archived_deliveries",
        sa.Column("send", sa.Integer(), nullable=False),
        sa.Column("first", sa.Integer(), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column(
            "first_person", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column(
            "last_person", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["send"], ["sends.number"], name=op.f("fk_archived_deliveries_send")
        ),
        sa.PrimaryKeyConstraint("send", "first", name=op.f("pk_archived_deliveries")),
    )
    op.create_index(
        "ix_archived_deliveries_first_person", "archived_deliveries", ["send", "first_person"]
    )


def downgrade() -> None:
    raise NotImplementedError("a store is never taken back: restore a backup")
