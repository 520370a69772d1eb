"""Taking an import back: what it added and nobody touched since, and what it changed."""

import datetime as dt
from collections.abc import Callable
from pathlib import Path

import pytest
import sqlalchemy as sa

from newsletter.audience import leaving, subscribers
from newsletter.audience.erasing import erase
from newsletter.errors import UsageError
from newsletter.model.address import Address
from newsletter.model.subscriber import Consent, SubscriptionStatus
from newsletter.sending.plan import plan
from newsletter.store import Store
from newsletter.store.people import imports, people, subscribing, subscriptions, suppressions
from newsletter.store.people.imports import UndoneImport
from newsletter.store.schema import metadata
from tests.factories import (
    LATER,
    NOW,
    erased_hash,
    import_text,
    join,
    leave,
    link_of,
    make_list,
)
from tests.integration.sending import ledger, order

KEPT = ("imports", "suppression_log", "consents", "import_changes", "import_people")


def undo(store: Store, import_id: int | None) -> UndoneImport:
    assert import_id is not None
    with store.write() as connection:
        return imports.undo(connection, import_id, LATER)


def rows(store: Store) -> dict[str, list[tuple[object, ...]]]:
    """What the store holds of people, apart from logs."""
    with store.read() as connection:
        return {
            table.name: sorted(
                (tuple(row) for row in connection.execute(sa.select(table))), key=repr
            )
            for table in metadata.sorted_tables
            if table.name not in KEPT
        }


def test_an_import_is_taken_back_whole(store: Store, tmp_path: Path) -> None:
    """New people, a changed name, a new list, a confirmation, departures and suppressions."""
    for name in ("ai", "web"):
        make_list(store, name)
    join(store, "ann@example.com", name="Ann", attributes={"city": "Bern"})
    join(store, "bea@example.com", status=SubscriptionStatus.PENDING)
    join(store, "cid@example.com", "web")
    join(store, "dan@example.com")
    before = rows(store)

    result = import_text(
        store,
        tmp_path,
        "email,name,city,status\n"
        "ann@example.com,Anna,Basel,active\n"
        "bea@example.com,Bea,,active\n"
        "cid@example.com,,,active\n"
        "dan@example.com,,,unsubscribed\n"
        "eva@example.com,,,bounced\n"
        "fay@example.com,Fay,,unsubscribed\n"
        "gil@example.com,Gil,,active\n",
        now=LATER,
    )
    undone = undo(store, result.import_id)

    assert rows(store) == before
    assert undone == UndoneImport(people=2, subscriptions=3, put_back=4, suppressions=1, left=0)
    assert undo(store, result.import_id) == UndoneImport()


def test_a_file_that_was_taken_back_can_be_imported_again(store: Store, tmp_path: Path) -> None:
    text = (
        "email,status,subscribed_at\nann@example.com,active,2020-01-02\n"
        "bea@example.com,unsubscribed,\n"
    )
    first = import_text(store, tmp_path, text)
    undo(store, first.import_id)

    again = import_text(store, tmp_path, text, now=LATER)

    assert (again.added, again.unsubscribed) == (1, 1)
    assert again.import_id != first.import_id


def test_who_said_something_since_stays(store: Store, tmp_path: Path) -> None:
    result = import_text(
        store, tmp_path, "email\nann@example.com\nbea@example.com\ncid@example.com\n"
    )
    leave(store, "ann@example.com", "ai", LATER)
    subscribers.suppress(store, Address("bea@example.com"), LATER)

    undone = undo(store, result.import_id)

    assert (undone.people, undone.left) == (2, 1)
    with store.read() as connection:
        (person,) = people.newest_first(connection)
    assert person.subscriber.address.text == "ann@example.com"
    assert person.subscriptions[0].status is SubscriptionStatus.UNSUBSCRIBED


def test_who_was_mailed_since_stays(store: Store, tmp_path: Path) -> None:
    result = import_text(store, tmp_path, "email\nann@example.com\n")
    send_id = plan(store, order(list_name="ai"), NOW)

    undone = undo(store, result.import_id)

    assert (undone.people, undone.left) == (0, 1)
    assert set(ledger(store, send_id)) == {"ann@example.com"}


def test_who_asked_to_come_back_after_an_imports_no_can_still_confirm(
    store: Store, tmp_path: Path
) -> None:
    """Whom the import made as one who left: with the subscription the request would be gone."""
    list_id = make_list(store)
    result = import_text(store, tmp_path, "email,status\nann@example.com,unsubscribed\n")
    with store.write() as connection:
        ann = people.find(connection, Address("ann@example.com"))
        assert ann is not None
        subscribing.ask(connection, ann.id, list_id, Consent(LATER, "form", "page"))

    undone = undo(store, result.import_id)

    assert (undone.people, undone.left) == (0, 1)
    with store.read() as connection:
        assert subscriptions.find(connection, ann.id, list_id) is not None


