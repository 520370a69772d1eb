"""One subscriber at a time: joining, leaving, and coming back."""

from pathlib import Path

import pytest

from newsletter.audience import lists, subscribers
from newsletter.audience.subscribers import AddResult
from newsletter.errors import Refused, UsageError
from newsletter.model.subscriber import SubscriptionStatus, SuppressionReason
from newsletter.store import Store
from newsletter.store.people import people, suppressing, suppressions
from newsletter.store.people.lists import id_of as list_id_of
from tests.factories import LATER, NOW, address, erased_hash, import_text, join, leave, make_list

PENDING, CONFIRMED = SubscriptionStatus.PENDING, SubscriptionStatus.CONFIRMED


def standing(store: Store) -> list[tuple[str, str]]:
    found = subscribers.profile(store, address(), erased_hash).person
    assert found is not None
    return [(joined.list, joined.status) for joined in found.subscriptions]


def test_adding_says_what_it_did(store: Store) -> None:
    make_list(store)

    outcomes = [
        join(store, status=PENDING).outcome,
        join(store, status=PENDING).outcome,
        join(store, status=CONFIRMED).outcome,
        join(store, status=PENDING).outcome,
        join(store, name="Ann", attributes={"City": " Paris "}).outcome,
        join(store, name="Ann", attributes={"city": "Paris"}).outcome,
    ]

    assert outcomes == ["added", "unchanged", "updated", "unchanged", "updated", "unchanged"]
    assert standing(store) == [("ai", "confirmed")]


def test_an_unknown_list_is_refused_with_the_nearest_name(store: Store) -> None:
    make_list(store, "ai-daily")

    with pytest.raises(UsageError) as caught:
        join(store, list_name="ai-dayly")

    assert "ai-daily" in caught.value.hint


def test_who_left_comes_back_only_by_their_own_wish(store: Store) -> None:
    make_list(store)
    join(store)
    assert leave(store, list_name="ai") == ("ai",)

    with pytest.raises(Refused, match="left") as caught:
        join(store, now=LATER)
    assert "--resubscribe" in caught.value.hint

    assert join(store, now=LATER, resubscribe=True).outcome is AddResult.ADDED
    found = subscribers.profile(store, address(), erased_hash).person
    assert found is not None
    assert found.subscriptions[0].consent.at == LATER


@pytest.mark.parametrize("reason", SuppressionReason)
def test_the_suppressed_are_not_added(store: Store, reason: SuppressionReason) -> None:
    make_list(store)
    erased = reason is SuppressionReason.ERASED
    key = erased_hash("user1@example.com")[0] if erased else "user1@example.com"
    with store.write() as connection:
        suppressing.add(connection, key, reason, "test", NOW)

    with pytest.raises(Refused) as caught:
        join(store, "User1@example.com", resubscribe=True)

    assert "suppressions remove" in caught.value.hint
    assert subscribers.unsuppress(store, address(), erased_hash, NOW).reason is reason
    assert join(store).outcome is AddResult.ADDED


def test_leaving_is_for_one_list_or_all_and_can_be_repeated(store: Store) -> None:
    for name in ("a", "b", "c"):
        make_list(store, name)
        join(store, list_name=name)

    assert leave(store, list_name="b") == ("b",)
    assert leave(store) == ("a", "c")
    assert leave(store) == ()
    assert {status for _, status in standing(store)} == {"unsubscribed"}


def test_who_was_never_seen_is_recorded_and_no_import_brings_them(
    store: Store, tmp_path: Path
) -> None:
    """On the list that is named; without one, as an address that is never mailed."""
    make_list(store)

    from_list = leave(store, "user1@example.com", "ai")
    from_all = leave(store, "user2@example.com")
    import_text(store, tmp_path, "email\nuser1@example.com\nuser2@example.com\n")

    assert (from_list, from_all) == (("ai",), ())
    with store.read() as connection:
        (person,) = people.newest_first(connection)
        suppression = suppressions.find(connection, address("user2@example.com"))
    assert [each.status for each in person.subscriptions] == ["unsubscribed"]
    assert suppression is not None


