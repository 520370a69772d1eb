"""PostgreSQL leaves room for new versions of rows that change again and again, and vacuums them
sooner.

A row none of whose indexed columns changes gets its next version on the same page where there is
room, and no index grows: a claim moves the cursor of its send, a worker renews its lease every two
seconds, each batch moves the limiter. A batch is closed once, which its partial index sees, so that
vacuum alone clears it.
"""

from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

_SOON = "autovacuum_vacuum_scale_factor = 0.02, autovacuum_analyze_scale_factor = 0.02"


def upgrade() -> None:
    connection = op.get_bind()
    if connection.dialect.name == "sqlite":
        return
    for table, options in {
        "sends": "fillfactor = 50",
        "tenures": "fillfactor = 50",
        "limiter": "fillfactor = 50",
        "batches": f"fillfactor = 80, {_SOON}",
    }.items():
        op.execute(f"ALTER TABLE {table} SET ({options})")
    partitions = connection.exec_driver_sql(
        "SELECT relname FROM pg_inherits JOIN pg_class ON pg_class.oid = inhrelid "
        "WHERE inhparent = CAST('deliveries' AS regclass)"
    )
    for name in partitions.scalars().all():
        op.execute(f"ALTER TABLE {name} SET ({_SOON})")


def downgrade() -> None:
    raise NotImplementedError("a store is never taken back: restore a backup")
