"""An import beside readers who leave: on PostgreSQL, where both write at once."""

import threading
from pathlib import Path

import pytest

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
