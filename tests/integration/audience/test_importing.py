"""Importing: what is counted as what, and what never happens."""

import csv
from pathlib import Path

import pytest

from newsletter.audience import subscribers
from newsletter.audience.importing import import_csv
from newsletter.errors import UsageError
from newsletter.model.subscriber import SubscriptionStatus, SuppressionReason
from newsletter.store import Store
from newsletter.store.people import lists, people, suppressing
from newsletter.store.people.people import Person
from tests.factories import LATER, NOW, address, erased_hash, import_text, join, leave, make_list

PENDING, CONFIRMED = SubscriptionStatus.PENDING, SubscriptionStatus.CONFIRMED


def person(store: Store, text: str = "user1@example.com") -> Person:
    with store.read() as connection:
        found = people.person(connection, address(text))
    assert found is not None
    return found


def everybody(store: Store) -> list[str]:
    with store.read() as connection:
        return [each.subscriber.address.text for each in people.newest_first(connection)]


def statuses(store: Store, text: str = "user1@example.com") -> dict[str, str]:
    return {joined.list: joined.status for joined in person(store, text).subscriptions}


def test_new_people_are_added_with_their_consent(store: Store, tmp_path: Path) -> None:
    result = import_text(store, tmp_path, "Email,NAME,City\nUser1@Example.com,李,上海\n")

    found = person(store)
    assert (result.added, result.lists_created) == (1, ("ai",))
    assert found.subscriber.address.text == "User1@example.com"
    assert found.subscriber.name == "李"
    assert found.subscriber.attributes == {"city": "上海"}
    (joined,) = found.subscriptions
    assert (joined.list, joined.status) == ("ai", CONFIRMED)
    assert (joined.consent.how, joined.consent.source) == ("import", "people.csv")
    assert joined.consent.at == NOW


def test_the_five_counts_sum_to_the_data_rows(store: Store, tmp_path: Path) -> None:
    """Repeats in the file are unchanged; the first wins."""
    make_list(store)
    for name in ("same", "changed", "left", "suppressed"):
        join(store, f"{name}@example.com", name="Ann")
    leave(store, "left@example.com", "ai")
    subscribers.suppress(store, address("suppressed@example.com"), NOW)

    result = import_text(
        store,
        tmp_path,
        "email,name\n"
        "new@example.com,N\nNEW@example.com,other\n"
        "same@example.com,Ann\nchanged@example.com,Bea\n"
        "left@example.com,L\nsuppressed@example.com,S\n"
        "nobody,x\nragged@example.com,y,z\n",
    )

    counts = (result.added, result.updated, result.unchanged, result.skipped, result.rejected)
    assert counts == (1, 1, 2, 2, 2)
    assert person(store, "new@example.com").subscriber.name == "N"
    assert person(store, "changed@example.com").subscriber.name == "Bea"


def test_who_left_stays_away_and_unchanged(store: Store, tmp_path: Path) -> None:
    """An import brings back nobody who left, and does not change their record."""
    make_list(store)
    join(store, name="Ann")
    leave(store)

    result = import_text(store, tmp_path, "email,name,x\nUSER1@example.com,Bea,1\n", now=LATER)

    assert result.skipped == 1
    assert statuses(store) == {"ai": "unsubscribed"}
    assert person(store).subscriber.name == "Ann"
    assert person(store).subscriber.attributes == {}


def test_who_left_one_list_may_join_another(store: Store, tmp_path: Path) -> None:
    make_list(store)
    join(store)
    leave(store, list_name="ai")

    result = import_text(store, tmp_path, "email\nuser1@example.com\n", "other")

    assert result.added == 1
    assert statuses(store) == {"ai": "unsubscribed", "other": "confirmed"}


@pytest.mark.parametrize(
    "reason", [r for r in SuppressionReason if r is not SuppressionReason.ERASED]
)
def test_the_suppressed_are_skipped(
    store: Store, tmp_path: Path, reason: SuppressionReason
) -> None:
    with store.write() as connection:
        suppressing.add(connection, "user1@example.com", reason, "test", NOW)

    result = import_text(store, tmp_path, "email\nUser1@example.com\n")

    assert result.skipped == 1
    assert everybody(store) == []


