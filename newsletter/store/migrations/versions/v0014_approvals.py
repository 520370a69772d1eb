"""Who approved a content, and what a send was held to before it was planned."""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for name, kind in (
        ("branch", sa.Text()),
        ("approved_by", sa.Text()),
        ("approved_at", sa.BigInteger()),
    ):
        op.add_column("sends", sa.Column(name, kind, nullable=True))
    op.create_table(
        "approvals",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("content_hash", sa.Text(), nullable=False),
        sa.Column("slug", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("email", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_approvals")),
    )
    op.create_index("ix_approvals_content_hash", "approvals", ["content_hash"])


def downgrade() -> None:
    raise NotImplementedError("a store is never taken back: restore a backup")
