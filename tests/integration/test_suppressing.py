"""Suppressions that are added and removed at once, and their pages."""

from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import OperationalError

from newsletter.audience import subscribers
from newsletter.model.address import Address
from newsletter.model.subscriber import SuppressionReason
from newsletter.store import Store, schema
from newsletter.store.people import suppressing, suppressions
from tests.integration.plans import explained
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
    assert [change.action for change in changes] == ["added", "removed", "added"]


@pytest.mark.postgresql
def test_what_is_known_already_is_held_until_the_commit(postgresql_store: Store) -> None:
    """Else a report could take away what a person lets stand in the same moment."""
    store, manual = postgresql_store, SuppressionReason.MANUAL
    subscribers.suppress(store, ADDRESS, NOW)

    for hold in (
        lambda connection: suppressing.add(connection, ADDRESS.key, manual, "test", NOW),
        lambda connection: suppressions.standing(connection, [ADDRESS.key]),
    ):
        with store.write() as first, store.engine.connect() as second:
            hold(first)
            with pytest.raises(OperationalError, match="could not obtain lock"):
                second.execute(NOWAIT)


def test_pages_and_erased_people_are_found_by_an_index(sqlite_store: Store) -> None:
    """Lists have a hundred thousand, and an import asks for the erased."""
    with sqlite_store.write() as connection:
        for number in range(3):
            manual = SuppressionReason.MANUAL
            suppressing.add(connection, f"r{number}@example.com", manual, "test", NOW)

    with sqlite_store.read() as connection, explained(connection) as steps:
        list(suppressions.newest_first(connection))
        suppressions.any_erased(connection)
        suppressions.erased_hashes(connection)

    assert steps == [
        "SCAN suppressions USING INDEX ix_suppressions_created_at",
        "SEARCH suppressions USING INDEX ix_suppressions_created_at",
        "SCAN suppressions USING INDEX ix_suppressions_erased",
        "SCAN suppressions USING INDEX ix_suppressions_erased",
    ]
