"""A message that the store cannot take is set aside, and holds up no other."""

from collections.abc import Collection
from typing import Any

import pytest
import sqlalchemy as sa

from newsletter.errors import StoreError, UsageError
from newsletter.feedback import consequences
from newsletter.feedback.apply import apply_late
from newsletter.model.send import Accepted
from newsletter.sending import run
from newsletter.sending.plan import plan
from newsletter.store import Store
from newsletter.transports.memory import Memory
from tests.integration.reporting import BOUNCE, counts, event, logged, replay
from tests.integration.sending import NOW, fill_list, ledger, order, worker


@pytest.fixture
def send_id(store: Store) -> str:
    fill_list(store, 3)
    send_id = plan(store, order(), NOW)
    run.run(worker(store, Memory()), send_id)
    return send_id


def fail_at(monkeypatch: pytest.MonkeyPatch, number: int, error: Exception) -> None:
    """Let the event about one delivery fail, after others of its transaction were applied."""
    obey = consequences.obey

    def failing(connection: Any, told: Collection[Any], *more: Any) -> None:
        obey(connection, told, *more)
        if any(standing.number == number for _, standing in told):
            raise error

    monkeypatch.setattr(consequences, "obey", failing)


def of_the_data(kind: type[sa.exc.DBAPIError]) -> StoreError:
    error = StoreError("the store failed")
    error.__cause__ = kind("INSERT", {}, Exception())
    return error


@pytest.mark.parametrize(
    ("error", "named"),
    [
        (KeyError("a fault of our own"), "KeyError"),
        (of_the_data(sa.exc.DataError), "DataError"),
        (of_the_data(sa.exc.IntegrityError), "IntegrityError"),
    ],
)
def test_the_others_of_its_batch_are_applied(
    store: Store, send_id: str, monkeypatch: pytest.MonkeyPatch, error: Exception, named: str
) -> None:
    fail_at(monkeypatch, 2, error)
    texts = [event(send_id, number, BOUNCE) for number in (1, 2, 3)]

    total = replay(store, *texts)

    assert counts(total) == (2, 0, 0, 1)
    assert total.samples == [("events.jsonl:2", f"it cannot be applied: {named}")]
    assert {row.number: row.reported for row in ledger(store, send_id).values()} == {
        1: "bounced",
        2: None,
        3: "bounced",
    }
    [aside] = [row for row in logged(store) if row.verdict == "set_aside"]
    assert aside.payload == texts[1]


def test_it_can_be_applied_once_the_fault_is_mended(
    store: Store, send_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = event(send_id, 2, BOUNCE)
    with monkeypatch.context() as broken:
        fail_at(broken, 2, KeyError())
        assert counts(replay(store, text)) == (0, 0, 0, 1)
        assert counts(replay(store, text)) == (0, 1, 0, 0)

    assert counts(replay(store, text)) == (1, 0, 0, 0)


def test_a_late_event_that_cannot_be_applied_holds_up_no_other(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It came before our own record of its message id, and waited in the log."""
    fill_list(store, 3)
    send_id = plan(store, order(), NOW)
    unnamed = {"mail__tags": None, "mail__headers": None}
    texts = [event(send_id, number, BOUNCE, **unnamed) for number in (1, 2, 3)]
    assert counts(replay(store, *texts)) == (0, 0, 3, 0)
    answers = iter(Accepted(f"m{number}") for number in (1, 2, 3))
    accepting = Memory(lambda _, batch: [next(answers) for _ in batch])
    run.run(worker(store, accepting), send_id)
    with monkeypatch.context() as broken:
        fail_at(broken, 2, KeyError())

        assert apply_late(store, NOW) == 2
        assert apply_late(store, NOW) == 0

    [aside] = [row for row in logged(store) if row.verdict == "set_aside"]
    assert (aside.detail, aside.payload) == ("it cannot be applied: KeyError", texts[1])
    assert counts(replay(store, texts[1])) == (1, 0, 0, 0)
    assert {row.reported for row in ledger(store, send_id).values()} == {"bounced"}


@pytest.mark.parametrize("kind", [sa.exc.OperationalError, sa.exc.InterfaceError])
def test_a_store_that_fails_is_no_fault_of_a_message(
    store: Store,
    send_id: str,
    monkeypatch: pytest.MonkeyPatch,
    kind: type[sa.exc.DBAPIError],
) -> None:
    """Else a full disk or a lost connection would set everything aside."""
    fail_at(monkeypatch, 2, of_the_data(kind))

    with pytest.raises(StoreError):
        replay(store, *(event(send_id, number, BOUNCE) for number in (1, 2, 3)))

    assert list(logged(store)) == []


@pytest.mark.parametrize(
    "error", [OSError("no space left"), MemoryError(), UsageError("a setting is wrong")]
)
def test_a_machine_that_fails_is_no_fault_of_a_message(
    store: Store, send_id: str, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    """As a store that fails: nothing is set aside, and all of it can come again."""
    fail_at(monkeypatch, 2, error)

    with pytest.raises(type(error)):
        replay(store, *(event(send_id, number, BOUNCE) for number in (1, 2, 3)))

    assert list(logged(store)) == []
