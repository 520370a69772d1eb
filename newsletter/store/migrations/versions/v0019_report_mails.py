"""Whether the report on a send was mailed to all who should get it."""

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("sends", sa.Column("report_missed", sa.Integer()))


def downgrade() -> None:
    raise NotImplementedError("a store is never taken back: restore a backup")
