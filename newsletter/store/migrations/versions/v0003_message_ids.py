"""An index of message ids without the deliveries that have none: planning writes only such."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_HAS_ONE = sa.text("message_id IS NOT NULL")


def upgrade() -> None:
    op.drop_index("ix_deliveries_message_id", "deliveries")
    op.create_index(
        "ix_deliveries_message_id",
        "deliveries",
        ["message_id"],
        unique=False,
        sqlite_where=_HAS_ONE,
        postgresql_where=_HAS_ONE,
    )


def downgrade() -> None:
    raise NotImplementedError("a store is never taken back: restore a backup")
