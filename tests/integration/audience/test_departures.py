"""Importing a no: it is recorded, takes people off, and no later import undoes it."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from newsletter.audience.columns import Choice
from newsletter.audience.importing import ImportOptions, import_csv
from newsletter.errors import UsageError
from newsletter.model.address import Address
from newsletter.model.standing import Standing
from newsletter.model.subscriber import ConsentKind, SubscriptionStatus
from newsletter.store import Store
from newsletter.store.people import consents, former, people, suppressing, suppressions
from tests.factories import LATER, NOW, erased_hash, import_text, join, leave, make_list


def standing(store: Store, who: str) -> str:
    """Where an address stands on the list `ai`: a status, a suppression, or nothing."""
    address = Address(f"{who}@example.com")
    with store.read() as connection:
        suppression = suppressions.find(connection, address)
        person = people.person(connection, address)
    if suppression is not None:
        return suppression.reason.value
    return next((each.status.value for each in person.subscriptions), "") if person else ""


def log(store: Store, who: str) -> list[tuple[str, str]]:
    with store.read() as connection:
        person = people.find(connection, Address(f"{who}@example.com"))
        assert person is not None
        return [(fact.kind.value, fact.consent.how) for fact in consents.of(connection, person.id)]


@pytest.mark.pressure
@pytest.mark.parametrize(
    ("word", "recorded"),
    [
        ("Unsubscribed", "unsubscribed"),
        ("opted out", "unsubscribed"),
        ("inactive", "unsubscribed"),
        ("bounced", "hard_bounce"),
        ("Cleaned", "hard_bounce"),
        ("Marked as spam", "complaint"),
        ("blocklisted", "manual"),
        ("disabled", "manual"),
        ("Unconfirmed", "pending"),
        ("", "pending"),
        ("Active", "confirmed"),
    ],
)
def test_what_a_status_says_is_recorded_and_no_later_import_confirms_a_no(
    store: Store, tmp_path: Path, word: str, recorded: str
) -> None:
    """Of people the store never saw."""
    result = import_text(store, tmp_path, f"email,Status\nx@example.com,{word}\n")
    before = standing(store, "x")
    import_text(store, tmp_path, "email\nX@example.com\nnew@example.com\n", now=LATER)

    assert before == recorded
    assert sum(result.counts.values()) == 1
    assert standing(store, "x") == ("confirmed" if recorded == "pending" else recorded)


def test_a_no_takes_a_confirmed_person_off_and_keeps_their_earlier_yes(
    store: Store, tmp_path: Path
) -> None:
    import_text(store, tmp_path, "email,name\nann@example.com,Ann\nbea@example.com,Bea\n")

    result = import_text(
        store, tmp_path, "email,name,status\nANN@example.com,Other,unsubscribed\n", now=LATER
    )

    assert (result.unsubscribed, result.updated) == (1, 0)
    assert (standing(store, "ann"), standing(store, "bea")) == ("unsubscribed", "confirmed")
    assert log(store, "ann") == [("confirmed", "import"), ("unsubscribed", "import")]
    with store.read() as connection:
        person = people.find(connection, Address("ann@example.com"))
    assert person is not None
    assert person.name == "Ann"


def test_a_no_once_more_changes_nothing(store: Store, tmp_path: Path) -> None:
    text = "email,status\nann@example.com,unsubscribed\nbea@example.com,bounced\n"
    import_text(store, tmp_path, text)

    again = import_text(store, tmp_path, text, now=LATER)

    assert again.counts == dict.fromkeys(again.counts, 0) | {"unchanged": 2}
    assert log(store, "ann") == [("unsubscribed", "import")]


@pytest.mark.parametrize(
    ("word", "recorded"),
    [("unsubscribed", "unsubscribed"), ("bounced", "hard_bounce"), ("active", "confirmed")],
)
@pytest.mark.parametrize("name", ["x" * 300, "a\x07b"])
def test_a_no_counts_though_its_row_has_a_name_that_cannot_be_kept(
    store: Store, tmp_path: Path, name: str, word: str, recorded: str
) -> None:
    import_text(store, tmp_path, "email\nann@example.com\n")

    result = import_text(
        store, tmp_path, f"email,name,status\nann@example.com,{name},{word}\n", now=LATER
    )

    assert standing(store, "ann") == recorded
    assert result.rejected == (recorded == "confirmed")
    assert sum(result.counts.values()) == 1


def test_pending_takes_nobody_back(store: Store, tmp_path: Path) -> None:
    make_list(store)
    join(store, "ann@example.com")
    join(store, "bea@example.com")
    leave(store, "bea@example.com", "ai")

    import_text(store, tmp_path, "email,status\nann@example.com,pending\nbea@example.com,pending\n")

    assert (standing(store, "ann"), standing(store, "bea")) == ("confirmed", "unsubscribed")


def test_a_suppressed_row_needs_no_membership(store: Store, tmp_path: Path) -> None:
    result = import_text(store, tmp_path, "email,status\nann@example.com,complained\n")

    assert result.suppressed == 1
    with store.read() as connection:
        assert people.count(connection) == 0
        history = suppressions.history(connection, "ann@example.com")
    assert [(each.action, each.source) for each in history] == [("added", "people.csv")]


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 2, 0)])
def test_a_no_wins_over_a_yes_whatever_the_order_of_rows_and_files(
    store: Store, tmp_path: Path, order: Sequence[int]
) -> None:
    contents = (
        "email,status\nann@example.com,active\nbea@example.com,active\ncid@example.com,active\n",
        "email,status\nann@example.com,unsubscribed\nbea@example.com,unsubscribed\n",
        "email,status\nbea@example.com,bounced\nBEA@example.com,complained\n",
    )
    files = []
    for number in order:
        file = tmp_path / f"{number}.csv"
        file.write_text(contents[number])
        files.append(file)

    result = import_csv(
        store, files, "ai", status=SubscriptionStatus.CONFIRMED, now=NOW, hashes=erased_hash
    )

    assert [standing(store, who) for who in ("ann", "bea", "cid")] == [
        "unsubscribed",
        "complaint",
        "confirmed",
    ]
    assert sum(result.counts.values()) == 7


@pytest.mark.parametrize(
    ("header", "cell", "recorded"),
    [
        ("subscribed_to_emails", "FALSE", "unsubscribed"),
        ("is_subscribed", "0", "unsubscribed"),
        ("subscribed", "yes", "confirmed"),
        ("subscribed", "", "pending"),
        ("email_disabled", "true", "unsubscribed"),
        ("Unsubscribed", "no", "confirmed"),
        ("unsubscribed_at", "2024-05-01", "unsubscribed"),
        ("unsubscribed_at", "", "confirmed"),
        ("Bounced", "1", "hard_bounce"),
        ("bounced on", "2024-05-01 10:00", "hard_bounce"),
        ("complained", "true", "complaint"),
        ("confirmed", "no", "unsubscribed"),
        ("confirmed_at", "", "pending"),
        ("confirmed_at", "2020-01-02T03:04:05Z", "confirmed"),
        ("Opt-in", "yes", "confirmed"),
        ("opt_out", "yes", "unsubscribed"),
        ("blocked", "y", "manual"),
        ("Accepts Marketing", "no", "unsubscribed"),
        ("email status", "soft bounced", "soft_bounce"),
        ("EmailStatus", "unsubscribed", "unsubscribed"),
        ("subscription_status_code", "0", "unsubscribed"),
        ("status", "NULL", "pending"),
        ("not_subscribed", "yes", "unsubscribed"),
        ("Non-subscribed", "true", "unsubscribed"),
        ("isNotSubscribed", "1", "unsubscribed"),
        ("not_confirmed", "1", "pending"),
        ("email_verified", "false", "unsubscribed"),
        ("HasOptedOutOfEmail", "1", "unsubscribed"),
        ("Do Not Contact", "yes", "unsubscribed"),
        ("no_email", "1", "unsubscribed"),
        ("consent_withdrawn_at", "2024-05-01", "unsubscribed"),
        ("deleted_at", "2024-05-01", "unsubscribed"),
        ("deleted_at", "NULL", "confirmed"),
        ("unsubscribed_at", "0000-00-00 00:00:00", "confirmed"),
        ("unsubscribed_at", "31.12.2023 10:00", "unsubscribed"),
        ("unsubscribed_at", "2024/05/01 10:00", "unsubscribed"),
        ("unsubscribed_at", "1 May 2024 10:00 am", "unsubscribed"),
        ("Unsubscribed", "1714557600", "unsubscribed"),
        ("subscribed_at", "12/31/2023", "confirmed"),
        ("Newsletter", "nein", "unsubscribed"),
        ("wants_newsletter", "no", "unsubscribed"),
        ("email_subscription", "false", "unsubscribed"),
        ("Abgemeldet", "ja", "unsubscribed"),
        ("Abgemeldet am", "", "confirmed"),
        ("nicht bestätigt", "WAHR", "pending"),
        ("Désabonné", "oui", "unsubscribed"),
        ("baja", "sí", "unsubscribed"),
        ("退订", "是", "unsubscribed"),
        ("是否订阅", "否", "unsubscribed"),
        ("状态", "已退订", "unsubscribed"),
        ("status", "Abgemeldet", "unsubscribed"),
        ("Status", "  UNSUB  ", "unsubscribed"),
        ("Status", "Nonsubscribed", "pending"),
        ("Status", "désabonne\u0301", "unsubscribed"),
    ],
)
def test_columns_named_like_a_consent_are_read_in_their_sense(
    sqlite_store: Store, tmp_path: Path, header: str, cell: str, recorded: str
) -> None:
    import_text(sqlite_store, tmp_path, f"email,{header}\nx@example.com,{cell}\n")

    assert standing(sqlite_store, "x") == recorded


@pytest.mark.parametrize(
    ("header", "cell"),
    [
        ("accepts_sms_marketing", "no"),
        ("SMS_BLACKLISTED", "yes"),
        ("push_enabled", "false"),
        ("unsubscribe_url", "https://example.com/u/1"),
        ("subscription_id", "0"),
        ("last_active_at", "2024-05-01"),
        ("interactive", "no"),
        ("blockchain", "yes"),
        ("option", "no"),
        ("left_handed", "yes"),
    ],
)
def test_columns_that_are_about_something_else_are_attributes(
    sqlite_store: Store, tmp_path: Path, header: str, cell: str
) -> None:
    import_text(sqlite_store, tmp_path, f"email,{header}\nx@example.com,{cell}\n")

    with sqlite_store.read() as connection:
        person = people.find(connection, Address("x@example.com"))
    assert person is not None
    assert person.attributes == {header.lower(): cell}
    assert standing(sqlite_store, "x") == "confirmed"


def test_any_one_column_that_says_no_wins(sqlite_store: Store, tmp_path: Path) -> None:
    import_text(
        sqlite_store,
        tmp_path,
        "email,status,bounced,consent\nann@example.com,active,yes,yes\nbea@example.com,active,,no\n",
    )

    assert [standing(sqlite_store, who) for who in ("ann", "bea")] == [
        "hard_bounce",
        "unsubscribed",
    ]


@pytest.mark.parametrize(
    ("header", "cell"),
    [("status", "zombie"), ("subscribed", "perhaps"), ("bounced", "3"), ("plan_active", "gold")],
)
def test_a_word_that_is_not_known_refuses_the_whole_file(
    sqlite_store: Store, tmp_path: Path, header: str, cell: str
) -> None:
    """Nobody is imported, no list made and no rejects written; every word is told at once."""
    cells = ("yes", cell, cell, "?!")
    rows = "".join(f"user{number}@example.com,{each}\n" for number, each in enumerate(cells))
    text = f"email,{header}\n{rows}"

    with pytest.raises(UsageError) as caught:
        import_text(sqlite_store, tmp_path, text, rejects=tmp_path / "rejects.csv")

    assert header in caught.value.message
    assert repr(cell) in caught.value.message
    assert "2 rows" in caught.value.message
    assert "'?!'" in caught.value.message
    assert caught.value.where.endswith("people.csv:3")
    assert "--ignore" in caught.value.hint
    with sqlite_store.read() as connection:
        assert people.count(connection) == 0
    assert not (tmp_path / "rejects.csv").exists()


def test_a_column_that_only_looks_like_a_status_can_be_kept_or_left_out(
    sqlite_store: Store, tmp_path: Path
) -> None:
    text = "email,Active plan\nx@example.com,gold\n"

    for told, expected in (("attribute", {"active_plan": "gold"}), ("plan", {"plan": "gold"})):
        order = ImportOptions(choice=Choice({"active plan": told}))
        import_text(sqlite_store, tmp_path, text, order=order)
        with sqlite_store.read() as connection:
            person = people.find(connection, Address("x@example.com"))
        assert person is not None
        assert expected.items() <= person.attributes.items()
    result = import_text(
        sqlite_store, tmp_path, text, order=ImportOptions(choice=Choice({"active plan": "-"}))
    )

    assert result.unchanged == 1


@pytest.mark.parametrize(
    "word", ["unsubscribed", "UNSUBSCRIBED", "Opted Out", "Bounced ", "blocklisted", "已退订"]
)
def test_a_no_where_nobody_looked_for_one_refuses_the_file(
    sqlite_store: Store, tmp_path: Path, word: str
) -> None:
    """A column whose name says nothing, as `type` in the exports of Buttondown."""
    text = f"email,type\nann@example.com,regular\nx@example.com,{word}\n"

    with pytest.raises(UsageError) as caught:
        import_text(
            sqlite_store,
            tmp_path,
            text,
            order=ImportOptions(choice=Choice(only=frozenset(["type"]))),
        )

    assert f"type: {word.strip()!r}" in caught.value.message
    assert caught.value.where.endswith("people.csv:3")
    assert "--map 'type'=status" in caught.value.hint
    assert standing(sqlite_store, "ann") == ""


def test_such_a_column_is_read_kept_or_left_out_as_told(
    sqlite_store: Store, tmp_path: Path
) -> None:
    text = "email,kind\n{who}@example.com,unsubscribed\n"

    for who, told in (("ann", "status"), ("bea", "attribute"), ("cid", "-")):
        order = ImportOptions(choice=Choice({"kind": told}))
        import_text(sqlite_store, tmp_path, text.format(who=who), order=order)

    assert [standing(sqlite_store, who) for who in ("ann", "bea", "cid")] == [
        "unsubscribed",
        "confirmed",
        "confirmed",
    ]


def test_a_word_that_is_not_known_is_found_however_far_down_it_stands(
    sqlite_store: Store, tmp_path: Path
) -> None:
    rows = "".join(f"user{number}@example.com,active\n" for number in range(50_000))

    with pytest.raises(UsageError, match="zombie") as caught:
        import_text(sqlite_store, tmp_path, f"email,status\n{rows}x@example.com,zombie\n")

    assert caught.value.where.endswith("people.csv:50002")
    with sqlite_store.read() as connection:
        assert people.count(connection) == 0


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("readers-unsubscribed.csv", "--as unsubscribed"),
        ("Unsubscribers 2024.csv", "--as unsubscribed"),
        ("opt-out.csv", "--as unsubscribed"),
        ("readers-marked-as-spam.csv", "--as suppressed --reason complaint"),
        ("bounces.csv", "--as suppressed --reason hard_bounce"),
        ("cleaned_members.csv", "--as suppressed --reason hard_bounce"),
        ("suppressions.csv", "--as suppressed --reason manual"),
        ("readers-unconfirmed.csv", "--pending"),
    ],
)
def test_a_file_that_is_called_after_a_no_is_no_yes(
    sqlite_store: Store, tmp_path: Path, name: str, told: str
) -> None:
    """As the exports of Sendy, a file for each state and no column that says it."""
    text = "Name,Email\nX,x@example.com\n"

    with pytest.raises(UsageError) as caught:
        import_text(sqlite_store, tmp_path, text, name=name)
    refused = standing(sqlite_store, "x")
    import_text(
        sqlite_store, tmp_path, text, name=name, order=ImportOptions(choice=Choice(is_vouched=True))
    )

    assert told in caught.value.hint
    assert refused == ""
    assert standing(sqlite_store, "x") == "confirmed"


@pytest.mark.parametrize("name", ["subscribed.csv", "resubscribe.csv", "blockchain.csv", "all.csv"])
def test_other_files_are_called_what_they_will(
    sqlite_store: Store, tmp_path: Path, name: str
) -> None:
    import_text(sqlite_store, tmp_path, "email\nx@example.com\n", name=name)

    assert standing(sqlite_store, "x") == "confirmed"


@pytest.mark.parametrize("everybody", [Standing.UNSUBSCRIBED, Standing.COMPLAINT])
def test_a_file_of_departures_needs_only_addresses(
    store: Store, tmp_path: Path, everybody: Standing
) -> None:
    make_list(store)
    join(store, "ann@example.com")
    order = ImportOptions(choice=Choice(everybody=everybody))
    list_name = "ai" if everybody is Standing.UNSUBSCRIBED else None

    import_text(
        store, tmp_path, "email\nann@example.com\nnew@example.com\n", list_name, order=order
    )
    import_text(store, tmp_path, "email\nann@example.com\nnew@example.com\n", now=LATER)

    assert [standing(store, who) for who in ("ann", "new")] == [everybody.value] * 2


def test_a_whole_file_of_departures_overrules_its_columns(
    sqlite_store: Store, tmp_path: Path
) -> None:
    order = ImportOptions(choice=Choice(everybody=Standing.UNSUBSCRIBED))

    import_text(sqlite_store, tmp_path, "email,status\nx@example.com,odd\n", order=order)

    assert standing(sqlite_store, "x") == "unsubscribed"


def test_the_time_source_and_address_of_a_consent_are_taken_over(
    store: Store, tmp_path: Path
) -> None:
    import_text(
        store,
        tmp_path,
        "email,subscribed_at,optin_ip,consent_source,unsubscribed_at\n"
        "ann@example.com,2019-03-14 09:12:31,192.0.2.7,fair,\n"
        "bea@example.com,2019-03-14T09:12:31+01:00,,,2021-02-03T04:05:06Z\n"
        "cid@example.com,2319-03-14 09:12:31,,,\n",
    )

    with store.read() as connection:
        found = {
            each.subscriber.address.text[:3]: each.subscriptions[0].consent
            for each in people.newest_first(connection)
        }
        bea = people.find(connection, Address("bea@example.com"))
        assert bea is not None
        facts = consents.of(connection, bea.id)
    assert found["ann"].at.isoformat() == "2019-03-14T09:12:31+00:00"
    assert (found["ann"].source, found["ann"].ip) == ("fair", "192.0.2.7")
    assert found["bea"].at.isoformat() == "2019-03-14T08:12:31+00:00"
    assert found["cid"].at == NOW  # a time to come is none
    assert [(fact.kind, fact.consent.at.year) for fact in facts] == [
        (ConsentKind.UNSUBSCRIBED, 2021)
    ]


def test_who_was_erased_is_recorded_in_no_way(store: Store, tmp_path: Path) -> None:
    from newsletter.model.subscriber import SuppressionReason

    with store.write() as connection:
        (known_as,) = erased_hash("x@example.com")
        suppressing.add(connection, known_as, SuppressionReason.ERASED, "", NOW)

    result = import_text(
        store, tmp_path, "email,status\nx@example.com,unsubscribed\nX@example.com,bounced\n"
    )

    assert result.skipped == 2
    with store.read() as connection:
        assert people.count(connection) == 0
        assert suppressions.counts(connection) == {"erased": 1}


def test_a_former_address_is_no_second_person_and_its_no_counts(
    store: Store, tmp_path: Path
) -> None:
    """Somebody moved to another address; an old file, and an old list of departures, have the
    former one."""
    make_list(store)
    ann = join(store, "new@example.com").subscriber_id
    with store.write() as connection:
        former.add(connection, ann, Address("old@example.com"), "", 1, NOW)

    yes = import_text(store, tmp_path, "email\nold@example.com\n")
    no = import_text(store, tmp_path, "email,status\nold@example.com,unsubscribed\n")

    assert (yes.skipped, no.unsubscribed) == (1, 1)
    assert standing(store, "new") == "unsubscribed"
    with store.read() as connection:
        assert people.count(connection) == 1
