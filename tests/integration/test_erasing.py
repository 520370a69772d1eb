"""Erasing a person, on both stores: nothing personal stays, and nobody comes back."""

import threading
from collections.abc import Generator
from pathlib import Path, PosixPath
from typing import Self

import pytest
import sqlalchemy as sa

from newsletter.audience import moving
from newsletter.audience.erasing import Erased, erase
from newsletter.audience.importing import import_csv
from newsletter.audience.subscribers import suppress
from newsletter.errors import Refused, UsageError
from newsletter.feedback.apply import Applied, apply
from newsletter.feedback.base import incoming
from newsletter.feedback.ses.events import parse
from newsletter.links import Links
from newsletter.model.address import Address
from newsletter.model.send import DeliveryStatus, SendStatus
from newsletter.model.subscriber import (
    Consent,
    ConsentKind,
    SubscriptionStatus,
    SuppressionReason,
)
from newsletter.sending.plan import plan
from newsletter.sending.run import run
from newsletter.store import Store, locks
from newsletter.store.ledger import receipts
from newsletter.store.people import consents, former, lists, people, suppressing, suppressions
from newsletter.store.schema import deliveries, metadata, requests, sends
from newsletter.transports.memory import Memory
from tests.factories import LATER, NOW, address, import_text, is_waiting, join, make_list
from tests.integration.sending import ledger, order, worker
from tests.unit.feedback.payloads import changed

CANARY = "Ada+Canary@example.com"
ERASED = Consent(LATER, "forget", "test", ip="203.0.113.7")
KEY, NEWER = "the key of the first year", "the key of the second year"


def hashes(*keys: str) -> Links:
    return Links("", keys or (KEY,))


def forget(store: Store, outbox: Path, who: Address | int, *keys: str) -> Erased:
    return erase(store, outbox, hashes(*keys).address_hashes, who, ERASED)


def everything(store: Store) -> str:
    """All that any table holds, in lower case."""
    with store.read() as connection:
        rows = [
            tuple(row)  # a Row would shorten long texts
            for table in metadata.sorted_tables
            for row in connection.execute(sa.select(table))
        ]
    return repr(rows).lower()


def fill(store: Store) -> int:
    """Let a person be in every table that can hold an address; returns their id."""
    make_list(store, "readers")
    joined = join(store, CANARY, "readers", name="Ada Canary", attributes={"mail": CANARY})
    join(store, "other@example.com", "readers")
    send_id = plan(store, order(), NOW)
    run(worker(store, Memory()), send_id)
    [number] = [
        delivery.number
        for delivery in ledger(store, send_id).values()
        if delivery.address == CANARY
    ]
    bounced = [{"emailAddress": CANARY, "status": f"5.1.1 {CANARY} is unknown"}]
    tags = {"delivery": [f"{send_id}-{number}"]}
    apply(
        store,
        incoming(
            parse,
            [
                ("", changed(mail__tags=tags, bounce__bouncedRecipients=bounced)),
                ("", changed(mail__messageId="of-no-delivery", mail__destination=[CANARY])),
                ("", f"unreadable, about {CANARY.upper()}"),
            ],
        ),
        NOW,
        Applied(),
    )
    suppress(store, Address(CANARY), NOW)
    with store.write() as connection:
        list_id = lists.id_of(connection, "readers")
        said = Consent(NOW, "form", f"the form of {CANARY}", "1", "203.0.113.9")
        consents.append(
            connection, joined.subscriber_id, list_id, ConsentKind.CONFIRMED, said, f"from {CANARY}"
        )
        receipts.add(
            connection,
            content_hash="hash",
            slug="news",
            at=NOW,
            by="somebody",
            addresses=["editor@example.com", CANARY],
        )
        connection.execute(
            sa.insert(requests).values(
                kind="join",
                list_id=list_id,
                address=CANARY,
                mailbox="ada@example.com",
                ip="203.0.113.9",
                at=NOW,
                state="mailed",
            )
        )
        connection.execute(
            sa.update(deliveries)
            .where(deliveries.c.subscriber_id == joined.subscriber_id)
            .values(reason=f"Email address is not verified: {CANARY}")
        )
        connection.execute(sa.update(sends).values(pause_reason=f"not verified: {CANARY}"))
    return joined.subscriber_id