def test_the_erased_are_known_by_their_hash(store: Store, tmp_path: Path) -> None:
    (known_as,) = erased_hash("user1@example.com")
    with store.write() as connection:
        suppressing.add(connection, known_as, SuppressionReason.ERASED, "", NOW)

    result = import_text(
        store, tmp_path, "email\nuser2@example.com\nUser1@example.com\nuser1@example.com\n"
    )

    assert (result.added, result.skipped, result.unchanged) == (1, 1, 1)
    assert everybody(store) == ["user2@example.com"]


def test_a_column_is_one_attribute_however_its_letters_are_written(
    store: Store, tmp_path: Path
) -> None:
    for header, value in (("Prénom", "Ana"), ("Pre\u0301nom", "Bea")):
        import_text(store, tmp_path, f"email,{header}\nx@example.com,{value}\n")

    with store.read() as connection:
        (person,) = people.newest_first(connection)
    assert person.subscriber.attributes == {"prénom": "Bea"}


def test_empty_cells_erase_nothing(store: Store, tmp_path: Path) -> None:
    import_text(store, tmp_path, "email,name,city,team\nuser1@example.com,Ann,Paris,\n")

    result = import_text(store, tmp_path, "email,name,city,team\nuser1@example.com,, ,x\n")

    assert result.updated == 1
    assert person(store).subscriber.name == "Ann"
    assert person(store).subscriber.attributes == {"city": "Paris", "team": "x"}


def test_the_same_file_again_changes_nothing(store: Store, tmp_path: Path) -> None:
    text = 'email,name,"q""k",city\nuser1@example.com,Ann,\\"x,北京\nuser2@example.com,,,\n'
    import_text(store, tmp_path, text)

    result = import_text(store, tmp_path, text, now=LATER)

    assert (result.added, result.updated, result.unchanged) == (0, 0, 2)
    assert person(store).subscriber.attributes == {'q"k': '\\"x', "city": "北京"}
    assert person(store).subscriptions[0].consent.at == NOW


def test_pending_becomes_confirmed_and_never_back(store: Store, tmp_path: Path) -> None:
    text = "email\nuser1@example.com\n"

    first = import_text(store, tmp_path, text, status=PENDING)
    second = import_text(store, tmp_path, text, status=CONFIRMED, now=LATER)
    third = import_text(store, tmp_path, text, status=PENDING)

    assert (first.added, second.updated, third.unchanged) == (1, 1, 1)
    assert statuses(store) == {"ai": "confirmed"}
    assert person(store).subscriptions[0].consent.at == LATER


def test_known_people_of_another_list_are_added(store: Store, tmp_path: Path) -> None:
    import_text(store, tmp_path, "email,name\nuser1@example.com,Ann\n", "one")

    result = import_text(store, tmp_path, "email,name\nuser1@example.com,Bea\n", "two")

    assert (result.added, result.updated) == (1, 0)
    assert person(store).subscriber.name == "Bea"


def test_an_export_brought_back_confirms_nobody_who_did_not(store: Store, tmp_path: Path) -> None:
    """`status` and `list` of our export are no attributes; pending stays, and a no is recorded."""
    result = import_text(
        store,
        tmp_path,
        "email,list,status,team\n"
        "a@example.com,old,unsubscribed,\n"
        "b@example.com,old,Pending,x\n"
        "c@example.com,old,confirmed,\n"
        "d@example.com,old,active,\n",
    )

    assert (result.added, result.unsubscribed) == (3, 1)
    assert statuses(store, "a@example.com") == {"ai": "unsubscribed"}
    assert statuses(store, "b@example.com") == {"ai": "pending"}
    assert person(store, "b@example.com").subscriber.attributes == {"team": "x"}
    assert statuses(store, "d@example.com") == {"ai": "confirmed"}