def test_who_was_erased_is_not_written_down_by_removing_them(store: Store) -> None:
    make_list(store)
    with store.write() as connection:
        (known_as,) = erased_hash("user1@example.com")
        suppressing.add(connection, known_as, SuppressionReason.ERASED, "", NOW)

    assert leave(store, "user1@example.com", "ai") == ()

    with store.read() as connection:
        assert people.count(connection) == 0


def test_the_first_reason_of_a_suppression_stays(store: Store) -> None:
    with store.write() as connection:
        suppressing.add(
            connection, "user1@example.com", SuppressionReason.COMPLAINT, "feedback", NOW
        )

    assert subscribers.suppress(store, address(), LATER).reason is SuppressionReason.COMPLAINT


def test_a_profile_shows_who_is_suppressed_without_ever_having_joined(store: Store) -> None:
    subscribers.suppress(store, address(), NOW)

    found = subscribers.profile(store, address(), erased_hash)

    assert found.person is None
    assert found.suppression is not None


@pytest.mark.parametrize(
    ("name", "attributes"),
    [
        ("a\r\nBcc: b", {}),
        ("x" * 101, {}),
        (None, {"": "x"}),
        (None, {"email": "x"}),
        (None, {"k": "a\0b"}),
        (None, {"k": "x" * 2001}),
    ],
)
def test_what_an_import_would_reject_is_refused(
    sqlite_store: Store, name: str | None, attributes: dict[str, str]
) -> None:
    make_list(sqlite_store)

    with pytest.raises(UsageError):
        join(sqlite_store, name=name, attributes=attributes)


def test_subscribers_come_newest_first_and_narrowed(store: Store) -> None:
    for name in ("ai", "web"):
        make_list(store, name)
    for number in range(5):
        join(store, f"user{number}@example.com")
    join(store, "user1@example.com", "web", status=PENDING)
    leave(store, "user3@example.com", "ai")

    def found(**narrowed: object) -> list[str]:
        with store.read() as connection:
            each = people.newest_first(connection, **narrowed)  # type: ignore[arg-type]
            return [person.subscriber.address.text[4] for person in each]

    with store.read() as connection:
        web = list_id_of(connection, "web")
    assert found() == ["4", "3", "2", "1", "0"]
    assert found(limit=2) == ["4", "3"]
    assert found(list_id=web) == ["1"]
    assert found(status=SubscriptionStatus.UNSUBSCRIBED) == ["3"]
    assert found(list_id=web, status=CONFIRMED) == []


def test_pages_join_without_gap_or_repeat(
    sqlite_store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(people, "_PAGE", 3)
    monkeypatch.setattr(suppressions, "_PAGE", 3)
    make_list(sqlite_store)
    names = [f"user{number}@example.com" for number in range(9)]
    for name in names:
        join(sqlite_store, name)
        subscribers.suppress(sqlite_store, address(name), NOW)

    with sqlite_store.read() as connection:
        listed = [each.subscriber.address.text for each in people.newest_first(connection)]
        some = [each.subscriber.id for each in people.newest_first(connection, limit=4)]
        suppressed = [each.address for each in suppressions.newest_first(connection)]

    assert listed == suppressed == names[::-1]
    assert len(some) == 4


def test_counts_are_by_list_status_and_reason(store: Store) -> None:
    make_list(store, "empty")
    make_list(store)
    join(store, "a@example.com")
    join(store, "b@example.com", status=PENDING)
    subscribers.suppress(store, address("c@example.com"), NOW)

    found = subscribers.stats(store)

    assert found.subscribers == 2
    assert [(each.name, each.confirmed, each.pending) for each in found.lists] == [
        ("ai", 1, 1),
        ("empty", 0, 0),
    ]
    assert found.suppressions == {"manual": 1}


def test_a_list_with_members_is_deleted_only_on_confirmation(store: Store) -> None:
    make_list(store)
    join(store)

    with pytest.raises(Refused, match="1 members") as refused:
        lists.delete(store, "ai", confirmed=False)
    assert "consent log" in str(refused.value.hint)

    assert lists.delete(store, "ai", confirmed=True).members == 1
    assert standing(store) == []


def test_making_a_list_twice_is_no_error(store: Store) -> None:
    assert lists.create(store, "ai", NOW)
    assert not lists.create(store, "ai", NOW)
    assert lists.find(store, "ai").members == 0