def test_no_table_names_an_erased_person(store: Store, tmp_path: Path) -> None:
    subscriber_id = fill(store)
    before = everything(store)
    assert before.count("canary") > 10

    forget(store, tmp_path, Address(CANARY))

    after = everything(store)
    assert "canary" not in after
    assert "203.0.113" not in after
    with store.read() as connection:
        assert receipts.mails(connection, "hash") == 2
        kinds = [fact.kind for fact in consents.of(connection, subscriber_id)]
        found = suppressions.newest_first(connection)
        assert [each.reason for each in found] == ["erased"]
    assert kinds[-1] is ConsentKind.ERASED
    assert "other@example.com" in after


def test_erasing_twice_changes_nothing_more(store: Store, tmp_path: Path) -> None:
    subscriber_id = fill(store)
    forget(store, tmp_path, subscriber_id)
    before = everything(store)

    by_address = forget(store, tmp_path, Address(CANARY))
    by_id = forget(store, tmp_path, subscriber_id)

    assert everything(store) == before
    assert by_address.subscriber_id is None
    assert by_id == Erased(subscriber_id)


def test_an_import_does_not_bring_an_erased_person_back(store: Store, tmp_path: Path) -> None:
    """Nor after the key was rotated, nor in another spelling."""
    make_list(store)
    join(store, CANARY)
    forget(store, tmp_path / "outbox", Address(CANARY), KEY)

    result = import_csv(
        store,
        _csv(tmp_path, CANARY.upper(), "new@example.com"),
        "ai",
        status=SubscriptionStatus.CONFIRMED,
        now=LATER,
        hashes=hashes(NEWER, KEY).address_hashes,
    )

    assert (result.added, result.skipped) == (1, 1)
    assert "canary" not in everything(store)


def test_erasing_again_renews_the_hash_so_that_an_old_key_can_go(
    store: Store, tmp_path: Path
) -> None:
    make_list(store)
    join(store, CANARY)
    forget(store, tmp_path, Address(CANARY), KEY)

    forget(store, tmp_path, Address(CANARY), NEWER, KEY)

    with store.read() as connection:
        [hashed] = suppressions.erased_hashes(connection)
        assert len(suppressions.history(connection, hashed)) == 1
    assert hashed == hashes(NEWER).address_hashes(CANARY.lower())[0]


def test_an_erased_recipient_of_an_open_send_is_skipped_and_the_row_stays(
    store: Store, tmp_path: Path
) -> None:
    make_list(store, "readers")
    join(store, CANARY, "readers")
    join(store, "other@example.com", "readers")
    send_id = plan(store, order(), NOW)
    transport = Memory()

    forget(store, tmp_path, Address(CANARY))
    sent = run(worker(store, transport), send_id)

    assert sent.status is SendStatus.FINISHED
    assert (sent.counts.accepted, sent.counts.skipped) == (1, 1)
    found = ledger(store, send_id)
    assert found[""].status is DeliveryStatus.SKIPPED
    assert found[""].reason == "erased"


def test_two_spellings_are_one_person_with_one_copy(store: Store, tmp_path: Path) -> None:
    make_list(store, "readers")
    make_list(store, "others")
    join(store, "Ada@example.com", "readers")
    join(store, "ada@example.com", "others")
    import_text(store, tmp_path, "email\nADA@example.com\naDa@example.com\n", "others")
    join(store, "bob@example.com", "others")
    transport = Memory()

    for name in ("readers", "others"):
        send = run(worker(store, transport), plan(store, order(list_name=name), NOW))

    mailed = [message.to.text for message in transport.delivered]
    assert mailed == ["Ada@example.com", "bob@example.com"]
    assert send.counts.skipped == 1


def test_a_suppression_without_a_subscriber_can_be_erased(store: Store, tmp_path: Path) -> None:
    suppress(store, Address(CANARY), NOW)

    forget(store, tmp_path, Address(CANARY))

    assert "canary" not in everything(store)
    with store.read() as connection:
        assert suppressions.counts(connection) == {"erased": 1}