def test_rejects_name_line_and_reason_and_can_be_imported_again(
    sqlite_store: Store, tmp_path: Path
) -> None:
    rejects = tmp_path / "rejects.csv"
    import_text(
        sqlite_store,
        tmp_path,
        'email,name,"=note"\n'
        'a@example.com,"two\nlines",x\n'
        "b@x.test,Bea,=1+1\n"
        "c@example.com,Cid,ok\n",
        rejects=rejects,
    )

    with rejects.open(newline="") as file:
        rows = list(csv.reader(file))
    assert rows[0] == ["line", "reason", "email", "name", "'=note"]
    assert [row[0] for row in rows[1:]] == ["2", "4"]
    assert rows[2][2:] == ["b@x.test", "Bea", "'=1+1"]

    mended = rejects.read_text().replace("b@x.test", "b@example.com").replace("two\nlines", "two")
    result = import_text(sqlite_store, tmp_path, mended)

    assert (result.added, result.rejected) == (2, 0)
    assert person(sqlite_store, "b@example.com").subscriber.attributes == {"=note": "=1+1"}


@pytest.mark.parametrize(
    ("cells", "said"),
    [
        ("Bob\\r\\nBcc: x,1", None),
        ('"Bob\r\nBcc: x",1', "control"),
        ("N\0ul,1", "control"),
        ("x" * 101 + ",1", "100"),
        ("Ann," + "x" * 2001, "2000"),
        ("Ann,a\x00b", "control"),
        ("\N{LINE SEPARATOR},1", None),
        ("a\N{LINE SEPARATOR}b,1", "control"),
    ],
)
def test_names_and_values_that_could_break_a_header_are_rejected(
    sqlite_store: Store, tmp_path: Path, cells: str, said: str | None
) -> None:
    result = import_text(sqlite_store, tmp_path, f"email,name,note\nuser1@example.com,{cells}\n")

    assert result.rejected == (1 if said else 0)
    if said:
        assert said in result.samples[0].reason
        assert result.samples[0].line == 2


def test_a_damaged_row_is_rejected_alone_and_written_as_it_was(
    sqlite_store: Store, tmp_path: Path
) -> None:
    rejects = tmp_path / "rejects.csv"
    damaged = (
        "email,name\nc@example.com,Bjö\nb@example.com,Šárka\n".encode() + b"a@example.com,\xe9\n"
    )

    result = import_text(sqlite_store, tmp_path, damaged, rejects=rejects)
    again = import_text(sqlite_store, tmp_path, rejects.read_bytes().replace(b"\xe9", "é".encode()))

    assert (result.added, result.rejected) == (2, 1)
    assert "UTF-8" in result.samples[0].reason
    assert again.added == 1
    assert person(sqlite_store, "a@example.com").subscriber.name == "é"


def test_emoji_and_scripts_are_names(store: Store, tmp_path: Path) -> None:
    import_text(store, tmp_path, "email,name\nuser1@example.com,李 👩‍💻 O'Neill <x>\n")

    assert person(store).subscriber.name == "李 👩‍💻 O'Neill <x>"


@pytest.mark.parametrize(
    ("header", "said"),
    [
        ("name,city", "email or address"),
        ("email,Name,name", "two columns"),
        ("email,,x", "column 2"),
        ("email," + "x" * 51, "column 2"),
        ("email," + ",".join(f"c{n}" for n in range(300)), "columns"),
    ],
)
def test_a_header_that_says_nothing_usable_is_refused(
    sqlite_store: Store, tmp_path: Path, header: str, said: str
) -> None:
    with pytest.raises(UsageError, match=said) as caught:
        import_text(sqlite_store, tmp_path, f"{header}\nuser1@example.com,x,y\n")

    assert caught.value.where.endswith("people.csv:1")
    with sqlite_store.read() as connection:
        assert lists.find(connection, "ai") is None


