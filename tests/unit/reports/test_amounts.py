"""Numbers and shares say no more and no less than they are."""

import datetime as dt

import pytest

from newsletter.reports.amounts import change, duration, length, percent, share


@pytest.mark.parametrize(
    ("part", "whole", "text"),
    [
        (0, 0, "–"),
        (3, 0, "–"),
        (0, 5, "0 %"),
        (5, 5, "100 %"),
        (6, 5, "100 %"),  # counted a moment later
        (1, 3, "33.3 %"),
        (194, 10_000, "1.94 %"),
        (1, 1_000_000, "< 0.01 %"),
        (999_999, 1_000_000, "> 99.9 %"),
    ],
)
def test_a_share_is_never_nothing_nor_all_where_it_is_not(part: int, whole: int, text: str) -> None:
    assert percent(part, whole) == text
    assert 0 <= share(part, whole) <= 1


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0.0 s"), (42, "42 s"), (600, "10 min"), (12_000, "3 h 20 min"), (187_200, "2 d 4 h")],
)
def test_a_duration_has_the_units_of_people(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_a_change_is_in_points_and_a_step_has_a_name() -> None:
    assert [change(0.02, 0.01), change(0.01, 0.02), change(0.01, 0.01001)] == ["+1.00", "−1.00", ""]
    assert [length(dt.timedelta(seconds=s)) for s in (1, 15, 60, 7_200)] == [
        *("second", "15 seconds", "minute", "2 hours")
    ]
