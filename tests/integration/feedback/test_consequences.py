"""What follows from events: suppressions, and what takes them back."""

import datetime as dt
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st

from newsletter.audience import moving, subscribers
from newsletter.config import PolicySettings
from newsletter.model.address import Address
from newsletter.model.subscriber import (
    Consent,
    ConsentKind,
    Suppression,
    SuppressionAction,
    SuppressionReason,
)
from newsletter.sending import run
from newsletter.sending.plan import plan
from newsletter.store import Store, schema
from newsletter.store.ledger import sends
from newsletter.store.people import consents, imports, people, suppressing, suppressions
from newsletter.transports.memory import Memory
from tests.factories import erased_hash, import_text
from tests.integration.reporting import (
    BOUNCE,
    COMPLAINT,
    DELIVERY,
    LISTED,
    NOT_SPAM,
    OUT_OF_OFFICE,
    SOFT,
    counts,
    event,
    logged,
    replay,
    told,
)
from tests.integration.sending import NOW, FixedClock, fill_list, ledger, order, worker
from tests.share import examples

ADDRESS = Address("r1@example.com")
OTHER = Address("r2@example.com")
THREE = PolicySettings(soft_bounce_limit=3)
HOUR = dt.timedelta(hours=1)


def sent(store: Store, slug: str = "news") -> str:
    """A send of an issue to r1 and r2, finished; returns its id."""
    with store.read() as connection:
        if people.find(connection, ADDRESS) is None:
            connection.rollback()
            fill_list(store, 2)
    send_id = plan(store, order(slug), NOW)
    run.run(worker(store, Memory(), clock=FixedClock()), send_id)
    return send_id


def suppression(store: Store, address: Address = ADDRESS) -> Suppression | None:
    with store.read() as connection:
        return suppressions.find(connection, address)


def reason(store: Store, address: Address = ADDRESS) -> SuppressionReason | None:
    found = suppression(store, address)
    return None if found is None else found.reason


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        (BOUNCE, SuppressionReason.HARD_BOUNCE),
        (LISTED, SuppressionReason.HARD_BOUNCE),
        (COMPLAINT, SuppressionReason.COMPLAINT),
        ("notification-bounce-permanent.json", SuppressionReason.HARD_BOUNCE),
        (SOFT, None),
        (OUT_OF_OFFICE, None),
        (NOT_SPAM, None),
        (DELIVERY, None),
    ],
)
def test_a_final_report_suppresses_its_reader_at_once(
    store: Store, name: str, expected: SuppressionReason | None
) -> None:
    send_id = sent(store)
    tags = {} if name.startswith("event") else {"mail__tags": None}
    text = event(send_id, name=name) if not tags else _without_tags(send_id, name)

    replay(store, text)

    assert (reason(store), reason(store, OTHER)) == (expected, None)


def _without_tags(send_id: str, name: str) -> str:
    from tests.unit.feedback.payloads import changed

    headers = [{"name": "X-Newsletter-Ref", "value": f"{send_id}-1.1"}]
    return changed(name, mail__headers=headers)


@pytest.mark.parametrize(("name", "stays"), [(COMPLAINT, True), (BOUNCE, True), (DELIVERY, False)])
def test_what_is_reported_of_an_imported_suppression_outlives_the_import(
    store: Store, tmp_path: Path, name: str, stays: bool
) -> None:
    """A complaint may come days after the mail; the file may have been the wrong one."""
    send_id = sent(store)
    result = import_text(store, tmp_path, f"email,status\n{ADDRESS.text},blocked\n")
    assert result.import_id is not None

    replay(store, event(send_id, name=name))
    with store.write() as connection:
        imports.undo(connection, result.import_id, NOW + HOUR)

    assert (suppression(store) is not None) == stays


def test_a_suppression_tells_its_cause_and_its_trace(store: Store) -> None:
    send_id = sent(store)

    replay(store, event(send_id, name=BOUNCE))

    [row] = logged(store)
    found = suppression(store)
    assert found is not None
    assert found.source == f"Bounce Permanent General 5.1.1, send {send_id}"
    assert (row.subscriber_id, row.cause) == (
        ledger(store, send_id)[ADDRESS.key].subscriber_id,
        "hard",
    )
    with store.read() as connection:
        [change] = suppressions.history(connection, ADDRESS.key)
    assert (change.action, change.event_id) == (SuppressionAction.ADDED, row.id)


def test_who_is_suppressed_is_skipped_by_the_next_send(store: Store) -> None:
    replay(store, event(sent(store), name=COMPLAINT))

    second = ledger(store, sent(store, "more-news"))

    assert {address: row.status for address, row in second.items()} == {
        ADDRESS.key: "skipped",
        OTHER.key: "accepted",
    }


