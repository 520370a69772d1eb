"""Times as people write and read them."""

import datetime as dt

import pytest

from newsletter.errors import UsageError
from newsletter.times import day, parse_time, time_text

NOW = dt.datetime(2026, 1, 7, 8, 0, tzinfo=dt.UTC)


@pytest.mark.parametrize(
    ("utc", "zone", "text"),
    [
        ("2027-03-29 06:00", "Europe/Berlin", "2027-03-29 08:00 Europe/Berlin (06:00 UTC)"),
        ("2027-01-04 23:00", "Asia/Tokyo", "2027-01-05 08:00 Asia/Tokyo (2027-01-04 23:00 UTC)"),
        ("2027-01-05 02:00", "UTC", "2027-01-05 02:00 UTC"),
    ],
)
def test_a_time_is_shown_in_the_newsletters_zone_and_in_utc(utc: str, zone: str, text: str) -> None:
    assert time_text(dt.datetime.fromisoformat(f"{utc}+00:00"), zone) == text


def test_a_time_may_be_shown_to_the_second() -> None:
    at = NOW.replace(second=7)

    shown_so = time_text(at, "Asia/Tokyo", to_the_second=True)

    assert shown_so == "2026-01-07 17:00:07 Asia/Tokyo (08:00:07 UTC)"


def test_a_day_is_that_of_the_zone() -> None:
    assert day(NOW.replace(hour=20), "Asia/Tokyo") == "2026-01-08"


@pytest.mark.parametrize("text", ["2027-01-05", "20270105", " 2027-01-05 ", "2027-W01-2"])
def test_a_day_without_a_time_is_asked_about(text: str) -> None:
    with pytest.raises(UsageError, match="at what time") as caught:
        parse_time(text, "Europe/Berlin", NOW)

    assert f'"{text.strip()} 08:00" (in Europe/Berlin)' in caught.value.hint


def test_a_day_with_a_zone_is_asked_about_too() -> None:
    with pytest.raises(UsageError, match="at what time"):
        parse_time("2027-01-05 Asia/Tokyo", "Europe/Berlin", NOW)


@pytest.mark.parametrize("text", ["2027-11-01T08:00+08:00 Europe/Berlin", "2027-11-01T08:00Z UTC"])
def test_an_offset_and_a_zone_are_not_taken_together(text: str) -> None:
    """One of the two would count, and nobody would see which."""
    with pytest.raises(UsageError, match="an offset and a zone"):
        parse_time(text, "Europe/Berlin", NOW)
