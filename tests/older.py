"""Stores as earlier versions left them."""

import sqlalchemy as sa
from alembic import command
from alembic.config import Config


def migrate(url: str, revision: str) -> None:
    """Bring a database to an earlier schema, from nothing or from one before."""
    config = Config()
    config.set_main_option("script_location", "newsletter:store/migrations")
    engine = sa.create_engine(url.replace("postgresql://", "postgresql+psycopg://"))
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, revision)
    engine.dispose()
