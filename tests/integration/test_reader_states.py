"""The states of readers: each transition starts where it may, and nobody else writes a state."""

import datetime as dt
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from newsletter.audience.suppressing import import_suppressions
from newsletter.errors import Refused
from newsletter.model.address import Address
from newsletter.model.event import EventType
from newsletter.model.subscriber import (
    Consent,
    RefusalReason,
    Request,
    RequestKind,
    RequestState,
    SubscriptionStatus,
    SuppressionReason,
    SuppressionState,
)
from newsletter.sending.plan import plan
from newsletter.store import Store, schema
from newsletter.store.ledger import sends
from newsletter.store.people import (
    imports,
    lists,
    people,
    requesting,
    subscribing,
    subscriptions,
    suppressing,
    suppressions,
)
from tests.factories import LATER, NOW, erased_hash, import_text, is_waiting, join
from tests.integration.drawn import drawn, literals, writers, written
from tests.integration.sending import fill_list, order
from tests.waiting import until

# --- a subscription -------------------------------------------------------------------------------

SUBSCRIPTION = drawn(subscribing, SubscriptionStatus)
PENDING, CONFIRMED, UNSUBSCRIBED = SubscriptionStatus
SAID = Consent(LATER, "form", "test")
STEPS: dict[str, Callable[[Connection, int, int], object]] = {
    "ask": partial(subscribing.subscribe, status=PENDING, consent=SAID),
    "confirm": partial(subscribing.subscribe, status=CONFIRMED, consent=SAID),
    "renew": partial(subscribing.renew, consent=SAID),
    "leave": partial(subscribing.leave, consent=SAID),
    "rejoin": partial(subscribing.rejoin, status=CONFIRMED, consent=SAID),
    "ask_again": partial(subscribing.rejoin, status=PENDING, consent=SAID),
    "forget": lambda connection, who, on: subscribing.forget(connection, on, who, before=LATER),
    "delete": lambda connection, who, on: subscribing.delete_of(connection, who),
}


def stand(
    connection: Connection, who: int, list_id: int, status: SubscriptionStatus | None
) -> None:
    """Let somebody stand on a list as if they had asked on a page."""
    table = schema.subscriptions
    connection.execute(sa.delete(table))
    if status is not None:
        said = {"consent_at": NOW, "consent_how": "form", "consent_source": "", "updated_at": NOW}
        key = {"list_id": list_id, "subscriber_id": who}
        connection.execute(sa.insert(table).values(**key, status=status, **said))


def status_of(connection: Connection, who: int, list_id: int) -> SubscriptionStatus | None:
    standing = subscriptions.find(connection, who, list_id)
    return None if standing is None else standing.status


def reader(connection: Connection) -> tuple[int, int]:
    """Somebody new, and a list."""
    lists.create(connection, "ai", NOW)
    made = people.insert(connection, Address("ann@example.com"), "", {}, NOW)
    return made.id, lists.id_of(connection, "ai")


def test_the_documentation_draws_the_transitions_of_a_subscription() -> None:
    assert written(subscribing) == SUBSCRIPTION


def test_a_subscription_goes_from_where_it_is_drawn_and_from_nowhere_else(store: Store) -> None:
    """One that may not go stays, whether that is refused or passed over."""
    with store.write() as connection:
        member = reader(connection)
        for name, step in STEPS.items():
            for status in (None, *SubscriptionStatus):
                stand(connection, *member, status)
                if name in ("ask", "forget"):
                    connection.execute(sa.delete(schema.consents))
                with suppress(ValueError):
                    step(connection, *member)
                may = status in SUBSCRIPTION[name].sources
                expected = SUBSCRIPTION[name].target if may else status
                assert status_of(connection, *member) is expected, (name, status)


def test_whoever_asks_for_somebody_brings_nobody_back(store: Store) -> None:
    with store.write() as connection:
        member = reader(connection)
        for status in (None, *SubscriptionStatus):
            stand(connection, *member, status)
            subscribing.ask(connection, *member, SAID)

            asked = status in SUBSCRIPTION["ask"].sources
            assert status_of(connection, *member) is (PENDING if asked else status)


