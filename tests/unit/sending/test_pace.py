"""How fast a send may go, and when one that goes wrong stops by itself."""

import datetime as dt

import pytest

from newsletter.model.send import Accepted, Allowance, Outcome, Rejected, Unknown, Wait
from newsletter.sending.pace import Pace, Tally, Vitals, Waiting

NOW = dt.datetime(2026, 1, 7, 8, 0, tzinfo=dt.UTC)
ACCEPTED, REJECTED, UNKNOWN = Accepted("m"), Rejected("bad address"), Unknown("no answer")


@pytest.mark.parametrize("accepted_before", [0, 1, 1000])
def test_twenty_rejections_in_a_row_stop_a_send_whatever_was_before(accepted_before: int) -> None:
    tally = Tally()
    tally.count([ACCEPTED] * accepted_before)

    said = [tally.count([REJECTED]) for _ in range(20)]

    assert not any(said[:19])
    assert said[19].endswith("were rejected: bad address")


def test_one_accepted_among_them_says_that_it_is_about_addresses() -> None:
    tally = Tally()
    tally.count([ACCEPTED] * 1000)

    said = [tally.count([outcome]) for outcome in ([REJECTED] * 19 + [ACCEPTED]) * 10]

    assert not any(said)


def test_more_rejected_than_accepted_at_the_start_stop_a_send() -> None:
    tally = Tally()
    mixed: list[Outcome] = [REJECTED, ACCEPTED, REJECTED]

    said = [tally.count(mixed) for _ in range(11)]

    assert not any(said[:10])
    assert said[10] == "22 of the first 33 were rejected: bad address"


def test_as_many_accepted_as_rejected_stop_nothing() -> None:
    tally = Tally()

    said = [tally.count([REJECTED, ACCEPTED]) for _ in range(100)]

    assert not any(said)


def test_twenty_rejected_prove_nothing_yet() -> None:
    tally = Tally()

    assert tally.count([ACCEPTED] * 5 + [REJECTED] * 20) == ""
    assert tally.count([REJECTED]).startswith("21 of the first 26")


def test_after_its_start_only_rejections_in_a_row_stop_a_send() -> None:
    tally = Tally()
    tally.count([ACCEPTED] * 100)
    tally.count([REJECTED] * 99 + [ACCEPTED])

    assert tally.count([ACCEPTED] + [REJECTED] * 40) == ""


def test_unknown_ones_do_not_hide_that_the_others_are_rejected() -> None:
    tally = Tally()
    tally.count([UNKNOWN, ACCEPTED] * 100)
    tally.count([ACCEPTED] + [REJECTED] * 95)

    assert tally.settled == 296
    assert tally.count([ACCEPTED] + [REJECTED] * 2) == ""
    assert tally.rejected == 97


def test_three_calls_in_a_row_without_an_answer_stop_a_send() -> None:
    tally = Tally()
    calls: list[list[Outcome]] = [
        [UNKNOWN],
        [UNKNOWN],
        [UNKNOWN, ACCEPTED],
        [UNKNOWN],
        [UNKNOWN],
        [UNKNOWN],
    ]

    said = [tally.count(outcomes) for outcomes in calls]

    assert not any(said[:5])
    assert said[5] == "no answer to 3 calls in a row"


@pytest.mark.parametrize(
    ("remaining", "hold"), [(0, NOW), (1, None), (None, None)], ids=["used up", "some", "any"]
)
def test_a_send_that_waits_for_the_quota_goes_on_once_some_is_free(
    remaining: int | None, hold: dt.datetime | None
) -> None:
    pace = Pace(asked=None, hold_until=NOW)

    pace.follow(Allowance(rate=14, remaining=remaining))

    assert (pace.rate, pace.hold_until) == (14, hold)


@pytest.mark.parametrize(
    ("rate", "batch_size", "size"),
    [(None, 50, 50), (None, 500, 50), (None, 10, 10), (1, 50, 1), (100, 50, 10), (9_999, 50, 50)],
)
def test_a_call_carries_a_tenth_of_a_second_and_fifty_at_most(
    rate: float | None, batch_size: int, size: int
) -> None:
    assert Pace(asked=rate).call_size(batch_size) == size


def test_a_send_waits_where_no_thread_of_it_does_anything_else() -> None:
    vitals = Vitals()
    vitals.waits(Wait.SLOT, NOW)

    vitals.look(2, 0, 0.0)
    one_of_two = vitals.waiting
    vitals.look(1, 0, 0.0)

    assert one_of_two is None
    assert vitals.waiting == Waiting(Wait.SLOT, NOW)
    vitals.works()
    vitals.look(1, 0, 0.0)
    assert vitals.waiting is None
