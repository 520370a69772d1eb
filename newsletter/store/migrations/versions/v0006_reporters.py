"""Who reported an event: until now it was SES alone."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # A default is a fact of the table: no row of a long log is written anew.
    op.add_column("events", sa.Column("reporter", sa.Text(), server_default="SES", nullable=False))


def downgrade() -> None:
    raise NotImplementedError("a store is never taken back: restore a backup")
