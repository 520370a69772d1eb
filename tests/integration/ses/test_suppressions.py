"""Our suppressions and the list of the SES account, on both stores, against the stand-in."""

import datetime as dt
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from mypy_boto3_sesv2 import SESV2Client

from newsletter.audience.erasing import erase
from newsletter.audience.subscribers import suppress, unsuppress
from newsletter.audience.syncing import Synced, pull, sync
from newsletter.config import SesSettings
from newsletter.config.tables import read_table
from newsletter.errors import ConfigurationError, TransportDown
from newsletter.model.address import Address
from newsletter.model.subscriber import Consent, SuppressionReason
from newsletter.store import Store
from newsletter.store.people import imports, suppressing, suppressions
from newsletter.transports.ses.suppressed import SesAccountList
from tests.factories import erased_hash, import_text, join, make_list, on_sqlite
from tests.integration.commandline import Call
from tests.integration.test_cli_ses import HEALTHY, NO_AWS
from tests.standin.asking import client_of
from tests.standin.client import StandIn, running

HOUR = dt.timedelta(hours=1)
MONTH = dt.timedelta(days=30)

SOURCE = "SES account list"


def now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)


@pytest.fixture
def standin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[StandIn]:
    for name, value in {
        "AWS_ACCESS_KEY_ID": "key",
        "AWS_SECRET_ACCESS_KEY": "secret",
        **NO_AWS,
    }.items():
        monkeypatch.setenv(name, value)
    with running(tmp_path / "log.jsonl") as started:
        yield started


@pytest.fixture
def ses(standin: StandIn) -> SESV2Client:
    return client_of(standin.url)


@pytest.fixture
def account(standin: StandIn) -> SesAccountList:
    return SesAccountList.open(SesSettings(region="us-east-1", endpoint_url=standin.url))


def listed(account: SesAccountList) -> Mapping[str, SuppressionReason]:
    return {entry.address: entry.reason for page in account.pages() for entry in page}


def ours(store: Store) -> Mapping[str, tuple[str, str]]:
    with store.read() as connection:
        found = list(suppressions.newest_first(connection))
    return {each.address: (each.reason.value, each.source) for each in found}


def add(store: Store, key: str, reason: SuppressionReason, source: str = "an event") -> None:
    with store.write() as connection:
        suppressing.add(connection, key, reason, source, now())


def calls(standin: StandIn) -> list[str]:
    return [record["operation"] for record in standin.requests]


def test_each_side_takes_over_what_only_the_other_knows(
    store: Store, account: SesAccountList, ses: SESV2Client
) -> None:
    ses.put_suppressed_destination(EmailAddress="Bounced@example.com", Reason="BOUNCE")
    ses.put_suppressed_destination(EmailAddress="cross@example.com", Reason="COMPLAINT")
    ses.put_suppressed_destination(EmailAddress="both@example.com", Reason="BOUNCE")
    add(store, "both@example.com", SuppressionReason.COMPLAINT)
    add(store, "hard@example.com", SuppressionReason.HARD_BOUNCE)
    add(store, "spam@example.com", SuppressionReason.COMPLAINT)

    synced = sync(store, account, erased_hash, now())

    assert synced == Synced(taken=2, given=2, removed=0, unchanged=1)
    assert ours(store)["bounced@example.com"] == ("hard_bounce", SOURCE)
    assert ours(store)["cross@example.com"] == ("complaint", SOURCE)
    assert ours(store)["both@example.com"] == ("complaint", "an event")
    assert listed(account)["hard@example.com"] == SuppressionReason.HARD_BOUNCE
    assert listed(account)["spam@example.com"] == SuppressionReason.COMPLAINT


def test_what_ses_lists_outlives_an_import_that_is_undone(
    store: Store, account: SesAccountList, ses: SESV2Client, tmp_path: Path
) -> None:
    """An imported bounce may stand there because we put it there; what we never put there is SES's
    own."""
    text = "email,status\nblocked@example.com,blocked\nbounced@example.com,bounced\n"
    result = import_text(store, tmp_path, text)
    assert result.import_id is not None
    ses.put_suppressed_destination(EmailAddress="blocked@example.com", Reason="BOUNCE")
    sync(store, account, erased_hash, now())

    with store.write() as connection:
        imports.undo(connection, result.import_id, now())

    assert list(ours(store)) == ["blocked@example.com"]


