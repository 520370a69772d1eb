"""The exports of other systems, in files of their layouts: who of them is mailed afterwards."""

from dataclasses import dataclass
from pathlib import Path

import pytest

from newsletter.audience.columns import Choice
from newsletter.audience.importing import AS_IT_IS, ImportOptions, ImportResult, import_csv
from newsletter.audience.systems import SYSTEMS
from newsletter.errors import UsageError
from newsletter.model.subscriber import SubscriptionStatus
from newsletter.store import Store
from newsletter.store.people import people, suppressions
from newsletter.store.people.people import Person
from tests.factories import NOW, erased_hash, import_text

MAILCHIMP = (
    "Email Address,First Name,Last Name,{extra}MEMBER_RATING,OPTIN_TIME,OPTIN_IP,CONFIRM_TIME,"
    "CONFIRM_IP,LATITUDE,LONGITUDE,GMTOFF,DSTOFF,TIMEZONE,CC,REGION,LAST_CHANGED,LEID,EUID,NOTES,TAGS\n"
    "{who}@example.com,Ana,López,{values}3,2019-03-14 09:12:31,192.0.2.7,2019-03-14 09:14:00,"
    "192.0.2.8,52.5,13.4,1,2,Europe/Berlin,DE,BE,2024-01-01 00:00:00,5533,89abc0,,"
    '"""VIP"",""Blog"""\n'
)


@dataclass(frozen=True)
class Export:
    """A file as a system writes it, and where each of its people must stand afterwards."""

    text: str
    standings: dict[str, str]


EXPORTS = {
    "listmonk": Export(
        "uuid,email,name,attributes,status,created_at,updated_at\n"
        'a1,on@example.com,On,"{""city"": ""Köln"", ""age"": 52, ""tags"": [""x"", ""y""]}",'
        "enabled,2021-01-01T00:37:00Z,2021-01-01T03:42:00Z\n"
        "a2,off@example.com,Off,{},disabled,2021-01-01T00:37:00Z,2021-01-01T03:42:00Z\n"
        "a3,block@example.com,Bo,{},blocklisted,2021-01-01T00:37:00Z,2021-01-01T03:42:00Z\n",
        {"on": "confirmed", "off": "manual", "block": "manual"},
    ),
    "mailchimp": Export(
        MAILCHIMP.format(extra="", who="on", values=""),
        {"on": "confirmed"},
    ),
    "substack": Export(
        "email,name,active_subscription,expiry,plan,email_disabled,created_at,first_payment_at\n"
        "free@example.com,Free,false,,other,false,2025-06-01T00:00:00.000Z,\n"
        "paid@example.com,,true,,yearly,false,2025-06-01T00:00:00.000Z,\n"
        "off@example.com,,true,,yearly,true,2025-06-01T00:00:00.000Z,\n",
        {"free": "confirmed", "paid": "confirmed", "off": "unsubscribed"},
    ),
    "ghost": Export(
        "id,email,name,note,subscribed_to_emails,complimentary_plan,stripe_customer_id,created_at,"
        "deleted_at,labels,tiers\n"
        '62,on@example.com,Jo,"one\ntwo",true,false,,2025-06-01T00:00:00.000Z,,"a, b",Free\n'
        "63,off@example.com,Jo,,false,false,,2025-06-01T00:00:00.000Z,,,Free\n"
        "64,gone@example.com,Jo,,true,false,,2025-06-01T00:00:00.000Z,2025-07-01T00:00:00.000Z,,Free\n",
        {"on": "confirmed", "off": "unsubscribed", "gone": "unsubscribed"},
    ),
    "sendy": Export(
        "Name,Email,Status\nS,on@example.com,Active\nS,left@example.com,Unsubscribed\n"
        "S,dead@example.com,Bounced\nS,angry@example.com,Marked as spam\n"
        "S,new@example.com,Unconfirmed\n",
        {
            "on": "confirmed",
            "left": "unsubscribed",
            "dead": "hard_bounce",
            "angry": "complaint",
            "new": "pending",
        },
    ),
    "buttondown": Export(
        "id,email,type,creation_date,metadata,tags,notes,source\n"
        '1,on@example.com,regular,2024-02-03T04:05:06Z,"{""team"": ""x""}",a,,api\n'
        "2,paid@example.com,premium,2024-02-03T04:05:06Z,{},,,\n"
        "3,new@example.com,unactivated,2024-02-03T04:05:06Z,{},,,\n"
        "4,left@example.com,unsubscribed,2024-02-03T04:05:06Z,{},,,\n"
        "5,removed@example.com,removed,2024-02-03T04:05:06Z,{},,,\n"
        "6,angry@example.com,complained,2024-02-03T04:05:06Z,{},,,\n"
        "7,dead@example.com,undeliverable,2024-02-03T04:05:06Z,{},,,\n"
        "8,spam@example.com,blocked,2024-02-03T04:05:06Z,{},,,\n",
        {
            "on": "confirmed",
            "paid": "confirmed",
            "new": "pending",
            "left": "unsubscribed",
            "removed": "unsubscribed",
            "angry": "complaint",
            "dead": "hard_bounce",
            "spam": "manual",
        },
    ),
}


