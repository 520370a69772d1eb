"""What the archive shows of an issue: its tags and its cover, its corrections, and whether it is
hidden."""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

_RowId = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    for name in ("tags", "cover"):
        op.add_column("sends", sa.Column(name, sa.Text(), server_default="", nullable=False))
    op.create_table(
        "corrections",
        sa.Column("id", _RowId, nullable=False),
        sa.Column("send", sa.Integer(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("author", sa.Text(), server_default="", nullable=False),
        sa.Column("email", sa.Text(), nullable=False),
        sa.Column("content_hash", sa.Text(), nullable=False),
        sa.Column("source_hash", sa.Text(), nullable=False),
        sa.Column("git_commit", sa.Text()),
        sa.Column("tags", sa.Text(), server_default="", nullable=False),
        sa.Column("cover", sa.Text(), server_default="", nullable=False),
        sa.Column("undone_at", sa.BigInteger()),
        sa.ForeignKeyConstraint(["send"], ["sends.number"], name="fk_corrections_send"),
        sa.PrimaryKeyConstraint("id", name="pk_corrections"),
    )
    op.create_index("ix_corrections_send", "corrections", ["send"])
    op.create_table(
        "hidden_issues",
        sa.Column("slug", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.Text(), server_default="", nullable=False),
        sa.Column("author", sa.Text(), server_default="", nullable=False),
        sa.PrimaryKeyConstraint("slug", name="pk_hidden_issues"),
        sqlite_with_rowid=False,
    )


def downgrade() -> None:
    raise NotImplementedError("a store is never taken back: restore a backup")
