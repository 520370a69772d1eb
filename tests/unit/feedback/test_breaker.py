"""When complaints or hard bounces are too much."""

from hypothesis import given
from hypothesis import strategies as st

from newsletter.config import PolicySettings
from newsletter.feedback.breaker import most_accepted, reason_to_pause
from newsletter.model.event import Cause

SHARES = st.sampled_from([0.0001, 0.001, 0.003, 0.05, 0.07, 1])


@given(
    complaints=st.integers(0, 300),
    bounces=st.integers(0, 300),
    accepted=st.integers(0, 400_000),
    complaint_pause=SHARES,
    bounce_pause=SHARES,
)
def test_nothing_is_missed_by_counting_no_further_than_decides(
    complaints: int, bounces: int, accepted: int, complaint_pause: float, bounce_pause: float
) -> None:
    causes = {Cause.COMPLAINT: complaints, Cause.HARD: bounces}
    policy = PolicySettings(complaint_pause=complaint_pause, bounce_pause=bounce_pause)
    most = most_accepted(causes, policy)

    reason = reason_to_pause(causes, min(accepted, most + 1), policy) if most else None

    assert reason == reason_to_pause(causes, accepted, policy)