def standings(store: Store) -> dict[str, str]:
    with store.read() as connection:
        found = {
            each.address.partition("@")[0]: each.reason.value
            for each in suppressions.newest_first(connection)
        }
        for person in people.newest_first(connection):
            for joined in person.subscriptions:
                found[person.subscriber.address.text.partition("@")[0]] = joined.status.value
    return found


def person(store: Store, who: str) -> Person:
    with store.read() as connection:
        return next(
            each
            for each in people.newest_first(connection)
            if each.subscriber.address.text.startswith(f"{who}@")
        )


def import_export(store: Store, folder: Path, system: str, order: ImportOptions) -> ImportResult:
    return import_text(store, folder, EXPORTS[system].text, order=order)


def test_there_is_an_export_of_each_system() -> None:
    """Ours is tested where it is written."""
    assert set(EXPORTS) == set(SYSTEMS) - {"newsletter"}


@pytest.mark.parametrize("system", EXPORTS)
@pytest.mark.parametrize("named", [True, False])
def test_each_export_is_read_named_or_recognised(
    sqlite_store: Store, tmp_path: Path, system: str, named: bool
) -> None:
    """Who left, bounced, complained, was blocked or never confirmed is recorded so."""
    if system == "buttondown" and not named:
        return  # `type` is no word by which a system, or a status, is known
    order = ImportOptions(SYSTEMS[system]) if named else AS_IT_IS

    result = import_export(sqlite_store, tmp_path, system, order)

    assert standings(sqlite_store) == EXPORTS[system].standings
    assert result.rejected == 0
    assert sum(result.counts.values()) == len(EXPORTS[system].standings)


@pytest.mark.parametrize("system", EXPORTS)
def test_no_later_import_confirms_who_said_no(
    sqlite_store: Store, tmp_path: Path, system: str
) -> None:
    import_export(sqlite_store, tmp_path, system, ImportOptions(SYSTEMS[system]))
    addresses = "".join(f"{who}@example.com\n" for who in EXPORTS[system].standings)

    import_text(sqlite_store, tmp_path, f"email\n{addresses}")

    expected = EXPORTS[system].standings
    assert standings(sqlite_store) == {
        who: "confirmed" if standing == "pending" else standing
        for who, standing in expected.items()
    }