def test_who_never_joined_can_decline(store: Store) -> None:
    with store.write() as connection:
        member = reader(connection)
        subscribing.decline(connection, *member, SAID)

        assert SUBSCRIPTION["decline"].sources == {None}
        assert status_of(connection, *member) is UNSUBSCRIBED


@pytest.mark.parametrize("status", [None, *SubscriptionStatus])
@pytest.mark.parametrize("wanted", SubscriptionStatus)
def test_an_import_takes_the_same_steps_and_its_undoing_takes_them_back(
    store: Store, tmp_path: Path, status: SubscriptionStatus | None, wanted: SubscriptionStatus
) -> None:
    """It brings nobody back, and moves nobody who is confirmed to pending."""
    with store.write() as connection:
        member = reader(connection)
        stand(connection, *member, status)
        other = people.insert(connection, Address("eve@example.com"), "", {}, NOW)
        subscribing.subscribe(connection, other.id, member[1], PENDING, Consent(NOW, "add", "test"))
    steps = {PENDING: ["ask"], CONFIRMED: ["confirm"], UNSUBSCRIBED: ["leave", "decline"]}
    may = any(status in SUBSCRIPTION[name].sources for name in steps[wanted])

    rows = f"ann@example.com,{wanted}\neve@example.com,confirmed\n"  # who is changed beside her
    result = import_text(store, tmp_path, f"email,status\n{rows}", now=LATER)
    with store.read() as connection:
        imported = status_of(connection, *member)
    assert result.import_id is not None
    with store.write() as connection:
        imports.undo(connection, result.import_id, LATER + dt.timedelta(hours=1))
        undone = status_of(connection, *member)

    assert (imported, undone) == (wanted if may else status, status)


def ask_for(store: Store, member: tuple[int, int]) -> None:
    with store.write() as connection:
        subscribing.ask(connection, *member, SAID)


def add(store: Store, member: tuple[int, int]) -> None:
    with pytest.raises(Refused, match="left 'ai'"):
        join(store, "ann@example.com")


@pytest.mark.postgresql
@pytest.mark.parametrize("bring_back", [ask_for, add])
def test_who_leaves_at_the_moment_stays_away_from_whoever_asks_for_or_adds_them(
    postgresql_store: Store, bring_back: Callable[[Store, tuple[int, int]], None]
) -> None:
    """That waits for the one who leaves, and reads after it where they stand."""
    store = postgresql_store
    with store.write() as connection:
        member = reader(connection)
        subscribing.subscribe(connection, *member, PENDING, Consent(NOW, "form", "test"))

    with ThreadPoolExecutor(1) as pool:
        with store.write() as leaving:
            subscribing.leave(leaving, *member, SAID)
            other = pool.submit(bring_back, store, member)
            until(lambda: is_waiting(store) or other.done())
        other.result()

    with store.read() as connection:
        assert status_of(connection, *member) is UNSUBSCRIBED


def test_only_subscribing_writes_the_status_of_a_subscription() -> None:
    assert writers("subscriptions", "status") == {"store/people/subscribing.py"}


def test_how_a_yes_or_no_came_is_a_value_and_no_text_of_its_place() -> None:
    assert literals("Consent", place=1) == set()


# --- a request ------------------------------------------------------------------------------------

