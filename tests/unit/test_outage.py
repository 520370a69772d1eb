"""What does not work for a while is told once."""

from newsletter.outage import Outage


def test_each_cause_is_news_once_until_all_works_again() -> None:
    outage = Outage()

    first = [outage.is_news(line) for line in ("away", "away", "refused", "away")]
    passed = [outage.pass_over(), outage.pass_over()]

    assert first == [True, False, True, False]
    assert passed == [True, False]
    assert outage.is_news("away")


def test_a_cause_that_names_the_time_of_each_try_is_told_once() -> None:
    outage = Outage()
    lines = [
        f"certificate has expired (the clock of this machine says 2026-11-30 08:00:{second:02} UTC)"
        for second in range(3)
    ] + [f"Signature expired: 20261130T0800{second:02}Z is now earlier" for second in range(3)]

    news = [outage.is_news(line) for line in lines]

    assert news == [True, False, False, True, False, False]
