"""When the store was last backed up, as the store itself knows."""

import datetime as dt
import logging

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from newsletter.errors import StoreClosed, StoreError
from newsletter.store import Store, state
from newsletter.store.schema import microseconds
from newsletter.store.schema import state as facts

_log = logging.getLogger(__name__)


def last_backup(connection: Connection) -> dt.datetime | None:
    """When the last backup that came to its end was begun, None where there was none."""
    return state.time(connection, state.BACKED_UP_AT)


def note_backup(store: Store, begun_at: dt.datetime) -> None:
    """Remember a whole backup, in a store of any schema.

    One that takes no writes any more since it was moved, or has no table for this yet, stays as it
    is.
    """
    try:
        with store.write() as connection:
            if sa.inspect(connection).has_table(facts.name):
                state.raise_to(connection, state.BACKED_UP_AT, microseconds(begun_at))
    except StoreClosed:
        return
    except StoreError as error:
        _log.warning("note_no_backup", {"error": error.code})