def test_a_second_sync_changes_nothing(
    store: Store, account: SesAccountList, ses: SESV2Client, standin: StandIn
) -> None:
    ses.put_suppressed_destination(EmailAddress="bounced@example.com", Reason="BOUNCE")
    add(store, "hard@example.com", SuppressionReason.HARD_BOUNCE)
    sync(store, account, erased_hash, now())
    before = len(standin.requests)

    again = sync(store, account, erased_hash, now())

    assert again == Synced(unchanged=2)
    assert set(calls(standin)[before:]) == {"ListSuppressedDestinations"}


def test_manual_soft_and_erased_suppressions_stay_ours(
    store: Store, account: SesAccountList, tmp_path: Path
) -> None:
    suppress(store, Address("manual@example.com"), now())
    add(store, "soft@example.com", SuppressionReason.SOFT_BOUNCE)
    make_list(store)
    join(store, "erased@example.com")
    said = Consent(now(), "forget", "test")
    erase(store, tmp_path, erased_hash, Address("erased@example.com"), said)

    sync(store, account, erased_hash, now())

    assert listed(account) == {}


def test_an_erased_person_on_the_list_of_ses_does_not_come_back_by_name(
    store: Store, account: SesAccountList, ses: SESV2Client, tmp_path: Path
) -> None:
    make_list(store)
    join(store, "erased@example.com")
    said = Consent(now(), "forget", "test")
    erase(store, tmp_path, erased_hash, Address("erased@example.com"), said)
    ses.put_suppressed_destination(EmailAddress="Erased@example.com", Reason="BOUNCE")

    synced = sync(store, account, erased_hash, now())

    assert synced == Synced(unchanged=1)
    assert [reason for reason, _ in ours(store).values()] == ["erased"]


def test_what_was_removed_here_after_ses_listed_it_is_removed_there(
    store: Store, account: SesAccountList, ses: SESV2Client
) -> None:
    ses.put_suppressed_destination(EmailAddress="back@example.com", Reason="BOUNCE")
    sync(store, account, erased_hash, now())
    unsuppress(store, Address("back@example.com"), erased_hash, now())

    synced = sync(store, account, erased_hash, now())

    assert synced == Synced(removed=1)
    assert listed(account) == {}
    assert ours(store) == {}


def test_what_bounces_again_after_it_was_removed_here_comes_back(
    store: Store, account: SesAccountList, ses: SESV2Client
) -> None:
    suppress(store, Address("again@example.com"), now() - HOUR)
    unsuppress(store, Address("again@example.com"), erased_hash, now() - HOUR)
    ses.put_suppressed_destination(EmailAddress="again@example.com", Reason="BOUNCE")

    assert sync(store, account, erased_hash, now()).taken == 1


def test_what_was_deleted_at_ses_is_not_put_back(
    store: Store, account: SesAccountList, ses: SESV2Client
) -> None:
    """It came from there; ours keeps it until somebody removes it here."""
    ses.put_suppressed_destination(EmailAddress="gone@example.com", Reason="BOUNCE")
    sync(store, account, erased_hash, now())
    ses.delete_suppressed_destination(EmailAddress="gone@example.com")

    assert sync(store, account, erased_hash, now()).given == 0
    assert "gone@example.com" in ours(store)


@on_sqlite
def test_the_list_is_read_in_pages_and_a_page_twice_counts_once(
    store: Store, account: SesAccountList, ses: SESV2Client, standin: StandIn
) -> None:
    for number in range(1001):
        ses.put_suppressed_destination(EmailAddress=f"r{number}@example.com", Reason="BOUNCE")

    assert pull(store, account, erased_hash, now()) == 1001
    assert calls(standin).count("ListSuppressedDestinations") == 2
    assert pull(store, account, erased_hash, now()) == 0