def test_a_name_that_was_changed_since_stays(store: Store, tmp_path: Path) -> None:
    make_list(store)
    join(store, "ann@example.com", name="Ann")
    at = NOW + dt.timedelta(hours=1)
    result = import_text(store, tmp_path, "email,name\nann@example.com,Anna\n", now=at)
    join(store, "ann@example.com", name="Annika", now=LATER)

    undone = undo(store, result.import_id)

    assert (undone.put_back, undone.left) == (0, 1)
    with store.read() as connection:
        (person,) = people.newest_first(connection)
    assert person.subscriber.name == "Annika"


def test_who_came_back_after_an_imports_no_stays_on_the_list(store: Store, tmp_path: Path) -> None:
    list_id = make_list(store)
    ann = join(store, "ann@example.com").subscriber_id
    result = import_text(store, tmp_path, "email,status\nann@example.com,unsubscribed\n")
    with store.write() as connection:
        said = Consent(LATER, "form", "page")
        subscribing.rejoin(connection, ann, list_id, SubscriptionStatus.CONFIRMED, said)

    undone = undo(store, result.import_id)

    assert (undone.put_back, undone.left) == (0, 1)
    with store.read() as connection:
        found = subscriptions.find(connection, ann, list_id)
    assert found is not None
    assert (found.status, found.consent.how) == (SubscriptionStatus.CONFIRMED, "form")


def by_link(store: Store, folder: Path, subscriber_id: int) -> None:
    leaving.leave(store, [(link_of(store, subscriber_id, "ai"), Consent(LATER, "one-click", ""))])


def by_operator(store: Store, folder: Path, subscriber_id: int) -> None:
    leave(store, "ann@example.com", "ai", LATER)


def by_file(store: Store, folder: Path, subscriber_id: int) -> None:
    text = "email,status\nann@example.com,unsubscribed\n"
    import_text(store, folder, text, name="others.csv", now=LATER)
    import_text(store, folder, text, name="others.csv", now=LATER)


@pytest.mark.parametrize("say_no", [by_link, by_operator, by_file])
@pytest.mark.parametrize("was_member", [True, False])
def test_a_no_that_was_said_again_outlives_the_import(
    store: Store, tmp_path: Path, was_member: bool, say_no: Callable[[Store, Path, int], None]
) -> None:
    """The reader, the operator or another file has said it too, when it changed nothing more."""
    make_list(store)
    if was_member:
        join(store, "ann@example.com")
    rows = "ann@example.com,unsubscribed\nbea@example.com,unsubscribed\n"
    result = import_text(store, tmp_path, f"email,status\n{rows}")
    with store.read() as connection:
        ann = people.find(connection, Address("ann@example.com"))
    assert ann is not None
    say_no(store, tmp_path, ann.id)

    undone = undo(store, result.import_id)

    assert (undone.people, undone.left) == (1, 1)
    with store.read() as connection:
        (person,) = people.newest_first(connection)
    assert person.subscriber.address.text == "ann@example.com"
    assert person.subscriptions[0].status is SubscriptionStatus.UNSUBSCRIBED
    import_text(store, tmp_path, "email\nann@example.com\n", now=LATER)
    with store.read() as connection:
        (person,) = people.newest_first(connection)
    assert person.subscriptions[0].status is SubscriptionStatus.UNSUBSCRIBED


@pytest.mark.parametrize("by", ["a person", "another file"])
def test_a_suppression_that_was_wanted_again_outlives_the_import(
    store: Store, tmp_path: Path, by: str
) -> None:
    text = "email,status\nann@example.com,bounced\n"
    result = import_text(store, tmp_path, f"{text}bea@example.com,bounced\n")
    if by == "a person":
        subscribers.suppress(store, Address("ann@example.com"), LATER)
    else:
        import_text(store, tmp_path, text, name="others.csv", now=LATER)

    undone = undo(store, result.import_id)

    assert undone.suppressions == 1
    with store.read() as connection:
        assert [each.address for each in suppressions.newest_first(connection)] == [
            "ann@example.com"
        ]


def test_an_unknown_import_is_told(store: Store) -> None:
    with pytest.raises(UsageError, match="no import 7"):
        undo(store, 7)


def test_erasing_takes_out_what_imports_replaced(store: Store, tmp_path: Path) -> None:
    make_list(store)
    join(store, "ann@example.com", name="Ann Secret", attributes={"city": "Bern"})
    text = "email,name,city,optin_ip\nann@example.com,Anna,Basel,192.0.2.7\n"
    import_text(store, tmp_path, text)
    import_text(store, tmp_path, text, "web")

    erase(
        store,
        tmp_path / "outbox",
        erased_hash,
        Address("ann@example.com"),
        Consent(NOW, "forget", "test"),
    )

    with store.read() as connection:
        text = repr(
            [
                tuple(row)
                for table in metadata.sorted_tables
                for row in connection.execute(sa.select(table))
            ]
        )
    for word in ("Secret", "Bern", "Basel", "192.0.2.7"):
        assert word not in text