@pytest.mark.parametrize("system", [name for name in EXPORTS if name != "mailchimp"])
def test_a_word_that_a_system_does_not_have_refuses_its_file(
    sqlite_store: Store, tmp_path: Path, system: str
) -> None:
    word = next(
        word
        for word in ("enabled", "false", "Active", "regular")
        if f",{word}" in EXPORTS[system].text
    )
    text = EXPORTS[system].text.replace(f",{word}", ",mystery", 2)

    with pytest.raises(UsageError, match="mystery"):
        import_text(sqlite_store, tmp_path, text, order=ImportOptions(SYSTEMS[system]))

    assert standings(sqlite_store) == {}


@pytest.mark.parametrize("system", [name for name in EXPORTS if name != "mailchimp"])
def test_a_file_without_the_column_that_says_who_left_is_no_export(
    sqlite_store: Store, tmp_path: Path, system: str
) -> None:
    with pytest.raises(UsageError, match=f"not an export of {system}"):
        import_text(
            sqlite_store, tmp_path, "email\nx@example.com\n", order=ImportOptions(SYSTEMS[system])
        )


@pytest.mark.parametrize("named", [True, False])
def test_the_three_files_of_mailchimp_are_imported_together(
    sqlite_store: Store, tmp_path: Path, named: bool
) -> None:
    """An address in several of them stays away, whichever comes first."""
    subscribed = MAILCHIMP.format(extra="", who="on", values="")
    again = MAILCHIMP.format(extra="", who="left", values="").splitlines()[1]
    files = {
        "subscribed.csv": f"{subscribed}{again}\n",
        "unsub.csv": MAILCHIMP.format(
            extra="UNSUB_TIME,UNSUB_CAMPAIGN_TITLE,UNSUB_CAMPAIGN_ID,UNSUB_REASON,UNSUB_REASON_OTHER,",
            who="left",
            values="2023-05-05 10:00:00,May news,8c2,NORMAL,,",
        ),
        "clean.csv": MAILCHIMP.format(
            extra="CLEAN_TIME,CLEAN_CAMPAIGN_TITLE,CLEAN_CAMPAIGN_ID,",
            who="dead",
            values="2023-05-05 10:00:00,May news,8c2,",
        ),
        "nonsubscribed_members.csv": MAILCHIMP.format(extra="", who="shop", values=""),
    }
    for name, text in files.items():
        (tmp_path / name).write_text(text, "utf-8")

    result = import_csv(
        sqlite_store,
        [tmp_path / name for name in files],
        "ai",
        status=SubscriptionStatus.CONFIRMED,
        now=NOW,
        hashes=erased_hash,
        order=ImportOptions(SYSTEMS["mailchimp"]) if named else AS_IT_IS,
    )

    assert standings(sqlite_store) == {
        "on": "confirmed",
        "left": "unsubscribed",
        "dead": "hard_bounce",
        "shop": "pending",
    }
    assert (result.unsubscribed, result.suppressed, result.unchanged) == (1, 1, 1)
    found = person(sqlite_store, "on")
    consent = found.subscriptions[0].consent
    assert found.subscriber.name == "Ana López"
    assert (consent.at.isoformat(), consent.ip) == ("2019-03-14T09:14:00+00:00", "192.0.2.8")
    assert found.subscriber.attributes["first_name"] == "Ana"
    assert found.subscriber.attributes["tags"] == '"VIP","Blog"'
    assert "leid" not in found.subscriber.attributes


def test_attributes_in_json_become_attributes(sqlite_store: Store, tmp_path: Path) -> None:
    import_export(sqlite_store, tmp_path, "listmonk", ImportOptions(SYSTEMS["listmonk"]))

    found = person(sqlite_store, "on")
    assert found.subscriber.attributes == {"city": "Köln", "age": "52", "tags": "x, y"}
    assert found.subscriptions[0].consent.at.isoformat() == "2021-01-01T00:37:00+00:00"


def test_what_a_reader_pays_is_no_consent(sqlite_store: Store, tmp_path: Path) -> None:
    import_export(sqlite_store, tmp_path, "substack", ImportOptions(SYSTEMS["substack"]))

    attributes = person(sqlite_store, "free").subscriber.attributes
    assert attributes == {"active_subscription": "false", "plan": "other"}