def test_a_later_pull_asks_for_what_is_new_alone(
    store: Store, account: SesAccountList, ses: SESV2Client
) -> None:
    """And for the day before: clocks differ."""
    ses.put_suppressed_destination(EmailAddress="today@example.com", Reason="BOUNCE")
    assert pull(store, account, erased_hash, now() + MONTH) == 1
    with store.write() as connection:
        suppressing.allow(connection, "today@example.com", "test", now() - HOUR)

    assert pull(store, account, erased_hash, now() + MONTH) == 0
    assert sync(store, account, erased_hash, now()).taken == 1


def test_throttling_is_waited_for(
    store: Store, account: SesAccountList, ses: SESV2Client, standin: StandIn
) -> None:
    ses.put_suppressed_destination(EmailAddress="bounced@example.com", Reason="BOUNCE")
    standin.configure(too_many_requests={"next": 2, "operation": "ListSuppressedDestinations"})

    assert sync(store, account, erased_hash, now()).taken == 1
    assert calls(standin).count("ListSuppressedDestinations") == 3


def test_an_account_that_cannot_be_reached_is_told_and_nothing_changes(
    sqlite_store: Store,
) -> None:
    nowhere = SesAccountList.open(
        SesSettings(region="us-east-1", endpoint_url="http://127.0.0.1:9")
    )

    with pytest.raises(TransportDown, match="suppression list"):
        pull(sqlite_store, nowhere, erased_hash, now())

    assert ours(sqlite_store) == {}


# --- the command line -----------------------------------------------------------------------------


@pytest.fixture
def through(
    project: Path, standin: StandIn, monkeypatch: pytest.MonkeyPatch
) -> Callable[[], list[str]]:
    """The newsletter sends through the stand-in; returns who was mailed."""
    standin.account(**HEALTHY)
    for name, value in standin.settings.items():
        monkeypatch.setenv(name, value)
    return lambda: sorted(record["to"] for record in standin.accepted())


SEND = ("send", "2026-01-07-valley", "--list", "readers", "--yes", "--json")


def test_a_send_skips_whom_ses_has_listed(
    call: Call, through: Callable[[], list[str]], ses: SESV2Client, readers: str
) -> None:
    ses.put_suppressed_destination(EmailAddress="ada@example.com", Reason="COMPLAINT")

    answer = call(*SEND)

    assert (answer.json["accepted"], answer.json["skipped"]) == (2, 1)
    assert "ada@example.com" not in through()
    assert "Newly suppressed by the list of the SES account: 1" in answer.err
    [entry] = call("suppressions", "list", "--reason", "complaint", "--json").lines
    assert (entry["address"], entry["source"]) == ("ada@example.com", SOURCE)


def test_a_send_goes_on_where_the_list_cannot_be_read(
    call: Call, through: Callable[[], list[str]], standin: StandIn, readers: str
) -> None:
    """SES itself mails nobody on it: it reports a bounce instead."""
    standin.configure(expired_token={"share": 1.0, "operation": "ListSuppressedDestinations"})

    answer = call(*SEND)

    assert (answer.code, answer.json["accepted"]) == (0, 3)
    assert "suppression list of the SES account cannot be reached" in answer.err


def test_sync_and_remove_as_commands(
    call: Call, through: Callable[[], list[str]], ses: SESV2Client
) -> None:
    ses.put_suppressed_destination(EmailAddress="ada@example.com", Reason="BOUNCE")

    first = call("suppressions", "sync", "--json").json
    removed = call("suppressions", "remove", "ada@example.com")
    second = call("suppressions", "sync", "--json").json

    assert first == {"from_ses": 1, "to_ses": 0, "removed_at_ses": 0, "unchanged": 0}
    assert "newsletter suppressions sync" in removed.err
    assert second == {"from_ses": 0, "to_ses": 0, "removed_at_ses": 1, "unchanged": 0}


def test_sync_needs_ses_and_the_others_do_not(call: Call) -> None:
    assert call("suppressions", "sync", "--json").error["where"] == "transport.kind"
    assert call("suppressions", "add", "ada@example.com").code == 0
    removed = call("suppressions", "remove", "ada@example.com")
    assert (removed.code, removed.err) == (0, "")


def test_suppressions_are_listed_by_reason_with_their_cause(call: Call) -> None:
    call("suppressions", "add", "ada@example.com")

    assert call("suppressions", "list", "--reason", "erased").out == ""
    shown = call("suppressions", "list", "--reason", "manual").out
    assert "ada@example.com" in shown
    assert "(newsletter suppressions add)" in shown


