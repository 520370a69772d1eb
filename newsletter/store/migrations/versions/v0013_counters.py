"""Where the deliveries of a send stand is counted as they change, and read without them."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

_STATUSES = ("accepted", "rejected", "skipped", "unknown")
_sends = sa.table(
    "sends",
    sa.column("number"),
    sa.column("frozen", sa.Boolean),
    *(sa.column(name) for name in _STATUSES),
    *(sa.column(f"aside_{name}") for name in _STATUSES),
)
_deliveries = sa.table("deliveries", sa.column("send"), sa.column("status"))


def upgrade() -> None:
    for name in _STATUSES:
        column = sa.Column(f"aside_{name}", sa.Integer(), server_default="0", nullable=False)
        op.add_column("sends", column)
    for name in ("accepted", "rejected", "unknown"):
        column = sa.Column(name, sa.SmallInteger(), server_default="0", nullable=False)
        op.add_column("batches", column)
    op.create_index("ix_batches_send", "batches", ["send"])
    # Batches of before count nothing: all of it stands aside. Stored balances are true, and those
    # of archived sends have no deliveries any more.
    stored = {f"aside_{name}": _sends.c[name] for name in _STATUSES}
    op.execute(sa.update(_sends).where(_sends.c.accepted.is_not(None)).values(stored))
    counted = {
        f"aside_{name}": sa.select(sa.func.count())
        .select_from(_deliveries)
        .where(_deliveries.c.send == _sends.c.number, _deliveries.c.status == name)
        .scalar_subquery()
        for name in _STATUSES
    }
    still_open = sa.and_(_sends.c.accepted.is_(None), _sends.c.frozen)
    op.execute(sa.update(_sends).where(still_open).values(counted))


def downgrade() -> None:
    raise NotImplementedError("a store is never taken back: restore a backup")