def test_soft_bounces_in_a_row_suppress_at_the_limit(store: Store) -> None:
    ids = [sent(store, f"issue-{number}") for number in range(3)]

    for number, send_id in enumerate(ids):
        assert reason(store) is None
        replay(store, told(send_id, 1, SOFT, NOW + number * HOUR), policy=THREE)

    found = suppression(store)
    assert found is not None
    assert found.reason is SuppressionReason.SOFT_BOUNCE
    assert found.source.startswith("3 soft bounces in a row, the last: Bounce Transient")


def test_a_delivery_between_soft_bounces_starts_again(store: Store) -> None:
    ids = [sent(store, f"issue-{number}") for number in range(4)]
    names = [SOFT, SOFT, DELIVERY, SOFT]

    for number, (send_id, name) in enumerate(zip(ids, names, strict=True)):
        replay(store, told(send_id, 1, name, NOW + number * HOUR), policy=THREE)

    assert reason(store) is None


def test_a_late_delivery_takes_back_what_it_disproves(store: Store) -> None:
    ids = [sent(store, f"issue-{number}") for number in range(4)]
    texts = [
        told(send_id, 1, DELIVERY if number == 1 else SOFT, NOW + number * HOUR)
        for number, send_id in enumerate(ids)
    ]
    late = texts.pop(1)
    replay(store, *texts, policy=THREE)
    assert reason(store) is SuppressionReason.SOFT_BOUNCE

    replay(store, late, policy=THREE)

    assert reason(store) is None
    with store.read() as connection:
        trace = suppressions.history(connection, ADDRESS.key)
    assert [(change.action, change.event_id is None) for change in trace] == [
        (SuppressionAction.ADDED, False),
        (SuppressionAction.REMOVED, False),
    ]


def test_no_event_takes_back_what_a_person_has_said_too(store: Store) -> None:
    """They suppressed an address that soft bounces had suppressed already; the reason stays."""
    ids = [sent(store, f"issue-{number}") for number in range(4)]
    texts = [
        told(send_id, 1, DELIVERY if number == 1 else SOFT, NOW + number * HOUR)
        for number, send_id in enumerate(ids)
    ]
    late = texts.pop(1)
    replay(store, *texts, policy=THREE)
    for _ in range(2):
        subscribers.suppress(store, ADDRESS, NOW)

    replay(store, late, policy=THREE)

    assert reason(store) is SuppressionReason.SOFT_BOUNCE
    with store.read() as connection:
        trace = suppressions.history(connection, ADDRESS.key)
    assert [change.source for change in trace][1:] == ["newsletter suppressions add"]


def test_what_events_took_back_no_person_has_allowed(store: Store) -> None:
    """A bounce from before still counts then, as if it had come first."""
    ids = [sent(store, f"issue-{number}") for number in range(4)]
    at = [NOW - number * HOUR for number in range(4)]
    replay(store, *(told(ids[n], 1, SOFT, at[n]) for n in (0, 1, 3)), policy=THREE)
    replay(store, told(ids[2], 1, DELIVERY, at[2]), policy=THREE)
    assert reason(store) is None

    replay(store, told(ids[3], 1, BOUNCE, at[3] - HOUR), policy=THREE)

    assert reason(store) is SuppressionReason.HARD_BOUNCE


def test_a_complaint_takes_the_place_of_a_bounce(store: Store) -> None:
    send_id = sent(store)
    replay(store, event(send_id, name=BOUNCE))

    replay(store, event(send_id, name=COMPLAINT))

    assert reason(store) is SuppressionReason.COMPLAINT


@pytest.mark.parametrize("name", [BOUNCE, COMPLAINT, DELIVERY])
def test_what_a_person_decided_is_never_touched(store: Store, name: str) -> None:
    send_id = sent(store)
    before = subscribers.suppress(store, ADDRESS, NOW)

    replay(store, event(send_id, name=name))

    assert suppression(store) == before


def test_a_suppression_from_elsewhere_is_never_touched(store: Store) -> None:
    """A hard bounce that SES's own list told of rests on no event of ours."""
    send_id = sent(store)
    with store.write() as connection:
        key, reason = ADDRESS.key, SuppressionReason.HARD_BOUNCE
        suppressing.add(connection, key, reason, "the list of SES", NOW)
    before = suppression(store)

    replay(store, told(send_id, 1, SOFT, NOW), told(send_id, 1, DELIVERY, NOW + HOUR))

    assert suppression(store) == before


# --- allowed again --------------------------------------------------------------------------------