def test_an_address_that_a_person_had_before_is_erased_with_them(
    store: Store, tmp_path: Path
) -> None:
    make_list(store)
    subscriber_id = join(store, CANARY).subscriber_id
    move_to(store, subscriber_id, "new@example.com")
    with store.write() as connection:
        receipts.add(
            connection, content_hash="hash", slug="news", at=NOW, by="me", addresses=[CANARY]
        )

    forget(store, tmp_path, address("new@example.com"))
    again = import_csv(
        store,
        _csv(tmp_path, CANARY, "new@example.com"),
        "ai",
        status=SubscriptionStatus.CONFIRMED,
        now=LATER,
        hashes=hashes().address_hashes,
    )

    assert again.skipped == 2
    assert "canary" not in everything(store)


@pytest.mark.parametrize("named", [CANARY, "new@example.com"])
def test_a_person_is_erased_by_any_address_that_was_theirs(
    store: Store, tmp_path: Path, named: str
) -> None:
    make_list(store)
    subscriber_id = join(store, CANARY).subscriber_id
    move_to(store, subscriber_id, "new@example.com")

    erased = forget(store, tmp_path, Address(named))

    assert erased.subscriber_id == subscriber_id
    assert "canary" not in everything(store)
    assert "new@example.com" not in everything(store)


def test_who_had_an_address_before_keeps_theirs_when_its_new_holder_is_erased(
    store: Store, tmp_path: Path
) -> None:
    """Ada moved away; Eve has that address now, and goes: nothing names it any more."""
    make_list(store)
    ada = join(store, CANARY).subscriber_id
    move_to(store, ada, "ada@example.net")
    eve = join(store, CANARY).subscriber_id

    erased = forget(store, tmp_path, Address(CANARY))

    assert erased.subscriber_id == eve
    assert "canary" not in everything(store)
    with store.read() as connection:
        assert people.get(connection, ada) is not None


def test_who_has_the_address_now_stays_when_its_former_holder_is_erased(
    store: Store, tmp_path: Path
) -> None:
    make_list(store)
    ada = join(store, "shared@example.com").subscriber_id
    move_to(store, ada, CANARY)
    eve = join(store, "shared@example.com").subscriber_id

    forget(store, tmp_path, Address(CANARY))

    shared = Address("shared@example.com")
    with store.read() as connection:
        assert people.get(connection, ada) is None
        assert people.get(connection, eve) is not None
        known_as = hashes().address_hashes(shared.key)
        assert suppressions.find(connection, shared, known_as) is None
        assert [each.address for each in former.of(connection, ada)] == [None]


def move_to(store: Store, subscriber_id: int, to: str) -> None:
    with store.write() as connection:
        person = people.get(connection, subscriber_id)
        assert person is not None
        said = Consent(NOW, "form", "confirmation mail")
        assert moving.move(connection, person, Address(to), hashes().address_hashes, said)


def _csv(folder: Path, *addresses: str) -> Path:
    path = folder / "people.csv"
    path.write_text("\n".join(("email", *addresses)) + "\n")
    return path


def test_an_address_of_which_nothing_is_known_is_a_usage_error(
    store: Store, tmp_path: Path
) -> None:
    with pytest.raises(UsageError):
        forget(store, tmp_path, Address(CANARY))

    assert everything(store).count("erased") == 0


def test_an_address_that_contains_another_is_another(store: Store, tmp_path: Path) -> None:
    """Who is called `ada` takes nothing of `nada` along."""
    make_list(store)
    join(store, "nada@example.com")
    join(store, "ada@example.com")
    with store.write() as connection:
        receipts.add(
            connection,
            content_hash="hash",
            slug="news",
            at=NOW,
            by="somebody",
            addresses=["nada@example.com"],
        )

    forget(store, tmp_path, address("ada@example.com"))

    assert everything(store).count("nada@example.com") == 3


def test_a_report_that_comes_after_the_erasing_names_nobody(store: Store, tmp_path: Path) -> None:
    """It settles the delivery all the same."""
    make_list(store, "readers")
    join(store, CANARY, "readers")
    send_id = plan(store, order(), NOW)
    run(worker(store, Memory()), send_id)
    forget(store, tmp_path, Address(CANARY))

    bounced = [{"emailAddress": CANARY, "status": f"5.1.1 {CANARY} is unknown"}]
    event = changed(mail__tags={"delivery": [f"{send_id}-1"]}, bounce__bouncedRecipients=bounced)
    apply(store, incoming(parse, [("", event)]), LATER, Applied())

    assert "canary" not in everything(store)
    assert ledger(store, send_id)[""].reported == "bounced"


