"""Who left is gone: links that open nobody else's record, imports that can be undone, former
addresses, what a personal link may only ask for, where a send stands, pictures, and what
readers see of a list."""

import re

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_RowId = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_Time = sa.BigInteger()
_MOVE = re.compile(r"from (\S+) to \S+")  # as moves were noted until this schema
_REPORTS = ("delivered", "bounced", "complained")
_WELCOMES = {
    "welcome due": "waiting",
    "welcome mailed": "mailed",
    "welcome refused": "refused",
    "welcome failed": "failed",
    "welcome ": "failed",  # in hand when a process ended, or in a store that was restored
}
_SETTLED = ("accepted", "rejected", "skipped", "unknown")


def _text(name: str) -> sa.Column[str]:
    return sa.Column(name, sa.Text(), server_default="", nullable=False)


def _partial_index(
    name: str, table: str, columns: list[str], where: str, *, unique: bool = False
) -> None:
    only = sa.text(where)
    op.create_index(name, table, columns, unique=unique, sqlite_where=only, postgresql_where=only)


def upgrade() -> None:
    _people()
    _imports()
    _consents_and_requests()
    _sends()
    _media()
    _lists()


def _people() -> None:
    op.add_column(
        "subscribers",
        sa.Column("link_key", sa.BigInteger(), server_default="0", nullable=False),
    )
    op.create_table(
        "former_addresses",
        sa.Column("id", _RowId, nullable=False),
        sa.Column("subscriber_id", _RowId, nullable=False),
        sa.Column("address", sa.Text(), nullable=True),
        sa.Column("address_key", sa.Text(), nullable=True),
        _text("hash"),
        sa.Column("link_key", sa.BigInteger(), nullable=False),
        sa.Column("at", _Time, nullable=False),
        sa.ForeignKeyConstraint(
            ["subscriber_id"], ["subscribers.id"], name=op.f("fk_former_addresses_subscriber_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_former_addresses")),
    )
    op.create_index("ix_former_addresses_subscriber_id", "former_addresses", ["subscriber_id"])
    op.create_index("ix_former_addresses_address_key", "former_addresses", ["address_key"])
    _take_over_former_addresses()


def _take_over_former_addresses() -> None:
    """They stood in the prose of the consent log alone."""
    connection = op.get_bind()
    moves = connection.execute(
        sa.text(
            "SELECT subscriber_id, at, detail FROM consents WHERE kind = 'moved' AND detail <> ''"
        )
    ).all()
    for move in moves:
        if match := _MOVE.match(move.detail):
            connection.execute(
                sa.text(
                    "INSERT INTO former_addresses "
                    "(subscriber_id, address, address_key, link_key, at) "
                    "VALUES (:who, :address, :key, 0, :at)"
                ),
                {
                    "who": move.subscriber_id,
                    "address": match[1],
                    "key": match[1].lower(),
                    "at": move.at,
                },
            )