SUBSTACK_TABLE = (
    "Email,Name,Stripe plan,Cancel date,Start date,Emails received (6mo),Days active (30d),Type\n"
    "free@example.com,Free,,,2025-06-01T00:00:00.000Z,12,0,free\n"
    "paid@example.com,Paid,yearly,,2025-06-01T00:00:00.000Z,12,7,paid\n"
)


@pytest.mark.parametrize("named", [True, False])
def test_the_table_of_substack_is_read_and_asks_what_cancelling_means(
    sqlite_store: Store, tmp_path: Path, named: bool
) -> None:
    system = SYSTEMS["substack"] if named else None
    cancelled = f"{SUBSTACK_TABLE}ex@example.com,Ex,,2025-09-01,2025-06-01T00:00:00.000Z,3,0,free\n"

    with pytest.raises(UsageError, match="cancel date: '2025-09-01'"):
        import_text(sqlite_store, tmp_path, cancelled, order=ImportOptions(system))
    refused = standings(sqlite_store)
    import_text(
        sqlite_store,
        tmp_path,
        cancelled,
        order=ImportOptions(system, Choice({"cancel date": "status"})),
    )
    left = standings(sqlite_store)
    other = cancelled.replace("ex@", "payer@")
    import_text(
        sqlite_store,
        tmp_path,
        other,
        order=ImportOptions(system, Choice({"cancel date": "attribute"})),
    )

    assert refused == {}
    assert left == {"free": "confirmed", "paid": "confirmed", "ex": "unsubscribed"}
    assert standings(sqlite_store)["payer"] == "confirmed"
    consent = person(sqlite_store, "free").subscriptions[0].consent
    assert consent.at.isoformat() == "2025-06-01T00:00:00+00:00"
    assert person(sqlite_store, "paid").subscriber.attributes["days_active_(30d)"] == "7"


def test_an_older_list_of_substack_that_does_not_tell_who_left_is_refused(
    sqlite_store: Store, tmp_path: Path
) -> None:
    """Nor is somebody who does not pay taken for somebody who left."""
    text = "email,name,active_subscription,expiry,created_at\nx@example.com,X,false,,2025-06-01\n"

    with pytest.raises(UsageError, match="email_disabled"):
        import_text(sqlite_store, tmp_path, text)

    assert standings(sqlite_store) == {}


@pytest.mark.parametrize(
    ("name", "expected"),
    [("export.csv", "pending"), ("subscribed_members_export_1.csv", "confirmed")],
)
def test_who_never_said_yes_to_mailchimp_is_pending_whatever_their_file_is_called(
    sqlite_store: Store, tmp_path: Path, name: str, expected: str
) -> None:
    """A file of non-subscribed contacts that was renamed: its people have no time of a yes."""
    text = MAILCHIMP.format(extra="", who="shop", values="").replace(
        "2019-03-14 09:12:31,192.0.2.7,2019-03-14 09:14:00,192.0.2.8", ",,,"
    )

    import_text(sqlite_store, tmp_path, text, name=name)

    assert standings(sqlite_store) == {"shop": expected}


def test_each_type_of_buttondown_has_a_standing(sqlite_store: Store, tmp_path: Path) -> None:
    types = (
        "blocked complained churning churned gifted unactivated unpaid undeliverable premium "
        "past_due paused regular removed trialed unsubscribed upcoming"
    ).split()
    rows = "".join(f"{each}@example.com,{each}\n" for each in types)

    import_text(
        sqlite_store,
        tmp_path,
        f"email_address,subscriber_type\n{rows}",
        order=ImportOptions(SYSTEMS["buttondown"]),
    )

    found = standings(sqlite_store)
    assert set(found) == set(types)
    assert {each for each, says in found.items() if says == "confirmed"} == set(
        "churning churned gifted premium past_due paused regular trialed".split()
    )
