"""What all reports about one person add up to."""

import datetime as dt
import itertools

import pytest

from newsletter.config import PolicySettings
from newsletter.feedback.breaker import reason_to_pause
from newsletter.feedback.consequences import SuppressionDecision, decide
from newsletter.model.event import Cause, EventType
from newsletter.model.subscriber import SuppressionReason
from newsletter.store.reported.events import LoggedEvent

NOON = dt.datetime(2026, 1, 7, 12, tzinfo=dt.UTC)
LIMIT = 3
SOFT, HARD, LISTED, MESSAGE, COMPLAINT = (
    Cause.SOFT,
    Cause.HARD,
    Cause.LISTED,
    Cause.MESSAGE,
    Cause.COMPLAINT,
)


def report(hour: int, cause: Cause | None, *, mail: int | None = None) -> LoggedEvent:
    """A report of some hour, about a mail of its own; without a cause it is a delivery."""
    kind = EventType.DELIVERY
    if cause is not None:
        kind = EventType.COMPLAINT if cause is COMPLAINT else EventType.BOUNCE
    return LoggedEvent(
        id=hour,
        key=f"k{hour}",
        type=kind,
        cause=cause,
        at=NOON + dt.timedelta(hours=hour),
        sent_at=NOON,
        detail="" if cause is None else f"as {cause}",
        send_id="20260107-abcdef",
        number=hour if mail is None else mail,
    )


def story(*causes: Cause | None) -> list[LoggedEvent]:
    return [report(hour, cause) for hour, cause in enumerate(causes, start=1)]


def judged(
    reports: list[LoggedEvent], since: dt.datetime | None = None
) -> SuppressionDecision | None:
    return decide(reports, since, LIMIT)


def reason(
    reports: list[LoggedEvent], since: dt.datetime | None = None
) -> SuppressionReason | None:
    found = judged(reports, since)
    return None if found is None else found.reason


@pytest.mark.parametrize(
    ("cause", "expected"),
    [
        (HARD, SuppressionReason.HARD_BOUNCE),
        (LISTED, SuppressionReason.HARD_BOUNCE),
        (COMPLAINT, SuppressionReason.COMPLAINT),
        (SOFT, None),
        (MESSAGE, None),
        (Cause.DOUBTED, None),
        (Cause.TIMEOUT, None),
        (Cause.UNKNOWN, None),
        (None, None),
    ],
)
def test_one_report_is_enough_if_it_is_final(
    cause: Cause | None, expected: SuppressionReason | None
) -> None:
    assert reason(story(cause)) == expected


def test_a_verdict_names_the_event_and_the_send() -> None:
    assert judged(story(None, HARD)) == SuppressionDecision(
        SuppressionReason.HARD_BOUNCE, "Bounce as hard, send 20260107-abcdef", 2
    )


def test_soft_bounces_count_in_a_row() -> None:
    assert reason(story(SOFT, SOFT)) is None
    assert reason(story(SOFT, SOFT, SOFT)) is SuppressionReason.SOFT_BOUNCE
    assert reason(story(SOFT, SOFT, None, SOFT)) is None
    assert reason(story(SOFT, None, SOFT, SOFT, SOFT)) is SuppressionReason.SOFT_BOUNCE


def test_what_is_the_fault_of_the_message_is_never_counted() -> None:
    assert reason(story(SOFT, SOFT, *[MESSAGE] * 20)) is None
    assert reason(story(SOFT, MESSAGE, SOFT, MESSAGE, SOFT)) is SuppressionReason.SOFT_BOUNCE


def test_a_delivery_that_bounced_after_all_ends_no_row() -> None:
    """Some servers take a mail and send it back later: Delivery, then Bounce, of one mail."""
    reports = [
        report(hour, cause, mail=hour // 2) for hour, cause in enumerate([None, SOFT] * LIMIT)
    ]

    assert reason(reports) is SuppressionReason.SOFT_BOUNCE


def test_a_complaint_weighs_more_than_bounces_whenever_it_came() -> None:
    assert reason(story(HARD, COMPLAINT)) is SuppressionReason.COMPLAINT
    assert reason(story(SOFT, SOFT, SOFT, HARD)) is SuppressionReason.HARD_BOUNCE


def test_of_two_alike_the_earlier_is_the_cause() -> None:
    found = judged(list(reversed(story(HARD, HARD))))

    assert found is not None
    assert found.event_id == 1


def test_what_came_before_a_person_allowed_the_address_again_does_not_count() -> None:
    since = NOON + dt.timedelta(hours=2)

    assert reason(story(HARD, HARD), since) is None
    assert reason(story(HARD, HARD, HARD), since) is SuppressionReason.HARD_BOUNCE
    assert reason(story(SOFT, SOFT, SOFT, SOFT), since) is None


def test_no_order_changes_a_verdict() -> None:
    reports = story(SOFT, None, SOFT, SOFT, MESSAGE)

    assert len({judged(list(order)) for order in itertools.permutations(reports)}) == 1


POLICY = PolicySettings()


@pytest.mark.parametrize(
    ("complaints", "bounces", "accepted", "paused"),
    [
        (2, 0, 10, False),
        (3, 0, 10, True),
        (3, 0, 3_000, True),
        (3, 0, 3_001, False),
        (0, 9, 199, False),
        (0, 199, 199, False),
        (0, 10, 200, True),
        (0, 9, 200, False),
        (0, 50, 1_001, False),
    ],
)
def test_a_send_is_paused_at_the_limits_of_the_policy(
    complaints: int, bounces: int, accepted: int, paused: bool
) -> None:
    causes = {COMPLAINT: complaints, HARD: bounces, LISTED: 10_000, SOFT: 10_000, MESSAGE: 10_000}

    assert bool(reason_to_pause(causes, accepted, POLICY)) is paused


def test_the_reason_of_a_pause_names_the_numbers() -> None:
    assert reason_to_pause({COMPLAINT: 4}, 1_000, POLICY) == (
        "4 complaints of 1,000 accepted: 0.40%, where 0.10% is the limit"
    )
    assert reason_to_pause({HARD: 15}, 250, POLICY) == (
        "15 hard bounces of 250 accepted: 6.00%, where 5.00% is the limit"
    )


@pytest.mark.parametrize("cause", [Cause.DOUBTED, Cause.TIMEOUT, Cause.UNKNOWN, MESSAGE])
def test_what_is_nobodys_fault_never_adds_up(cause: Cause) -> None:
    """Not on its own, not towards the soft limit, and it ends no row of soft bounces."""
    assert judged(story(*[cause] * 50)) is None
    assert judged(story(SOFT, cause, SOFT, cause)) is None
    assert reason(story(SOFT, cause, SOFT, cause, SOFT)) == SuppressionReason.SOFT_BOUNCE


@pytest.mark.parametrize("cause", [Cause.DOUBTED, Cause.TIMEOUT, Cause.UNKNOWN, MESSAGE, LISTED])
def test_what_says_nothing_of_the_list_is_in_no_rate(cause: Cause) -> None:
    assert reason_to_pause({cause: 1_000}, 1_000, PolicySettings()) is None