REQUEST = drawn(requesting, RequestState)
ASKED = Request(
    id=1,
    kind=RequestKind.MOVE,
    list_id=None,
    subscriber_id=None,
    address=Address("ann@example.com"),
    mailbox="ann@example.com",
    wording="",
    at=NOW,
)
REQUEST_STEPS: dict[str, Callable[[Connection], object]] = {
    "ask": lambda connection: requesting.ask(connection, ASKED),
    "take": lambda connection: requesting.take(connection, ASKED.id),
    "refuse": lambda connection: requesting.refuse(connection, ASKED.id, RefusalReason.LIMIT),
    "put_off": lambda connection: requesting.settle(connection, ASKED.id, RequestState.WAITING),
    "mail": lambda connection: requesting.settle(connection, ASKED.id, RequestState.MAILED),
    "fail": lambda connection: requesting.settle(connection, ASKED.id, RequestState.FAILED),
    "confirm": lambda connection: requesting.confirm(connection, ASKED.id),
    "take_back": lambda connection: requesting.take_back_later(
        connection, replace(ASKED, subscriber_id=ANN, at=NOW - dt.timedelta(hours=1))
    ),
    "give_up": lambda connection: requesting.give_up(connection, LATER),
    "delete": lambda connection: requesting.delete_older(connection, LATER),
}
WELCOME_STEPS: dict[str, Callable[[Connection], object]] = {
    "ask": lambda connection: requesting.welcome(connection, ASKED.id),
    "take": lambda connection: requesting.take_welcome(connection, ASKED.id),
    "refuse": lambda connection: requesting.refuse_welcome(
        connection, ASKED.id, RefusalReason.LIMIT
    ),
    "put_off": lambda connection: requesting.settle_welcome(
        connection, ASKED.id, RequestState.WAITING
    ),
    "mail": lambda connection: requesting.settle_welcome(connection, ASKED.id, RequestState.MAILED),
    "fail": lambda connection: requesting.settle_welcome(connection, ASKED.id, RequestState.FAILED),
    "give_up": lambda connection: requesting.give_up(connection, LATER),
}
ANN = 1


def ask_as(connection: Connection, **values: RequestState | None) -> None:
    """Let Ann's one request stand somewhere."""
    table = schema.requests
    connection.execute(sa.delete(table))
    requesting.ask(connection, replace(ASKED, subscriber_id=ANN))
    connection.execute(sa.update(table).values(values))


def test_the_documentation_draws_the_transitions_of_a_request() -> None:
    assert written(requesting) == REQUEST


def test_a_request_goes_from_where_it_is_drawn_and_from_nowhere_else(store: Store) -> None:
    """What was taken back while its mail was on its way stays so, too."""
    with store.write() as connection:
        assert reader(connection)[0] == ANN
        for name, step in REQUEST_STEPS.items():
            for state in (None, *RequestState):
                if state is None:
                    connection.execute(sa.delete(schema.requests))
                else:
                    ask_as(connection, state=state)
                with suppress(ValueError):
                    step(connection)
                after = connection.execute(sa.select(schema.requests.c.state)).scalar()
                may = state in REQUEST[name].sources
                assert after == (REQUEST[name].target if may else state), (name, state)


def test_a_welcome_goes_by_the_same_steps(store: Store) -> None:
    with store.write() as connection:
        reader(connection)
        for name, step in WELCOME_STEPS.items():
            for state in (None, *RequestState):
                if state is RequestState.CONFIRMED:
                    continue  # nobody confirms a welcome
                ask_as(connection, state=RequestState.CONFIRMED, welcome=state)
                step(connection)
                row = connection.execute(sa.select(schema.requests)).one()
                may = state in REQUEST[name].sources
                assert row.welcome == (REQUEST[name].target if may else state), (name, state)
                assert row.state == RequestState.CONFIRMED


@pytest.mark.parametrize("column", ["state", "welcome"])
def test_only_requesting_writes_the_state_of_a_request(column: str) -> None:
    assert writers("requests", column) == {"store/people/requesting.py"}


# --- a suppression --------------------------------------------------------------------------------

SUPPRESSION = drawn(suppressing, SuppressionState)
REPORTED, DECIDED, ERASED = SuppressionState
KEY, REASON = "ann@example.com", SuppressionReason.HARD_BOUNCE
SUPPRESSION_STEPS: dict[str, Callable[[Connection, str, int], object]] = {
    "decide": lambda connection, key, event: suppressing.add(connection, key, REASON, "me", LATER),
    "report": lambda connection, key, event: suppressing.add(
        connection, key, REASON, "it", LATER, event
    ),
    "confirm": lambda connection, key, event: suppressing.confirm(connection, key, "me", LATER),
    "disprove": lambda connection, key, event: suppressing.disprove(
        connection, key, "it", LATER, event
    ),
    "allow": lambda connection, key, event: suppressing.allow(connection, key, "me", LATER),
    "allow_bounced": lambda connection, key, event: suppressing.allow_bounced(
        connection, 1, "me", LATER
    ),
    "erase": lambda connection, key, event: suppressing.erase(connection, key, [key], "me", LATER),
}


