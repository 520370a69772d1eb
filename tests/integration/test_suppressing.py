"""Suppressions that are added and removed at once, and their pages."""

from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import OperationalError

from newsletter.audience import subscribers
from newsletter.model.address import Address
from newsletter.model.subscriber import SuppressionReason
from newsletter.store import Store, schema, suppressions
from tests.integration.sending import NOW

ADDRESS = Address("r1@example.com")
NOWAIT = sa.select(schema.suppressions).with_for_update(nowait=True)


def after_the_first_statement(store: Store, act: Callable[[], object]) -> None:
    """Let somebody else act between two statements of the next transaction."""
    came: list[bool] = []

    def once(*_: Any) -> None:
        if not came:
            came.append(True)
            act()

    sa.event.listen(store.engine, "after_cursor_execute", once)


@pytest.mark.postgresql
def test_an_address_that_is_allowed_while_it_is_suppressed_ends_suppressed(
    postgresql_store: Store,
) -> None:
    store = postgresql_store
    subscribers.suppress(store, ADDRESS, NOW)
    after_the_first_statement(
        store, lambda: subscribers.unsuppress(store, ADDRESS, lambda key: (), NOW)
    )

    found = subscribers.suppress(store, ADDRESS, NOW)

    with store.read() as connection:
        assert suppressions.find(connection, ADDRESS) == found
        changes = suppressions.history(connection, ADDRESS.key)
    assert [change.added for change in changes] == [True, False, True]


@pytest.mark.postgresql
def test_what_is_known_already_is_held_until_the_commit(postgresql_store: Store) -> None:
    """Else a report could take away what a person lets stand in the same moment."""
    store, manual = postgresql_store, SuppressionReason.MANUAL
    subscribers.suppress(store, ADDRESS, NOW)

    for hold in (
        lambda connection: suppressions.add(connection, ADDRESS.key, manual, "test", NOW),
        lambda connection: suppressions.standing(connection, [ADDRESS.key]),
    ):
        with store.write() as first, store.engine.connect() as second:
            hold(first)
            with pytest.raises(OperationalError, match="could not obtain lock"):
                second.execute(NOWAIT)