def test_an_old_bounce_does_not_suppress_who_was_allowed_again(store: Store) -> None:
    """A replay of what was recorded before a person decided changes nothing of that."""
    send_id = sent(store)
    old = told(send_id, 1, BOUNCE, NOW - HOUR)
    replay(store, old)
    subscribers.unsuppress(store, ADDRESS, lambda key: (), NOW)

    replay(store, old, told(send_id, 1, COMPLAINT, NOW - 2 * HOUR), told(send_id, 1, BOUNCE, NOW))
    assert reason(store) is None

    replay(store, told(send_id, 1, BOUNCE, NOW + HOUR))
    assert reason(store) is SuppressionReason.HARD_BOUNCE


@pytest.mark.parametrize(
    ("kind", "how", "counts_again"),
    [
        (ConsentKind.CONFIRMED, "form", True),
        (ConsentKind.MOVED, "form", True),
        (ConsentKind.CONFIRMED, "import", False),
        (ConsentKind.REQUESTED, "form", False),
    ],
)
def test_a_bounce_from_before_a_later_confirmed_opt_in_does_not_suppress(
    store: Store, kind: ConsentKind, how: str, counts_again: bool
) -> None:
    """Who opened a link in a mail has shown that mail arrives; who was typed in has not."""
    send_id = sent(store)
    with store.write() as connection:
        person = people.find(connection, ADDRESS)
        assert person is not None
        consents.append(connection, person.id, None, kind, Consent(NOW, how, "test"))

    sent_at = (NOW - 2 * HOUR).isoformat()
    replay(store, told(send_id, 1, BOUNCE, NOW - HOUR, mail__timestamp=sent_at))

    assert (reason(store) is None) is counts_again


@pytest.mark.parametrize("name", [BOUNCE, COMPLAINT])
@pytest.mark.parametrize("taken_at", [NOW - HOUR, NOW + HOUR], ids=["before", "between"])
def test_what_happened_at_an_address_says_nothing_of_the_next_one(
    store: Store, name: str, taken_at: dt.datetime
) -> None:
    """However late it is told, and also where the reader moved before SES took the mail."""
    new, moved_at = Address("new@example.com"), NOW + HOUR / 2
    to_old = sent(store)
    with store.write() as connection:
        person = people.find(connection, ADDRESS)
        assert person is not None
        people.move(connection, person.id, new, moved_at)
        said = Consent(moved_at, "form", "")
        consents.append(connection, person.id, None, ConsentKind.MOVED, said)
    to_new = plan(store, order("more-news"), NOW + HOUR)
    run.run(worker(store, Memory(), clock=FixedClock(NOW + HOUR)), to_new)

    for send_id, at in ((to_old, taken_at), (to_new, NOW + HOUR)):
        assert (reason(store), reason(store, new)) == (None, None)
        replay(store, told(send_id, 1, name, NOW + 2 * HOUR, mail__timestamp=at.isoformat()))

    assert reason(store) is None
    assert reason(store, new) is not None


# --- whose it is ----------------------------------------------------------------------------------


def test_nobody_is_suppressed_who_is_in_no_ledger(store: Store) -> None:
    """Else one forged message could silence a whole list: by addresses that it names."""
    send_id = sent(store)
    other = send_id[:-1] + ("x" if send_id[-1] != "x" else "y")
    victims = [{"emailAddress": OTHER.text}] * 50

    total = replay(
        store,
        told(other, 1, BOUNCE, NOW, bounce__bouncedRecipients=victims),
        told(send_id, 3, BOUNCE, NOW, bounce__bouncedRecipients=victims),
        told(send_id, 1, SOFT, NOW, bounce__bouncedRecipients=victims),
    )

    assert counts(total) == (1, 0, 2, 0)
    assert (reason(store), reason(store, OTHER)) == (None, None)


def test_an_erased_person_is_not_suppressed_by_name(store: Store) -> None:
    send_id = sent(store)
    with store.write() as connection:
        table = schema.subscribers
        connection.execute(
            sa.update(table)
            .where(table.c.address_key == ADDRESS.key)
            .values(address=None, address_key=None)
        )

    replay(store, event(send_id, name=BOUNCE))

    assert reason(store) is None


def test_an_event_without_a_name_waits_for_our_own_commit(store: Store) -> None:
    """The older notifications carry a message id alone, and SES may be faster than we are."""
    from newsletter.feedback.apply import apply_late
    from newsletter.model.send import Accepted
    from tests.unit.feedback.payloads import changed

    fill_list(store, 1)
    send_id = plan(store, order(), NOW)
    replay(store, changed("notification-bounce-without-headers.json", mail__messageId="late"))
    assert apply_late(store, NOW) == 0
    run.run(worker(store, Memory(lambda _, batch: [Accepted("late")])), send_id)

    assert apply_late(store, NOW) == 1

    [row] = ledger(store, send_id).values()
    assert (row.reported, reason(store)) == ("bounced", SuppressionReason.HARD_BOUNCE)
    assert apply_late(store, NOW) == 0