def test_address_is_another_name_for_email(sqlite_store: Store, tmp_path: Path) -> None:
    """Unless both are there: then it is where a person lives."""
    import_text(sqlite_store, tmp_path, "Address\nuser1@example.com\n")
    import_text(sqlite_store, tmp_path, "address,email\nRue 1,user2@example.com\n")

    assert everybody(sqlite_store) == ["user2@example.com", "user1@example.com"]
    assert person(sqlite_store, "user2@example.com").subscriber.attributes == {"address": "Rue 1"}


def test_a_header_alone_is_no_error(store: Store, tmp_path: Path) -> None:
    result = import_text(store, tmp_path, "email,name\n")

    assert (result.added, result.rejected) == (0, 0)


@pytest.mark.parametrize("name", ["", "AI", "a b", "ü", "x" * 64])
def test_a_list_must_have_a_proper_name(sqlite_store: Store, tmp_path: Path, name: str) -> None:
    with pytest.raises(UsageError):
        import_text(sqlite_store, tmp_path, "email\nuser1@example.com\n", name)


def test_an_import_that_fails_halfway_leaves_nothing(store: Store, tmp_path: Path) -> None:
    """Neither people, nor the list, nor a file of rejects, nor a half of one."""
    path = tmp_path / "people.csv"
    path.write_text("email\n" + "".join(f"user{n}@example.com\n" for n in range(12_000)) + "bad\n")

    class PulledOut(Exception):
        pass

    def pull_out(position_bytes: int) -> None:
        raise PulledOut

    with pytest.raises(PulledOut):
        import_csv(
            store,
            path,
            "ai",
            status=CONFIRMED,
            now=NOW,
            hashes=erased_hash,
            rejects=tmp_path / "rejects.csv",
            progress=pull_out,
        )

    assert everybody(store) == []
    assert sorted(each.name for each in tmp_path.iterdir() if "rejects" in each.name) == []
    assert import_text(store, tmp_path, "email\nuser1@example.com\n").added == 1


def test_ids_follow_the_file(store: Store, tmp_path: Path) -> None:
    import_text(store, tmp_path, "email\nb@example.com\na@example.com\nc@example.com\n")

    assert everybody(store) == ["c@example.com", "a@example.com", "b@example.com"]


def test_an_unsubscribe_does_not_wait_for_the_file(sqlite_store: Store, tmp_path: Path) -> None:
    """Rows are staged without the write lock: others write while a long file is read."""
    make_list(sqlite_store)
    join(sqlite_store)
    path = tmp_path / "people.csv"
    path.write_text("email,name\n" + "".join(f"user{n}@example.com,N\n" for n in range(12_000)))
    left: list[tuple[str, ...]] = []

    def leave_now(position_bytes: int) -> None:
        left.append(leave(sqlite_store))

    result = import_csv(
        sqlite_store,
        path,
        "ai",
        status=CONFIRMED,
        now=LATER,
        hashes=erased_hash,
        progress=leave_now,
    )

    assert left[0] == ("ai",)
    assert result.skipped == 1
    assert statuses(sqlite_store) == {"ai": "unsubscribed"}


def test_people_erased_while_the_file_is_read_stay_erased(
    sqlite_store: Store, tmp_path: Path
) -> None:
    path = tmp_path / "people.csv"
    path.write_text("email\n" + "".join(f"user{n}@example.com\n" for n in range(6_000)))

    def erase(key: str) -> tuple[str, ...]:
        return erased_hash(key)

    def progress(position_bytes: int) -> None:
        with sqlite_store.write() as connection:
            suppressing.add(
                connection, erased_hash("user7@example.com")[0], SuppressionReason.ERASED, "", NOW
            )

    result = import_csv(
        sqlite_store, path, "ai", status=CONFIRMED, now=NOW, hashes=erase, progress=progress
    )

    assert (result.added, result.skipped) == (5_999, 1)


def test_times_are_kept_for_the_people(store: Store, tmp_path: Path) -> None:
    import_text(store, tmp_path, "email\nuser1@example.com\n", now=LATER)

    assert person(store).created_at == LATER