def bounce_of(store: Store) -> int:
    """The id of a bounce that was reported of the first send."""
    fill_list(store, 1)
    send_id = plan(store, order(), NOW)
    with store.write() as connection:
        event = {"key": "k", "type": EventType.BOUNCE, "at": NOW, "received_at": NOW, "send": 1}
        statement = sa.insert(schema.events).values(**event, verdict="applied")
        assert sends.number_of(connection, send_id) == 1
        return int(connection.execute(statement.returning(schema.events.c.id)).scalar_one())


def suppress_as(connection: Connection, state: SuppressionState | None, event: int) -> None:
    connection.execute(sa.delete(schema.suppressions))
    connection.execute(sa.delete(schema.suppression_log))
    reason = SuppressionReason.ERASED if state is ERASED else REASON
    if state is not None:
        cause = event if state is REPORTED else None
        suppressing.add(connection, KEY, reason, "test", NOW, cause)
    assert suppressing.state_of(connection, KEY) is state


def test_the_documentation_draws_the_transitions_of_a_suppression() -> None:
    assert written(suppressing) == SUPPRESSION


def test_a_suppression_goes_from_where_it_is_drawn_and_from_nowhere_else(store: Store) -> None:
    event = bounce_of(store)
    with store.write() as connection:
        for name, step in SUPPRESSION_STEPS.items():
            for state in (None, *SuppressionState):
                suppress_as(connection, state, event)
                with suppress(ValueError):
                    step(connection, KEY, event)
                may = state in SUPPRESSION[name].sources
                expected = SUPPRESSION[name].target if may else state
                assert suppressing.state_of(connection, KEY) is expected, (name, state)


def test_bounces_that_are_allowed_again_leave_who_was_erased(store: Store) -> None:
    """Also where the last that was said of them is a bounce, from before they were erased here."""
    event = bounce_of(store)
    with store.write() as connection:
        suppress_as(connection, ERASED, event)
        suppressing.add(connection, "eve@example.com", REASON, "it", NOW, event)
        suppressing.erase(connection, "eve@example.com", [KEY], "me", LATER)

        assert suppressing.allow_bounced(connection, 1, "me", LATER) == 0
        assert suppressing.state_of(connection, KEY) is ERASED


@pytest.mark.parametrize("state", [None, *SuppressionState])
def test_an_import_suppresses_whom_nobody_has_and_its_undoing_takes_that_back_alone(
    store: Store, tmp_path: Path, state: SuppressionState | None
) -> None:
    event = bounce_of(store)
    with store.write() as connection:
        suppress_as(connection, state, event)
        reason = suppressions.of(connection, [KEY]).get(KEY)
    file = tmp_path / "suppressed.csv"
    file.write_text(f"email\n{KEY}\n", "utf-8")

    manual = SuppressionReason.MANUAL
    result = import_suppressions(store, file, manual, now=LATER, hashes=erased_hash)
    with store.write() as connection:
        found = suppressions.of(connection, [KEY])[KEY]
        imported = suppressing.state_of(connection, KEY)
    assert result.import_id is not None
    with store.write() as connection:
        imports.undo(connection, result.import_id, LATER + dt.timedelta(hours=1))
        undone = suppressing.state_of(connection, KEY)

    assert imported is (DECIDED if state is None else state)
    assert found.reason is (manual if reason is None else reason.reason)
    assert undone is state


@pytest.mark.parametrize("table", ["suppressions", "suppression_log"])
def test_only_suppressing_writes_suppressions_and_their_log(table: str) -> None:
    assert writers(table, "reason") == {"store/people/suppressing.py"}
