"""An import of those who leave, beside others: on PostgreSQL, where both write at once."""

import threading
from pathlib import Path

import pytest
import sqlalchemy as sa

from newsletter.audience.importing import ImportResult
from newsletter.model.subscriber import Consent, SubscriptionStatus
from newsletter.store import Store
from newsletter.store.people import subscribing, subscriptions
from tests.factories import LATER, import_text, is_waiting, join, make_list

PEOPLE = 20


@pytest.mark.postgresql
def test_an_import_and_many_who_leave_never_wait_for_each_other(
    postgresql_store: Store, tmp_path: Path
) -> None:
    """The file, and the tables on their pages, have the people in the opposite order."""
    store = postgresql_store
    make_list(store, "older")
    list_id = make_list(store)
    addresses = [f"user{number}@example.com" for number in range(PEOPLE)]
    ids = [join(store, each, "older").subscriber_id for each in addresses]
    for each in reversed(addresses):
        join(store, each, name="Ada", status=SubscriptionStatus.PENDING)
    said = Consent(LATER, "one-click", "test")
    file = "\n".join(["email", *reversed(addresses)])
    results: list[ImportResult] = []
    importing = threading.Thread(target=lambda: results.append(import_text(store, tmp_path, file)))

    with store.write() as leaving:
        subscribing.leave_each(leaving, {(list_id, ids[0]): said})
        importing.start()
        while importing.is_alive() and not is_waiting(store):
            pass
        subscribing.leave_each(leaving, {(list_id, each): said for each in ids[1:]})
    importing.join()

    assert [result.updated for result in results] == [PEOPLE]
    with store.read() as connection:
        found = subscriptions.subscriptions_of(connection, ids, list_id)
    assert {each.status for [each] in found.values()} == {SubscriptionStatus.UNSUBSCRIBED}


@pytest.mark.postgresql
def test_postgresql_knows_how_many_leave_by_an_import_before_their_yes_is_looked_for(
    postgresql_store: Store, tmp_path: Path
) -> None:
    """Else it takes them for none, and looks through all of them for each: minutes for many."""
    store = postgresql_store
    make_list(store)
    for number in range(PEOPLE):
        join(store, f"user{number}@example.com")
    rows = [f"user{number}@example.com,unsubscribed" for number in range(PEOPLE)]

    import_text(store, tmp_path, "\n".join(["email,status", *rows]))

    query = "SELECT reltuples FROM pg_class WHERE relname = 'import_changes'"
    with store.read() as connection:
        assert connection.execute(sa.text(query)).scalar_one() == PEOPLE