def _imports() -> None:
    op.create_table(
        "imports",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("at", _Time, nullable=False),
        sa.Column("file", sa.Text(), nullable=False),
        _text("system"),
        sa.Column("counts", sa.JSON(), server_default="{}", nullable=False),
        sa.Column("undone_at", _Time, nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_imports")),
        sa.UniqueConstraint("at", name=op.f("uq_imports_at")),
    )
    op.create_table(
        "import_changes",
        sa.Column("import_id", sa.Integer(), nullable=False),
        sa.Column("list_id", sa.Integer(), nullable=False),
        sa.Column("subscriber_id", _RowId, nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("consent_at", _Time, nullable=False),
        sa.Column("consent_how", sa.Text(), nullable=False),
        sa.Column("consent_source", sa.Text(), nullable=False),
        _text("consent_ip"),
        sa.Column("updated_at", _Time, nullable=False),
        sa.ForeignKeyConstraint(
            ["import_id"], ["imports.id"], name=op.f("fk_import_changes_import_id")
        ),
        sa.ForeignKeyConstraint(["list_id"], ["lists.id"], name=op.f("fk_import_changes_list_id")),
        sa.ForeignKeyConstraint(
            ["subscriber_id"], ["subscribers.id"], name=op.f("fk_import_changes_subscriber_id")
        ),
        sa.PrimaryKeyConstraint(
            "import_id", "list_id", "subscriber_id", name=op.f("pk_import_changes")
        ),
    )
    op.create_index("ix_import_changes_subscriber_id", "import_changes", ["subscriber_id"])
    op.create_index("ix_import_changes_list_id", "import_changes", ["list_id"])
    op.create_table(
        "import_people",
        sa.Column("import_id", sa.Integer(), nullable=False),
        sa.Column("subscriber_id", _RowId, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("attributes", sa.JSON(), nullable=False),
        sa.Column("updated_at", _Time, nullable=False),
        sa.ForeignKeyConstraint(
            ["import_id"], ["imports.id"], name=op.f("fk_import_people_import_id")
        ),
        sa.ForeignKeyConstraint(
            ["subscriber_id"], ["subscribers.id"], name=op.f("fk_import_people_subscriber_id")
        ),
        sa.PrimaryKeyConstraint("import_id", "subscriber_id", name=op.f("pk_import_people")),
    )
    op.create_index("ix_import_people_subscriber_id", "import_people", ["subscriber_id"])
    # SQLite drops no foreign key: the table is made anew there.
    with op.batch_alter_table("subscriptions", table_kwargs={"sqlite_with_rowid": False}) as table:
        table.drop_constraint(op.f("fk_subscriptions_list_id"), type_="foreignkey")
        table.drop_constraint(op.f("fk_subscriptions_subscriber_id"), type_="foreignkey")
        table.add_column(_text("consent_ip"))
        table.add_column(sa.Column("import_id", sa.Integer(), nullable=True))
    op.add_column("suppressions", sa.Column("import_id", sa.Integer(), nullable=True))


def _consents_and_requests() -> None:
    op.add_column("consents", sa.Column("send", sa.Integer(), nullable=True))
    op.add_column("consents", sa.Column("number", sa.Integer(), nullable=True))
    op.add_column("consents", sa.Column("import_id", sa.Integer(), nullable=True))
    _partial_index("ix_consents_send", "consents", ["send"], "send IS NOT NULL")
    # SQLite changes no check: the table is made anew there.
    with op.batch_alter_table("requests") as table:
        table.drop_column("name")
        table.add_column(_text("wide_network"))
        table.add_column(_text("target"))
        table.add_column(sa.Column("form", sa.BigInteger(), nullable=True))
        table.add_column(sa.Column("welcome", sa.Text(), nullable=True))
        table.create_check_constraint(
            op.f("ck_requests_welcome"), "welcome IN ('waiting', 'mailed', 'refused', 'failed')"
        )
        table.drop_constraint(op.f("ck_requests_kind"), type_="check")
        table.create_check_constraint(
            op.f("ck_requests_kind"),
            "kind IN ('join', 'allow_move', 'move', 'undo_move', 'data', 'erase')",
        )
    _partial_index("ix_requests_form", "requests", ["form"], "form IS NOT NULL", unique=True)
    _take_over_welcomes()


def _take_over_welcomes() -> None:
    """What became of a welcome was the beginning of a reason until this schema."""
    op.drop_index("ix_requests_welcome", "requests")
    for word, state in _WELCOMES.items():
        op.execute(
            sa.text(
                "UPDATE requests SET welcome = :state, reason = substr(reason, :after) "
                "WHERE reason = :word OR reason LIKE :begins"
            ).bindparams(state=state, word=word, begins=f"{word}%", after=len(word) + 1)
        )
    op.execute("UPDATE requests SET reason = ltrim(reason, ': ') WHERE welcome IS NOT NULL")
    _partial_index("ix_requests_welcome", "requests", ["at"], "welcome = 'waiting'")


def _sends() -> None:
    only_missing: sa.Column[bool] = sa.Column(
        "only_missing", sa.Boolean(), server_default=sa.false(), nullable=False
    )
    op.add_column("sends", only_missing)
    op.add_column("sends", _text("source_hash"))
    op.add_column("sends", sa.Column("taken_at", _Time, nullable=True))
    op.add_column("sends", sa.Column("waiting_for", sa.Text(), nullable=True))
    op.add_column("sends", sa.Column("waiting_until", _Time, nullable=True))
    op.add_column("sends", sa.Column("speed", sa.Float(), nullable=True))
    op.add_column("sends", sa.Column("stopped_by", sa.Text(), nullable=True))
    # A person stopped what nobody runs: until this schema nobody else went on with it.
    op.execute(
        "UPDATE sends SET stopped_by = 'person' "
        "WHERE status = 'paused' OR (status = 'sending' AND owner IS NULL)"
    )
    for report in _REPORTS:
        count: sa.Column[int] = sa.Column(report, sa.Integer(), server_default="0", nullable=False)
        op.add_column("sends", count)
        op.execute(
            f"UPDATE sends SET {report} = (SELECT count(*) FROM deliveries "  # noqa: S608 -- words of this file
            f"WHERE deliveries.send = sends.number AND deliveries.reported = '{report}')"
        )
    for status in _SETTLED:
        op.add_column("sends", sa.Column(status, sa.Integer(), nullable=True))
        op.execute(
            f"UPDATE sends SET {status} = (SELECT count(*) FROM deliveries "  # noqa: S608 -- words of this file
            f"WHERE deliveries.send = sends.number AND deliveries.status = '{status}') "
            "WHERE status IN ('finished', 'cancelled', 'unresolved') AND NOT EXISTS "
            "(SELECT 1 FROM batches WHERE batches.send = sends.number AND open)"
        )
    op.add_column("events", _text("word"))
    op.create_index("ix_batches_claimed_at", "batches", ["claimed_at"])


def _media() -> None:
    op.create_table(
        "media",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", _Time, nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_media")),
    )


def _lists() -> None:
    for name in ("title", "description"):
        op.add_column("lists", _text(name))
    for name in ("list_title", "previous_slug", "previous_title"):
        op.add_column("sends", _text(name))
    is_open: sa.Column[bool] = sa.Column(
        "list_is_open", sa.Boolean(), server_default=sa.false(), nullable=False
    )
    op.add_column("sends", is_open)


def downgrade() -> None:
    raise NotImplementedError("a store is never taken back: restore a backup")
