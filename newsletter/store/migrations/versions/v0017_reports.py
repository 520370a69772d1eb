"""What reports count: whether a send is tracked, who opened and clicked, and which report was
mailed."""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for name in ("tracks_opens", "tracks_clicks"):
        op.add_column(
            "sends", sa.Column(name, sa.Boolean(), server_default=sa.false(), nullable=False)
        )
    op.add_column("sends", sa.Column("report_taken_at", sa.BigInteger()))
    for name in ("agent", "link"):
        op.add_column("events", sa.Column(name, sa.Text()))
    is_tracked = sa.text("agent IS NOT NULL")
    op.create_index(
        "ix_events_tracked",
        "events",
        ["send", "type"],
        sqlite_where=is_tracked,
        postgresql_where=is_tracked,
    )


def downgrade() -> None:
    raise NotImplementedError("a store is never taken back: restore a backup")
