"""What does not work for a while is told once."""

from newsletter.outage import Outage


def test_each_cause_is_news_once_until_all_works_again() -> None:
    outage = Outage()

    first = [outage.is_news(line) for line in ("away", "away", "refused", "away")]
    passed = [outage.pass_over(), outage.pass_over()]

    assert first == [True, False, True, False]
    assert passed == [True, False]
    assert outage.is_news("away")