# --- whose list, and how it spells ----------------------------------------------------------------


def scoped(standin: StandIn, **settings: str) -> SesAccountList:
    chosen = {"region": "us-east-1", "endpoint_url": standin.url, "tenant": "brand", **settings}
    return SesAccountList.open(read_table(SesSettings, chosen))


@pytest.mark.parametrize(
    ("of_tenant", "of_set", "is_tenants"),
    [
        ("ACCOUNT", None, False),
        ("TENANT", None, True),
        ("TENANT", "ACCOUNT", False),
        ("ACCOUNT", "TENANT", True),
    ],
)
def test_the_list_is_the_one_that_the_mails_obey(
    sqlite_store: Store,
    tmp_path: Path,
    standin: StandIn,
    of_tenant: str,
    of_set: str | None,
    is_tenants: bool,
) -> None:
    """The configuration set decides, else the tenant. What is put elsewhere would stop nothing."""
    with running(tmp_path / "tenants.jsonl", tenant_scope=of_tenant) as tenants:
        ses = client_of(tenants.url)
        name = "newsletter"
        if of_set is not None:
            name = "chosen"
            options: Any = {"SuppressionScope": of_set}
            ses.create_configuration_set(ConfigurationSetName=name, SuppressionOptions=options)
        ses.put_suppressed_destination(EmailAddress="account@example.com", Reason="BOUNCE")
        ses.put_suppressed_destination(
            EmailAddress="tenant@example.com", Reason="BOUNCE", TenantName="brand"
        )
        add(sqlite_store, "hard@example.com", SuppressionReason.HARD_BOUNCE)
        account = scoped(tenants, configuration_set=name)

        synced = sync(sqlite_store, account, erased_hash, now())

        theirs = ses.list_suppressed_destinations(TenantName="brand")
        of_account = ses.list_suppressed_destinations()
    lists = [
        {entry["EmailAddress"] for entry in found["SuppressedDestinationSummaries"]}
        for found in (of_account, theirs)
    ]
    assert (synced.taken, synced.given) == (1, 1)
    assert "hard@example.com" in lists[is_tenants]
    assert "hard@example.com" not in lists[not is_tenants]
    assert ("tenant@example.com" in ours(sqlite_store)) == is_tenants


def test_without_a_tenant_nobody_asks_whose_list_it_is(
    account: SesAccountList, standin: StandIn
) -> None:
    list(account.pages())

    assert calls(standin) == ["ListSuppressedDestinations"]


def test_where_the_scope_cannot_be_read_no_list_is_guessed(
    sqlite_store: Store, tmp_path: Path, standin: StandIn
) -> None:
    with running(tmp_path / "denied.jsonl", denied=["GetTenant"]) as denied:
        account = scoped(denied)

        with pytest.raises(ConfigurationError) as caught:
            sync(sqlite_store, account, erased_hash, now())

    assert "ses:GetTenant" in caught.value.hint


@pytest.mark.parametrize("spelt", ["Ada.B@Example.COM", "UPPER@EXAMPLE.COM", "lower@example.com"])
def test_an_address_is_taken_off_in_the_spelling_of_ses(
    sqlite_store: Store, account: SesAccountList, ses: SESV2Client, spelt: str
) -> None:
    ses.put_suppressed_destination(EmailAddress=spelt, Reason="BOUNCE")
    sync(sqlite_store, account, erased_hash, now())
    unsuppress(sqlite_store, Address(spelt), erased_hash, now() + HOUR)

    synced = sync(sqlite_store, account, erased_hash, now() + 2 * HOUR)

    assert synced.removed == 1
    assert listed(account) == {}


@pytest.mark.parametrize("fault", ["html_body", "binary_body", "truncated_body"])
def test_a_page_that_is_no_list_is_an_error(
    sqlite_store: Store, account: SesAccountList, standin: StandIn, fault: str
) -> None:
    standin.configure(**{fault: {"operation": "ListSuppressedDestinations"}})

    with pytest.raises(TransportDown):
        sync(sqlite_store, account, erased_hash, now())