# --- any order ------------------------------------------------------------------------------------

NAMES = [BOUNCE, SOFT, SOFT, SOFT, LISTED, OUT_OF_OFFICE, COMPLAINT, NOT_SPAM, DELIVERY, DELIVERY]
PARTS = {"bounce__bounceSubType": "ContentRejected"}


@st.composite
def stories(draw: st.DrawFn) -> list[tuple[int, int, str, int, bool]]:
    """What is reported: of which send, about whom (3 is nobody), what, when, at whose fault."""
    one = st.tuples(
        st.integers(0, 3),
        st.integers(1, 3),
        st.sampled_from(NAMES),
        st.integers(-3, 8),
        st.booleans(),
    )
    return draw(
        st.lists(one, min_size=2, max_size=14, unique_by=lambda one: (one[0], one[1], one[3]))
    )


@settings(max_examples=examples(60))
@given(stories(), st.booleans(), st.randoms(use_true_random=False))
def test_any_order_and_repetition_suppresses_the_same_people(
    sqlite_store: Store, story: Any, allowed: bool, random: Any
) -> None:
    """Both kinds of reports, about several mails, also about nobody, also after a person decided:
    the same people are suppressed, for the same reasons."""
    store = sqlite_store
    with store.read() as connection:
        ids = [send.id for send in sends.newest_first(connection)][::-1]
    ids = ids or [sent(store, f"issue-{number}") for number in range(4)]
    texts = [_told(ids, one) for one in story]
    shuffled = texts + random.choices(texts, k=len(texts))
    random.shuffle(shuffled)

    ends = []
    for chunks in ([texts], [shuffled[:3], shuffled[3:9], shuffled[9:]]):
        _clear(store, allowed)
        for chunk in chunks:
            replay(store, *chunk, policy=THREE)
        ends.append(_state(store))

    assert ends[0] == ends[1]


def _told(ids: Sequence[str], one: tuple[int, int, str, int, bool]) -> str:
    send, number, name, hour, faulty = one
    parts = PARTS if faulty and name == SOFT else {}
    return told(ids[send], number, name, NOW + hour * HOUR, **parts)


def _clear(store: Store, allowed: bool) -> None:
    with store.write() as connection:
        for table in (schema.suppression_log, schema.suppressions, schema.events):
            connection.execute(sa.delete(table))
        connection.execute(sa.update(schema.deliveries).values(reported=None, message_id=None))
        if allowed:
            key = ADDRESS.key
            suppressing.add(connection, key, SuppressionReason.MANUAL, "test", NOW)
            suppressing.allow(connection, key, "test", NOW)


def _state(store: Store) -> Any:
    with store.read() as connection:
        suppressed = sorted(
            (entry.address, entry.reason, entry.source)
            for entry in suppressions.newest_first(connection)
        )
        rows = connection.execute(
            sa.select(
                schema.deliveries.c.send,
                schema.deliveries.c.number,
                schema.deliveries.c.status,
                schema.deliveries.c.reported,
                schema.deliveries.c.message_id,
            ).order_by(schema.deliveries.c.send, schema.deliveries.c.number)
        ).all()
    return suppressed, rows


def test_a_complaint_about_mail_to_a_former_address_suppresses_that_address(store: Store) -> None:
    """Whoever reads it now is not to be mailed; the reader who moved away still is."""
    send_id = sent(store)
    new = Address("new@example.com")
    move(store, ADDRESS, new)

    replay(store, event(send_id, 1, COMPLAINT))

    assert reason(store, ADDRESS) is SuppressionReason.COMPLAINT
    assert reason(store, new) is None


def test_a_former_address_that_somebody_has_now_is_not_suppressed_for_another(
    store: Store,
) -> None:
    send_id = sent(store)
    move(store, ADDRESS, Address("new@example.com"))
    move(store, OTHER, ADDRESS)

    replay(store, event(send_id, 1, BOUNCE))

    assert reason(store, ADDRESS) is None


def move(store: Store, address: Address, to: Address) -> None:
    with store.write() as connection:
        person = people.find(connection, address)
        assert person is not None
        said = Consent(NOW + 365 * 24 * HOUR, "form", "confirmation mail")
        assert moving.move(connection, person, to, erased_hash, said)
