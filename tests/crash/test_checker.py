"""The checker finds each way in which a send can go wrong: here they are, made by hand."""

from collections import Counter
from dataclasses import replace
from typing import Any

import pytest

from tests.crash.checker import (
    Batch,
    Known,
    Ledger,
    Row,
    Taken,
    faults,
    faults_of_kills,
    faults_of_the_end,
)


def row(number: int, **changes: Any) -> Row:
    good = Row(number, 100 + number, f"r{number}@example.com", "accepted", 1, f"m{number}", 1)
    return replace(good, **changes)


def taken(number: int, **changes: Any) -> Taken:
    good = Taken(f"r{number}@example.com", f"m{number}", f"send-{number}", 1)
    return replace(good, **changes)


def ledger(*rows: Row, **changes: Any) -> Ledger:
    batches = (Batch(1, "a", 1, open=False), Batch(2, "b", 2, open=False))
    good = Ledger("send", "finished", 2, 2, 0, rows or (row(1), row(2)), batches, "ok")
    return replace(good, **changes)


MAILS = (taken(1), taken(2))
UNKNOWN = row(2, status="unknown", message_id=None)


@pytest.mark.parametrize(
    ("sent", "mails", "known"),
    [
        pytest.param(ledger(), MAILS, Known(), id="all accepted"),
        pytest.param(ledger(row(1), UNKNOWN, status="unresolved"), MAILS, Known(), id="unknown"),
        pytest.param(
            ledger(row(1), row(2, attempts=2, message_id="n2")),
            (*MAILS, taken(2, attempt=2, message_id="n2")),
            Known(resent=Counter({2: 1})),
            id="twice because the operator had it sent again",
        ),
        pytest.param(
            ledger(row(1), row(2, message_id=None)),
            MAILS,
            Known(decided=frozenset({2})),
            id="accepted by the operator's decision",
        ),
        pytest.param(
            ledger(row(1), row(2, status="skipped", attempts=0, message_id=None, batch=None)),
            MAILS[:1],
            Known(skipped=frozenset({2})),
            id="skipped because the reader has left",
        ),
    ],
)
def test_a_send_that_went_well_has_no_faults(
    sent: Ledger, mails: tuple[Taken, ...], known: Known
) -> None:
    assert faults_of_the_end(sent, mails, known) == []


@pytest.mark.parametrize(
    ("sent", "mails", "fault"),
    [
        (ledger(), (*MAILS, taken(2)), "mailed more than once"),
        (ledger(), MAILS[:1], "no such mail was taken"),
        (ledger(row(1), row(2, message_id="other")), MAILS, "no such mail was taken"),
        (ledger(row(1), row(2, message_id=None)), MAILS, "no such mail was taken"),
        (ledger(row(1), row(2, status="queued", attempts=0)), MAILS, "the ledger does not know"),
        (ledger(row(1), row(2, status="rejected")), MAILS, "the ledger does not know"),
        (ledger(), (taken(1), taken(2, attempt=2)), "of an attempt that the ledger has not"),
        (ledger(), (*MAILS, taken(3)), "belong to no delivery"),
        (ledger(), (taken(1), taken(2, address="x@example.com")), "went to somebody else"),
        (ledger(row(1)), MAILS[:1], "1 deliveries, 2 recipients"),
        (ledger(row(1), row(2, subscriber=101)), MAILS, "a subscriber has two deliveries"),
        (ledger(integrity="row 7 missing from index"), MAILS, "the database is broken"),
        (
            ledger(batches=(Batch(1, "b", 2, open=False), Batch(2, "a", 2, open=False))),
            MAILS,
            "in the epoch of another worker",
        ),
    ],
)
def test_what_must_never_be_is_a_fault(sent: Ledger, mails: tuple[Taken, ...], fault: str) -> None:
    found = faults(sent, mails, Known())

    assert any(fault in line for line in found), found


@pytest.mark.parametrize(
    ("sent", "known", "fault"),
    [
        (ledger(row(1), row(2, status="queued")), Known(), "recipients are missing"),
        (ledger(row(1), UNKNOWN), Known(), "the send is finished with 1 unknown"),
        (ledger(status="unresolved"), Known(), "the send is unresolved with 0 unknown"),
        (ledger(workers=1), Known(), "it is not over"),
        (ledger(cursor=1), Known(), "it is not over"),
        (ledger(batches=(Batch(1, "a", 1, open=True),)), Known(), "batches are still open"),
        (
            ledger(row(1), row(2, status="skipped", attempts=0, message_id=None)),
            Known(),
            "neither accepted nor unknown",
        ),
        (
            ledger(row(1), row(2, status="skipped", message_id=None)),
            Known(skipped=frozenset({2})),
            "the ledger does not know",
        ),
        (ledger(row(1), row(2, attempts=2)), Known(), "wrong number of attempts"),
        (ledger(), Known(resent=Counter({2: 1})), "wrong number of attempts"),
        (
            ledger(row(1), UNKNOWN, status="unresolved"),
            Known(reported=True),
            "not what the events said",
        ),
    ],
)
def test_what_must_not_be_at_the_end_is_a_fault(sent: Ledger, known: Known, fault: str) -> None:
    found = faults_of_the_end(sent, MAILS, known)

    assert any(fault in line for line in found), found


def test_more_in_flight_or_in_doubt_than_may_be_is_a_fault() -> None:
    sending = ledger(row(1, status="sending", message_id=None), UNKNOWN)

    known = Known(reported=True)

    assert faults_of_kills(sending, 1, 2, known) == []
    assert faults_of_kills(sending, 0, 2, known) == ["1 are in flight at once, 0 may be"]
    assert faults_of_kills(sending, 1, 1, known) == ["2 are in doubt, 1 may be"]


def test_half_a_batch_in_doubt_is_a_fault() -> None:
    half = ledger(row(1), UNKNOWN, status="unresolved")

    assert faults_of_kills(half, 1, 1, Known()) == ["1 batches are recorded by half (1)"]
    assert faults_of_kills(half, 1, 1, Known(reported=True)) == []