@pytest.mark.postgresql
def test_a_report_that_is_being_applied_is_waited_for(
    postgresql_store: Store, tmp_path: Path
) -> None:
    """Else it could suppress the address once more, after nothing was to name it."""
    store, gone = postgresql_store, Address(CANARY)
    make_list(store, "readers")
    join(store, CANARY, "readers")
    erasing = threading.Thread(target=forget, args=(store, tmp_path, gone))

    with store.write() as applying:
        locks.events(applying)
        erasing.start()
        while erasing.is_alive() and not is_waiting(store):
            pass
        suppressing.add(applying, gone.key, SuppressionReason.HARD_BOUNCE, "a bounce", NOW)
    erasing.join()

    assert "canary" not in everything(store)


def mail(file: Path, to: str) -> None:
    file.parent.mkdir(exist_ok=True)
    file.write_text(f"From: News <news@example.com>\r\nTo: {to}\r\n\r\nHello\r\n")


def test_mails_in_the_outbox_go_and_those_of_others_stay(store: Store, tmp_path: Path) -> None:
    make_list(store)
    ada = join(store, CANARY).subscriber_id
    bo = join(store, "bo@example.com").subscriber_id
    kept = [f"20260107-aaaaaa/{bo}.eml", f"20260107-aaaaaa/{ada}1.eml", "test/abc-2.eml"]
    gone = [
        *(f"20260107-aaaaaa/{ada}.eml", f"20260108-bbbbbb/.{ada}.eml.newsletter-part"),
        *("test/abc-1.eml", "confirm/7.eml"),
    ]
    for name in kept + gone:
        mail(tmp_path / name, CANARY if name in gone else "bo@example.com")

    erased = forget(store, tmp_path, Address(CANARY))

    assert sorted(str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*.eml*")) == sorted(
        kept
    )
    assert erased.files == len(gone)


class Killed(PosixPath):
    """An outbox before which the process dies."""

    def glob(self, pattern: str) -> Generator[Self, None, None]:
        raise KeyboardInterrupt


@pytest.mark.parametrize("by_id", [False, True])
def test_erasing_again_finishes_what_was_killed_before_the_outbox(
    store: Store, tmp_path: Path, by_id: bool
) -> None:
    subscriber_id = fill(store)
    mail(tmp_path / f"20260107-aaaaaa/{subscriber_id}.eml", CANARY)
    mail(tmp_path / "confirm/7.eml", CANARY)
    who = subscriber_id if by_id else Address(CANARY)
    with pytest.raises(KeyboardInterrupt):
        forget(store, Killed(tmp_path), who)

    again = forget(store, tmp_path, who)

    assert again.files == 2
    assert not list(tmp_path.rglob("*.eml"))


def test_a_mail_that_a_send_wrote_after_the_erasing_goes_with_the_next_one(
    store: Store, tmp_path: Path
) -> None:
    """It had claimed them before."""
    subscriber_id = fill(store)
    forget(store, tmp_path, Address(CANARY))
    mail(tmp_path / f"20260107-aaaaaa/{subscriber_id}.eml", CANARY)
    join(store, "bo@example.com", "readers")

    erased = forget(store, tmp_path, address("bo@example.com"))

    assert erased.files == 1
    assert not list(tmp_path.rglob("*.eml"))


def test_a_reader_of_the_store_keeps_the_log_and_that_is_told(
    sqlite_store: Store, tmp_path: Path
) -> None:
    make_list(sqlite_store)
    join(sqlite_store, CANARY)

    with sqlite_store.read() as connection:
        connection.execute(sa.select(sends)).all()
        erased = forget(sqlite_store, tmp_path, Address(CANARY))

    assert not erased.complete
    assert sqlite_store.checkpoint()


def test_a_refused_person_is_told_why(store: Store, tmp_path: Path) -> None:
    make_list(store)
    join(store, CANARY)
    erase(store, tmp_path, lambda key: (f"hash of {key}",), Address(CANARY), ERASED)

    with pytest.raises(Refused, match="erased at their own wish"):
        join(store, CANARY)
