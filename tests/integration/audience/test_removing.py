"""Removing, moving and deleting people, one or many."""

from pathlib import Path

import pytest
import sqlalchemy as sa

from newsletter.audience import removing
from newsletter.errors import Refused, UsageError
from newsletter.model.address import Address
from newsletter.model.subscriber import SubscriptionStatus
from newsletter.store import Store
from newsletter.store.people import people
from newsletter.store.schema import metadata
from tests.factories import LATER, NOW, erased_hash, import_text, join, leave, make_list

ANN, BEA = Address("ann@example.com"), Address("bea@example.com")


def standings(store: Store, who: Address = ANN) -> dict[str, str]:
    with store.read() as connection:
        person = people.person(connection, who)
    return {each.list: each.status.value for each in person.subscriptions} if person else {}


def test_whoever_is_deleted_is_nowhere_and_may_come_back(store: Store, tmp_path: Path) -> None:
    make_list(store)
    join(store, "ann@example.com", name="Ann")
    import_text(store, tmp_path, "email,name\nann@example.com,Anna\n")

    deleted = removing.delete(store, [ANN, BEA], LATER, confirmed=False)

    assert deleted == [True, False]
    with store.read() as connection:
        for table in metadata.sorted_tables:
            assert "ann" not in repr(list(connection.execute(sa.select(table)))).lower()
    import_text(store, tmp_path, "email\nann@example.com\n")
    assert standings(store) == {"ai": "confirmed"}


def test_deleting_who_left_would_forget_their_no_and_is_refused(store: Store) -> None:
    make_list(store)
    join(store, "ann@example.com")
    leave(store, "ann@example.com")

    with pytest.raises(Refused, match="left 'ai'"):
        removing.delete(store, [ANN], LATER, confirmed=False)
    assert standings(store) == {"ai": "unsubscribed"}

    assert removing.delete(store, [ANN], LATER, confirmed=True) == [True]
    assert standings(store) == {}


def test_a_move_takes_the_consent_along_and_can_be_taken_back(store: Store) -> None:
    for name in ("a", "b"):
        make_list(store, name)
    join(store, "ann@example.com", "a")
    join(store, "bea@example.com", "a", status=SubscriptionStatus.PENDING)

    moved = removing.move(store, [ANN, BEA, Address("no@example.com")], "a", "b", LATER)

    assert moved == [True, True, False]
    assert standings(store) == {"a": "unsubscribed", "b": "confirmed"}
    assert standings(store, BEA) == {"a": "unsubscribed", "b": "pending"}
    with store.read() as connection:
        person = people.person(connection, ANN)
    assert person is not None
    assert {each.consent.at for each in person.subscriptions} == {NOW}
    assert removing.move(store, [ANN], "b", "a", LATER) == [True]
    assert standings(store) == {"a": "confirmed", "b": "unsubscribed"}


def test_a_move_brings_nobody_to_a_list_that_they_left(store: Store) -> None:
    for name in ("a", "b"):
        make_list(store, name)
        join(store, "ann@example.com", name)
    leave(store, "ann@example.com", "b")

    assert removing.move(store, [ANN], "a", "b", LATER) == [False]

    assert standings(store) == {"a": "confirmed", "b": "unsubscribed"}


@pytest.mark.parametrize(
    "text", ["ann@example.com\nBea <bea@example.com>\n", "Name;E-Mail\nx;ann@example.com\n"]
)
def test_addresses_are_read_from_a_list_or_a_csv_file(tmp_path: Path, text: str) -> None:
    path = tmp_path / "people.txt"
    path.write_text(text)

    assert next(iter(removing.addresses_in(path))) == ANN


def test_a_list_with_a_line_that_is_no_address_is_refused_whole(tmp_path: Path) -> None:
    path = tmp_path / "people.txt"
    path.write_text("ann@example.com\nnobody\n")

    with pytest.raises(UsageError) as caught:
        list(removing.addresses_in(path))

    assert caught.value.where == f"{path}:2"


def test_removing_twice_changes_nothing(store: Store) -> None:
    make_list(store)

    removed = [removing.remove(store, [ANN, ANN], "ai", NOW, erased_hash) for _ in range(2)]

    assert [[each.lists for each in once] for once in removed] == [[("ai",)], [()]]
